"""Batch jobs on the page: they go on alone, are found by their id alone, and keep what is done."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.answer_check import Check
from gptjt_demo.templates.library import Library
from gptjt_demo.templates.template import MAX_INPUTS
from gptjt_demo.ui.batch import job as batch_job_module
from gptjt_demo.ui.batch.card import answers, batch_card
from gptjt_demo.ui.batch.job import BatchJob, BatchJobs, Order
from gptjt_demo.ui.batch.tab import BatchActions
from gptjt_demo.ui.html import duration
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.rows_table import rows_table
from gptjt_demo.ui.rows.template_choice import PLAYGROUND

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} & &amp;"


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


def save(folder: Path, rows: int = 6, name: str = "in.csv") -> Path:
    rowfile.write(folder / name, ["n", "text"], [(f"{n:03}", f"row {n}") for n in range(rows)])
    return folder / name


def order(path: Path, library: Library, **more: Any) -> Order:
    return Order(read(path), library["emotion"], {"input": "text"}, **more)


def stepping() -> tuple[FakeEngine, threading.Semaphore]:
    """An engine that answers a row for every permit."""
    permits = threading.Semaphore(0)

    def answer(prompt: str) -> str:
        while not permits.acquire(timeout=0.01):
            if engine.over.is_set():
                break
        return "joy"

    engine: Any = FakeEngine(answer)
    engine.over = threading.Event()
    return engine, permits


def until(condition: Any) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def finished(job: BatchJob) -> BatchJob:
    assert job.wait(10)
    return job


# --- jobs


def test_a_job_answers_all_rows_and_gives_them_in_every_format(tmp_path: Path, library: Library) -> None:
    job = finished(BatchJobs(FakeEngine()).begin(order(save(tmp_path), library)))
    for format in ("csv", "tsv", "jsonl", "xlsx"):
        path = job.fetch(format)
        assert path.name == f"in-answers.{format}"
        assert [row[:3] for row in read(path)] == [(f"{n:03}", f"row {n}", "joy") for n in range(6)]


def test_rows_so_far_can_be_fetched_while_it_runs_and_it_goes_on_after_a_stop(tmp_path: Path, library: Library) -> None:
    engine, permits = stepping()
    job = BatchJobs(engine).begin(order(save(tmp_path), library))
    with pytest.raises(TableError, match="no row is finished yet"):
        job.fetch("csv")
    permits.release(2)
    until(lambda: len(job.rows(10)) == 2)
    assert len(list(read(job.fetch("xlsx")))) == 2
    job.stop()
    engine.over.set()
    finished(job)
    result = job.standing.result
    assert result is not None
    assert not result.finished
    assert job.resumable
    asked = len(engine.prompts)
    job.resume()
    finished(job)
    assert not job.resumable
    assert [row[0] for row in read(job.fetch("csv"))] == [f"{n:03}" for n in range(6)]
    assert len(engine.prompts) - asked <= 6 - result.rows + 1


def test_a_job_works_on_its_own_copy_of_the_file(tmp_path: Path, library: Library) -> None:
    engine, permits = stepping()
    path = save(tmp_path)
    job = BatchJobs(engine).begin(order(path, library))
    path.unlink()
    permits.release(6)
    assert len(finished(job).rows(10)) == 6


def test_jobs_are_found_by_their_whole_id_alone(tmp_path: Path, library: Library) -> None:
    jobs = BatchJobs(FakeEngine())
    first, second = (finished(jobs.begin(order(save(tmp_path), library))) for _ in range(2))
    assert jobs.find(first.id) is first
    assert first.id != second.id
    assert len(first.id) >= 32
    for other in (first.id[:-1], "", None, 7, ["x"], "../" + first.id):
        assert jobs.find(other) is None


def test_old_jobs_are_forgotten_and_their_files_deleted(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = BatchJobs(FakeEngine())
    old = finished(jobs.begin(order(save(tmp_path), library)))
    folder = old.fetch("csv").parent.parent
    monkeypatch.setattr(batch_job_module, "KEPT_SECONDS", 0.0)
    jobs.begin(order(save(tmp_path), library))
    assert jobs.find(old.id) is None
    assert not folder.exists()


def test_too_many_jobs_at_once_are_refused_in_a_line(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_job_module, "RUNNING_LIMIT", 1)
    engine, permits = stepping()
    jobs = BatchJobs(engine)
    job = jobs.begin(order(save(tmp_path), library))
    with pytest.raises(SettingError, match="answered already"):
        jobs.begin(order(save(tmp_path), library))
    permits.release(6)
    finished(job)
    jobs.begin(order(save(tmp_path), library)).stop()
    engine.over.set()


def test_a_failure_inside_is_one_line_and_the_job_can_go_on(tmp_path: Path, library: Library) -> None:
    engine = FakeEngine(fail_after=0)
    job = finished(BatchJobs(engine).begin(order(save(tmp_path), library)))
    assert "the run failed inside the app (RuntimeError)" in batch_card(job)
    engine._fail_after = None
    job.resume()
    assert len(finished(job).rows(10)) == 6


def test_the_row_limit_holds(tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_job_module, "ROW_LIMIT", 4)
    job = finished(BatchJobs(FakeEngine()).begin(order(save(tmp_path), library)))
    assert len(job.rows(10)) == 4


# --- cards


def test_errors_and_flags_are_counted_on_the_card(tmp_path: Path, library: Library) -> None:
    rowfile.write(tmp_path / "a.csv", ["text"], [("",), ("b",), ("c",)])
    template = library["emotion"].revised(check=Check(columns=3))
    job = BatchJobs(FakeEngine()).begin(Order(read(tmp_path / "a.csv"), template, {"input": "text"}))
    card = batch_card(finished(job))
    assert "All 3 rows are answered." in card
    assert "<dt>Errors</dt><dd>1</dd>" in card
    assert "<dt>Flagged</dt><dd>2</dd>" in card


def test_cells_are_shown_as_typed_and_cut_to_what_a_person_reads(tmp_path: Path, library: Library) -> None:
    rowfile.write(tmp_path / "a.csv", ["text", HOSTILE], [(HOSTILE, "y" * 5_000)])
    job = BatchJobs(FakeEngine(lambda prompt: HOSTILE)).begin(order(tmp_path / "a.csv", library))
    shown = answers(finished(job)) + source.preview(read(tmp_path / "a.csv"))
    assert shown.count("&lt;b&gt;x&lt;/b&gt; ${alert(1)} `tick` C:\\new {{x}} &amp; &amp;amp;") >= 4
    assert "<b>x" not in shown
    assert "y" * 301 not in shown
    assert len(rows_table(["a"] * 5_000, [["b"] * 5_000] * 500, label="x")) < 100_000


def test_the_limit_is_said_before_the_start(tmp_path: Path) -> None:
    found = source.found(read(save(tmp_path)), limit=4)
    assert "Only the first 4 of 6 rows" in found
    assert "UTF-8" in found
    assert "notice" not in source.found(read(save(tmp_path)), limit=6)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (600, "10 min"), (5400, "1 h 30 min"), (90_000, "25 h 0 min")]
)
def test_times_are_said_as_people_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words


# --- the tab's handlers


@pytest.fixture
def page(library: Library) -> tuple[BatchActions, list[Any]]:
    actions = Actions(FakeEngine(scores={"joy": -0.1}), library)
    return BatchActions(actions), list(actions.controls(library["emotion"]))


def test_a_file_is_looked_at_and_its_columns_are_guessed(page: Any, tmp_path: Path) -> None:
    do, controls = page
    table, found, preview, wrong, *pickers = do.look(str(save(tmp_path)), PLAYGROUND, *controls)
    assert len(table) == 6
    assert "<b>6</b> rows" in found
    assert "row 5" in preview
    assert wrong == ""
    assert pickers[0].value == "text"
    assert [picker.visible for picker in pickers[:-1]] == [True] + [False] * (MAX_INPUTS - 1)
    assert pickers[-1].visible is True  # labels or text


def test_a_bad_file_is_one_line_and_no_table(page: Any, tmp_path: Path) -> None:
    do, controls = page
    (tmp_path / "bad.csv").write_text("a,b\n1,2,3\n")
    table, found, *_ = do.look(str(tmp_path / "bad.csv"), PLAYGROUND, *controls)
    assert table is None
    assert "bad.csv: line 2: 3 fields, expected 2" in found


def test_what_is_picked_stays_picked(page: Any, tmp_path: Path) -> None:
    do, controls = page
    table = read(save(tmp_path))
    columns = ["n", *[None] * (MAX_INPUTS - 1)]
    assert do.choose(table, PLAYGROUND, *columns, *controls)[1].value == "n"
    assert do.choose(table, "hate", *columns, *controls)[1].value == "n"


def test_the_prompt_as_edited_in_the_playground_is_what_is_asked(page: Any, tmp_path: Path) -> None:
    do, controls = page
    controls[1] = "Edited instruction."
    columns = ["text", *[None] * (MAX_INPUTS - 1)]
    id, *_ = do.begin(read(save(tmp_path)), PLAYGROUND, "text", "causal", *columns, *controls)
    finished(do.jobs.find(id))
    assert all(prompt.startswith("Edited instruction.") for prompt in do.actions.engine.prompts)
    assert {stream.attention for stream in do.actions.engine.streams} == {"causal"}
    assert "All 6 rows are answered." in do.watch(id)[0]


def test_labels_come_with_their_confidence(page: Any, tmp_path: Path) -> None:
    do, controls = page
    columns = ["text", *[None] * (MAX_INPUTS - 1)]
    id, *_ = do.begin(read(save(tmp_path)), PLAYGROUND, "labels", "prefix", *columns, *controls)
    assert finished(do.jobs.find(id)).columns[2:5] == ("label", "confidence", "runner_up")


@pytest.mark.parametrize(
    ("table", "column", "line"),
    [(False, "text", "there is no file yet"), (True, None, "no column is chosen for input")],
)
def test_what_is_missing_is_said_in_a_line(page: Any, tmp_path: Path, table: bool, column: Any, line: str) -> None:
    do, controls = page
    columns = [column, *[None] * (MAX_INPUTS - 1)]
    _, card, *_ = do.begin(read(save(tmp_path)) if table else None, PLAYGROUND, "text", "prefix", *columns, *controls)
    assert line in card
    assert len(do.jobs) == 0


def test_another_visitor_s_id_or_a_made_up_one_shows_nothing(page: Any) -> None:
    do, _ = page
    assert "no longer kept" in do.watch("made-up")[0]
    assert "Choose a file" in do.watch(None)[0]
    path, line = do.fetch("made-up", "csv")
    assert path is None
    assert "no longer kept" in line


def test_a_download_opens_in_a_spreadsheet_with_nothing_that_runs(page: Any, tmp_path: Path) -> None:
    do, controls = page
    rowfile.write(tmp_path / "a.csv", ["text"], [("=1+1",), ("-5",)])
    columns = ["text", *[None] * (MAX_INPUTS - 1)]
    id, *_ = do.begin(read(tmp_path / "a.csv"), PLAYGROUND, "text", "prefix", *columns, *controls)
    finished(do.jobs.find(id))
    path, line = do.fetch(id, "csv")
    assert line == ""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["text", "'=1+1", "-5"]
