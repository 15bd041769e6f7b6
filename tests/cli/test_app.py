"""The command line as a whole: mistakes in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine

from gptjt_demo.cli.app import SPINS, main


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine(default="Indian Rupee")
    answer_with(monkeypatch, engine)
    return engine


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["complete", "--json"], "template"),
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
        (["complete", "-t", "currency", "--model", ""], "the name is empty"),
        (["serve", "--host", ""], "the name is empty"),
        (["batch", "https://example.com/in.csv", "out.csv", "-t", "emotion"], "https://example.com/in.csv: an address"),
        (["templates", "list", "--prompts", "x" * 300], "File name too long"),
        (["templates", "history", "no/such/file.yaml"], "no/such/file.yaml: there is no such file"),
        (["improve", "-t", "emotion", "--budget", "1"], "'1' was given"),
    ],
)
def test_a_users_mistake_is_one_line_and_status_two(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine, arguments: list[str], word: str
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert word in err
    assert "Traceback" not in err


def test_of_a_launch_only_the_first_process_says_the_mistake(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for rank, lines in (("0", 1), ("1", 0)):
        monkeypatch.setenv("RANK", rank)
        status, _, err = run(capsys, "complete", "-t", "currensy")
        assert (status, err.count("\n")) == (2, lines)


def test_ctrl_c_before_the_commands_are_there_is_no_traceback() -> None:
    hooked = """
import sys
class Interrupted:
    def find_spec(self, name, *rest):
        if name == "gptjt_demo.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from gptjt_demo.cli import main
main(["--help"])
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", hooked], capture_output=True, env=env, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--model", "x" * 300], "File name too long"),
        (["--model", "minii"], "mini"),
        (["--device", "warp"], "warp"),
        (["--model", "./gone"], "gone"),
    ],
)
def test_a_wrong_model_or_device_is_one_line_and_status_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    status, _, err = run(capsys, "complete", "-t", "currency", *arguments)
    assert status == 2
    assert err.count("\n") == 1
    assert word in err


@pytest.mark.parametrize(
    ("command", "shown"),
    [([], "complete"), (["templates"], "export"), (["--help"], "complete"), (["templates", "--help"], "export")],
)
def test_a_bare_command_or_group_prints_its_help_as_help(
    capsys: pytest.CaptureFixture[str], command: Any, shown: str
) -> None:
    status, out, err = run(capsys, *command)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: gptjt-demo")
    assert any(line.split()[:1] == [shown] for line in out.splitlines())


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["complete"], "--template"),
        (["score"], "--label"),
        (["batch"], "--resume"),
        (["evaluate"], "--samples"),
        (["diagnose"], "--plots"),
        (["verify"], "PATH"),
        (["convert"], "--layout"),
        (["train"], "--recipe"),
        (["figures"], "--base"),
        (["templates", "show"], "--prompt"),
        (["templates", "check"], "--run"),
        (["templates", "link"], "NAME"),
        (["templates", "import"], "--out"),
        (["templates", "export"], "--to"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_lacks_everything_prints_its_help_and_has_not_succeeded(
    capsys: pytest.CaptureFixture[str], command: Any, shown: str
) -> None:
    status, out, err = run(capsys, *command)
    assert (status, err) == (2, "")
    assert out.startswith(f"Usage: gptjt-demo {' '.join(command)}")
    assert shown in out
    assert out == run(capsys, *command, "--help")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["complete", "-t", "currency", "-t", "hate"],
        ["complete", "-t", "currency", "--template", "currency"],
        ["complete", "-t", "currency", "--seed", "1", "--seed=2"],
        ["complete", "-t", "currency", "--model", "mini", "--model", "./other"],
        ["score", "-t", "emotion", "--attention", "prefix", "--attention", "causal"],
        ["templates", "export", "currency", "--to", "yaml", "--to", "curl"],
        ["evaluate", "-t", "emotion", "--limit", "3", "--limit", "4"],
    ],
    ids=" ".join,
)
def test_an_option_given_twice_is_refused_by_its_name(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine, arguments: list[str]
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "given twice" in err
    assert any(word.split("=")[0] in err for word in arguments if word.startswith("-"))


def test_a_switch_given_twice_and_an_option_for_many_values_are_no_mistake(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine
) -> None:
    assert run(capsys, "complete", "-t", "currency", "--json", "--json")[0] == 0
    assert run(capsys, "score", "-t", "emotion", "--label", "a", "--label", "b")[0] == 0


class Odd(Exception):
    """An error that nobody foresaw."""


@pytest.mark.parametrize(
    "error",
    [Odd(), Odd("two\nlines"), RuntimeError("CUDA error: out of memory"), OSError(5, "I/O error"), KeyError("x")],
)
def test_an_error_inside_the_program_is_one_line_and_status_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    answer_with(monkeypatch, FakeEngine(fail_after=0, failure=error))
    monkeypatch.delenv("GPTJT_TRACEBACK", raising=False)
    status, _, err = run(capsys, "complete", "-t", "currency", "--json")
    assert (status, err.count("\n")) == (1, 1)
    assert err.startswith(f"error: {type(error).__name__}: ")
    assert "GPTJT_TRACEBACK=1" in err
    monkeypatch.setenv("GPTJT_TRACEBACK", "1")
    status, _, err = run(capsys, "complete", "-t", "currency", "--json")
    assert status == 1
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-1].startswith(f"error: {type(error).__name__}: ")


def test_of_a_launch_every_process_says_its_own_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    answer_with(monkeypatch, FakeEngine(fail_after=0))
    assert run(capsys, "complete", "-t", "currency", "--json")[2].startswith("error: RuntimeError: scripted failure")


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "PMI_RANK"])
def test_a_variable_that_only_looks_like_a_launcher_s_is_no_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "first")
    status, _, err = run(capsys, "complete", "-t", "currensy")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("error: ")


@pytest.mark.parametrize("given", [{}, {"GOMP_SPINCOUNT": "5"}, {"OMP_WAIT_POLICY": "active"}])
def test_threads_that_wait_soon_sleep_unless_the_environment_says_how_they_wait(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # what is set below is undone with it
        monkeypatch.delenv(name)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main(["templates", "list"])
    found = {name: os.environ[name] for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY") if name in os.environ}
    assert found == (given or {"GOMP_SPINCOUNT": str(SPINS)})
