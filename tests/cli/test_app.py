"""The command line as a whole: mistakes in one line."""

from __future__ import annotations

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine


@pytest.fixture
def fake(monkeypatch):
    engine = FakeEngine(default="Indian Rupee")
    answer_with(monkeypatch, engine)
    return engine


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["complete"], "template"),
        (["complete", "-t", "currensy"], "currency"),
        (["complete", "-t", "currency", "-i", "  "], "empty"),
        (["complete", "-t", "currency", "--top-p", "3"], "top_p"),
        (["complete", "-t", "currency", "--max-new-tokens", "16.5"], "max_new_tokens"),
        (["complete", "-t", "currency", "--attention", "sideways"], "sideways"),
        (["complete", "-t", "currency", "--frobnicate"], "frobnicate"),
        (["complete", "-t", "no/such/file.yaml"], "no/such/file.yaml"),
        (["complete", "-t", "currency", "-i", "a", "-i", "b"], "one input"),
        (["score", "-t", "currency"], "labels"),
        (["score", "-t", "emotion", "--rule", "best"], "best"),
        (["score", "-t", "emotion", "--label", "a", "--label", "a"], "twice"),
        (["templates", "show", "nothing-like-it"], "nothing-like-it"),
        (["templates", "list", "--prompts", "/nowhere/at/all"], "/nowhere/at/all"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_a_users_mistake_is_one_line_and_status_two(capsys, fake, arguments, word):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert word in err
    assert "Traceback" not in err


def test_of_a_launch_only_the_first_process_says_the_mistake(capsys, monkeypatch):
    for rank, lines in (("0", 1), ("1", 0)):
        monkeypatch.setenv("RANK", rank)
        status, _, err = run(capsys, "complete", "-t", "currensy")
        assert (status, err.count("\n")) == (2, lines)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--model", "minii"], "mini"), (["--device", "warp"], "warp"), (["--model", "./gone"], "gone")],
)
def test_a_wrong_model_or_device_is_one_line_and_status_two(capsys, arguments, word):
    status, _, err = run(capsys, "complete", "-t", "currency", *arguments)
    assert status == 2
    assert err.count("\n") == 1
    assert word in err
