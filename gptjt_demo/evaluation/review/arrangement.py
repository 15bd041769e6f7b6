"""All rows of a file of answers put in order, and what its right answers and earlier looks say: one pass over the rows.

In: rows, and which columns hold what. Out: an `Arrangement`: the queue, how sure each answer is, which rows read alike,
and how many have to be looked at. Keeps no cell of a row. Does not know decisions that are still to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from gptjt_demo.evaluation.review.alike import groups
from gptjt_demo.evaluation.review.answers import AnswerColumns, Sureness
from gptjt_demo.evaluation.review.queue import queue
from gptjt_demo.evaluation.review.risk import Risk, Step, curve, risk
from gptjt_demo.evaluation.review.so_far import SoFar, so_far
from gptjt_demo.tables.sheet import Row


class Arrangement:
    """Rows in order. Rows with a right answer, where others have none, are not in the queue.

    Attributes:
        surenesses: of each row of the file.
        before: what a review before this one settled, by the row.
        kept: rows whose answer it left as it was.
        order: the queue, as the rows' indices.
        place: where in it a row is, from 0.
        like: of a row that reads like one before it in the queue, the first such.

    Args:
        rows: the file's.
        columns: which of them hold what.
        shown: those by which rows are compared; without, all that were there before the model was asked.
    """

    def __init__(self, rows: Iterable[Row], columns: AnswerColumns, shown: Sequence[int] = ()) -> None:
        self.surenesses: list[Sureness] = []
        self.before: dict[int, str] = {}
        self.kept: set[int] = set()
        self._weighed = columns.weighed
        self._gold: dict[int, bool] = {}
        texts: list[str] = []
        for index, row in enumerate(rows):
            answer = columns.answer_of(index, row)
            self.surenesses.append(answer.sureness)
            texts.append(" ".join(row[column] for column in shown or columns.own))
            if answer.gold:
                self._gold[index] = answer.right
            if (text := columns.decided(row)) is not None:
                self.before[index] = text
                self.kept.update([index] if text == answer.text else ())
        number = groups(texts)
        asked = [index for index in range(len(texts)) if index not in self._gold]
        self.order = queue(self.surenesses, number, asked or range(len(texts)))
        self.place = {row: place for place, row in enumerate(self.order)}
        first: dict[int, int] = {}
        self.like = {row: first[number[row]] for row in self.order if first.setdefault(number[row], row) != row}
        self.risk = lru_cache(8)(self._risk)

    def __len__(self) -> int:
        """Rows of the file."""
        return len(self.surenesses)

    def _risk(self, target: float) -> Risk | None:
        """What the right answers say about the rest; None without any, or where nothing says how sure the model is."""
        if not self._weighed:
            return None
        known = [(self.surenesses[row], right) for row, right in self._gold.items()]
        return risk(known, [sure for row, sure in enumerate(self.surenesses) if row not in self._gold], target)

    def curve(self) -> list[Step]:
        """How much is right the more is looked at; nothing where `risk` says nothing."""
        if not self._gold or not self._weighed:
            return []
        known = [(self.surenesses[row], right) for row, right in self._gold.items()]
        return curve(known, len(self) - len(known) or len(known))

    def so_far(self, changed: Mapping[int, bool]) -> SoFar:
        """What the rows say that were looked at.

        Args:
            changed: of each whether its answer is another now than the model's.
        """
        looked = [(self.surenesses[row], other) for row, other in changed.items() if row in self.place]
        return so_far(looked, len(self.order))
