"""The rules for comparing labels, side by side on the same scores, and the best one on rows that did not choose it.

In: for each labelled row the labels' scores and its right answer, and what the rules divide by. Out: each rule's
accuracy; and, so that the best is no accident of being picked among six, the rule that is best on one half of the rows,
reported on the other half beside the rule in use. No model is asked. Does not know how scores came about.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gptjt_demo.engine.calibration import LABEL_RULES, LabelRule, Shares, mean_shares, reshared
from gptjt_demo.engine.results import LabelScore
from gptjt_demo.evaluation import metrics

FEWEST = 20
"""Rows below which none is chosen: a half of them says too little."""

Scored = tuple[Sequence[LabelScore], str]
"""A row: its labels' scores, none where it failed; and its right answer, as it is counted."""


@dataclass(frozen=True)
class RuleFigure:
    """A rule on all rows: how many it has right, which part that is, and Wilson's 95 % interval of it."""

    rule: LabelRule
    right: int
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Choice:
    """The rule that is best on one half of the rows, on the other half.

    Attributes:
        rule: it. Of several that are as good it is the one in use, else the first of the table.
        chosen_on: rows of the half that it was chosen on.
        accuracy: the part of the other half that it has right.
        in_use: the part that the rule in use has right there.
        paired: the two compared there, the rule in use first.
    """

    rule: LabelRule
    chosen_on: int
    accuracy: float
    in_use: float
    paired: metrics.Paired


@dataclass(frozen=True)
class Rules:
    """All rules on the same rows; `choice` is None where there are too few of them."""

    in_use: LabelRule
    n: int
    figures: tuple[RuleFigure, ...]
    choice: Choice | None

    @property
    def sentence(self) -> str:
        """Which rule to take, and how sure that is."""
        used = f"the one in use ({LABEL_RULES[self.in_use]})"
        if self.choice is None:
            few = "1 row is" if self.n == 1 else f"{self.n} rows are"
            return f"{few} too few to choose a rule on one half of them and report it on the other."
        found = self.choice
        seen = f"on the other {found.paired.n:,}, which had no part in that,"
        if found.rule == self.in_use:
            return (
                f"No rule does better than {used} on {found.chosen_on:,} of the rows; {seen} it is right on "
                f"{_percent(found.in_use)}."
            )
        p = found.paired.p_value
        tail = f"McNemar's exact test, p {'< 0.001' if p < 0.001 else f'= {p:.2g}'}"
        if found.accuracy <= found.in_use:
            verdict = "so it is no better"
        elif p < 0.05:
            verdict = f"and the difference is more than chance ({tail})"
        else:
            verdict = f"but chance alone could do as much ({tail})"
        return (
            f"Best on {found.chosen_on:,} of the rows is the {LABEL_RULES[found.rule]}; {seen} it is right on "
            f"{_percent(found.accuracy)} and {used} on {_percent(found.in_use)}, {verdict}."
        )

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {**asdict(self), "sentence": self.sentence}


def compare_rules(
    rows: Sequence[Scored], *, in_use: LabelRule, references: Mapping[LabelRule, Shares], seed: int = 0
) -> Rules:
    """Measure every rule on the same rows.

    Args:
        rows: failed ones among them, which no rule has right.
        in_use: the rule that the rows are counted by.
        references: what `prior` and `pmi` divide by; one that is not there is left out. The mean over the rows, by
            which `batch` divides, is taken here: it needs no right answer.
        seed: of the halves, each of which has its part of every right answer.
    """
    scored = [scores for scores, _ in rows if scores]
    if scored:
        references = {**references, "batch": mean_shares(scored)}
    rules = [rule for rule in LABEL_RULES if rule in references or rule in ("logprob", "per_token", "per_byte")]
    right = {rule: [_right(*row, rule, references.get(rule, ())) for row in rows] for rule in rules}
    figures = tuple(
        RuleFigure(rule, sum(hits), sum(hits) / len(rows) if rows else 0.0, metrics.interval(sum(hits), len(rows)))
        for rule, hits in right.items()
    )
    return Rules(in_use, len(rows), figures, _choice(rows, right, in_use, seed) if len(rows) >= FEWEST else None)


def halves(rows: Sequence[Scored], seed: int) -> tuple[list[int], list[int]]:
    """The indices of the rows, by chance in two parts: those with one right answer are split as evenly as can be."""
    indices = list(range(len(rows)))
    random.Random(seed).shuffle(indices)
    indices.sort(key=lambda index: rows[index][1])  # keeps chance's order among the same right answers
    return indices[::2], indices[1::2]


def _choice(
    rows: Sequence[Scored], right: Mapping[LabelRule, Sequence[bool]], in_use: LabelRule, seed: int
) -> Choice | None:
    if in_use not in right:
        return None
    first, second = halves(rows, seed)
    best = max(right, key=lambda rule: (sum(right[rule][index] for index in first), rule == in_use))
    used, chosen = ([right[rule][index] for index in second] for rule in (in_use, best))
    return Choice(
        rule=best,
        chosen_on=len(first),
        accuracy=sum(chosen) / len(second),
        in_use=sum(used) / len(second),
        paired=metrics.paired(used, chosen),
    )


def _right(scores: Sequence[LabelScore], gold: str, rule: LabelRule, reference: Shares) -> bool:
    if not scores:
        return False
    return min(reshared(scores, rule, reference), key=lambda score: (-score.share, score.label)).label == gold


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"
