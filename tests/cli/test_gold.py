"""Files with right answers, as every command takes them: how they are read, and what is said of their rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine

from gptjt_demo.cli.options import open_template
from gptjt_demo.tables import rowfile

QUOTED = 'input,output\n"The Wire,joy\nOz,joy\nLost",joy\n'


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where commands are given."""
    monkeypatch.chdir(tmp_path)
    answer_with(monkeypatch, FakeEngine())
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["batch", "in.csv", "out.csv", "-t", "emotion", "--dry-run"],
        ["evaluate", "in.csv", "-t", "emotion"],
        ["diagnose", "in.csv", "-t", "emotion"],
        ["improve", "in.csv", "-t", "emotion", "--budget", "100"],
        ["review", "in.csv"],
    ],
    ids=lambda command: command[0],
)
def test_every_command_over_a_file_can_be_told_that_each_of_its_lines_is_a_row(
    capsys: pytest.CaptureFixture[str], folder: Path, command: list[str]
) -> None:
    (folder / "in.csv").write_text(QUOTED, encoding="utf-8")
    assert "with --plain-quotes each of its lines is a row" in run(capsys, *command)[2]
    said = run(capsys, *command, "--plain-quotes")[2].splitlines()[0]
    assert said == "in.csv: 3 rows; UTF-8, comma-separated, quotes are read as plain characters, as was asked"


def test_a_search_is_not_gone_on_with_when_its_file_is_read_in_another_way(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f'"text {n},joy\nother {n}",fear\n' for n in range(40))
    (folder / "in.csv").write_text(f"input,output\n{rows}", encoding="utf-8")
    asked = ["improve", "in.csv", "-t", "emotion", "--budget", "100", "--plain-quotes"]
    with monkeypatch.context() as patch:
        patch.setattr(
            "gptjt_demo.evaluation.improve.improve.improve", lambda *_, kept, **__: (kept.record(0, _reply()), 1 / 0)
        )
        assert run(capsys, *asked)[0] == 1
    status, _, err = run(capsys, *asked[:-1], "--resume")
    assert (status, "reading of quotation marks differs" in err) == (2, True)


def _reply() -> object:
    from gptjt_demo.batch.question import Reply

    return Reply(text="joy")


def test_a_measured_row_that_is_among_the_examples_is_said_in_text_and_json(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    known = open_template("emotion", None).examples[0]
    rowfile.write(folder / "in.csv", ["input", "output"], [("so happy", "joy"), (f" {known.inputs['input']} ", "joy")])
    command = ["evaluate", "in.csv", "-t", "emotion"]
    title = open_template("emotion", None).title
    words = f"1 measured row is among the examples of “{title}”: the model has read the right answer"
    assert f"note: {words}" in run(capsys, *command)[1]
    (note,) = json.loads(run(capsys, *command, "--json")[1])["runs"][0]["notes"]
    assert note.startswith(words)
    rowfile.write(folder / "in.csv", ["input", "output"], [("so happy", "joy")])
    assert "among the examples" not in run(capsys, *command)[1]


def test_an_input_given_two_columns_is_what_is_refused(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "in.csv").write_text("text,label\nso happy,joy\n", encoding="utf-8")
    status, _, err = run(capsys, "evaluate", "in.csv", "-t", "emotion", "-c", "text", "-c", "label")
    assert (status, err.splitlines()[-1]) == (
        2,
        "error: --input-column: the input 'input' is given twice; give it once",
    )
