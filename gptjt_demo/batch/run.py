"""A table in, its rows answered out: the batch run, which a kill does not set back.

In: an engine, a template, a table, a file name. Out: the table's own columns and the replies beside them, in its
order, each row on the disk as soon as it is due. A run that was cut off is resumed from its output and its journal.
By the rule `batch` labels need the mean over all rows: they are by the sum while the run goes on, and all corrected at
once when its last row is there.
Does not know how the output grows, what a right answer is, nor how progress is shown.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from gptjt_demo.batch.journal import Identity, source_of
from gptjt_demo.batch.output import Output, check_target, place_of
from gptjt_demo.batch.progress import Meter, Told
from gptjt_demo.batch.question import Query, Question, Reply
from gptjt_demo.batch.sharding import Shard
from gptjt_demo.engine.calibration import LabelRule, Shares, check_rule
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.settings import Attention
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.sheet import Row
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
        was_complete: it was resumed, and every row was there; which prompt and model answered them is not known.
    """

    path: Path
    rows: int
    total: int
    errors: int
    flagged: int
    attention: Attention
    seconds: float
    was_complete: bool = False

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
    rule: LabelRule = "logprob",
    resume: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    shares: bool = False,
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
        rule: how labels are compared; see the module.
        resume: continue a run to the same target that was cut off, once what it wrote has been compared with the
            table; begin if there was none; nothing is left to do if the target has all rows.
        overwrite: replace a target that is there; with `resume`, redo only what is not as it should be.
        limit: only so many rows, from the start.
        shares: write the shares of all labels too, in a column that a review reads.
        cancel: set it to stop; what is done stays, and can be resumed.
        progress: told of every finished row, in the thread that runs; it should be quick.

    Raises:
        TableError: the source or the target cannot be used.
        SettingError: an input lacks its column, or labels are asked of a template without any.
    """
    started = time.perf_counter()
    shard = Shard.current()
    target = place_of(Path(target))
    path = source.path if isinstance(source, Table) else Path(source)
    later = labels and check_rule(rule) == "batch"
    shard.from_leader(lambda: check_target(path, target, resume=resume, overwrite=overwrite, later=later))
    table = source if isinstance(source, Table) else read(source)
    format = rowfile.format_of(target)
    refused = partial(rowfile.unholdable, format)
    question = Question(engine, template, labels, attention, rule, refused=refused)
    query = query_of(table, template, columns)
    total = capped(table, limit)
    named = template.labels if labels and shares else ()
    output = Output(target, table, total, labels=labels, later=later, shares=named)
    try:
        identity = {**_identity(question, table, columns), **({"shares": "True"} if named else {})}
        start = shard.from_leader(lambda: output.open(identity, resume=resume, overwrite=overwrite))
        failed = start.errors + sum(bool(reply.error) for reply in start.known.values())
        meter = Meter(total, progress, done=start.written + len(start.known), errors=failed)

        def finished(index: int, reply: Reply) -> None:
            output.record(index, reply)
            meter.count(bool(reply.error))

        written, errors, flagged = start.written, start.errors, start.flagged
        rows, asked = (islice(table, start.written, total) for _ in range(2))
        replies = question.replies(
            map(query, asked),
            first=written,
            known=start.known,
            finished=finished,
            cancel=cancel,
            shard=shard,
            soon=True,
        )
        for row, reply in zip(rows, replies, strict=False):
            output.write(row, reply)
            written, errors, flagged = written + 1, errors + bool(reply.error), flagged + bool(reply.check)
        meter.tell()
        if written < total and not (cancel is not None and cancel.is_set()):
            what = f"the run ended early: {written:,} of {total:,} rows are answered"
            raise TableError(what, where=target.name, mend="resume it")

        if written == total:
            output.refuse_changed(identity)

        def settled(row: Row, reply: Reply, mean: Shares) -> Reply:
            nonlocal flagged
            found = question.corrected(reply, query(row), mean)
            flagged += bool(found.check) - bool(reply.check)
            return found

        path = output.finish(settled if later else None) if written == total else output.part
    finally:
        output.close()
    seconds = time.perf_counter() - started
    return Result(path, written, total, errors, flagged, question.mode, seconds, start.complete)


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
    indices = [(name, table.column_index(columns[name])) for name in inputs]
    return lambda row: {name: row[index] for name, index in indices}


def capped(table: Table, limit: int | None) -> int:
    """How many of the table's rows are meant.

    Raises:
        SettingError: the limit is not a positive number.
    """
    if limit is not None and limit < 1:
        raise SettingError(f"{limit} rows", where="limit", mend="ask for at least 1")
    return min(len(table), limit or len(table))


def _identity(question: Question, table: Table, columns: Mapping[str, str]) -> Identity:
    """What a run must have in common with the one that it resumes. The usual needs no word: it was all there was."""
    template = question.template.model_dump(mode="json", exclude=_NOT_THE_PROMPT)
    if template["shape"] is None:  # there were none once, and a run from then can be resumed
        del template["shape"]
    rule = {"rule": question.rule} if question.labels and question.rule != "logprob" else {}
    return {
        **source_of(table),
        "template": hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest(),
        "columns": json.dumps(dict(columns), sort_keys=True),
        "labels": str(question.labels),
        "attention": question.mode,
        "model": question.engine.name,
        **rule,
    }
