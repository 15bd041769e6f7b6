"""The rows answered so far: all of them, in the input's order, whatever the engine's and however the run ended."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from batch_run import TEMPLATE, Backwards, asked, stopped
from fake_engine import FakeEngine

from gptjt_demo.batch.answered import NOT_ANSWERED, AnsweredRows, Counts
from gptjt_demo.batch.run import run
from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

pytestmark = pytest.mark.usefixtures("one_window")

ROWS = 20
COLUMNS = {"input": "text"}
TOO_LONG = "40,000 characters, and an XLSX cell holds 32,767"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [(f"{n:03}", f"row {n}") for n in range(ROWS)])
    return tmp_path / "in.csv"


def answered_row(n: int) -> tuple[str, ...]:
    return (f"{n:03}", f"row {n}", f"so row {n}", "", "")


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
def test_after_a_stop_every_answered_row_is_there_in_the_input_s_order(source: Path, format: str) -> None:
    target = source.with_name(f"out.{format}")
    stopped(source, target, after=3)  # rows 7, 6, 5: no unbroken run from the first
    rows = AnsweredRows(read(source), target)
    assert rows.counts() == Counts(answered=3, total=ROWS, errors=0, flagged=0)
    assert list(rows) == [answered_row(n) for n in (5, 6, 7)]
    assert rows.preview(2) == [(6, answered_row(5)), (7, answered_row(6))]
    for ending in ("csv", "tsv", "jsonl", "xlsx"):
        path = source.with_name(f"part.{ending}")
        assert rows.write(path).answered == 3
        found = read(path)
        assert found.columns == rows.columns
        assert list(found) == list(rows)


@pytest.mark.parametrize("finished", [True, False], ids=["at the end", "so far"])
def test_an_answer_that_a_workbook_cannot_hold_costs_its_row_and_not_the_download(source: Path, finished: bool) -> None:
    target = source.with_name("out.csv")
    cancel, seen = threading.Event(), []

    def answer(prompt: str) -> str:
        seen.append(prompt)
        if len(seen) == 4 and not finished:
            cancel.set()
        return "w" * 40_000 if asked(prompt) == "row 1" else "fine"

    run(FakeEngine(answer), TEMPLATE, source, target, columns=COLUMNS, cancel=cancel)
    rows = AnsweredRows(read(source), target)
    for ending in ("csv", "xlsx"):
        rows.write(source.with_name(f"part.{ending}"))
    whole, held = (list(read(source.with_name(f"part.{ending}"))) for ending in ("csv", "xlsx"))
    assert len(whole[1][2]) > 32_767
    assert held[1] == ("001", "row 1", "", "", f"the answer cannot be kept: {TOO_LONG}")
    assert [row for row in held if row[0] != "001"] == [row for row in whole if row[0] != "001"]


def test_rows_without_a_reply_are_marked_where_that_is_asked(source: Path) -> None:
    target = source.with_name("out.csv")
    stopped(source, target, after=3)
    AnsweredRows(read(source), target).write(source.with_name("all.csv"), unanswered=True)
    found = list(read(source.with_name("all.csv")))
    assert len(found) == ROWS
    assert found[5] == answered_row(5)
    assert [row[4] for row in found].count(NOT_ANSWERED) == ROWS - 3
    assert found[0] == ("000", "row 0", "", "", NOT_ANSWERED)


def test_they_are_seen_while_the_run_goes_on_and_at_its_end(source: Path) -> None:
    target = source.with_name("out.csv")
    rows = AnsweredRows(read(source), target)
    assert rows.counts().answered == 0
    with pytest.raises(TableError, match="no row is answered yet"):
        rows.write(source.with_name("early.csv"))
    seen: list[int] = []
    engine = Backwards()

    def answer(prompt: str) -> str:
        seen.append(rows.counts().answered)
        return f"so {asked(prompt)}"

    engine.answers = answer
    run(engine, TEMPLATE, source, target, columns=COLUMNS)
    assert seen == list(range(ROWS))
    assert rows.counts() == Counts(ROWS, ROWS, 0, 0)
    assert list(rows) == list(AnsweredRows(read(source), target)) == [answered_row(n) for n in range(ROWS)]


def test_errors_are_counted_and_a_resumed_run_is_followed(source: Path) -> None:
    rowfile.write(source, ["text"], [("",), *[(f"row {n}",) for n in range(ROWS)]])
    target = source.with_name("out.csv")
    stopped(source, target, after=5)
    rows = AnsweredRows(read(source), target)
    assert rows.counts() == Counts(6, ROWS + 1, 1, 0)
    run(Backwards(), TEMPLATE, source, target, columns=COLUMNS, resume=True)
    assert rows.counts() == Counts(ROWS + 1, ROWS + 1, 1, 0)


def test_a_run_that_was_begun_anew_is_not_mixed_with_the_one_before(source: Path) -> None:
    target = source.with_name("out.csv")
    stopped(source, target, after=9)
    rows = AnsweredRows(read(source), target)
    assert rows.counts().answered == 9
    stopped(source, target, after=2, overwrite=True)
    assert rows.counts().answered == 2
    assert [row[0] for row in rows] == ["006", "007"]


def test_labels_have_their_own_columns_and_a_limit_counts(source: Path) -> None:
    target = source.with_name("out.csv")
    run(FakeEngine(scores={"joy": -1}), TEMPLATE, source, target, columns=COLUMNS, labels=True, limit=4)
    rows = AnsweredRows(read(source), target, labels=True, limit=4)
    assert rows.columns[2:] == ("label", "confidence", "runner_up", "check", "error")
    assert rows.counts() == Counts(4, 4, 0, 0)


def test_a_file_of_somebody_else_is_no_answer(source: Path) -> None:
    target = source.with_name("out.csv")
    target.write_text("n,text\n1,2\n")
    assert AnsweredRows(read(source), target).counts().answered == 0
    assert list(AnsweredRows(read(source), target)) == []
