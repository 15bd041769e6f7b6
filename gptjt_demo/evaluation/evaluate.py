"""A labelled table in, a measured template out.

In: an engine, a template, a table with a column of right answers. Out: a `Run`. Answers are compared as `check`
compares them. A row that fails counts as wrong, and is counted apart. Does not know how figures are made of rows.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from gptjt_demo.batch.progress import Meter, Told, count
from gptjt_demo.batch.question import Question, Reply
from gptjt_demo.batch.run import capped, query_of
from gptjt_demo.batch.sharding import Shard
from gptjt_demo.engine.calibration import LabelRule, Shares, check_rule, mean_shares
from gptjt_demo.errors import PlaygroundError, SettingError, TableError
from gptjt_demo.evaluation.run import ERROR, UNPARSED, Labelled, Outcome, Run, rows_sentence
from gptjt_demo.settings import Attention
from gptjt_demo.settings.shape import described
from gptjt_demo.tables.sheet import Row, fault_of, visible
from gptjt_demo.tables.table import Table, read
from gptjt_demo.templates.answer_check import match_label, normalised, same_answer
from gptjt_demo.templates.neutral import Neutral
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.measured import prompt_key

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers


def evaluate(
    engine: Answers,
    template: Template,
    source: Table | Path | str,
    *,
    columns: Mapping[str, str],
    gold: str,
    labels: bool | None = None,
    attention: Attention | None = None,
    rule: LabelRule = "logprob",
    limit: int | None = None,
    cancel: threading.Event | None = None,
    progress: Told | None = None,
) -> Run:
    """Measure a template on a labelled table.

    Args:
        engine: whoever answers.
        template: the prompt around a row.
        source: the table, or its file.
        columns: for each of the template's inputs, the table's column.
        gold: the column of right answers.
        labels: pick a label (the default where the template has some) or generate text.
        attention: None: the template's word, else the engine's.
        rule: how labels are compared.
        limit: only so many rows, from the start.
        cancel: set it to stop; the run then has the rows so far.
        progress: told of every finished row; it should be quick.

    Raises:
        TableError: the table cannot be read, lacks a column, or has no right answers.
        SettingError: an input lacks its column, or labels are asked of a template without any.
    """
    rows = labelled(source, template, columns=columns, gold=gold, limit=limit)
    scored = bool(template.labels) if labels is None else labels
    question = Question(engine, template, scored, attention, check_rule(rule))
    return measure(question, rows, cancel=cancel, meter=Meter(len(rows), progress), rules=True)


class LabelledRows(list[Labelled]):
    """The rows of a table that can be judged, and where they come from.

    Attributes:
        asked: rows of the table that were looked at; those that are not here have no right answer.
        columns: for each of the template's inputs, the table's column.
        gold: the column of right answers.
        file: the table's name.
    """

    def __init__(
        self, rows: Iterable[Labelled], *, asked: int, columns: Mapping[str, str], gold: str, file: str = ""
    ) -> None:
        super().__init__(rows)
        self.asked, self.columns, self.gold, self.file = asked, dict(columns), gold, file

    @property
    def without_gold(self) -> int:
        """How many rows have no right answer."""
        return self.asked - len(self)

    @property
    def sentence(self) -> str:
        """How many rows can be judged, and why not all."""
        return rows_sentence(len(self), self.asked, self.without_gold)


def labelled(
    source: Table | Path | str, template: Template, *, columns: Mapping[str, str], gold: str, limit: int | None = None
) -> LabelledRows:
    """The rows of a table that can be judged. A gold cell that is blank or damaged is a row without one, and is left
    out and counted, unless the template's answers are lists, which may be empty.

    Raises:
        TableError: the table cannot be read, lacks a column, or no row has a right answer.
        SettingError: an input lacks its column, or has that of the right answers.
    """
    table = source if isinstance(source, Table) else read(source)
    query, answers = query_of(table, template, columns), table.column_index(gold)
    if answers in map(table.column_index, columns.values()):
        what = f"the column {gold!r} is an input and holds the right answers"
        raise SettingError(what, where=table.path.name, mend="choose another column for one of the two")
    may_be_empty = any(found is not None and found.from_input for found in (template.check, template.shape))
    asked = capped(table, limit)
    found = [
        Labelled(i, query(row), row[answers])
        for i, row in enumerate(islice(table, asked))
        if (may_be_empty or visible(row[answers])) and not fault_of(row[answers])
    ]
    if not found:
        raise TableError(
            f"no right answers in the column {gold!r}", where=table.path.name, mend="choose another column"
        )
    taken = {name: table.columns[table.column_index(column)] for name, column in columns.items()}
    return LabelledRows(found, asked=asked, columns=taken, gold=table.columns[answers], file=table.path.name)


def measure(
    question: Question,
    rows: Sequence[Labelled],
    *,
    cancel: threading.Event | None = None,
    meter: Meter | None = None,
    rules: bool = False,
    known: Mapping[int, Reply] | None = None,
    replied: Callable[[int, Reply], None] = lambda place, reply: None,
) -> Run:
    """Put labelled rows to a question.

    Args:
        question: what is asked; by the rule `batch` labels are corrected by the mean over these rows.
        rows: with their right answers.
        cancel: set it to stop.
        meter: counts the rows.
        rules: ask also for what other rules divide by, so that the run can tell all of them.
        known: replies that need not be asked for again, by their rows' places among these.
        replied: told of every new reply, by its row's place, as soon as it is there.

    Raises:
        TableError: it ended early, and nobody cancelled it.
    """
    labels = question.template.labels

    def told(place: int, reply: Reply) -> None:
        replied(place, reply)
        if meter:
            meter.count(bool(reply.error))

    replies = list(
        question.replies(
            (row.query for row in rows),
            known=known,
            finished=told,
            cancel=cancel,
            shard=Shard.current(),
        )
    )
    shares = [reply.shares for reply in replies if reply.shares]
    if question.rule == "batch" and shares:
        mean = mean_shares(shares)
        replies = [question.corrected(reply, row.query, mean) for row, reply in zip(rows, replies, strict=False)]
    references, left_out = _references(question, cancel) if rules and shares else ({}, ())
    outcomes = [_judged(row, reply, labels) for row, reply in zip(rows, replies, strict=False)]
    if meter:
        meter.tell()
    finished = len(outcomes) == len(rows)
    if not finished and not (cancel is not None and cancel.is_set()):
        raise TableError(
            f"the run ended early: {len(outcomes):,} of {len(rows):,} rows are answered", mend="run it again"
        )
    run = Run(
        template=question.template.name,
        model=question.engine.name,
        attention=question.mode,
        labels=labels,
        outcomes=outcomes,
        notes=(*_notes(question, outcomes), *left_out),
        finished=finished,
        rule=question.rule,
        references=references,
        key=prompt_key(question.template),
    )
    if not isinstance(rows, LabelledRows):
        return run
    run = replace(run, asked=rows.asked, without_gold=rows.without_gold, columns=rows.columns, gold_column=rows.gold)
    run = replace(run, file=rows.file)
    return replace(run, notes=(f"{run.rows_sentence}.", *run.notes)) if rows.without_gold else run


def _judged(row: Labelled, reply: Reply, labels: Row) -> Outcome:
    if not labels:
        gold, predicted = row.gold, ERROR if reply.error else reply.text
        right = not reply.error and (same_answer(gold, predicted) if gold.strip() else not predicted.strip())
        return Outcome(row, reply, gold, predicted, right)
    gold = match_label(row.gold, labels) or row.gold.strip()
    predicted = ERROR if reply.error else match_label(reply.text, labels) or UNPARSED
    share = dict(zip(labels, reply.shares, strict=False)).get(gold, 0.0) if reply.shares else None
    return Outcome(row, reply, gold, predicted, gold == predicted, share)


def _references(question: Question, cancel: threading.Event | None) -> tuple[dict[LabelRule, Shares], tuple[str, ...]]:
    """What the rules `prior` and `pmi` divide by; and why one of them is left out, a sentence each."""
    found: dict[LabelRule, Shares] = {}
    left_out = []
    rules: tuple[Neutral, ...] = ("prior", "pmi")
    for rule in rules:
        try:
            if shares := question.elsewhere(rule, cancel):
                found[rule] = shares
        except PlaygroundError as error:
            left_out.append(f"The rule {rule} is left out: {error}.")
    return found, tuple(left_out)


def _notes(question: Question, outcomes: Sequence[Outcome]) -> Iterator[str]:
    labels = question.template.labels
    foreign = Counter(outcome.gold for outcome in outcomes if labels and outcome.gold not in labels)
    if foreign:
        names = ", ".join(f"{name!r} ({count})" for name, count in foreign.most_common(5))
        more = ", …" if len(foreign) > 5 else "."
        yield f"Gold answers that are none of the template's labels count as wrong: {names}{more}"
    if known := _among_examples(question.template, outcomes):
        if question.template.nearest_examples is None:
            which = f"{count(known, 'measured row')} {'is' if known == 1 else 'are'} among the examples of"
            title = question.template.title
            yield f"{which} “{title}”: the model has read the right answer, so the figures are too good."
        else:
            which, was = ("One row is", "was") if known == 1 else (f"{known:,} rows are", "each was")
            yield f"{which} among the examples, and {was} asked without itself being shown."
    if question.template.shape is not None and not question.labels:
        yield f"Answers are held to a shape: {described(question.template.shape.over(('',)))}."
    if question.attention == "prefix" and question.mode != "prefix":
        yield f"{question.engine.name} does not see a prefix mask: this run is causal."


def _among_examples(template: Template, outcomes: Sequence[Outcome]) -> int:
    """Rows that are examples of the template too."""
    names = [field.name for field in template.inputs]
    known = {tuple(normalised(row.inputs[name]) for name in names) for row in template.examples}
    return sum(tuple(normalised(outcome.row.query[name]) for name in names) in known for outcome in outcomes)
