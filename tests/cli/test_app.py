from __future__ import annotations

import json
import subprocess
import sys

import pytest
from command_line import run
from fake_engine import FakeEngine

from gptjt_demo.cli import app


@pytest.fixture
def fake(monkeypatch):
    engine = FakeEngine(default="Indian Rupee")
    monkeypatch.setattr(app, "_engine", lambda model, device: engine)
    return engine


def test_complete_prints_one_json_object_with_the_promised_keys(capsys, fake):
    status, out, _ = run(capsys, "complete", "--template", "currency", "--input", "India", "--json")
    assert status == 0
    assert out.count("\n") == 1
    assert set(json.loads(out)) == {
        "text", "model", "attention", "stop_reason", "prompt_tokens", "completion_tokens",
        "seconds_to_first_token", "tokens_per_second", "seed", "forward_passes", "drafted", "accepted",
    }  # fmt: skip
    assert json.loads(out)["text"] == "Indian Rupee"


def test_complete_prints_the_answer_alone_on_standard_output(capsys, fake):
    status, out, err = run(capsys, "complete", "-t", "currency", "-i", "India")
    assert (status, out) == (0, "Indian Rupee\n")
    assert fake.name in err


def test_score_prints_a_share_for_each_label(capsys, fake):
    status, out, _ = run(capsys, "score", "--template", "emotion", "--input", "so happy", "--json")
    rows = json.loads(out)["labels"]
    assert status == 0
    assert [row["label"] for row in rows] == ["sadness", "joy", "love", "anger", "fear", "surprise"]
    assert set(rows[0]) == {"label", "logprob", "per_token", "per_byte", "share"}
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_show_prints_the_exact_prompt_and_nothing_else(capsys):
    status, out, err = run(capsys, "templates", "show", "currency", "--prompt", "--input", "Chad")
    expected = (
        "Return the currency of the given country.\n\nInput: Switzerland\nOutput: Swiss Franc\n\nInput: Chad\nOutput:"
    )
    assert (status, out, err) == (0, expected, "")


def test_shown_yaml_is_the_template_again(capsys, tmp_path):
    _, out, _ = run(capsys, "templates", "show", "hate")
    (tmp_path / "hate.yaml").write_text(out, encoding="utf-8")
    status, out, _ = run(capsys, "templates", "check", tmp_path / "hate.yaml")
    assert status == 0
    assert "valid" in out


def test_list_names_every_template(capsys):
    _, out, _ = run(capsys, "templates", "list")
    assert [line.split()[0] for line in out.splitlines()][:5] == ["emotion", "currency", "hate", "entities", "cleaning"]


def test_a_users_folder_stands_before_the_shipped_one(capsys, tmp_path, monkeypatch):
    _, text, _ = run(capsys, "templates", "show", "currency")
    (tmp_path / "currency.yaml").write_text(text.replace("Return the", "Say the"), encoding="utf-8")
    _, out, _ = run(capsys, "templates", "show", "currency", "--prompts", tmp_path)
    assert "Say the" in out
    monkeypatch.setenv("GPTJT_PROMPTS", str(tmp_path))
    _, out, _ = run(capsys, "templates", "show", "currency")
    assert "Say the" in out


def test_several_inputs_are_given_by_name(capsys, tmp_path):
    path = tmp_path / "pair.yaml"
    path.write_text(
        "name: pair\ntitle: Pair\ninputs:\n  - {name: first, cue: A}\n  - {name: second, cue: B}\n", encoding="utf-8"
    )
    _, out, _ = run(capsys, "templates", "show", path, "--prompt", "-i", "first=x=y", "-i", "second=z")
    assert out == "A: x=y\nB: z\nOutput:"
    status, _, err = run(capsys, "templates", "show", path, "--prompt", "-i", "x")
    assert status == 2
    assert "NAME=TEXT" in err


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


def test_check_names_file_line_and_mend_and_goes_on_with_the_next_file(capsys, tmp_path):
    bad, good = tmp_path / "bad.yaml", tmp_path / "good.yaml"
    bad.write_text("name: bad\ntitle: Bad\noutput_cue: fear: high\n", encoding="utf-8")
    good.write_text("name: good\ntitle: Good\n", encoding="utf-8")
    status, out, err = run(capsys, "templates", "check", bad, good)
    assert status == 2
    assert "bad.yaml" in err
    assert "line 3" in err
    assert "good.yaml" in out


def test_the_embedded_default_names_the_yen_from_the_command_line():
    command = [sys.executable, "-m", "gptjt_demo", "complete", "--template", "currency", "--input", "Japan", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert "yen" in answer["text"].lower()
    assert (answer["model"], answer["attention"], answer["stop_reason"]) == ("mini", "prefix", "stop")
    assert done.stderr == ""
