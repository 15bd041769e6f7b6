"""The search: balanced sets of examples by chance, then single exchanges, then the order, as far as the calls reach.

In: the template as it stands, the rows to choose from and to score on, a budget. Out: the best that was found, with
what it and the template as it stands have right on the rows of the search. Those figures are of the rows that chose it,
and so too good: they are not what is reported. Never sees the other half.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gptjt_demo.errors import TemplateError
from gptjt_demo.evaluation.improve.halves import key_of
from gptjt_demo.evaluation.improve.neighbours import Chosen, drawn, exchanged, reordered
from gptjt_demo.evaluation.improve.scoring import Score, Scoring, Stopped
from gptjt_demo.evaluation.run import Labelled
from gptjt_demo.templates.answer_check import match_label
from gptjt_demo.templates.example import Example
from gptjt_demo.templates.template import Template

DRAWS_UP_TO = 0.4
EXCHANGES_UP_TO = 0.8
"""Parts of the calls, but for the first two templates, after which the next step begins; what a step leaves over is the
next one's."""

Told = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """How a search stands.

    Attributes:
        best: the template with the best examples; the present one where none are better.
        score: of it, on the rows of the search.
        present: the score of the present one there; None where it was stopped before.
        tried: sets that were measured, or given up as soon as they could not win.
        finished: it was not stopped.
    """

    best: Template
    score: Score | None
    present: Score | None
    tried: int
    finished: bool


class Search:
    """A search.

    Args:
        present: the template as it stands.
        pool: the cases to choose from.
        scored: rows that sets are measured on.
        count: examples that a prompt shows.
        labels: outputs are labels, and sets have as many of each as can be.
        scoring: measures and counts.
        budget: calls that it may have spent in the end.
        seed: of chance.
        nearest: try also to show each input the examples of the pool that are most like it.
        told: told of each step, in words.
    """

    def __init__(
        self,
        present: Template,
        pool: Sequence[Example],
        scored: Sequence[Labelled],
        *,
        count: int,
        labels: bool,
        scoring: Scoring,
        budget: int,
        seed: int,
        nearest: bool,
        told: Told = lambda step: None,
    ) -> None:
        self._present, self._scored, self._count, self._with_nearest = present, scored, count, nearest
        self._scoring, self._budget, self._dice, self._told = scoring, budget, random.Random(seed), told
        names = [field.name for field in present.inputs]
        self._pool = range(len(pool))
        self._cases = [*pool, *present.examples]
        self._keys = [key_of({name: case.inputs[name] for name in names}) for case in self._cases]
        self._outputs = [
            (match_label(case.output, present.labels) or case.output) if labels else "" for case in self._cases
        ]
        self._base: tuple[Chosen, Score] | None = None
        self._best: Template | None = None
        self._nearest: tuple[Template, Score] | None = None
        self._own: Score | None = None
        self._seen: set[Chosen] = set()
        self._tried = self._begun = 0

    def run(self) -> Found:
        """All steps, or as many as there are before it is stopped."""
        try:
            self._steps()
        except Stopped:
            return self._found(finished=False)
        return self._found(finished=True)

    def _steps(self) -> None:
        self._told("The present examples")
        self._own = self._scoring.score(self._present, self._scored)
        whole = range(len(self._pool), len(self._cases))
        if len(whole) == self._count and not self._present.nearest_examples and self._own is not None:
            self._base = tuple(whole), self._own
            self._seen.add(tuple(whole))
        if self._with_nearest and len(self._pool) > self._count:
            self._told("For each input the nearest examples")
            self._try_nearest()
        self._begun = self._scoring.spent
        self._told("Sets by chance")
        for chosen in drawn(self._pool, self._outputs, self._count, self._dice):
            if not self._affords(DRAWS_UP_TO if self._base else 1.0):
                break
            self._try(chosen)
        self._told("One example for another")
        self._climb(EXCHANGES_UP_TO, lambda shown: exchanged(shown, self._free(shown), self._outputs, self._dice))
        self._told("The order")
        self._climb(1.0, lambda shown: reordered(shown, self._dice))

    def _climb(self, part: float, around: Callable[[Chosen], Iterator[Chosen]]) -> None:
        """Take the first better one around the best, from there on, until there is none."""
        while self._base is not None:
            shown, _ = self._base
            for chosen in around(shown):
                if not self._affords(part):
                    return
                if self._try(chosen):
                    break
            else:
                return

    def _try(self, chosen: Chosen) -> bool:
        """Whether a set is better than all before it."""
        if chosen in self._seen:
            return False
        self._seen.add(chosen)
        to_beat = self._base[1] if self._base else None
        template = self._with([self._cases[case] for case in chosen])
        score = self._scoring.score(template, self._scored, to_beat) if template else None
        self._tried += 1
        if score is None or (to_beat is not None and score <= to_beat):
            return False
        self._base, self._best = (chosen, score), template
        return True

    def _try_nearest(self) -> None:
        """The pool as a whole, of which each prompt shows the examples that are most like its input."""
        template = self._with([self._cases[case] for case in self._pool], nearest=self._count)
        score = self._scoring.score(template, self._scored) if template else None
        if template is not None and score is not None:
            self._nearest = template, score
            self._tried += 1

    def _with(self, cases: Sequence[Example], nearest: int | None = None) -> Template | None:
        """The template with other examples; None where they do not make one, because together they are too long."""
        try:
            return self._present.revised(examples=tuple(cases), nearest_examples=nearest)
        except TemplateError:
            return None

    def _free(self, shown: Chosen) -> list[int]:
        """The cases of the pool whose inputs the set does not show."""
        there = {self._keys[case] for case in shown}
        return [case for case in self._pool if self._keys[case] not in there]

    def _affords(self, part: float) -> bool:
        spent = self._scoring.spent + self._scoring.cost(len(self._scored)) - self._begun
        return spent <= part * (self._budget - self._begun)

    def _found(self, *, finished: bool) -> Found:
        best, score = self._present, self._own
        if self._best is not None and self._base is not None and (score is None or self._base[1] > score):
            best, score = self._best, self._base[1]
        # Of two that are as good the plain one: it is the same for every input.
        if self._nearest is not None and (score is None or self._nearest[1] > score):
            best, score = self._nearest
        return Found(best, score, self._own, self._tried, finished)
