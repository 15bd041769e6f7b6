"""What the rows say that a person has looked at: how many answers were changed, and what that means for the rest.

In: of each row that was looked at how sure the model was, and whether its answer stayed. Out: a sentence or two. Rows
that were looked at are the least sure ones, so they say nothing about the others but what the surest of them say, if
surer rows are no worse. Does not know files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gptjt_demo.batch.progress import count
from gptjt_demo.evaluation import metrics
from gptjt_demo.evaluation.review.answers import Sureness

SUREST = 20
"""Of the rows that were looked at, so many of the surest speak for the others."""
FEWEST = 10


@dataclass(frozen=True)
class SoFar:
    """Attributes:
    looked, rows: how many rows were looked at, of how many.
    changed: those of them whose answer is another now.
    surest, surest_changed: the surest of them, and how many of those were changed.
    low, high: the part of the file that is right now, if the other rows are no worse than the surest; 95 %.
    """

    looked: int
    rows: int
    changed: int
    surest: int = 0
    surest_changed: int = 0
    low: float = 0.0
    high: float = 1.0

    @property
    def sentence(self) -> str:
        """What it comes to."""
        said = f"Looked at {self.looked:,} of {count(self.rows, 'row')}, {self.changed:,} changed."
        left = self.rows - self.looked
        if not self.surest or not left:
            return said
        surest = f"{self.surest_changed:,} of the surest {self.surest}"
        return (
            f"{said} Of these, {surest} were changed: if the other {count(left, 'row')} are no worse, "
            f"{100 * self.low:.0f} to {100 * self.high:.0f} % of the file is right now."
        )


def so_far(looked: Sequence[tuple[Sureness, bool]], rows: int) -> SoFar:
    """What they say.

    Args:
        looked: of each row that was looked at how sure the model was, and whether its answer was changed.
        rows: how many there are to look at in all, these among them.
    """
    changed = sum(other for _, other in looked)
    left = rows - len(looked)
    # A row without an answer says nothing about one that has one, nor does a blank about a sureness.
    surest = sorted(pair for pair in looked if pair[0][0] == 2)[-SUREST:]
    if len(surest) < FEWEST or left <= 0:
        return SoFar(len(looked), rows, changed)
    wrong = sum(other for _, other in surest)
    least, most = metrics.interval(wrong, len(surest))
    low, high = (1 - part * left / rows for part in (most, least))
    return SoFar(len(looked), rows, changed, len(surest), wrong, low, high)
