"""A decision is on the disk when it is taken: no kill loses one, and half a line is no decision."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gptjt_demo.errors import TableError
from gptjt_demo.evaluation.review.decisions import Decisions

# Decides a row after another, and says so on standard output as soon as `take` or `undo` has returned.
DECIDING = """
import sys
from pathlib import Path
from gptjt_demo.evaluation.review.decisions import Decisions

found = Decisions(Path(sys.argv[1]))
for row in range(1_000_000):
    found.take(row, f"row {row}", "edit")
    print(row, flush=True)
    if row % 3 == 2:
        found.undo()
        print("undone", row, flush=True)
"""


@pytest.mark.parametrize("after", [1, 20, 57])
def test_a_kill_at_any_moment_loses_no_decision_that_was_taken(tmp_path: Path, after: int) -> None:
    path = tmp_path / "decisions.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", DECIDING, path],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    for _ in range(after):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read().splitlines()  # what it had taken before it was gone, all of it
    process.stdout.close()
    process.wait()
    lines = path.read_bytes().splitlines()
    assert len(lines) >= after + len(said)
    found = Decisions(path)
    assert found.damaged == 0
    rows = sum(b'"row"' in line for line in lines)
    undone = set(range(2, rows, 3)) if lines[-1].startswith(b'{"undo"') else set(range(2, rows - 1, 3))
    assert {row: each.answer for row, each in found.now.items()} == {
        row: f"row {row}" for row in range(rows) if row not in undone
    }
    found.close()


def test_every_way_of_being_cut_off_costs_the_last_line_alone(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    found = Decisions(whole)
    found.take(7, "joy", "label")
    found.take(9, "ein „Wort“\n", "edit")
    found.close()
    data = whole.read_bytes()
    first = data.index(b"\n") + 1
    for end in range(first, len(data)):
        path = tmp_path / f"cut{end}"
        path.write_bytes(data[:end])
        again = Decisions(path)
        assert {row: each.answer for row, each in again.now.items()} == {7: "joy"}
        again.take(9, "fear", "label")  # what follows is not joined to the half
        again.close()
        once_more = Decisions(path)
        assert {row: each.answer for row, each in once_more.now.items()} == {7: "joy", 9: "fear"}
        assert once_more.damaged == 0
        once_more.close()


def test_undo_takes_back_the_latest_and_what_held_before_holds_again(tmp_path: Path) -> None:
    found = Decisions(tmp_path / "d")
    found.take(1, "joy", "accept")
    found.take(2, "fear", "label")
    found.take(1, "anger", "label")
    for reopen in (False, True):
        if reopen:
            found.close()
            found = Decisions(tmp_path / "d")
        undone = found.undo()
        assert undone is not None
        assert undone.row == (2 if reopen else 1)
        expected = {1: "joy"} if reopen else {1: "joy", 2: "fear"}
        assert {row: each.answer for row, each in found.now.items()} == expected
    found.undo()
    assert found.undo() is None
    assert len(found) == 0
    found.close()


def test_gold_rows_are_those_that_are_still_decided(tmp_path: Path) -> None:
    found = Decisions(tmp_path / "d")
    for row in (3, 1, 2):
        found.take(row, "joy", "accept")
        found.keep_as_gold(row)
    found.keep_as_gold(1, False)
    found.undo()
    found.close()
    again = Decisions(tmp_path / "d")
    assert again.gold == (3,)
    again.close()


@pytest.mark.parametrize(
    "line", ["", "{", "7", "null", '{"n": 1}', '{"undo": 9}', '{"gold": "x", "on": true}', '{"n":1,"row":"1"}', "\xff"]
)
def test_a_damaged_line_costs_itself_alone(tmp_path: Path, line: str) -> None:
    found = Decisions(tmp_path / "d")
    found.take(1, "joy", "accept")
    found.close()
    with (tmp_path / "d").open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    again = Decisions(tmp_path / "d")
    again.take(2, "fear", "label")
    assert again.damaged == 1
    again.close()
    assert set(Decisions(tmp_path / "d").now) == {1, 2}


def test_a_second_process_is_refused_while_the_first_has_it_open(tmp_path: Path) -> None:
    first = Decisions(tmp_path / "d")
    with pytest.raises(TableError, match="another process holds this review"):
        Decisions(tmp_path / "d")
    first.close()
    Decisions(tmp_path / "d").close()


def test_a_disk_that_takes_nothing_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Decisions(tmp_path / "d")
    found.take(1, "joy", "accept")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TableError, match="No space left on device"):
        found.take(1, "fear", "label")
    with pytest.raises(TableError, match="No space left on device"):
        found.undo()
    monkeypatch.undo()
    assert found.now[1].answer == "joy"
    found.take(2, "anger", "edit")
    found.close()
    again = Decisions(tmp_path / "d")
    assert {row: each.answer for row, each in again.now.items()} == {1: "joy", 2: "anger"}
    assert again.damaged == 0
    again.close()
