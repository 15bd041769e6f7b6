"""A table in, its rows answered out: the batch run, which a kill does not set back.

In: an engine, a template, a table, a file name. Out: the table's own columns and the replies beside them, in its
order, each row on the disk as soon as it is due. A run that was cut off is resumed from its output and its journal.
XLSX cannot grow by a row: such a run grows a JSONL file, `OUT.part.jsonl`, and is turned into XLSX at its end. Does not
know what a right answer is, nor how progress is shown.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from gptjt_demo.batch.journal import Identity, Journal, journal_of
from gptjt_demo.batch.progress import Meter, Told
from gptjt_demo.batch.question import Query, Question, Reply, reply_cells, reply_columns
from gptjt_demo.batch.sharding import Shard
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.settings import Attention
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.sheet import Row, unique_names
from gptjt_demo.tables.table import Table, read
from gptjt_demo.templates.template import Template

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

_NOT_THE_PROMPT = {"name", "title", "description", "query", "licence", "source", "notice"}


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    Attributes:
        path: the output; of a cancelled run to XLSX, the JSONL file that holds its rows so far.
        rows: rows in it.
        total: rows that were asked for.
        errors: rows with an error.
        flagged: rows whose answer did not pass the template's check.
        attention: the mode they were answered in.
        seconds: that this run took, without those before it that it resumed.
    """

    path: Path
    rows: int
    total: int
    errors: int
    flagged: int
    attention: Attention
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether every row is there; if not, the run can be resumed."""
        return self.rows == self.total


def run(
    engine: Answers,
    template: Template,
    source: Table | Path | str,
    target: Path | str,
    *,
    columns: Mapping[str, str],
    labels: bool = False,
    attention: Attention | None = None,
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    cancel: threading.Event | None = None,
    progress: Told | None = None,
) -> Result:
    """Answer every row of a table.

    Args:
        engine: whoever answers.
        template: the prompt around a row.
        source: the table, or its file.
        target: .csv, .tsv, .jsonl or .xlsx.
        columns: for each of the template's inputs, the table's column.
        labels: pick one of the template's labels instead of generating text.
        attention: None: the template's word, else the engine's.
        resume: go on where a run to the same target was cut off; begin if there was none; nothing is left to do if
            the target has all rows.
        overwrite: replace a target that is there.
        limit: only so many rows, from the start.
        cancel: set it to stop; what is done stays, and can be resumed.
        progress: told of every finished row, in the thread that runs; it should be quick.

    Raises:
        TableError: the source or the target cannot be used.
        SettingError: an input lacks its column, or labels are asked of a template without any.
    """
    started = time.perf_counter()
    table = source if isinstance(source, Table) else read(source)
    question = Question(engine, template, labels, attention)
    query = query_of(table, template, columns)
    total = capped(table, limit)
    shard = Shard.current()
    names = unique_names((*table.columns, *reply_columns(labels)))
    output = _Output(Path(target), names)
    try:
        start = shard.from_leader(
            lambda: output.open(table, total, _identity(question, table, columns), resume, overwrite)
        )
        failed = start.errors + sum(bool(reply.error) for reply in start.known.values())
        meter = Meter(total, progress, done=start.written + len(start.known), errors=failed)

        def finished(place: int, reply: Reply) -> None:
            output.record(place, reply)
            meter.count(bool(reply.error))

        written, errors, flagged = start.written, start.errors, start.flagged
        rows, asked = (islice(table, start.written, total) for _ in range(2))
        replies = question.replies(
            map(query, asked), first=written, known=start.known, finished=finished, cancel=cancel, shard=shard
        )
        for row, reply in zip(rows, replies, strict=False):
            output.write((*row, *reply_cells(reply, labels)))
            written, errors, flagged = written + 1, errors + bool(reply.error), flagged + bool(reply.check)
        meter.tell()
        path = output.finish() if written == total else output.part
    finally:
        output.close()
    return Result(path, written, total, errors, flagged, question.mode, time.perf_counter() - started)


def query_of(table: Table, template: Template, columns: Mapping[str, str]) -> Callable[[Row], Query]:
    """What turns a row of the table into the template's query.

    Raises:
        SettingError: an input has no column, or there is no such input.
        TableError: the table has no such column.
    """
    inputs = [item.name for item in template.inputs]
    for name in [*inputs, *columns]:
        if name not in columns:
            raise SettingError(f"the input {name!r} has no column", where=template.name, mend="choose one")
        if name not in inputs:
            raise SettingError(f"no input {name!r}", where=template.name, mend=f"it has {', '.join(inputs)}")
    places = [(name, table.place(columns[name])) for name in inputs]
    return lambda row: {name: row[place] for name, place in places}


def capped(table: Table, limit: int | None) -> int:
    """How many of the table's rows are meant.

    Raises:
        SettingError: the limit is not a positive number.
    """
    if limit is not None and limit < 1:
        raise SettingError(f"{limit} rows", where="limit", mend="ask for at least 1")
    return min(len(table), limit or len(table))


def _identity(question: Question, table: Table, columns: Mapping[str, str]) -> Identity:
    """What a run must have in common with the one that it resumes."""
    template = question.template.model_dump(mode="json", exclude=_NOT_THE_PROMPT)
    return {
        "source file": table.digest(),
        "template": hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest(),
        "columns": json.dumps(dict(columns), sort_keys=True),
        "labels": str(question.labels),
        "attention": question.mode,
        "model": question.engine.name,
    }


@dataclass(frozen=True)
class _Start:
    """Where a run begins: rows that are written, and replies that are known beyond them."""

    written: int = 0
    errors: int = 0
    flagged: int = 0
    known: Mapping[int, Reply] = field(default_factory=dict)


class _Output:
    """The growing file and its journal. Only the first of a group of processes opens them; others write nowhere."""

    def __init__(self, target: Path, columns: Row) -> None:
        workbook = rowfile.format_of(target) == "xlsx"
        self.part = target.with_name(target.name + ".part.jsonl") if workbook else target
        self._target, self._columns = target, columns
        self._codec = rowfile.Codec(rowfile.format_of(self.part), columns)
        self._journal: Journal | None = None
        self._file: rowfile.AppendOnly | None = None

    def open(self, table: Table, total: int, identity: Identity, resume: bool, overwrite: bool) -> _Start:
        """Begin, or go on."""
        journal = journal_of(self._target)
        if self._target.exists() and self._target.samefile(table.path):
            raise TableError("the output would replace the input", where=self._target.name, mend="choose another name")
        there = self._target.exists() or self.part.exists()
        if resume and journal.exists():
            return self._resume(journal, identity)
        if there and resume:
            if complete := self._complete(table, total):
                return complete
            raise TableError(
                "no unfinished run wrote it, so there is nothing to resume",
                where=self._target.name,
                mend="choose another name, or overwrite it",
            )
        if there and not overwrite:
            mend = "overwrite it, or choose another name"
            if journal.exists():
                mend = f"resume it, {mend}"
            raise TableError("it is there already", where=self._target.name, mend=mend)
        self.part.unlink(missing_ok=True)  # before the journal is there, or a resumed run would take it for its own
        self._journal = Journal.begin(journal, identity)
        self._begin()
        return _Start()

    def _complete(self, table: Table, total: int) -> _Start | None:
        """Where a run begins that was killed when all was done: the output has the source's rows, to the last one."""
        try:
            found = read(self._target)
        except TableError:
            return None
        if found.columns != self._columns or len(found) != total:
            return None
        errors = flagged = 0
        for source, row in zip(table, found, strict=False):
            if row[: len(source)] != source:
                return None
            errors, flagged = errors + bool(row[-1]), flagged + bool(row[-2])
        return _Start(total, errors, flagged)

    def _begin(self) -> None:
        self._file = rowfile.AppendOnly(self.part)
        self._file.write(self._codec.header())

    def _resume(self, journal: Path, identity: Identity) -> _Start:
        written = rowfile.recover(self.part, self._columns)
        self._journal, known = Journal.resume(journal, identity, written or 0, self._target.name)
        if not written:
            self._begin()
            return _Start(known=known)
        self._file = rowfile.AppendOnly(self.part, append=True)
        rows = [(bool(row[-1]), bool(row[-2])) for row in read(self.part)]
        errors, flagged = (sum(column) for column in zip(*rows, strict=True))
        return _Start(written, errors, flagged, known)

    def record(self, place: int, reply: Reply) -> None:
        """Keep a reply that may not be due yet."""
        if self._journal is not None:
            self._journal.record(place, reply)

    def write(self, row: Row) -> None:
        """Add the next row."""
        if self._file is not None:
            self._file.write(self._codec.row(row))

    def finish(self) -> Path:
        """The output is complete."""
        if self._file is None:
            return self._target
        self.close()
        if self.part != self._target:
            try:
                rowfile.write(self._target, self._columns, read(self.part))
            except TableError as error:
                mend = f"all rows are in {self.part.name}"
                raise TableError(error.what, where=error.where, mend=mend) from None
            self.part.unlink()
        journal_of(self._target).unlink(missing_ok=True)
        return self._target

    def close(self) -> None:
        """Sync and close."""
        for file in (self._file, self._journal):
            if file is not None:
                file.close()
        self._file = self._journal = None
