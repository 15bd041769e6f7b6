"""A run's files: no name of anybody else's is taken, one run writes at a time, and a resumed run trusts nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from batch_run import TEMPLATE, Backwards, stopped

from gptjt_demo.batch.journal import Journal, journal_of
from gptjt_demo.batch.output import check_target, part_of
from gptjt_demo.batch.run import run
from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

ROWS = 20
FORMATS = ["csv", "tsv", "jsonl", "xlsx"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [(f"{n:03}", f"row {n}") for n in range(ROWS)])
    return tmp_path / "in.csv"


def go(source: Path, target: Path, engine: Any = None, **more: Any) -> Any:
    return run(engine or Backwards(), TEMPLATE, source, target, columns={"input": "text"}, **more)


def expected() -> list[tuple[str, ...]]:
    return [(f"{n:03}", f"row {n}", f"so row {n}", "", "") for n in range(ROWS)]


# --- names


@pytest.mark.parametrize(
    ("target", "beside"),
    [
        ("out.csv", "out.csv.run"),
        ("out.jsonl", "out.jsonl.run"),
        ("out.xlsx", "out.xlsx.run"),
        ("out.xlsx", "out.xlsx.part.jsonl"),
        ("out.xlsx", "out.xlsx.tmp"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"resume": True}, {"overwrite": True}])
@pytest.mark.parametrize("content", [None, "mine", ""], ids=["the input", "somebody else's", "an empty one"])
def test_a_file_beside_the_output_is_never_the_input_nor_somebody_else_s(
    source: Path, target: str, beside: str, more: dict[str, bool], content: str | None
) -> None:
    other = source.with_name(beside)
    if content is None:
        source = source.rename(other)
    else:
        other.write_text(content)
    before = {path.name: path.read_bytes() for path in source.parent.iterdir()}
    engine = Backwards()
    with pytest.raises(TableError) as caught:
        go(source, source.with_name(target), engine, **more)
    assert str(caught.value).startswith(f"{beside}: ")
    said = "would write over the input" if content is None else "it is there already, and no run wrote it"
    assert said in str(caught.value)
    assert engine.prompts == []
    assert {path.name: path.read_bytes() for path in source.parent.iterdir()} == before


def test_links_to_the_input_are_the_input(source: Path) -> None:
    os.link(source, source.with_name("out.csv"))
    os.symlink(source, source.with_name("other.csv.run"))
    for target in ("out.csv", "other.csv"):
        with pytest.raises(TableError, match="the input"):
            go(source, source.with_name(target), overwrite=True)
    assert len(list(read(source))) == ROWS


@pytest.mark.parametrize("overwrite", [True, False])
def test_an_output_that_is_a_folder_or_in_none_is_one_line(source: Path, overwrite: bool) -> None:
    source.with_name("out.csv").mkdir()
    with pytest.raises(TableError, match=r"^out\.csv: it is a folder"):
        check_target(source, source.with_name("out.csv"), overwrite=overwrite)
    with pytest.raises(TableError, match=r"^x\.csv: cannot be written: there is no folder"):
        check_target(source, source.parent / "no" / "x.csv", overwrite=overwrite)


def test_an_unfinished_run_is_not_begun_again_without_a_word(source: Path) -> None:
    target = source.with_name("out.csv")
    stopped(source, target, after=9)
    target.unlink()
    with pytest.raises(TableError, match="an unfinished run to it is there; resume it, overwrite it"):
        go(source, target)
    engine = Backwards()
    assert go(source, target, engine, resume=True).finished
    assert len(engine.prompts) == ROWS - 9
    assert list(read(target)) == expected()


def test_a_run_that_was_killed_before_it_began_is_begun_again(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = source.with_name("out.csv")

    def killed(journal: Journal, *args: Any) -> None:
        assert journal_of(target).stat().st_size  # an empty file would be taken for somebody else's
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "begin", killed)
        patch.setattr(Journal, "close", lambda journal, **_: None)
        with pytest.raises(KeyboardInterrupt):
            go(source, target)
    assert go(source, target, resume=True).finished
    assert list(read(target)) == expected()


# --- one at a time


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("more", [{"resume": True}, {"overwrite": True}])
def test_a_second_run_on_an_output_is_refused_while_the_first_lives(
    source: Path, format: str, more: dict[str, bool]
) -> None:
    target = source.with_name(f"out.{format}")
    refused: list[str] = []
    engine = Backwards()

    def answer(prompt: str) -> str:
        if not refused:
            with pytest.raises(TableError, match="another run is writing it; wait for its end") as caught:
                go(source, target, **more)
            refused.append(str(caught.value))
        return "so " + prompt.rsplit("Input: ", 1)[1].removesuffix("\nOutput:")

    engine.answers = answer
    assert go(source, target, engine).finished
    assert refused
    assert list(read(target)) == expected()


def test_the_lock_dies_with_its_process(source: Path) -> None:
    target = source.with_name("out.csv")
    script = Path(__file__).parents[1] / "batch_run.py"
    process = subprocess.Popen([sys.executable, str(script), str(source), str(target), str(source.with_name("log"))])
    while not (source.with_name("log").exists() or process.poll() is not None):
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)
    if journal_of(target).exists():
        with pytest.raises(TableError, match="another run is writing it"):
            go(source, target, resume=True)
    process.kill()
    process.wait()
    assert go(source, target, resume=True).finished
    assert list(read(target)) == expected()


def test_a_journal_that_was_only_opened_is_deleted(tmp_path: Path) -> None:
    Journal(tmp_path / "a.run", "a").close()
    assert list(tmp_path.iterdir()) == []


# --- resuming


def edited(path: Path, change: Any) -> None:
    """Change the file's lines, its line ends kept."""
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


def swap(lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


CHANGES: dict[str, Any] = {
    "deleted": (lambda lines: lines.pop(2), "text"),
    "moved": (swap, "n"),
    "edited": (lambda lines: lines.__setitem__(2, lines[2].replace(b"row 1", b"row 9", 1)), "text"),
    "answered otherwise": (lambda lines: lines.__setitem__(2, lines[2].replace(b"so row", b"no row")), "answer"),
    "added": (lambda lines: lines.insert(2, lines[2]), "n"),
    "torn": (lambda lines: lines.__setitem__(2, lines[2].rstrip(b"\r\n")), ""),
    "quoted": (lambda lines: lines.__setitem__(2, b'"' + lines[2]), ""),
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", CHANGES)
def test_a_line_that_is_not_the_input_s_is_said_and_redone_when_told(source: Path, format: str, name: str) -> None:
    target = source.with_name(f"out.{format}")
    stopped(source, target, after=16)  # all of the first sixteen rows are written
    grown = target if format != "xlsx" else source.with_name("out.xlsx.part.jsonl")
    change, column = CHANGES[name]
    if not rowfile.Codec("jsonl" if format in ("jsonl", "xlsx") else format, ["a"]).header():

        def below_a_header(lines: list[bytes]) -> None:
            lines.insert(0, b"x")
            change(lines)
            lines.pop(0)

        edited(grown, below_a_header)
    else:
        edited(grown, change)
    before = grown.read_bytes()
    with pytest.raises(TableError, match=rf"{grown.name}: line \d+: .*resume and overwrite together") as caught:
        go(source, target, resume=True)
    if column and name not in ("deleted", "moved", "added"):
        assert f"the column {column!r}" in str(caught.value)
    assert grown.read_bytes() == before
    engine = Backwards()
    assert go(source, target, engine, resume=True, overwrite=True).finished
    assert list(read(target)) == expected()
    assert len(engine.prompts) == 4 + 1  # the rows that were missing, and the one that was not as it should be


SAVED: dict[str, Any] = {
    "without its mark": lambda data: data.removeprefix(b"\xef\xbb\xbf"),
    "line ends": lambda data: data.replace(b"\r\n", b"\n"),
    "all quoted": lambda data: b"\xef\xbb\xbf" + data[3:].replace(b",", b'","').replace(b"\r\n", b'"\r\n"'),
    "UTF-16": lambda data: data.decode("utf-8-sig").encode("utf-16"),
    "semicolons": lambda data: data.replace(b",", b";"),
}


@pytest.mark.parametrize("name", SAVED)
def test_an_output_that_another_program_saved_is_said_and_written_again_from_the_journal(
    source: Path, name: str
) -> None:
    target = source.with_name("out.csv")
    stopped(source, target, after=16)
    target.write_bytes(SAVED[name](target.read_bytes()))
    before = target.read_bytes()
    with pytest.raises(TableError, match=r"out\.csv: line 1: it is not the line of names .*resume and overwrite"):
        go(source, target, resume=True)
    assert target.read_bytes() == before
    engine = Backwards()
    assert go(source, target, engine, resume=True, overwrite=True).finished
    assert list(read(target)) == expected()
    assert len(engine.prompts) == 4  # no answer is asked for twice


def test_a_row_that_somebody_added_is_not_taken_for_an_answered_one(source: Path) -> None:
    target = source.with_name("out.csv")
    stopped(source, target, after=16)
    with target.open("ab") as file:
        file.write(b"013,row 13,invented,,\r\n")  # thirteen rows are written, and the journal has not the next one's
    before = target.read_bytes()
    with pytest.raises(TableError, match=r"line 15: nothing says what the input's row 14 was answered with"):
        go(source, target, resume=True)
    assert target.read_bytes() == before
    assert go(source, target, resume=True, overwrite=True).finished
    assert list(read(target)) == expected()


@pytest.mark.parametrize("more", [{}, {"labels": True, "rule": "batch"}], ids=["row by row", "settled at the end"])
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_source_that_changes_while_it_is_answered_is_said_before_the_output_is_made(
    source: Path, format: str, more: dict[str, Any]
) -> None:
    target, whole = source.with_name(f"out.{format}"), source.read_bytes()

    class Editing(Backwards):
        def _edit(self) -> None:
            source.write_bytes(whole.replace(b"row 3\r\n", b"row 33\r\n"))

        def complete_many(self, *args: Any, **kwargs: Any) -> Any:
            self._edit()
            return super().complete_many(*args, **kwargs)

        def score_many(self, *args: Any, **kwargs: Any) -> Any:
            self._edit()
            return super().score_many(*args, **kwargs)

    with pytest.raises(TableError, match=r"in\.csv: it changed while it was answered; put it back and resume, or"):
        go(source, target, Editing(), **more)
    assert format == "csv" or not target.exists()
    assert go(source, target, resume=True, overwrite=True, **more).finished
    assert [row[1] for row in read(target)] == ["row 33" if n == 3 else f"row {n}" for n in range(ROWS)]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["deleted", "moved", "edited", "added"])
def test_a_source_that_changed_is_said_and_what_changed_of_it_is_redone_when_told(
    source: Path, format: str, name: str
) -> None:
    target = source.with_name(f"out.{format}")
    stopped(source, target, after=18)  # sixteen rows are written, and two more are in the journal
    before = list(read(source))
    edited(source, CHANGES[name][0])
    engine = Backwards()
    with pytest.raises(TableError, match=r"source file differs; .*overwrite together to redo"):
        go(source, target, engine, resume=True)
    assert engine.prompts == []
    assert go(source, target, engine, resume=True, overwrite=True).finished
    rows = list(read(source))
    assert list(read(target)) == [(*row, f"so {row[1]}", "", "") for row in rows]
    kept = next(place for place, (was, row) in enumerate(zip(before, rows, strict=False)) if was != row)
    assert len(engine.prompts) == len(rows) - kept
    assert go(source, target, resume=True).was_complete


def test_a_changed_type_is_a_change(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(f'{{"text": "row {n}", "n": 1.10}}\n' for n in range(ROWS)))
    stopped(source, target, after=16)
    target.write_text(target.read_text().replace("1.10", '"1.10"', 1))
    with pytest.raises(TableError, match="line 1: the input's row 1 is written in another way"):
        go(source, target, resume=True)


def test_rows_beyond_those_asked_for_are_not_passed_over(source: Path) -> None:
    target = source.with_name("out.csv")
    stopped(source, target, after=16)
    with pytest.raises(TableError, match="line 12: more rows than are asked for"):
        go(source, target, resume=True, limit=10)


def test_a_damaged_line_of_the_journal_is_said_and_asked_again_when_told(source: Path) -> None:
    target = source.with_name("out.csv")
    stopped(source, target, after=16)  # thirteen are written, and three more are in the journal
    edited(journal_of(target), lambda lines: lines.__setitem__(14, b'{"place": 1\n'))
    with pytest.raises(TableError, match=r"^out\.csv\.run: line 15 is damaged; resume and overwrite together"):
        go(source, target, resume=True)
    engine = Backwards()
    assert go(source, target, engine, resume=True, overwrite=True).finished
    assert len(engine.prompts) == ROWS - 15
    assert list(read(target)) == expected()


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("left", [b'{"begun": ', b'{"begun": "12'])
def test_rows_whose_journal_does_not_say_whose_they_are_are_not_gone_on_with(
    source: Path, format: str, left: bytes
) -> None:
    target = source.with_name(f"out.{format}")
    stopped(source, target, after=16)
    journal_of(target).write_bytes(left)
    grown = part_of(target)
    before = grown.read_bytes()
    with pytest.raises(TableError, match=r"nothing to resume|no journal says which run wrote it"):
        go(source, target, resume=True)
    assert grown.read_bytes() == before
    assert go(source, target, resume=True, overwrite=True).finished
    assert list(read(target)) == expected()


def test_a_whole_output_that_was_edited_is_not_taken_for_the_run_s(source: Path) -> None:
    target = source.with_name("out.csv")
    result = go(source, target)
    assert not result.was_complete
    assert go(source, target, resume=True).was_complete
    edited(target, lambda lines: lines.__setitem__(5, lines[5].replace(b"row 4", b"row 5", 1)))
    with pytest.raises(TableError, match="nothing to resume \\(row 5 differs from the input's in the column 'text'\\)"):
        go(source, target, resume=True)
    assert go(source, target, resume=True, overwrite=True).finished
    assert list(read(target)) == expected()


def test_a_workbook_that_was_killed_while_it_was_made_is_made_again(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = source.with_name("out.xlsx")

    def killed(path: Path, *args: Any) -> None:
        path.with_name(path.name + ".tmp").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rowfile, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            go(source, target)
    engine = Backwards()
    assert go(source, target, engine, resume=True).finished
    assert (engine.prompts, list(read(target))) == ([], expected())
    assert sorted(path.name for path in source.parent.iterdir()) == ["in.csv", "out.xlsx"]
