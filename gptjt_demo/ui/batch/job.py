"""Batch runs that continue when their page is closed: each has an id nobody can guess, and a folder of its own.

In: an uploaded file and what is to be asked of it. Out: a `BatchJob`, found again only by its id, also by a program
that is started in this one's place; the rows that are answered at any time, in any format. Old jobs are forgotten and
their folders deleted. Knows nothing of HTML.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gptjt_demo.batch.answered import AnsweredRows, Counts
from gptjt_demo.batch.progress import Progress
from gptjt_demo.batch.question import Question
from gptjt_demo.batch.run import Result, query_of, run
from gptjt_demo.errors import SettingError
from gptjt_demo.tables import table
from gptjt_demo.tables.sheet import Row
from gptjt_demo.ui.batch.order import Order, keep, kept, source_in
from gptjt_demo.ui.batch.sureness import tenths
from gptjt_demo.ui.folders import KEPT_SECONDS, found_again, kept_folder, remove_served, remove_upload
from gptjt_demo.ui.work import Standing, Tell, Work

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

RUNNING_LIMIT = 4
KEPT_LIMIT = 64
STOP_SECONDS = 600.0
"""How long a job that is deleted may take to stop; within a layer, as a rule."""

_ID = re.compile(r"[\w-]{32}", re.ASCII)
_RESTARTED = "the app was restarted before the last row was answered"


class BatchJob:
    """One run over its own copy of a file; it may be stopped and continued.

    Attributes:
        folder: has all files of the run, and goes when the job is deleted.
        fetched: whether somebody has its last row as a file; not known any more after a restart.

    Args:
        engine: whoever answers.
        id: nobody else can guess it.
        folder: has the order's source, and whatever an earlier program has answered of it.
        order: what is asked.
        model: the name of whoever answers, or has answered.
        seconds: after which it is ended, and may go on again; None: never.
    """

    def __init__(
        self, engine: Answers, id: str, folder: Path, order: Order, model: str, seconds: float | None = None
    ) -> None:
        self.id, self.folder, self.order, self.model = id, folder, order, model
        self.touched = time.monotonic()
        self.fetched = False
        self.tenths: tuple[int, ...] = ()
        self._engine = engine
        self._seconds = seconds
        self._upload: Path | None = None
        self._target = folder / "answers.csv"
        shares = order.template.labels if order.labels else ()
        self._answered = AnsweredRows(order.source, self._target, labels=order.labels, limit=order.most, shares=shares)
        self._lock = threading.Lock()
        self._fetched: list[Path] = []
        self._left: Standing[Progress, Result] = Standing(finished=True)
        self._work: Work[Progress, Result] | None = None

    @classmethod
    def begun(cls, engine: Answers, order: Order, seconds: float | None = None) -> BatchJob:
        """A job that begins now."""
        id = secrets.token_urlsafe(24)
        folder = kept_folder(_name(id))
        copy = source_in(folder, order.source.path.name)
        copy.parent.mkdir()
        shutil.copyfile(order.source.path, copy)
        source = table.read(copy, plain_quotes=order.source.plain_quotes)
        job = cls(engine, id, folder, replace(order, source=source), engine.name, seconds)
        keep(job.order, folder, job.model)
        job._upload = order.source.path
        job._work = job._begin()
        return job

    @classmethod
    def found(cls, engine: Answers, id: str, seconds: float | None = None) -> BatchJob | None:
        """The job of that id that an earlier program has begun; None where there is none any more. It goes on only when
        somebody asks for it."""
        folder = found_again(_name(id)) if _ID.fullmatch(id) else None
        if folder is None or (known := kept(folder)) is None:
            return None
        job = cls(engine, id, folder, *known, seconds)
        job._left = job._as_left()
        job._touch()
        return job

    @property
    def standing(self) -> Standing[Progress, Result]:
        """Its state; the result of a stopped run has the rows so far."""
        return self._left if self._work is None else self._work.standing

    @property
    def resumable(self) -> bool:
        """Whether it has ended before its last row, and can go on: an earlier program's model may be another."""
        standing = self.standing
        unfinished = standing.finished and (standing.result is None or not standing.result.finished)
        return unfinished and self._engine.name == self.model

    @property
    def columns(self) -> Row:
        """Of its output."""
        return self._answered.columns

    def counts(self) -> Counts:
        """How many rows are answered now, wherever in the file."""
        return self._answered.counts()

    def stop(self) -> None:
        """Ask it to stop; what is done stays."""
        if self._work is not None:
            self._work.stop()

    def resume(self) -> None:
        """Continue where it was stopped; nothing while it runs, nor when all rows are there."""
        with self._lock:
            if self.resumable:
                self._work = self._begin()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        return self._work is None or self._work.wait(seconds)

    def rows(self, count: int) -> list[tuple[int, Row]]:
        """The first rows that are answered, in the file's order, each with its number there."""
        self._touch()
        return self._answered.preview(count)

    def fetch(self, format: str) -> Path:
        """The rows that are answered as a file: csv, tsv, jsonl or xlsx. It is kept until the next one but one is
        fetched.

        Raises:
            TableError: no row is answered yet, or the format cannot hold one.
        """
        self._touch()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        path = folder / f"{self.order.source.path.stem[:80]}-answers.{format}"
        with self._lock:
            old, self._fetched = self._fetched[:-1], [*self._fetched[-1:], path]
        for each in old:
            shutil.rmtree(each.parent, ignore_errors=True)
        whole = self._answered.whole
        self._answered.write(path)
        self.fetched = self.fetched or whole
        return path

    def delete(self, cache: str | None = None) -> None:
        """Delete its files.

        Args:
            cache: where gradio keeps copies of what was fetched; they, and the upload, are deleted too.
        """
        if cache is not None:
            for path in self._fetched:
                remove_served(path, cache)
            if self._upload is not None:
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
            self._count_tenths()
            self._touch()
            return result

        return Work(function, "batch", self._seconds)

    def _as_left(self) -> Standing[Progress, Result]:
        """How an earlier program left it."""
        if not self._answered.whole:
            other = f" with another model; only {self.model} can go on with it"
            return Standing(finished=True, error=_RESTARTED + (other if self._engine.name != self.model else ""))
        self._count_tenths()
        counts = self._answered.counts()
        mode = self._engine.resolve(self.order.attention or self.order.template.attention)
        result = Result(
            self._target, counts.answered, counts.total, counts.errors, counts.flagged, mode, 0.0, was_complete=True
        )
        return Standing(finished=True, result=result)

    def _count_tenths(self) -> None:
        if self.order.labels:
            confidence = len(self.order.source.columns) + 1
            self.tenths = tenths(row[confidence] for row in self._answered)

    def _touch(self) -> None:
        """Somebody has looked at it; its folder says so to a program that is started later."""
        self.touched = time.monotonic()
        with contextlib.suppress(OSError):  # it is being deleted
            os.utime(self.folder)


class BatchJobs:
    """All jobs, by id. `sweep` is to be called now and then."""

    def __init__(self, engine: Answers, seconds: float | None = None) -> None:
        self._engine = engine
        self._seconds = seconds
        self._lock = threading.Lock()
        self._finding = threading.Lock()  # what is read from the disk holds up nobody else
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
            job = BatchJob.begun(self._engine, order, self._seconds)
            self._jobs[job.id] = job
            return job

    def find(self, id: object) -> BatchJob | None:
        """The job of that id, if it is still kept."""
        with self._lock:
            job = self._jobs.get(id) if isinstance(id, str) else None
        return self._found(id) if job is None and isinstance(id, str) else job

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

    def _found(self, id: str) -> BatchJob | None:
        """A job that an earlier program has begun."""
        with self._finding:
            with self._lock:
                if id in self._jobs:
                    return self._jobs[id]
            job = BatchJob.found(self._engine, id, self._seconds)
            if job is not None:
                with self._lock:
                    self._sweep()
                    self._jobs[id] = job
        return job

    def _sweep(self, room: int = 1) -> None:
        """Forget jobs that nobody has looked at for long, and the oldest where there are too many."""
        ended = sorted((job for job in self._jobs.values() if job.standing.finished), key=lambda job: job.touched)
        too_many = len(self._jobs) - KEPT_LIMIT + room
        for index, job in enumerate(ended):
            if index < too_many or time.monotonic() - job.touched > KEPT_SECONDS:
                del self._jobs[job.id]
                job.delete()


def _name(id: str) -> str:
    """Of a job's folder: whoever lists folders learns no id from it."""
    return hashlib.sha256(id.encode()).hexdigest()
