"""The command improve: what it prints is what it found, what it writes can be used, and no call is lost by Ctrl-C."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from command_line import answer_with, run
from improve_world import MOOD, Model, answer, rows

from gptjt_demo.tables import rowfile
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.history import History


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a template and labelled rows, where commands are given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mood.yaml").write_text(MOOD.to_yaml())
    rowfile.write(tmp_path / "gold.csv", ["text", "label"], [(row.query["input"], row.gold) for row in rows()])
    return tmp_path


ASKED = ("improve", "gold.csv", "-t", "./mood.yaml", "--budget", 400, "-k", 6, "--no-nearest")


def test_the_new_template_is_written_and_what_was_gained_is_said(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, Model())
    status, out, said = run(capsys, *ASKED, "--output", "better.yaml")
    assert status == 0
    assert out.startswith("The new examples are better: on the 48 unseen rows")
    made = Template.load(files / "better.yaml")
    assert made.name == "better"
    assert len(made.examples) == 6
    for number, example in enumerate(made.examples, 1):
        assert f"{number:3}  {example.inputs['input']} → {example.output}" in out
    assert "6 examples from 48 rows" in said
    assert "of 400 calls to the model, seed 0" in said
    assert not (files / "better.yaml.run").exists()
    status, out, said = run(capsys, *ASKED, "--output", "better.yaml")
    assert (status, out) == (2, "")
    assert said == "error: better.yaml: it is there already; choose another with --output, or --overwrite\n"


def test_the_template_s_own_file_gets_a_new_version_and_keeps_the_one_before(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, Model())
    before = (files / "mood.yaml").read_text()
    assert run(capsys, *ASKED, "--output", "mood.yaml", "--overwrite")[0] == 0
    history = History.of(files / "mood.yaml")
    assert [version.text for version in history.versions] == [before, (files / "mood.yaml").read_text()]
    new = history.figures(Template.load(files / "mood.yaml"))
    old = history.figures(history.versions[0].template())
    assert [(each.file, each.rows) for each in (*new, *old)] == [("gold.csv, unseen half", 48)] * 2
    assert new[0].right > old[0].right


def test_json_tells_the_rows_of_both_halves(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, Model())
    status, out, _ = run(capsys, *ASKED, "--json")
    found = json.loads(out)
    assert status == 0
    assert sorted(found["searched_rows"] + found["unseen_rows"]) == list(range(1, 97))
    assert found["better"]["right"] - found["present"]["right"] == round(found["paired"]["difference"] * 48)
    assert Template.model_validate(found["template"]).examples == Template.load(files / "mood-improved.yaml").examples


def test_where_nothing_is_gained_nothing_is_written(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, Model(lambda prompt: "x"))
    status, out, said = run(capsys, *ASKED)
    assert status == 0
    assert out.startswith("Nothing was gained")
    assert "nothing is written: the present examples stay" in said
    assert {path.name for path in files.iterdir()} == {"mood.yaml", "gold.csv"}


def test_ctrl_c_tells_what_is_known_and_the_next_run_goes_on_to_the_same_end(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, Model())
    _, whole, _ = run(capsys, *ASKED, "--output", "whole.yaml")
    asked = 0

    def interrupted(prompt: str) -> str:
        nonlocal asked
        asked += 1
        if asked == 200:
            signal.raise_signal(signal.SIGINT)
        return answer(prompt)

    answer_with(monkeypatch, Model(interrupted))
    status, out, said = run(capsys, *ASKED)
    assert status == 130
    assert out.startswith("It was stopped. Of ")
    assert "stopped; the same command with --resume goes on" in said
    assert not (files / "mood-improved.yaml").exists()
    journal = files / "mood-improved.yaml.run"
    kept = journal.read_bytes()
    assert run(capsys, *ASKED)[::2] == (
        2,
        "error: mood-improved.yaml: a search to it was cut off; resume it, or overwrite it\n",
    )
    journal.write_bytes(kept[:-30])  # as a killed process may leave it
    engine = Model()
    answer_with(monkeypatch, engine)
    status, out, said = run(capsys, *ASKED, "--resume")
    assert (status, out) == (0, whole)
    assert "199 replies were there" in said or "198 replies were there" in said
    assert len(engine.asked) <= 400 - 190
    assert not journal.exists()


def test_a_journal_of_another_search_is_not_gone_on_with(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(prompt: str) -> str:
        signal.raise_signal(signal.SIGINT)
        return "x"

    answer_with(monkeypatch, Model(interrupted))
    run(capsys, *ASKED)
    kept = (files / "mood-improved.yaml.run").read_bytes()
    answer_with(monkeypatch, Model())
    status, _, said = run(capsys, *ASKED, "--resume", "--attention", "causal")
    assert status == 2
    assert "its search was another: attention differs" in said
    assert (files / "mood-improved.yaml.run").read_bytes() == kept
    (files / "mood-improved.yaml.run").write_text("mine")
    status, _, said = run(capsys, *ASKED, "--overwrite")
    assert (status, "it is no journal" in said) == (2, True)
    assert (files / "mood-improved.yaml.run").read_text() == "mine"


MISTAKES: dict[str, tuple[list[tuple[str, str]], tuple[Any, ...], str]] = {
    "no gold column": ([("a", "x")], ("-o", "none"), "no column 'none'"),
    "too few rows": ([(f"text {n}", "xy"[n % 2]) for n in range(19)], (), "19 different inputs with a right answer"),
    "one label only": ([(f"text {n}", "x") for n in range(40)], (), "every row has the right answer 'x'"),
    "more examples than rows": (
        [(f"text {n}", "xy"[n % 2]) for n in range(40)],
        ("-k", 30),
        "30 examples, and the half to search on has 10 rows to choose them from",
    ),
    "no template's file": ([("a", "x")], ("--output", "new.csv"), "new.csv: no template's file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    given, more, line = MISTAKES[mistake]
    rowfile.write(files / "own.csv", ["text", "label"], given)
    engine = Model()
    answer_with(monkeypatch, engine)
    status, out, said = run(capsys, "improve", "own.csv", "-t", "./mood.yaml", *more)
    assert (status, out, engine.asked) == (2, "", [])
    assert line in said.splitlines()[-1]
    assert {path.name for path in files.iterdir()} == {"mood.yaml", "gold.csv", "own.csv"}


def test_one_label_is_no_choice(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "one.yaml").write_text(MOOD.revised(labels=("x",)).to_yaml())
    status, _, said = run(capsys, "improve", "gold.csv", "-t", "./one.yaml")
    assert (status, "one label is no choice" in said) == (2, True)
