"""Batch runs of a page whose program has ended, killed or not: the next one finds them by their id, and goes on."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_line import program
from fake_engine import FakeEngine
from page_client import PageClient, file
from serving import free_port, served

from gptjt_demo.batch.output import Output
from gptjt_demo.settings import Attention
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.ui import folders
from gptjt_demo.ui.batch.card import batch_card
from gptjt_demo.ui.batch.job import BatchJob, BatchJobs
from gptjt_demo.ui.batch.order import Order

ROWS = 6


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


def order(folder: Path, library: Library, **more: Any) -> Order:
    rowfile.write(folder / "in.csv", ["n", "text"], [(f"{n:03}", f"row {n}") for n in range(ROWS)])
    return Order(read(folder / "in.csv"), library["emotion"], {"input": "text"}, **more)


def until(condition: Any) -> None:
    for _ in range(3_000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("what was waited for did not come")


def killed(job: BatchJob) -> Path:
    """The job's folder as a program leaves it that is killed now."""
    root = job.folder.parents[2] / f"gptjt-page-killed-{job.folder.name[:8]}"
    shutil.copytree(job.folder, root / job.folder.parent.name / job.folder.name)
    (root / ".in-use").touch()
    return root


def half_done(folder: Path, library: Library, **more: Any) -> tuple[BatchJob, Path]:
    """A job that was killed when two of its rows were answered, and what it left."""
    permits = threading.Semaphore(2)
    over = threading.Event()

    def answer(prompt: str) -> str:
        while not permits.acquire(timeout=0.01) and not over.is_set():
            pass
        return "joy"

    jobs = BatchJobs(FakeEngine(answer))
    job = jobs.begin(order(folder, library, **more))
    until(lambda: job.counts().answered == 2)
    root = killed(job)
    job.stop()
    over.set()
    finished(job).delete()
    return job, root


def finished(job: BatchJob | None) -> BatchJob:
    assert job is not None
    assert job.wait(10)
    return job


def test_a_killed_run_is_found_with_its_rows_and_goes_on_when_asked(tmp_path: Path, library: Library) -> None:
    before, root = half_done(tmp_path, library)
    engine = FakeEngine(default="fear")
    jobs = BatchJobs(engine)
    job = finished(jobs.find(before.id))
    assert jobs.find(before.id) is job
    assert not list(root.glob("*/*"))
    card = batch_card(job)
    assert "the app was restarted before the last row was answered" in card
    assert "2 of 6 rows are answered. You can download these rows, or continue with the rest." in card
    assert [row[2] for row in read(job.fetch("csv"))] == ["joy"] * 2
    assert job.resumable
    assert engine.prompts == []  # nobody has asked for more yet
    job.resume()
    assert "All 6 rows are answered." in batch_card(finished(job))
    assert [(row[0], row[2]) for row in read(job.fetch("xlsx"))] == [
        (f"{n:03}", "joy" if n < 2 else "fear") for n in range(ROWS)
    ]
    assert len(engine.prompts) == 4


@pytest.mark.parametrize("attention", [None, "causal"])
def test_a_run_that_was_done_is_shown_as_done(tmp_path: Path, library: Library, attention: Attention | None) -> None:
    made = order(tmp_path, library, labels=True, attention=attention)
    before = finished(BatchJobs(FakeEngine(scores={"joy": -0.1})).begin(made))
    killed(before)
    card, rows = re.sub("<div><dt>Time.*?</div>", "", batch_card(before)), list(read(before.fetch("csv")))
    before.delete()
    job = finished(BatchJobs(FakeEngine()).find(before.id))
    assert not job.resumable
    assert batch_card(job) == card
    assert list(read(job.fetch("csv"))) == rows


def test_another_model_gives_the_rows_and_does_not_go_on(tmp_path: Path, library: Library) -> None:
    before, _ = half_done(tmp_path, library)
    job = finished(BatchJobs(FakeEngine(name="other")).find(before.id))
    assert "with another model; only fake can go on with it" in batch_card(job)
    assert not job.resumable
    job.resume()
    assert len(list(read(job.fetch("csv")))) == 2


def test_a_batch_calibrated_run_that_was_killed_before_its_end_is_not_taken_for_done(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, over = threading.Event(), threading.Event()

    def finish(output: Output, *arguments: Any) -> Path:
        answered.set()
        over.wait(10)
        return finish_it(output, *arguments)

    finish_it = Output.finish
    monkeypatch.setattr(Output, "finish", finish)
    engine = FakeEngine(scores={"joy": -0.1})
    before = BatchJobs(engine).begin(order(tmp_path, library, labels=True, rule="batch"))
    assert answered.wait(10)
    killed(before)
    over.set()
    finished(before).delete()
    job = finished(BatchJobs(engine).find(before.id))
    assert job.counts().answered == ROWS
    assert job.resumable
    job.resume()
    assert "<dd>Batch-calibrated</dd>" in batch_card(finished(job))
    assert not job.resumable


def test_what_a_day_has_passed_over_is_not_found_and_is_swept(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, root = half_done(tmp_path, library)
    folders.sweep()
    assert list(root.glob("*/*"))
    monkeypatch.setattr(folders, "KEPT_SECONDS", -1.0)
    assert BatchJobs(FakeEngine()).find(before.id) is None
    folders.sweep()
    assert not root.exists()


def test_a_run_of_a_program_that_lives_is_its_own(tmp_path: Path, library: Library) -> None:
    job = finished(BatchJobs(FakeEngine()).begin(order(tmp_path, library)))
    assert BatchJobs(FakeEngine()).find(job.id) is None
    assert job.folder.exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"source": "../../x"}'])
def test_a_folder_that_says_nothing_of_its_run_is_none(tmp_path: Path, library: Library, damage: str) -> None:
    before, root = half_done(tmp_path, library)
    [path] = root.rglob("order.json")
    path.write_text(damage)
    assert BatchJobs(FakeEngine()).find(before.id) is None
    for other in ("", "*", "../" * 10 + "x", before.id[:-1] + "*", "x" * 32):
        assert BatchJobs(FakeEngine()).find(other) is None


# --- a real server, ended and killed


class Visitor(PageClient):
    """A browser that comes back to the Batch tab, and keeps the id of its run."""

    def __init__(self, port: int, id: str | None = None) -> None:
        url = f"http://127.0.0.1:{port}/"
        until(lambda: httpx.get(f"{url}health", timeout=120).json()["status"] == "ready")
        super().__init__(url)
        kept = next(
            item["id"] for item in self.config["components"] if item["props"].get("storage_key") == "gptjt-batch"
        )
        looks = next(
            event
            for event in self.config["dependencies"]
            if kept in event["inputs"] and event["targets"][0][1] == "tick"
        )
        self.ids |= {"kept": kept, "looks": looks["targets"][0][0]}
        self.id = id

    def begins(self, rows: int) -> None:
        path = self.upload(("n,text\n" + "".join(f"{n:03},row {n}\n" for n in range(rows))).encode())
        self.send("batch-file", "change", {"batch-file": file(path)})
        asked = {"batch-template": "emotion", "batch-how": "text", "batch-column-0": "text"}
        self.id = self.send("batch-run", "click", asked)["data"][1]

    def sees(self) -> str:
        """The run's card, with what can be done."""
        return json.dumps(self.send("looks", "tick", {"kept": self.id}), ensure_ascii=False)

    def goes_on(self) -> None:
        self.send("batch-resume", "click", {"kept": self.id})

    def answered(self) -> list[list[str]]:
        """The rows so far, as they are downloaded."""
        [given, refused] = self.send("batch-fetch", "click", {"kept": self.id, "batch-format": "csv"})["data"]
        if refused:
            return []
        text = self.http.get(f"file={given['path']}").content.decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text)))[1:]


def test_a_run_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    rows, id, seen = 400, None, 0
    lives = [("one", signal.SIGKILL), ("two", None)]
    for word, end in lives:
        port = free_port()
        code = program({"default": word, "delay": 0.02 if end else 0.0})
        with served(code, "serve", "--port", port, GRADIO_TEMP_DIR=str(tmp_path)) as page:
            visitor = Visitor(port, id)
            if id is None:
                visitor.begins(rows)
                id = visitor.id
            else:
                assert len(visitor.answered()) == seen
                assert f"{seen} of {rows} rows are answered" in visitor.sees()
                visitor.goes_on()
            if end:
                until(lambda more=seen + 5: answered_in(tmp_path) >= more)
                assert len(visitor.answered()) > seen
                page.process.send_signal(end)
                page.process.wait(20)
                seen = answered_in(tmp_path)
            else:
                until(lambda visitor=visitor: "All 400 rows are answered." in visitor.sees())
                given = visitor.answered()
            visitor.close()
    assert [row[:2] for row in given] == [[f"{n:03}", f"row {n}"] for n in range(rows)]
    words = [row[2] for row in given]
    assert words == ["one"] * seen + ["two"] * (rows - seen)


def answered_in(folder: Path) -> int:
    """Rows that the one run there has in its journal, whole."""
    [journal] = folder.rglob("answers.csv.run")
    return journal.read_bytes().count(b"\n") - 1
