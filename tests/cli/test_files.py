"""Files of the command line: what cannot be read or written is one line that holds what was typed, and no model is
loaded for it; what was answered before an error is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import datasets
import pytest
from command_line import answer_with, process, run
from fake_engine import FakeEngine

from gptjt_demo.tables import hub_dataset
from gptjt_demo.tables.table import read

ROWS = "input,output\nso happy,joy\nwhat a fright,fear\nfurious,anger\nso sad,sadness\n"

LINKS = {
    "to-input.csv": "in.csv",
    "to-nothing.csv": "no/such/folder/out.csv",
    "to-folder.csv": "folder.csv",
    "to-device.csv": "/dev/null",
    "round.csv": "round.csv",
    "bears.csv.run": "nothing",
    "book.xlsx.tmp": "nothing",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands are started: a file of rows, and what stands in the way of others."""
    (tmp_path / "in.csv").write_text(ROWS, encoding="utf-8")
    for name in ("folder.csv", "sub"):
        (tmp_path / name).mkdir()
    (tmp_path / "sub" / "there.csv").write_text("old", encoding="utf-8")
    (tmp_path / "sub" / "damaged.csv.run").write_text("garbage\n", encoding="utf-8")
    (tmp_path / "sub" / "empty.csv").touch()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for link, to in LINKS.items():
        (tmp_path / link).symlink_to(to)
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "in.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("folder.csv", []),
        ("folder.csv", ["--overwrite"]),
        ("no/such/folder/out.csv", []),
        ("file/out.csv", []),
        ("sub/there.csv", []),
        ("sub/there.csv", ["--resume"]),
        ("in.csv", ["--overwrite"]),
        ("sub/damaged.csv", ["--resume"]),
        ("sub/damaged.csv", []),
        ("sub/out.txt", []),
        ("/proc/out.csv", []),
        (f"sub/{'x' * 300}.csv", []),
        ("to-input.csv", ["--overwrite"]),
        ("hard.csv", ["--overwrite"]),
        ("to-nothing.csv", []),
        ("round.csv", []),
        ("round.csv", ["--overwrite"]),
        ("to-folder.csv", ["--overwrite"]),
        ("to-device.csv", ["--overwrite"]),
        ("pipe.csv", ["--overwrite"]),
        ("bears.csv", ["--overwrite"]),
        ("book.xlsx", ["--overwrite"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value[:24],
)
def test_an_output_that_cannot_be_is_said_as_it_was_typed_before_the_model_is_loaded(
    folder: Path, target: str, options: list[str]
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = process("batch", "in.csv", target, "-t", "emotion", *options)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    assert lines[-1].startswith(f"error: {target}")
    assert "the model is loaded" not in lines
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("options", [[], ["--resume"], ["--overwrite"], ["--dry-run"]], ids=lambda o: "".join(o))
def test_rows_that_a_workbook_cannot_hold_are_said_before_the_model_is_loaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, options: list[str]
) -> None:
    monkeypatch.setattr("gptjt_demo.cli.rows.open_engine", lambda *_: pytest.fail("the model is loaded"))
    (folder / "long.csv").write_text(f"input\nfine\n{'x' * 40_000}\n", encoding="utf-8")
    status, out, err = run(capsys, "batch", "long.csv", "sub/out.xlsx", "-t", "emotion", *options)
    assert (status, out) == (2, "")
    line = "error: sub/out.xlsx: row 3, column 'input': 40,000 characters, and an XLSX cell holds 32,767; choose CSV"
    assert err.splitlines()[-1].startswith(line)
    assert not (folder / "sub" / "out.xlsx.run").exists()


@pytest.mark.parametrize(
    ("arguments", "which"),
    [
        (["batch", "", "out.csv", "-t", "emotion"], "'IN'"),
        (["batch", "in.csv", "", "-t", "emotion"], "'OUT'"),
        (["evaluate", "", "-t", "emotion"], "'gold'"),
        (["evaluate", "-t", "emotion", "--plots", ""], "'--plots'"),
        (["templates", "list", "--prompts", "sub", "--prompts", ""], "'--prompts'"),
        (["templates", "import", ""], "''"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_file_without_a_name_is_not_taken_for_the_folder_one_is_in(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], which: str
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert which in err


@pytest.mark.parametrize("source", ["no/such.csv", "folder.csv", "sub/empty.csv", "file", "sub/../gone.csv"])
@pytest.mark.parametrize(
    "command", [["batch", "{}", "out.csv"], ["evaluate", "{}"], ["diagnose", "{}"]], ids=lambda c: c[0]
)
def test_a_source_that_cannot_be_read_is_said_as_it_was_typed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, command: list[str], source: str
) -> None:
    answer_with(monkeypatch, FakeEngine())
    status, out, err = run(capsys, *(part.format(source) for part in command), "-t", "emotion")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {source}")


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        (["diagnose", "in.csv", "-t", "emotion", "--plots", "file/pictures"], "file/pictures"),
        (["templates", "import", "no/such.md"], "no/such.md"),
        (["templates", "export", "sub", "--to", "yaml"], "'sub'"),
        (["templates", "show", "sub/"], "sub/"),
        (["convert", "mini", "file/model"], "file/model"),
        (["verify", "file"], "file"),
        (["train", "--out", "file/run"], "file/run: file is a file, not a folder"),
        (["train", "--out", "file"], "file: it is a file, not a folder; name a folder"),
        (["figures", "file"], "file: it is a file, not a folder"),
        (["figures", "no/run"], "no/run"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_so_is_every_other_file_and_folder(
    capsys: pytest.CaptureFixture[str], folder: Path, arguments: list[str], typed: str
) -> None:
    status, out, err = run(capsys, *arguments)
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert (status, out, len(lines)) == (2, "", 1)
    assert typed in lines[0]


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error: device-side assert"), MemoryError(), OSError(28, "No space")]
)
def test_rows_answered_before_an_error_are_kept_and_not_answered_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, error: Exception
) -> None:
    failing = [True]

    def answer(prompt: str) -> str:
        if failing and "furious" in prompt.rsplit("\n\n", 1)[-1]:
            raise error
        return "joy"

    engine = FakeEngine(answer)
    answer_with(monkeypatch, engine)
    command = ["batch", "in.csv", "out.csv", "-t", "emotion"]
    status, out, err = run(capsys, *command)
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    *_, stopped, line = err.splitlines()
    assert "--resume continues out.csv" in stopped
    assert line.startswith(f"error: {type(error).__name__}: ")
    assert len(list(read(folder / "out.csv"))) == 2
    failing.clear()
    asked = len(engine.prompts)
    assert run(capsys, *command, "--resume")[0] == 0
    assert len(engine.prompts) - asked == 2
    assert [row[0] for row in read(folder / "out.csv")] == ["so happy", "what a fright", "furious", "so sad"]


def test_rows_without_a_right_answer_are_counted_and_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    answer_with(monkeypatch, FakeEngine())
    (folder / "gold.csv").write_text(ROWS.replace(",fear", ","), encoding="utf-8")
    status, out, _ = run(capsys, "evaluate", "gold.csv", "-t", "emotion")
    assert status == 0
    assert "3 of 4 rows; one has no right answer" in out
    (measured,) = json.loads(run(capsys, "evaluate", "gold.csv", "-t", "emotion", "--json")[1])["runs"]
    assert (measured["n"], measured["rows"], measured["without_gold"]) == (3, 4, 1)


def test_a_data_set_of_the_hub_is_a_file_of_rows(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "moods").mkdir()
    (folder / "moods" / "train.jsonl").write_text('{"input": "so happy", "id": 7}\n{"input": "a fright", "id": 8}\n')
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
    name = "hf://datasets/own/moods@main"
    monkeypatch.setattr(hub_dataset, "fetched", lambda name: hub_dataset.copied("moods", hub_dataset.parsed(name)))
    answer_with(monkeypatch, FakeEngine({"happy": "joy"}, default="fear"))
    status, _, err = run(capsys, "batch", name, "out.jsonl", "-t", "emotion")
    assert status == 0
    assert "moods.jsonl: 2 rows" in err
    found = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [(row["id"], row["answer"]) for row in found] == [(7, "joy"), (8, "fear")]
    assert run(capsys, "batch", name, "out.jsonl", "-t", "emotion", "--resume")[0] == 0
    status, _, err = run(capsys, "batch", "hf://datasets/own/moods", "out2.jsonl", "-t", "emotion")
    assert (status, err.count("\n")) == (2, 1)
    assert "hf://datasets/own/moods: not the name of a data set and its revision" in err
