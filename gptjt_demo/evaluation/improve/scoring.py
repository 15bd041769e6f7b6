"""Templates measured, their calls to the model counted and each reply kept, so that nothing is asked twice.

In: a question, where replies are kept. Out: a `Run`, or a `Score`; none where the rest of the rows cannot matter any
more. A call is a prompt that the model reads. A reply that was kept counts as one too: a search that was cut off and
goes on takes the same way, to the same end, as one that was not. Does not know which templates are tried.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from gptjt_demo.batch.progress import Meter
from gptjt_demo.batch.question import Question, Reply
from gptjt_demo.evaluation.evaluate import measure
from gptjt_demo.evaluation.run import Labelled, Run
from gptjt_demo.templates.neutral import CONTENT_FREE
from gptjt_demo.templates.template import Template

STEP = 16
"""Rows after which a template that cannot win any more is given up."""


class Kept(Protocol):
    """Where replies are kept."""

    def get(self, place: int) -> Reply | None:
        """The reply of that place, if it is there."""
        ...

    def record(self, place: int, reply: Reply) -> None:
        """Keep one."""
        ...


class InMemory(dict[int, Reply]):
    """Replies that are kept as long as somebody holds them."""

    def record(self, place: int, reply: Reply) -> None:
        """Keep one, but for what its shares were made from, which is most of it."""
        self[place] = replace(reply, scores=())


@dataclass(frozen=True, order=True)
class Score:
    """How good a template is on the rows of the search: rows that it has right, and, among templates that have as many,
    the mean share that it gives the right answers (of free text, nothing)."""

    right: int
    share: float


class Stopped(Exception):
    """Somebody set the flag."""


class Scoring:
    """Measures templates.

    Args:
        question: what is asked; its template is replaced.
        kept: replies of before, and of now.
        cancel: set it to stop.
        meter: counts calls.
    """

    def __init__(self, question: Question, kept: Kept, cancel: threading.Event | None, meter: Meter) -> None:
        self._question, self._kept, self._cancel, self._meter = question, kept, cancel, meter
        self.spent = 0

    def cost(self, rows: int) -> int:
        """Calls that a template takes at most."""
        return rows + self._apart

    @property
    def _apart(self) -> int:
        """Calls beside the rows, for a rule that divides by what the model says without a case."""
        if not self._question.labels:
            return 0
        return {"prior": len(CONTENT_FREE), "pmi": 1}.get(self._question.rule, 0)

    def run(self, template: Template, rows: Sequence[Labelled]) -> Run:
        """The template on the rows, as `evaluate` measures it.

        Raises:
            Stopped: before its end.
        """
        places = [_place(template, row) for row in rows]

        def keep(index: int, reply: Reply) -> None:
            if not reply.error:  # it may be gone the next time
                self._kept.record(places[index], reply)

        known = {index: reply for index, place in enumerate(places) if (reply := self._kept.get(place)) is not None}
        for reply in known.values():
            self._meter.count(bool(reply.error))
        run = measure(
            replace(self._question, template=template),
            rows,
            cancel=self._cancel,
            meter=self._meter,
            known=known,
            replied=keep,
        )
        if not run.finished or (self._cancel is not None and self._cancel.is_set()):
            raise Stopped
        for _ in range(self._apart):
            self._meter.count(False)
        self.spent += self.cost(len(rows))
        return run

    def score(self, template: Template, rows: Sequence[Labelled], to_beat: Score | None = None) -> Score | None:
        """How good a template is; None as soon as it cannot be as good as another.

        Args:
            template: it.
            rows: to measure on, in an order in which the first ones stand for all.
            to_beat: the other's.

        Raises:
            Stopped: before its end.
        """
        # A rule that looks at other prompts or at all rows cannot be told from some of the rows.
        whole = self._question.labels and self._question.rule in ("prior", "pmi", "batch")
        right, shares = 0, 0.0
        for start in range(0, len(rows), len(rows) if whole else STEP):
            part = rows[start:] if whole else rows[start : start + STEP]
            run = self.run(template, part)
            right += run.right
            shares += sum(outcome.gold_share or 0.0 for outcome in run.outcomes)
            left = len(rows) - start - len(part)
            if to_beat is not None and right + left < to_beat.right:
                return None
        return Score(right, shares / len(rows))


def _place(template: Template, row: Labelled) -> int:
    """A number for a row asked with these examples. All else is the same in everything that is kept together."""
    shown = [*(example.model_dump() for example in template.examples), template.nearest_examples]
    digest = hashlib.sha256(json.dumps([row.index, shown]).encode()).digest()
    return int.from_bytes(digest[:8])
