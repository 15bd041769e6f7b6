"""How good a file is once a person has looked at its least sure rows: a curve, and how many rows reach what one wants.

In: how sure each answer is, of some rows whether it is right, and what part of the file is to be right. Out: a `Risk`
with a sentence. The rows with right answers must be like the others, as a random part of the file is; rows that were
chosen because they are unsure are not. Does not know files.

How the interval is reckoned. Let n rows have a right answer, let w of the wrong ones among them stay out of sight,
and let T be the sureness of the next wrong one from the surest down. Of the m other rows, those up to T are looked
at. All wrong rows, from the surest down, have a right answer or none in a random order, whatever the model and
however sure it is: so the wrong rows among the m that nobody looks at follow a negative binomial law, with w + 1
successes at n / (n + m) each. There are m (w + 1) / n of them on average, and the law's 5th and 95th percentiles are
the interval. That the very rows chose T is reckoned with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gptjt_demo.errors import SettingError
from gptjt_demo.evaluation.review.answers import Sureness

TARGETS = (0.90, 0.95, 0.98, 0.99)
OUTSIDE = 0.05  # on either side: nine times in ten it lies between
_STEPS = 60  # of a curve, at most


@dataclass(frozen=True)
class Step:
    """If all rows up to some sureness are looked at and mended.

    Attributes:
        looked: the part of the rows with right answers that is.
        right: the part of all that is right then, as those rows say.
        low, high: between which it lies for the other rows, nine times in ten.
    """

    looked: float
    right: float
    low: float
    high: float


@dataclass(frozen=True)
class Risk:
    """What the rows with right answers say about the others.

    Attributes:
        n: rows with a right answer.
        right: those of them that the model has right.
        rows: the others; where there are none, as many as `n`, which are yet to come.
        coming: there are no others.
        target: the part that is to be right.
        look: how many of `rows` have to be looked at; all of them where nothing less can be said to do.
        limit: up to this sureness, itself included; None where no row has to be looked at, or all.
        reached: the part that is right then.
        low, high: between which it lies nine times in ten.
    """

    n: int
    right: int
    rows: int
    coming: bool
    target: float
    look: int
    limit: Sureness | None
    reached: float
    low: float
    high: float

    @property
    def too_few(self) -> bool:
        """Whether there are too few right answers to say that less than all rows will do."""
        return self.look == self.rows and self.reached == 1.0

    @property
    def off(self) -> float:
        """Half of the interval, reckoned from `reached` to its farther end."""
        return max(self.reached - self.low, self.high - self.reached)

    @property
    def sentence(self) -> str:
        """What it comes to."""
        known = f"{self.n:,} rows with right answers, of which the model has {self.right:,}"
        if self.too_few:
            need = math.ceil(round(1 / (1 - self.target), 6))
            why = f"it takes {need} at least" if self.n < need else "the model is sure of too many wrong answers"
            return f"The {known}, do not show that less than all rows will do for {_whole(self.target)}: {why}."
        some = f"{self.rows:,} rows" if not self.coming else f"{self.rows:,} further rows like these"
        about = f"{_whole(self.reached)} ± {math.ceil(100 * self.off - 1e-9)} %"
        holds = f"that holds 9 times in 10, by the {known}"
        if not self.look:
            return f"Without a look, {about} of the {some} are right: {holds}."
        rows = "row" if self.look == 1 else f"{self.look:,} rows"
        return f"Look at the least sure {rows} of the {some} to reach {about}: {holds}."

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {
            "gold_rows": self.n,
            "gold_right": self.right,
            "rows": self.rows,
            "coming": self.coming,
            "target": self.target,
            "look": self.look,
            "reached": self.reached,
            "off": self.off,
            "low": self.low,
            "high": self.high,
            "too_few": self.too_few,
            "sentence": self.sentence,
        }


def risk(gold: Sequence[tuple[Sureness, bool]], others: Sequence[Sureness], target: float = 0.95) -> Risk | None:
    """What a part of the file says about the rest; None where it has no right answers, or rows are all equally sure.

    Args:
        gold: of each row with a right answer how sure the model is, and whether it has it.
        others: how sure it is of the others; where there are none, as many rows like these are meant.
        target: the part of the others that is to be right, between 0 and 1.

    Raises:
        SettingError: the target is no such part.
    """
    if not 0 < target < 1:
        raise SettingError(f"{target:g} is no part of the rows", where="target", mend="give more than 0, less than 1")
    if not gold or len({sure for sure, _ in gold}) < 2:
        return None
    n, m = len(gold), len(others) or len(gold)
    wrong = sorted((sure for sure, right in gold if not right), reverse=True)  # the surest first
    unseen = math.floor(n * (1 - target) + 1e-9) - 1  # so many of the wrong may stay out of sight
    few = {"n": n, "right": n - len(wrong), "rows": m, "coming": not others, "target": target}
    if len(wrong) <= unseen:  # it is good enough as it is
        reached, low, high = 1 - (len(wrong) + 0.5) / n, *_as_it_is(len(wrong), n, m)
        return Risk(**few, look=0, limit=None, reached=reached, low=low, high=high)  # type: ignore[arg-type]
    if unseen < 0:
        return Risk(**few, look=m, limit=None, reached=1.0, low=1.0, high=1.0)  # type: ignore[arg-type]
    limit = wrong[unseen]
    look = sum(sure <= limit for sure in others or (sure for sure, _ in gold))
    if look == m:
        return Risk(**few, look=m, limit=None, reached=1.0, low=1.0, high=1.0)  # type: ignore[arg-type]
    low, high = _once_looked(unseen, n, m)
    return Risk(**few, look=look, limit=limit, reached=1 - (unseen + 1) / n, low=low, high=high)  # type: ignore[arg-type]


def curve(gold: Sequence[tuple[Sureness, bool]], rows: int) -> list[Step]:
    """How much is right the more is looked at, from nothing to all.

    Args:
        gold: as of `risk`.
        rows: how many others there are.
    """
    n, m, left = len(gold), rows, sum(not right for _, right in gold)
    steps = [Step(0.0, 1 - left / n, *_as_it_is(left, n, m))]
    ordered, apart = sorted(gold), 0
    for place, (sure, right) in enumerate(ordered, 1):
        left, apart = left - (not right), apart + 1
        together = place < n and ordered[place][0] == sure  # rows that are equally sure are looked at together
        if not together and (place == n or apart >= n / _STEPS):
            apart = 0
            steps.append(Step(place / n, 1 - left / n, *(_as_it_is(left, n, m) if place < n else (1.0, 1.0))))
    return steps


@lru_cache(1024)
def _once_looked(unseen: int, n: int, m: int) -> tuple[float, float]:
    """Between which the part lies that is right, where the limit is the sureness of the wrong row after `unseen`."""
    from scipy.stats import nbinom

    law = nbinom(unseen + 1, n / (n + m))
    most, least = (min(float(law.ppf(part)), m) for part in (1 - OUTSIDE, OUTSIDE))
    return 1 - most / m, 1 - least / m


@lru_cache(1024)
def _as_it_is(wrong: int, n: int, m: int) -> tuple[float, float]:
    """The same at a limit that was fixed before, with so many wrong above it; as Clopper and Pearson, so never too
    narrow."""
    from scipy.stats import betabinom

    most = float(betabinom(m, wrong + 1, n - wrong).ppf(1 - OUTSIDE)) if wrong < n else float(m)
    least = float(betabinom(m, wrong, n - wrong + 1).ppf(OUTSIDE)) if wrong else 0.0
    return 1 - most / m, 1 - least / m


def _whole(part: float) -> str:
    return f"{100 * part:.0f} %" if round(100 * part, 6) == round(100 * part) else f"{100 * part:.1f} %"
