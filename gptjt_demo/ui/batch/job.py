"""Batch runs that go on when their page is closed: each has an id nobody can guess, and a folder of its own.

In: an uploaded file and what is to be asked of it. Out: a `BatchJob`, found again by its id alone; its rows so far at
any time, in any format. Old jobs are forgotten and their folders deleted. Knows nothing of gradio or HTML.
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

from gptjt_demo.batch.progress import Progress
from gptjt_demo.batch.question import reply_columns
from gptjt_demo.batch.run import Result, query_of, run
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.settings import Attention
from gptjt_demo.tables import rowfile, table
from gptjt_demo.tables.sheet import Row, unique_names
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.work import Standing, Tell, Work

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

ROW_LIMIT = 100_000
RUNNING_LIMIT = 4
KEPT_LIMIT = 64
KEPT_SECONDS = 24 * 3600.0
"""How long a job that has ended can be fetched."""


@dataclass(frozen=True)
class Order:
    """What is asked of a file. `columns`: for each of the template's inputs, the table's column."""

    source: table.Table
    template: Template
    columns: Mapping[str, str]
    labels: bool = False
    attention: Attention | None = None

    @property
    def rows(self) -> int:
        """Rows that are answered: the file's, up to the limit."""
        return min(len(self.source), ROW_LIMIT)


class BatchJob:
    """One run over its own copy of a file; it begins at once, and may be stopped and go on again."""

    def __init__(self, engine: Answers, order: Order) -> None:
        self.id = secrets.token_urlsafe(24)
        self.model = engine.name
        self.touched = time.monotonic()
        self._engine = engine
        self._home = tempfile.TemporaryDirectory(prefix="gptjt-batch-", ignore_cleanup_errors=True)
        self._folder = Path(self._home.name)  # for this user's eyes only
        copy = self._folder / "source" / order.source.path.name
        copy.parent.mkdir()
        shutil.copyfile(order.source.path, copy)
        self.order = replace(order, source=table.read(copy))
        self._target = self._folder / "answers.csv"
        self._lock = threading.Lock()
        self._fetched: list[Path] = []
        self._work = self._begin()

    @property
    def standing(self) -> Standing[Progress, Result]:
        """How it stands; the result of a stopped run has the rows so far."""
        return self._work.standing

    @property
    def resumable(self) -> bool:
        """Whether it has ended before its last row."""
        standing = self.standing
        return standing.finished and (standing.result is None or not standing.result.finished)

    @property
    def columns(self) -> Row:
        """Of its output."""
        return unique_names((*self.order.source.columns, *reply_columns(self.order.labels)))

    def stop(self) -> None:
        """Ask it to stop; what is done stays."""
        self._work.stop()

    def resume(self) -> None:
        """Go on where it was stopped; nothing while it runs, nor when all rows are there."""
        with self._lock:
            if self.resumable:
                self._work = self._begin()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        return self._work.wait(seconds)

    def rows(self, count: int) -> list[Row]:
        """The first rows of its output so far."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            copy = self._so_far(Path(folder))
            return [] if copy is None else table.read(copy).preview(count)

    def fetch(self, format: str) -> Path:
        """The rows so far as a file: csv, tsv, jsonl or xlsx. It is kept until the next one but one is fetched.

        Raises:
            TableError: no row is finished yet, or the format cannot hold one.
        """
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        with self._lock:
            old, self._fetched = self._fetched[:-1], [*self._fetched[-1:], folder]
        for each in old:
            shutil.rmtree(each, ignore_errors=True)
        copy = self._so_far(folder)
        if copy is None:
            raise TableError("no row is finished yet", mend="wait for the first one")
        path = folder / f"{self.order.source.path.stem[:80]}-answers.{format}"
        if format == "csv":
            return copy.replace(path)
        found = table.read(copy)
        rowfile.write(path, found.columns, found)
        copy.unlink()
        return path

    def delete(self) -> None:
        """Delete its files."""
        self._home.cleanup()

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
                resume=True,
                limit=ROW_LIMIT,
                cancel=cancel,
                progress=tell,
            )
            self.touched = time.monotonic()
            return result

        return Work(function)

    def _so_far(self, folder: Path) -> Path | None:
        """A copy of the output, of whole rows only; None where there is none yet."""
        self.touched = time.monotonic()
        if not self._target.exists():
            return None
        copy = folder / "copy.csv"
        shutil.copyfile(self._target, copy)
        return copy if rowfile.recover(copy, self.columns) else None


class BatchJobs:
    """All jobs, by id."""

    def __init__(self, engine: Answers) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._jobs: dict[str, BatchJob] = {}

    def begin(self, order: Order) -> BatchJob:
        """Start a job.

        Raises:
            SettingError: an input has no column, or too many files are being answered.
            TableError: the file has no such column.
        """
        query_of(order.source, order.template, order.columns)
        with self._lock:
            self._sweep()
            if sum(not job.standing.finished for job in self._jobs.values()) >= RUNNING_LIMIT:
                raise SettingError(
                    f"{RUNNING_LIMIT} files are being answered already", mend="try again when one of them is done"
                )
            job = BatchJob(self._engine, order)
            self._jobs[job.id] = job
            return job

    def find(self, id: object) -> BatchJob | None:
        """The job of that id, if it is still kept."""
        with self._lock:
            return self._jobs.get(id) if isinstance(id, str) else None

    def __len__(self) -> int:
        with self._lock:
            return len(self._jobs)

    def _sweep(self) -> None:
        """Forget jobs that nobody has looked at for long, and the oldest where there are too many."""
        ended = sorted((job for job in self._jobs.values() if job.standing.finished), key=lambda job: job.touched)
        too_many = len(self._jobs) - KEPT_LIMIT + 1
        for place, job in enumerate(ended):
            if place < too_many or time.monotonic() - job.touched > KEPT_SECONDS:
                del self._jobs[job.id]
                job.delete()
