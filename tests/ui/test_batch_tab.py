"""Batch jobs on the page: they run on by themselves, are found by their id alone, and keep what is done."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from gradio.processing_utils import hash_file

from gptjt_demo.batch.progress import duration
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.answer_check import Check
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import MAX_INPUTS
from gptjt_demo.ui.batch import job as batch_job_module
from gptjt_demo.ui.batch.card import answers, batch_card
from gptjt_demo.ui.batch.job import BatchJob, BatchJobs
from gptjt_demo.ui.batch.order import Order
from gptjt_demo.ui.batch.sureness import sureness, tenths
from gptjt_demo.ui.batch.tab import BatchActions
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.pasting import taken
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


class Stepping(FakeEngine):
    """Answers a row for every permit, and all of them once it is `over`."""

    def __init__(self) -> None:
        super().__init__(self._wait_for_a_permit)
        self.permits, self.over = threading.Semaphore(0), threading.Event()

    def _wait_for_a_permit(self, prompt: str) -> str:
        while not self.permits.acquire(timeout=0.01):
            if self.over.is_set():
                break
        return "joy"


def until(condition: Any) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def finished(job: BatchJob | None) -> BatchJob:
    assert job is not None
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
    engine = Stepping()
    job = BatchJobs(engine).begin(order(save(tmp_path), library))
    with pytest.raises(TableError, match="no row is answered yet"):
        job.fetch("csv")
    engine.permits.release(2)
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
    engine = Stepping()
    path = save(tmp_path)
    job = BatchJobs(engine).begin(order(path, library))
    path.unlink()
    engine.permits.release(6)
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
    engine = Stepping()
    jobs = BatchJobs(engine)
    job = jobs.begin(order(save(tmp_path), library))
    with pytest.raises(SettingError, match="answered already"):
        jobs.begin(order(save(tmp_path), library))
    engine.permits.release(6)
    finished(job)
    jobs.begin(order(save(tmp_path), library)).stop()
    engine.over.set()


def test_a_failure_inside_is_one_line_and_the_job_can_go_on(tmp_path: Path, library: Library) -> None:
    engine = FakeEngine(fail_after=0)
    job = finished(BatchJobs(engine).begin(order(save(tmp_path), library)))
    assert "the run failed inside the app (RuntimeError)" in batch_card(job)
    engine.fail_after = None
    job.resume()
    assert len(finished(job).rows(10)) == 6


def test_the_row_limit_holds(tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gptjt_demo.ui.batch.order.ROW_LIMIT", 4)
    job = finished(BatchJobs(FakeEngine()).begin(order(save(tmp_path), library)))
    assert len(job.rows(10)) == 4


def backwards(rows: int, answered: int) -> tuple[FakeEngine, threading.Event]:
    """An engine that answers a file from its end, and stands still after so many rows until it is let go."""
    free = threading.Event()

    class Backwards(FakeEngine):
        def complete_many(self, prompts: Any, *args: Any, cancel: Any = None, **more: Any) -> Any:
            for done, index in enumerate(reversed(range(len(prompts)))):
                while done >= answered and not free.wait(0.01) and not cancel.is_set():
                    pass
                if cancel.is_set():
                    return
                [(_, outcome)] = super().complete_many(prompts[index : index + 1], *args, cancel=cancel, **more)
                yield index, outcome

    return Backwards(), free


@pytest.mark.usefixtures("one_window")
def test_rows_answered_out_of_order_are_counted_shown_and_fetched_while_it_runs_and_after_a_stop(
    tmp_path: Path, library: Library
) -> None:
    engine, free = backwards(6, 4)
    job = BatchJobs(engine).begin(order(save(tmp_path), library))
    until(lambda: job.counts().answered == 4)
    last = [f"{n:03}" for n in range(2, 6)]
    for _ in range(2):  # while it runs, and after the stop
        assert [(number, row[0]) for number, row in job.rows(10)] == [*zip(range(3, 7), last, strict=True)]
        assert [int(number) for number in re.findall(r'<th scope="row">(\d+)', answers(job))] == [3, 4, 5, 6]
        for format in ("csv", "jsonl", "xlsx"):
            assert [row[0] for row in read(job.fetch(format))] == last
        assert "4 of 6 rows" in answers(job)
        job.stop()
        finished(job)
    assert "Stopped. 4 of 6 rows are answered." in batch_card(job)
    job.resume()
    free.set()
    assert "All 6 rows are answered." in batch_card(finished(job))
    assert [row[0] for row in read(job.fetch("csv"))] == [f"{n:03}" for n in range(6)]


def test_a_run_without_any_answer_does_not_claim_one(tmp_path: Path, library: Library) -> None:
    rowfile.write(tmp_path / "a.csv", ["n", "text"], [("1", ""), ("2", " ")])
    card = batch_card(finished(BatchJobs(FakeEngine()).begin(order(tmp_path / "a.csv", library))))
    assert "No row could be answered; the column “error” says why." in card
    assert "All" not in card


@pytest.mark.usefixtures("one_window")
def test_what_a_visitor_brought_and_fetched_is_deleted_at_once_when_asked(tmp_path: Path, library: Library) -> None:
    engine, _ = backwards(6, 2)
    jobs = BatchJobs(engine)
    job = jobs.begin(order(save(tmp_path), library))
    until(lambda: job.counts().answered == 2)
    path = job.fetch("csv")
    served = tmp_path / "cache" / hash_file(path) / path.name
    served.parent.mkdir(parents=True)
    served.write_bytes(path.read_bytes())
    folder = path.parent.parent
    assert jobs.delete(job.id, str(tmp_path / "cache"))
    assert jobs.find(job.id) is None
    until(lambda: not folder.exists())
    until(lambda: not served.exists())
    assert not jobs.delete(job.id, "")


def test_a_day_later_files_are_deleted_though_nobody_comes(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = BatchJobs(FakeEngine())
    job = finished(jobs.begin(order(save(tmp_path), library)))
    jobs.sweep()
    assert jobs.find(job.id) is job
    monkeypatch.setattr(batch_job_module, "KEPT_SECONDS", 0.0)
    jobs.sweep()
    assert jobs.find(job.id) is None
    assert not job.folder.exists()


@pytest.mark.usefixtures("one_window")
def test_a_server_s_limits_cap_a_job_s_rows_and_end_it_when_its_time_is_over(tmp_path: Path, library: Library) -> None:
    job = finished(BatchJobs(FakeEngine()).begin(order(save(tmp_path), library, limit=4)))
    assert len(job.rows(10)) == 4
    engine, free = backwards(6, 2)
    late = finished(BatchJobs(engine, seconds=0.5).begin(order(save(tmp_path), library)))
    card = batch_card(late)
    assert "ended after 0 s, the limit here; go on with the rest, or use the command line" in card
    assert "2 of 6 rows are answered. You can download these rows, or continue with the rest." in card
    assert late.resumable
    free.set()


def test_when_the_program_ends_or_was_killed_batches_alone_are_left(tmp_path: Path) -> None:
    program = (
        "from gptjt_demo.ui.folders import kept_folder, new_folder; import os, sys; made = new_folder(); "
        "(made / 'a.csv').write_text('x'); print(made.parent, flush=True); {}"
    )

    def left_by(end: str) -> Path:
        environment = {**os.environ, "GRADIO_TEMP_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", program.format(end)], env=environment, capture_output=True, text=True, check=False
        )
        return Path(done.stdout.strip())

    killed = left_by("kept_folder('run'); os.kill(os.getpid(), 9)")
    (somebody_s := tmp_path / "gptjt-page-theirs").mkdir()
    assert len(list(killed.iterdir())) == 3
    ended = left_by("kept_folder('run'); sys.exit()")
    assert not left_by("sys.exit()").exists()
    for folder in (killed, ended):
        assert {path.name for path in folder.iterdir()} == {".in-use", "kept"}
    assert somebody_s.exists()  # no process of ours made it


# --- how sure


def test_confidences_are_counted_by_tenths_and_said_in_a_sentence(tmp_path: Path, library: Library) -> None:
    counts = tenths(["1.0000", "0.9000", "0.8999", "0.4000", "", "0.0000"])
    assert counts == (1, 0, 0, 0, 1, 0, 0, 0, 1, 2)
    shown = sureness(counts)
    assert "2 of 5 rows with 90 % or more; 2 with less than 50 %: look at these first." in shown
    assert '<th scope="row">90–100 %</th>' in shown
    assert sureness(tenths([""])) == ""


def test_a_batch_of_labels_shows_how_sure_it_was_and_one_of_texts_does_not(tmp_path: Path, library: Library) -> None:
    engine = FakeEngine(scores={"joy": -0.1})
    weighed = finished(BatchJobs(engine).begin(order(save(tmp_path), library, labels=True)))
    assert "How sure the model was" in batch_card(weighed)
    assert "6 of 6 rows with 90 % or more, none with less than 50 %." in batch_card(weighed)
    assert "How sure" not in batch_card(finished(BatchJobs(engine).begin(order(save(tmp_path), library))))


# --- beside others


def test_a_visitor_s_run_says_that_it_goes_before_a_batch_and_with_whom_it_takes_turns(
    tmp_path: Path, library: Library
) -> None:
    engine = Stepping()
    actions = Actions(engine, library)
    do = BatchActions(actions)
    job = do.jobs.begin(order(save(tmp_path), library))
    engine.permits.release(2)
    until(lambda: job.counts().answered == 2)
    run = actions.run("me", False, "logprob", actions.controls(library["currency"]))
    assert "before a batch (2 of 6 rows)" in next(run)[0]
    other = actions.run("you", False, "logprob", actions.controls(library["currency"]))
    assert "in turns with 1 other run, before a batch" in next(other)[0]
    engine.over.set()
    finished(job)
    assert "batch" not in list(run)[-1][0]
    assert actions.beside() == ""


# --- cards


def test_errors_and_flags_are_counted_on_the_card(tmp_path: Path, library: Library) -> None:
    rowfile.write(tmp_path / "a.csv", ["text"], [("",), ("b",), ("c",)])
    template = library["emotion"].revised(check=Check(columns=3))
    job = BatchJobs(FakeEngine()).begin(Order(read(tmp_path / "a.csv"), template, {"input": "text"}))
    card = batch_card(finished(job))
    assert "All 3 rows" not in card
    assert "2 of 3 rows are answered; 1 could not be, and the column “error” says why." in card
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


def test_a_file_is_looked_at_and_its_columns_are_guessed(page: tuple[BatchActions, list[Any]], tmp_path: Path) -> None:
    do, controls = page
    table, found, preview, quotes, wrong, *pickers = do.look(str(save(tmp_path)), False, PLAYGROUND, *controls)
    assert not quotes.visible
    assert len(table) == 6
    assert "<b>6</b> rows" in found
    assert "row 5" in preview
    assert wrong == ""
    assert pickers[0].value == "text"
    assert [picker.visible for picker in pickers[:-2]] == [True] + [False] * (MAX_INPUTS - 1)
    assert [picker.visible for picker in pickers[-2:]] == [True, True]  # how labels are compared; labels or text


def test_a_bad_file_is_one_line_and_no_table(page: tuple[BatchActions, list[Any]], tmp_path: Path) -> None:
    do, controls = page
    (tmp_path / "bad.csv").write_text("a,b\n1,2,3\n")
    table, found, *_ = do.look(str(tmp_path / "bad.csv"), False, PLAYGROUND, *controls)
    assert table is None
    assert "bad.csv: line 2: 3 fields, expected 2" in found


def test_a_file_that_may_be_read_line_by_line_can_be_told_to_be(
    page: tuple[BatchActions, list[Any]], tmp_path: Path
) -> None:
    do, controls = page
    (tmp_path / "in.csv").write_text('text,n\n"The Wire,5\nOz,4\nLost",3\n')
    counts = []
    for plain in (False, True):
        table, found, _, quotes, *_ = do.look(str(tmp_path / "in.csv"), plain, PLAYGROUND, *controls)
        assert (quotes.visible, quotes.value) == (True, plain)
        assert "each of these lines could be a row" in found or "plain characters, as was asked" in found
        job = finished(do.jobs.begin(Order(table, do.actions.templates["emotion"], {"input": "text"})))
        counts.append(job.counts().answered)
    assert counts == [1, 3]


def test_what_is_picked_stays_picked(page: tuple[BatchActions, list[Any]], tmp_path: Path) -> None:
    do, controls = page
    table = read(save(tmp_path))
    columns = ["n", *[None] * (MAX_INPUTS - 1)]
    assert do.choose(table, PLAYGROUND, *columns, *controls)[1].value == "n"
    assert do.choose(table, "hate", *columns, *controls)[1].value == "n"


def test_the_prompt_as_edited_in_the_playground_is_what_is_asked(
    page: tuple[BatchActions, list[Any]], tmp_path: Path
) -> None:
    do, controls = page
    controls[Controls._fields.index("instruction")] = "Edited instruction."
    columns = ["text", *[None] * (MAX_INPUTS - 1)]
    id, *_ = do.begin(read(save(tmp_path)), PLAYGROUND, "text", "logprob", "causal", *columns, *controls)
    finished(do.jobs.find(id))
    engine = do.actions.engine
    assert isinstance(engine, FakeEngine)
    assert all(prompt.startswith("Edited instruction.") for prompt in engine.prompts)
    assert {stream.attention for stream in engine.streams} == {"causal"}
    assert "All 6 rows are answered." in do.watch(id)[0]


def test_labels_come_with_their_confidence(page: tuple[BatchActions, list[Any]], tmp_path: Path) -> None:
    do, controls = page
    columns = ["text", *[None] * (MAX_INPUTS - 1)]
    id, *_ = do.begin(read(save(tmp_path)), PLAYGROUND, "labels", "logprob", "prefix", *columns, *controls)
    assert finished(do.jobs.find(id)).columns[2:5] == ("label", "confidence", "runner_up")


@pytest.mark.parametrize(
    ("table", "column", "line"),
    [(False, "text", "there is no file yet"), (True, None, "no column is chosen for input")],
)
def test_what_is_missing_is_said_in_a_line(
    page: tuple[BatchActions, list[Any]], tmp_path: Path, table: bool, column: Any, line: str
) -> None:
    do, controls = page
    columns = [column, *[None] * (MAX_INPUTS - 1)]
    _, card, *_ = do.begin(
        read(save(tmp_path)) if table else None, PLAYGROUND, "text", "logprob", "prefix", *columns, *controls
    )
    assert line in card
    assert len(do.jobs) == 0


def test_another_visitor_s_id_or_a_made_up_one_shows_nothing(page: tuple[BatchActions, list[Any]]) -> None:
    do, _ = page
    assert "no longer kept" in do.watch("made-up")[0]
    assert "Choose a file" in do.watch(None)[0]
    path, line = do.fetch("made-up", "csv")
    assert path is None
    assert "no longer kept" in line


def test_a_download_opens_in_a_spreadsheet_with_nothing_that_runs(
    page: tuple[BatchActions, list[Any]], tmp_path: Path
) -> None:
    do, controls = page
    rowfile.write(tmp_path / "a.csv", ["text"], [("=1+1",), ("-5",)])
    columns = ["text", *[None] * (MAX_INPUTS - 1)]
    id, *_ = do.begin(read(tmp_path / "a.csv"), PLAYGROUND, "text", "logprob", "prefix", *columns, *controls)
    finished(do.jobs.find(id))
    path, line = do.fetch(id, "csv")
    assert path is not None
    assert line == ""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["text", "'\u00ad=1+1", "-5"]


# --- before the run


def foresee(do: BatchActions, path: Path, how: str = "text", column: str | None = "text") -> list[str]:
    values = do.actions.controls(do.actions.templates["emotion"])
    columns = [column, *[None] * (MAX_INPUTS - 1)]
    return list(do.foresight.look("me", read(path), PLAYGROUND, how, "prefix", *columns, *values))


def test_rows_tokens_and_time_are_told_before_the_run(tmp_path: Path, library: Library) -> None:
    engine = FakeEngine()
    do = BatchActions(Actions(engine, library))
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [("1", "a row"), ("2", ""), ("3", "word " * 3000), ("4", "b")])
    shown = foresee(do, tmp_path / "in.csv")[-1]
    tokens = sum(engine.count_tokens(library["emotion"].render(text)) for text in ("a row", "word " * 3000, "b"))
    for words in ("<dd>4</dd>", f"<dd>{tokens:,}</dd>", "about 1 s", "1 row (3)", "1 row is blank or damaged"):
        assert words in shown
    assert len(engine.prompts) == 2
    assert len(do.jobs) == 0


def test_nothing_is_told_as_long_as_something_is_missing(tmp_path: Path, library: Library) -> None:
    do = BatchActions(Actions(FakeEngine(), library))
    assert foresee(do, save(tmp_path), column=None) == [""]


def test_a_look_ends_when_another_begins_or_the_run_does(tmp_path: Path, library: Library) -> None:
    gate = threading.Event()
    do = BatchActions(Actions(FakeEngine(delay=gate), library))
    values = do.actions.controls(library["emotion"])
    columns = ["text", *[None] * (MAX_INPUTS - 1)]
    first = do.foresight.look("me", read(save(tmp_path)), PLAYGROUND, "text", "prefix", *columns, *values)
    assert "Before the run" in next(first)
    second = do.foresight.look("me", read(save(tmp_path)), PLAYGROUND, "text", "prefix", *columns, *values)
    assert "Before the run" in next(second)
    assert list(first) == []
    do.foresight.drop("me")
    assert list(second) == [""]  # the page may have shown its last word after the run's
    gate.set()


def test_a_calibrated_run_says_when_its_labels_are_calibrated(tmp_path: Path, library: Library) -> None:
    engine = FakeEngine(scores={"joy": -0.1, "fear": -3.0})
    job = finished(BatchJobs(engine).begin(order(save(tmp_path), library, labels=True, rule="batch")))
    shown = batch_card(job)
    assert "<dd>Batch-calibrated</dd>" in shown
    assert "Until the last row" not in shown
    assert {row[3] for row in read(job.fetch("csv"))} == {f"{1 / 6:.4f}"}
    job.stop()


# --- pasted cells


def test_pasted_cells_become_a_file_that_is_deleted_with_the_run(tmp_path: Path, library: Library) -> None:
    path, cells, line = taken('n\ttext\n007\t"two\nlines"\n8\tfine', True)
    assert (cells, line) == ("", "")
    assert list(read(path)) == [("007", "two\nlines"), ("8", "fine")]
    jobs = BatchJobs(FakeEngine())
    job = finished(jobs.begin(order(Path(path), library)))
    assert jobs.delete(job.id, str(tmp_path))
    until(lambda: not Path(path).exists())


def test_cells_that_are_no_table_are_one_line_and_stay(tmp_path: Path) -> None:
    file, cells, line = taken("a\tb\nc", True)
    assert {file["__type__"], cells["__type__"]} == {"update"}
    assert "row 2 has 1 cells" in line
