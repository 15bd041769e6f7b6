"""Batch runs that continue when their page is closed: each has an id nobody can guess, and a folder of its own.

In: an uploaded file and what is to be asked of it. Out: a `BatchJob`, found again only by its id; the rows that are
answered at any time, in any format. Old jobs are forgotten and their folders deleted. Knows nothing of HTML.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gptjt_demo.batch.answered import AnsweredRows, Counts
from gptjt_demo.batch.progress import Progress
from gptjt_demo.batch.question import Question
from gptjt_demo.batch.run import Result, query_of, run
from gptjt_demo.engine.calibration import LabelRule
from gptjt_demo.errors import SettingError
from gptjt_demo.settings import Attention
from gptjt_demo.tables import table
from gptjt_demo.tables.sheet import Row
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.batch.sureness import tenths
from gptjt_demo.ui.folders import KEPT_SECONDS, new_folder, remove_served, remove_upload
from gptjt_demo.ui.rows.source import fewer
from gptjt_demo.ui.work import Standing, Tell, Work

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

ROW_LIMIT = 100_000
RUNNING_LIMIT = 4
KEPT_LIMIT = 64
STOP_SECONDS = 600.0
"""How long a job that is deleted may take to stop; within a layer, as a rule."""


@dataclass(frozen=True)
class Order:
    """What is asked of a file.

    Attributes:
        source: the file's rows.
        template: what is asked of each.
        columns: for each of the template's inputs, the table's column.
        labels: pick one of its labels.
        attention: None: the template's, else the engine's.
        rule: how labels are compared.
        limit: rows, where the server sets one.
    """

    source: table.Table
    template: Template
    columns: Mapping[str, str]
    labels: bool = False
    attention: Attention | None = None
    rule: LabelRule = "logprob"
    limit: int | None = None

    @property
    def later(self) -> bool:
        """Whether its labels are known only when all rows are answered."""
        return self.labels and self.rule == "batch"

    @property
    def most(self) -> int:
        """Rows that are answered at most."""
        return fewer(ROW_LIMIT, self.limit)

    @property
    def rows(self) -> int:
        """Rows that are answered: the file's, up to the limit."""
        return min(len(self.source), self.most)


class BatchJob:
    """One run over its own copy of a file; it begins at once, and may be stopped and continued.

    Attributes:
        folder: has all files of the run, and goes when the job is deleted.

    Args:
        engine: whoever answers.
        order: what is asked.
        seconds: after which it is ended, and may go on again; None: never.
    """

    def __init__(self, engine: Answers, order: Order, seconds: float | None = None) -> None:
        self.id = secrets.token_urlsafe(24)
        self.model = engine.name
        self.touched = time.monotonic()
        self._engine = engine
        self._seconds = seconds
        self.tenths: tuple[int, ...] = ()
        self._upload = order.source.path
        self.folder = new_folder()
        copy = self.folder / "source" / order.source.path.name
        copy.parent.mkdir()
        shutil.copyfile(order.source.path, copy)
        self.order = replace(order, source=table.read(copy, plain_quotes=order.source.plain_quotes))
        self._target = self.folder / "answers.csv"
        shares = order.template.labels if order.labels else ()
        self._answered = AnsweredRows(
            self.order.source, self._target, labels=order.labels, limit=order.most, shares=shares
        )
        self._lock = threading.Lock()
        self._fetched: list[Path] = []
        self._work = self._begin()

    @property
    def standing(self) -> Standing[Progress, Result]:
        """Its state; the result of a stopped run has the rows so far."""
        return self._work.standing

    @property
    def resumable(self) -> bool:
        """Whether it has ended before its last row."""
        standing = self.standing
        return standing.finished and (standing.result is None or not standing.result.finished)

    @property
    def columns(self) -> Row:
        """Of its output."""
        return self._answered.columns

    def counts(self) -> Counts:
        """How many rows are answered now, wherever in the file."""
        return self._answered.counts()

    def stop(self) -> None:
        """Ask it to stop; what is done stays."""
        self._work.stop()

    def resume(self) -> None:
        """Continue where it was stopped; nothing while it runs, nor when all rows are there."""
        with self._lock:
            if self.resumable:
                self._work = self._begin()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        return self._work.wait(seconds)

    def rows(self, count: int) -> list[tuple[int, Row]]:
        """The first rows that are answered, in the file's order, each with its number there."""
        self.touched = time.monotonic()
        return self._answered.preview(count)

    def fetch(self, format: str) -> Path:
        """The rows that are answered as a file: csv, tsv, jsonl or xlsx. It is kept until the next one but one is
        fetched.

        Raises:
            TableError: no row is answered yet, or the format cannot hold one.
        """
        self.touched = time.monotonic()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        path = folder / f"{self.order.source.path.stem[:80]}-answers.{format}"
        with self._lock:
            old, self._fetched = self._fetched[:-1], [*self._fetched[-1:], path]
        for each in old:
            shutil.rmtree(each.parent, ignore_errors=True)
        self._answered.write(path)
        return path

    def delete(self, cache: str | None = None) -> None:
        """Delete its files.

        Args:
            cache: where gradio keeps copies of what was fetched; they, and the upload, are deleted too.
        """
        if cache is not None:
            for path in self._fetched:
                remove_served(path, cache)
            remove_upload(self._upload)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self) -> Work[Progress, Result]:
        def function(cancel: threading.Event, tell: Tell[Progress]) -> Result:
            order = self.order
            result = run(
                self._engine,
                order.template,
                order.source,
                self._target,
                columns=order.columns,
                labels=order.labels,
                attention=order.attention,
                rule=order.rule,
                resume=True,
                limit=order.most,
                shares=order.labels,
                cancel=cancel,
                progress=tell,
            )
            if order.labels:
                confidence = len(order.source.columns) + 1
                self.tenths = tenths(row[confidence] for row in self._answered)
            self.touched = time.monotonic()
            return result

        return Work(function, "batch", self._seconds)


class BatchJobs:
    """All jobs, by id. `sweep` is to be called now and then."""

    def __init__(self, engine: Answers, seconds: float | None = None) -> None:
        self._engine = engine
        self._seconds = seconds
        self._lock = threading.Lock()
        self._jobs: dict[str, BatchJob] = {}

    def begin(self, order: Order) -> BatchJob:
        """Start a job.

        Raises:
            SettingError: an input has no column, there are no two labels, or too many files are being answered.
            TableError: the file has no such column.
        """
        query_of(order.source, order.template, order.columns)
        Question(self._engine, order.template, order.labels, order.attention)
        with self._lock:
            self._sweep()
            if sum(not job.standing.finished for job in self._jobs.values()) >= RUNNING_LIMIT:
                raise SettingError(
                    f"{RUNNING_LIMIT} files are being answered already", mend="try again when one of them is done"
                )
            job = BatchJob(self._engine, order, self._seconds)
            self._jobs[job.id] = job
            return job

    def find(self, id: object) -> BatchJob | None:
        """The job of that id, if it is still kept."""
        with self._lock:
            return self._jobs.get(id) if isinstance(id, str) else None

    def running(self) -> list[BatchJob]:
        """The jobs that are running."""
        with self._lock:
            return [job for job in self._jobs.values() if not job.standing.finished]

    def delete(self, id: object, cache: str) -> bool:
        """Forget a job and delete its files, at once or as soon as it has stopped; whether there was one.

        Args:
            id: the job's.
            cache: where gradio keeps copies of what was fetched.
        """
        with self._lock:
            job = self._jobs.pop(id, None) if isinstance(id, str) else None
        if job is None:
            return False
        job.stop()

        def ended() -> None:
            job.wait(STOP_SECONDS)
            job.delete(cache)

        if job.standing.finished:
            ended()
        else:
            threading.Thread(target=ended, name="playground-delete", daemon=True).start()
        return True

    def __len__(self) -> int:
        with self._lock:
            return len(self._jobs)

    def sweep(self) -> None:
        """Forget, with all their files, jobs that nobody has looked at for long."""
        with self._lock:
            self._sweep(room=0)

    def _sweep(self, room: int = 1) -> None:
        """Forget jobs that nobody has looked at for long, and the oldest where there are too many."""
        ended = sorted((job for job in self._jobs.values() if job.standing.finished), key=lambda job: job.touched)
        too_many = len(self._jobs) - KEPT_LIMIT + room
        for index, job in enumerate(ended):
            if index < too_many or time.monotonic() - job.touched > KEPT_SECONDS:
                del self._jobs[job.id]
                job.delete()
