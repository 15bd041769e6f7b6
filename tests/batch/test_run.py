"""Batch runs: every row keeps its place, whatever the engine's order, a bad row, a cancel or a kill."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from batch_run import TEMPLATE, Backwards
from fake_engine import FakeEngine

from gptjt_demo.batch.journal import journal_of
from gptjt_demo.batch.progress import Progress
from gptjt_demo.batch.question import WINDOW
from gptjt_demo.batch.run import run
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.answer_check import Check
from gptjt_demo.templates.template import Input, Template

COLUMNS = {"input": "text"}


def table(folder: Path, rows: int, name: str = "in.csv") -> Path:
    path = folder / name
    rowfile.write(path, ["n", "text"], [(f"{n:03}", f"row {n}") for n in range(rows)])
    return path


def go(source: Path, target: Path, engine: FakeEngine | None = None, template: Template = TEMPLATE, **more: Any) -> Any:
    return run(engine or Backwards(), template, source, target, **{"columns": COLUMNS, **more})


def expected(rows: int) -> list[tuple[str, ...]]:
    return [(f"{n:03}", f"row {n}", f"so row {n}", "", "") for n in range(rows)]


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "xlsx"])
def test_rows_come_out_in_the_source_s_order_whatever_the_engine_s(tmp_path: Path, format: str) -> None:
    rows = WINDOW + 20
    result = go(table(tmp_path, rows), tmp_path / f"out.{format}")
    found = read(tmp_path / f"out.{format}")
    assert found.columns == ("n", "text", "answer", "check", "error")
    assert list(found) == expected(rows)
    assert (result.rows, result.total, result.errors, result.finished) == (rows, rows, 0, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out.{format}"]


def test_labels_come_with_confidence_and_runner_up(tmp_path: Path) -> None:
    engine = FakeEngine(scores={"joy": -1.0, "fear": -2.0})
    go(table(tmp_path, 2), tmp_path / "out.csv", engine, labels=True)
    found = read(tmp_path / "out.csv")
    assert found.columns == ("n", "text", "label", "confidence", "runner_up", "check", "error")
    assert next(iter(found))[2:] == ("joy", "0.7311", "fear", "", "")


def test_a_row_that_fails_keeps_its_place_with_its_error(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "in.csv", ["text"], [("one",), ("word " * 3000,), ("  ",), ("four",)])
    result = go(tmp_path / "in.csv", tmp_path / "out.csv")
    answers = [(row[1], row[3]) for row in read(tmp_path / "out.csv")]
    assert answers[0] == ("so one", "")
    assert answers[3] == ("so four", "")
    assert answers[1][0] == answers[2][0] == ""
    assert "exceed the context" in answers[1][1]
    assert answers[2][1] == "input: the cell is blank; write a text in it"
    assert result.errors == 2


def test_of_several_inputs_some_may_be_blank(tmp_path: Path) -> None:
    template = TEMPLATE.revised(inputs=(Input(name="a", cue="A"), Input(name="b", cue="B")), query={})
    rowfile.write(tmp_path / "in.csv", ["a", "b"], [("x", ""), ("", " ")])
    go(tmp_path / "in.csv", tmp_path / "out.csv", FakeEngine(), template, columns={"a": "a", "b": "b"})
    rows = list(read(tmp_path / "out.csv"))
    assert rows[0][2:] == ("joy", "", "")
    assert rows[1][4] == "a and b: the cell is blank; write a text in it"


def test_a_cell_that_the_format_cannot_hold_is_said_before_the_first_row_is_answered(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "in.csv", ["text", "long"], [("x", "y"), ("x", "y" * 40_000)])
    engine = Backwards()
    with pytest.raises(
        TableError, match=r"^out\.xlsx: row 3, column 'long': 40,000 characters, and an XLSX cell holds"
    ):
        go(tmp_path / "in.csv", tmp_path / "out.xlsx", engine)
    assert engine.prompts == []
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    assert go(tmp_path / "in.csv", tmp_path / "out.xlsx", limit=1).finished  # a row that is not asked for


def test_an_answer_that_the_format_cannot_hold_is_its_row_s_error(tmp_path: Path) -> None:
    source = table(tmp_path, 3)
    engine = FakeEngine(lambda prompt: "y" * 40_000 if "row 1\n" in prompt else "fine")
    assert go(source, tmp_path / "out.xlsx", engine).errors == 1
    rows = list(read(tmp_path / "out.xlsx"))
    assert [row[2] for row in rows] == ["fine", "", "fine"]
    assert "the answer cannot be kept" in rows[1][4]
    assert go(source, tmp_path / "out.csv", engine).errors == 0


def test_a_bad_character_costs_its_row_and_not_the_file(tmp_path: Path) -> None:
    lines = [r'{"text": "one", "n": 1.10}', r'{"text": "\ud800", "n": 2}', r'{"text": "three", "n": "\udfff"}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    result = go(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in found] == ["so one", "", "so three"]
    assert "half of a surrogate pair" in found[1]["error"]
    assert (result.errors, found[0]["n"], found[1]["text"]) == (1, 1.1, "\ud800")
    assert '"n": 1.10' in (tmp_path / "out.jsonl").read_text()


def test_the_first_row_is_answered_alone_and_the_next_ones_in_growing_groups(tmp_path: Path) -> None:
    class Counting(FakeEngine):
        def complete_many(self, prompts: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(len(prompts))
            written.append(lines(tmp_path / "out.csv") - 1)
            return super().complete_many(prompts, *args, **kwargs)

    asked: list[int] = []
    written: list[int] = []
    go(table(tmp_path, 700), tmp_path / "out.csv", Counting())
    assert asked == [1, 4, 16, 64, 256, 256, 103]
    assert written == [0, 1, 5, 21, 85, 341, 597]  # what is answered is there before more is asked


def test_a_run_that_ends_early_is_no_success(tmp_path: Path) -> None:
    class Lazy(FakeEngine):
        def complete_many(self, prompts: Any, *args: Any, **kwargs: Any) -> Any:
            return islice(super().complete_many(prompts, *args, **kwargs), 2)

    with pytest.raises(TableError, match="the run ended early: 3 of 5 rows are answered; resume it"):
        go(table(tmp_path, 5), tmp_path / "out.csv", Lazy())
    assert go(tmp_path / "in.csv", tmp_path / "out.csv", resume=True).finished


def test_the_check_s_verdict_stands_beside_the_raw_answer(tmp_path: Path) -> None:
    template = TEMPLATE.revised(check=Check(columns=3))
    result = go(table(tmp_path, 1), tmp_path / "out.csv", FakeEngine(default="a,b,c,d"), template)
    assert next(iter(read(tmp_path / "out.csv")))[2:] == ("a,b,c,d", "4 fields, expected 3", "")
    assert result.flagged == 1


def test_columns_of_the_source_named_like_ours_are_kept(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "in.csv", ["text", "answer", "error"], [("a", "b", "c")])
    go(tmp_path / "in.csv", tmp_path / "out.csv")
    found = read(tmp_path / "out.csv")
    assert found.columns == ("text", "answer", "error", "answer (2)", "check", "error (2)")
    assert list(found) == [("a", "b", "c", "so a", "", "")]


def test_a_cell_of_template_syntax_reaches_the_prompt_as_typed(tmp_path: Path) -> None:
    cell = '{input} {{x}} ${y} \\n "q" #'
    rowfile.write(tmp_path / "in.csv", ["text"], [(cell,)])
    engine = FakeEngine()
    go(tmp_path / "in.csv", tmp_path / "out.csv", engine)
    assert engine.prompts[0].count(cell) == 1


def test_every_input_has_its_column(tmp_path: Path) -> None:
    template = TEMPLATE.revised(inputs=(Input(name="a", cue="A"), Input(name="b", cue="B")), query={})
    engine = FakeEngine()
    go(table(tmp_path, 1), tmp_path / "out.csv", engine, template, columns={"b": "n", "a": "text"})
    assert "A: row 0\nB: 000\n" in engine.prompts[0]
    with pytest.raises(SettingError, match="the input 'b' has no column"):
        go(table(tmp_path, 1), tmp_path / "out2.csv", engine, template, columns={"a": "text"})
    with pytest.raises(TableError, match="no column 'z'; it has 'n', 'text'"):
        go(table(tmp_path, 1), tmp_path / "out2.csv", columns={"input": "z"})
    assert not (tmp_path / "out2.csv").exists()


def test_an_output_that_is_there_is_neither_replaced_nor_taken_for_another_run_s(tmp_path: Path) -> None:
    source, target = table(tmp_path, 3), tmp_path / "out.csv"
    target.write_text("mine")
    for resume in (False, True):
        with pytest.raises(TableError, match="choose another name"):
            go(source, target, resume=resume)
    assert target.read_text() == "mine"
    with pytest.raises(TableError, match="would replace the input"):
        go(source, source, overwrite=True)
    assert go(source, target, overwrite=True).finished
    assert list(read(target)) == expected(3)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be written"):
        go(table(tmp_path, 1), tmp_path / "no" / "out.csv")


def test_labels_asked_of_a_template_without_any_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no labels"):
        go(table(tmp_path, 1), tmp_path / "out.csv", template=TEMPLATE.revised(labels=()), labels=True)
    assert not (tmp_path / "out.csv").exists()


def test_a_limit_takes_the_first_rows(tmp_path: Path) -> None:
    assert go(table(tmp_path, 9), tmp_path / "out.csv", limit=4).total == 4
    assert list(read(tmp_path / "out.csv")) == expected(4)
    with pytest.raises(SettingError):
        go(table(tmp_path, 9), tmp_path / "out2.csv", limit=0)


def cancelled(source: Path, target: Path, after: int) -> Any:
    cancel = threading.Event()
    engine = Backwards()
    seen = 0

    def answer(prompt: str) -> str:
        nonlocal seen
        seen += 1
        if seen > after:
            cancel.set()
        return "so " + prompt.rsplit("Input: ", 1)[1].removesuffix("\nOutput:")

    engine.answers = answer
    return go(source, target, engine, cancel=cancel)


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("after", [0, 3, 13, 299])
def test_a_cancelled_run_keeps_what_is_done_and_goes_on(tmp_path: Path, format: str, after: int) -> None:
    rows = WINDOW + 44
    source, target = table(tmp_path, rows), tmp_path / f"out.{format}"
    result = cancelled(source, target, after)
    assert not result.finished
    assert result.path.exists()
    if result.rows:
        assert list(read(result.path)) == expected(result.rows)
    engine = Backwards()
    assert go(source, target, engine, resume=True).finished
    assert list(read(target)) == expected(rows)
    assert len(engine.prompts) == rows - after
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out.{format}"]


def test_only_the_same_run_is_resumed(tmp_path: Path) -> None:
    source, target = table(tmp_path, 30), tmp_path / "out.csv"
    cancelled(source, target, 12)
    before = target.read_bytes()
    with pytest.raises(TableError, match="another: template differs"):
        go(source, target, template=TEMPLATE.revised(instruction="Other."), resume=True)
    with pytest.raises(TableError, match="attention differs"):
        go(source, target, resume=True, attention="causal")
    with pytest.raises(TableError, match="resume it, overwrite it"):
        go(source, target)
    rowfile.write(source, ["n", "text"], [("x", "other")] * 30)
    with pytest.raises(TableError, match="source file differs"):
        go(source, target, resume=True)
    assert target.read_bytes() == before
    table(tmp_path, 30)
    renamed = TEMPLATE.revised(title="A new title", description="The same prompt.")
    assert go(source, target, template=renamed, resume=True).finished


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_a_run_that_was_killed_when_all_was_done_is_resumed_to_the_same_end(tmp_path: Path, format: str) -> None:
    source, target = table(tmp_path, 9), tmp_path / f"out.{format}"
    go(source, target)
    before = target.read_bytes()
    engine = Backwards()
    result = go(source, target, engine, resume=True)
    assert (result.finished, result.rows, result.errors, engine.prompts) == (True, 9, 0, [])
    assert target.read_bytes() == before
    for rows in (8, 10):
        table(tmp_path, rows)
        with pytest.raises(TableError, match="nothing to resume"):
            go(source, target, resume=True)


def test_errors_and_flags_of_a_resumed_run_are_those_of_all_rows(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "in.csv", ["text"], [("",), *[("a",)] * 20, ("",)])
    template = TEMPLATE.revised(check=Check(columns=3))
    cancel = threading.Event()

    def stop(prompt: str) -> str:
        cancel.set()
        return "x"

    stopping = FakeEngine(stop)
    first = go(tmp_path / "in.csv", tmp_path / "out.csv", stopping, template, cancel=cancel)
    assert not first.finished
    whole = go(tmp_path / "in.csv", tmp_path / "out.csv", FakeEngine(), template, resume=True)
    assert (whole.errors, whole.flagged) == (2, 20)


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_a_killed_run_is_resumed_without_a_row_repeated_or_lost(tmp_path: Path, format: str) -> None:
    rows, dice = 400, random.Random(5)
    source, target, log = table(tmp_path, rows), tmp_path / f"out.{format}", tmp_path / "log"
    command = [sys.executable, str(Path(__file__).parents[1] / "batch_run.py"), str(source), str(target), str(log)]
    kills = 0
    while True:
        process = subprocess.Popen(command)
        try:
            # Killed once it has answered a number of rows, so that slow machines see the same.
            answered, goal = lines(log), lines(log) + dice.randint(5, 120)
            while process.poll() is None and answered < goal:
                time.sleep(0.001)
                answered = lines(log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.wait()
        done = target.exists() and not journal_of(target).exists()  # it may be killed on its way out
        if done or process.returncode != -signal.SIGKILL:
            break
    assert done
    assert kills >= 3
    assert list(read(target)) == expected(rows)
    asked = Counter(line.split(" ", 1)[1] for line in log.read_text().splitlines())
    assert len(asked) == rows
    assert sum(asked.values()) <= rows + kills  # nothing was asked twice but what was in hand when the kill came


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_half_written_end_of_output_or_journal_is_made_good(tmp_path: Path, cut: int) -> None:
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [(f"{n:03}", f'"row"\r\n{n}, x') for n in range(20)])
    target = tmp_path / "out.csv"
    go(tmp_path / "in.csv", target, FakeEngine(default='a "b"\nc'))
    whole = target.read_bytes()
    target.unlink()
    cancel = threading.Event()

    def answer(prompt: str) -> str:
        if len(engine.prompts) > 12:
            cancel.set()
        return 'a "b"\nc'

    engine = FakeEngine(answer)
    go(tmp_path / "in.csv", target, engine, cancel=cancel)
    for path in (target, journal_of(target)):
        data = path.read_bytes()
        path.write_bytes(data[: max(len(data) - cut, 0)])
    assert go(tmp_path / "in.csv", target, FakeEngine(default='a "b"\nc'), resume=True).finished
    assert target.read_bytes() == whole


def test_progress_counts_finished_rows_and_says_how_long_is_left(tmp_path: Path) -> None:
    told: list[Progress] = []
    go(table(tmp_path, 300), tmp_path / "out.csv", Backwards(delay=0.003), progress=told.append)
    assert (told[0].done, told[0].total, told[0].seconds_left) == (0, 300, None)
    assert told[-1].done == 300
    assert told[-1].seconds_left == 0
    assert len(told) > 2
    middle = told[len(told) // 2]
    assert middle.rate > 0
    assert middle.seconds_left == pytest.approx((300 - middle.done) / middle.rate)


def test_rows_are_on_the_disk_while_the_run_goes_on(tmp_path: Path) -> None:
    source, target = table(tmp_path, 40), tmp_path / "out.csv"
    seen: list[int] = []

    def answer(prompt: str) -> str:
        seen.append(len(list(read(target))) if lines(target) > 1 else 0)
        return "x"

    go(source, target, FakeEngine(answer))
    assert seen == list(range(40))


def test_a_row_of_ten_thousand_costs_two_writes_and_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Instant(FakeEngine):
        def complete_many(self, prompts: Any, *args: Any, **kwargs: Any) -> Any:
            completion = self.complete("x")
            return ((index, completion) for index in range(len(prompts)))

    writes = 0
    write = rowfile.AppendOnly.write

    def counted(file: rowfile.AppendOnly, data: bytes) -> None:
        nonlocal writes
        writes += 1
        write(file, data)

    monkeypatch.setattr(rowfile.AppendOnly, "write", counted)
    peaks = []
    for rows in (1_000, 10_000):
        source = table(tmp_path, rows, f"{rows}.csv")
        tracemalloc.start()
        go(source, tmp_path / f"out-{rows}.csv", Instant())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (1 << 20)
    assert writes == 2 * 11_000 + 2 * 2  # the output and its journal, each with its beginning


def test_an_overwriting_run_that_is_killed_at_its_start_keeps_no_row_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = table(tmp_path, 3), tmp_path / "out.csv"
    go(source, target, FakeEngine(default="old"))
    with monkeypatch.context() as patch:
        patch.setattr("gptjt_demo.tables.rowfile.Codec.header", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            go(source, target, overwrite=True)
    go(source, target, resume=True)
    assert list(read(target)) == expected(3)
