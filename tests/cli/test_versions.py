"""The commands over a template's versions, and the figures that evaluate keeps beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine

from gptjt_demo.tables import rowfile

ROWS = [("so happy", "joy"), ("a fright", "fear"), ("furious", "anger"), ("happy too", "joy")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own folder of templates, that the environment names."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.yaml").write_text("# kept\nname: mine\ntitle: Mine\nlabels: [joy, fear, anger]\n", encoding="utf-8")
    monkeypatch.setenv("GPTJT_PROMPTS", str(own))
    return own


@pytest.fixture
def gold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    answer_with(monkeypatch, FakeEngine(scores=lambda prompt: {"fear" if "calm" in prompt else "joy": -0.1}))
    rowfile.write(tmp_path / "gold.csv", ["input", "output"], ROWS)
    return tmp_path / "gold.csv"


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "mine.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new), encoding="utf-8")


def test_versions_are_saved_listed_compared_and_brought_back(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run(capsys, "templates", "save", "mine")[1] == "version 1: the first that is kept\n"
    assert run(capsys, "templates", "save", "mine")[1] == "nothing has changed since version 1\n"
    change(folder, "anger]", "rage]")
    status, out, _ = run(capsys, "templates", "save", "mine", "--note", "as the data say")
    assert (status, out) == (0, "version 2: label 'anger' renamed 'rage'\n")
    change(folder, "title: Mine", "title: Mine\ninstruction: Say it.")
    _, out, _ = run(capsys, "templates", "history", "mine")
    lines = out.splitlines()
    assert lines[0] == "not kept yet: instruction added"
    assert lines[1].startswith("version 2, 20")
    assert lines[1].endswith(" (as the data say): label 'anger' renamed 'rage'")
    assert lines[2].endswith(": the first that is kept")
    _, out, _ = run(capsys, "templates", "diff", "mine@1", "mine")
    assert out.splitlines()[0] == "instruction added, label 'anger' renamed 'rage'"
    assert "labels: label 'anger' renamed 'rage'\n  joy\n  fear\n- anger\n+ rage\n" in out
    found = json.loads(run(capsys, "templates", "diff", "mine@1", "mine", "--json")[1])
    assert found["changes"][0] == {
        "field": "instruction",
        "words": "instruction added",
        "before": "",
        "after": "Say it.",
    }
    status, out, _ = run(capsys, "templates", "restore", "mine", "1")
    assert (status, out) == (0, f"{folder / 'mine.yaml'} is version 1 again, and that is now version 4\n")
    assert (folder / "mine.yaml").read_text().startswith("# kept\nname: mine\n")
    told = json.loads(run(capsys, "templates", "history", "mine", "--json")[1])
    assert [each["number"] for each in told["versions"]] == [4, 3, 2, 1]
    assert told["versions"][1]["note"] == "as it was before version 1 came back"


def test_a_file_that_was_broken_is_brought_back(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    run(capsys, "templates", "save", "mine")
    (folder / "mine.yaml").write_text("name: [", encoding="utf-8")
    status, _, err = run(capsys, "templates", "save", "mine")
    assert (status, err.count("\n")) == (2, 1)
    assert run(capsys, "templates", "restore", "mine", "1")[0] == 0
    assert run(capsys, "templates", "show", "mine")[0] == 0
    assert "not valid" in run(capsys, "templates", "history", "mine")[1]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["save", "emotion"], "a shipped template has no history"),
        (["history", "mien"], "did you mean 'mine'"),
        (["diff", "mine", "mine@3"], "there is no version 3; no version has been kept yet"),
        (["restore", "mine", "1"], "there is no version 1"),
        (["restore", "mine", "0"], "greater than or equal to 1"),
        (["show", "emotion@2"], "a shipped template has no history"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], folder: Path, command: list[str], words: str
) -> None:
    status, out, err = run(capsys, "templates", *command)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_evaluate_keeps_its_figures_with_the_version_that_they_are_of(
    capsys: pytest.CaptureFixture[str], folder: Path, gold: Path
) -> None:
    status, _, err = run(capsys, "evaluate", gold, "-t", "mine")
    assert status == 0
    assert f"kept in {folder / 'mine.history.jsonl'}" in err
    change(folder, "title: Mine", "title: Mine\ninstruction: Be calm.")
    run(capsys, "evaluate", gold, "-t", "mine", "--attention", "both", "--json")
    _, out, _ = run(capsys, "templates", "history", "mine")
    assert [line.split(" (")[0].split(",")[0].strip() for line in out.splitlines()] == [
        "version 2",
        "accuracy 25.0 %",
        "accuracy 25.0 %",
        "version 1",
        "accuracy 50.0 %",
    ]
    assert "on 4 rows of gold.csv, causal attention, fake, 20" in out.splitlines()[1]
    assert "on 4 rows of gold.csv, prefix attention, fake, 20" in out.splitlines()[2]


def test_a_version_is_measured_against_another_on_the_same_rows(
    capsys: pytest.CaptureFixture[str], folder: Path, gold: Path
) -> None:
    run(capsys, "templates", "save", "mine")
    change(folder, "title: Mine", "title: Mine\ninstruction: Be calm.")
    status, out, _ = run(capsys, "evaluate", gold, "-t", "mine", "--against", "mine@1")
    assert status == 0
    assert out.count("95 % interval") >= 2
    assert "Of 4 rows, 1 is right only with mine and 2 only with mine@1" in out
    assert "McNemar's exact test, p = 1.00" in out
    assert "4 rows are answered differently:" in out
    assert "row 1: 'joy'; mine 'fear' (wrong), mine@1 'joy' (right): so happy" in out
    found = json.loads(run(capsys, "evaluate", gold, "-t", "mine", "--against", "mine@1", "--json")[1])
    assert found["paired"]["only_second"] == 2
    assert found["differing"][0] == {
        "row": 1,
        "inputs": {"input": "so happy"},
        "gold": "joy",
        "answers": ["fear", "joy"],
        "right": [False, True],
    }


def test_nothing_is_written_beside_files_of_no_library_until_a_history_was_begun(
    capsys: pytest.CaptureFixture[str], folder: Path, gold: Path, tmp_path: Path
) -> None:
    own = tmp_path / "loose.yaml"
    own.write_text((folder / "mine.yaml").read_text(), encoding="utf-8")
    run(capsys, "evaluate", gold, "-t", own)
    run(capsys, "evaluate", gold, "-t", "emotion")
    assert not list(tmp_path.rglob("*.jsonl"))
    run(capsys, "templates", "save", own)
    run(capsys, "evaluate", gold, "-t", own)
    assert "accuracy 50.0 %" in run(capsys, "templates", "history", own)[1]


def test_a_folder_that_cannot_be_written_costs_a_line_and_no_figures(
    capsys: pytest.CaptureFixture[str], folder: Path, gold: Path
) -> None:
    (folder / "mine.history.jsonl").mkdir()
    status, out, err = run(capsys, "evaluate", gold, "-t", "mine")
    assert status == 0
    assert "50.0 %" in out
    assert "note: the figures are not kept: " in err


def test_a_file_that_was_edited_while_it_was_measured_is_not_taken_for_what_was_measured(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores(prompt: str) -> dict[str, float]:
        (folder / "mine.yaml").write_text("name: mine\ntitle: Mine\ninstruction: New.\nlabels: [joy, fear, anger]\n")
        return {"joy": -0.1}

    answer_with(monkeypatch, FakeEngine(scores=scores))
    rowfile.write(tmp_path / "gold.csv", ["input", "output"], ROWS)
    run(capsys, "templates", "save", "mine")
    assert run(capsys, "evaluate", tmp_path / "gold.csv", "-t", "mine")[0] == 0
    lines = run(capsys, "templates", "history", "mine")[1].splitlines()
    assert [line.split(",")[0].split(" (")[0].strip() for line in lines] == [
        "not kept yet: instruction added",
        "version 1",
        "accuracy 50.0 %",
    ]
