"""What was decided in a review goes over to a later one of the same file, for the rows that are the same in both.

In: two reviews; the later one has more rows, as a batch that was stopped went on. Out: the later one's decisions. Does
not know whose they are.
"""

from __future__ import annotations

from gptjt_demo.evaluation.review.review import Review
from gptjt_demo.tables.sheet import Row


def is_same_file(earlier: Review, name: str, columns: Row) -> bool:
    """Whether a review is of a file with that name and those columns."""
    return (earlier.about.name, earlier.about.columns) == (name, tuple(columns))


def carry(earlier: Review, later: Review) -> int:
    """Decide the rows of `later` as those of `earlier` that have the same cells, the model's answer among them.

    Returns:
        how many were decided.

    Raises:
        TableError: the disk does not take it.
    """
    decisions = sorted(earlier.decisions.now.values(), key=lambda each: each.n)
    gold = set(earlier.decisions.gold)
    cells = [earlier.row(each.row) for each in decisions]
    places: dict[Row, list[int]] = {row: [] for row in cells}
    for index, row in enumerate(later.rows()):
        if row in places:
            places[row].append(index)
    carried = 0
    for decision, row in zip(decisions, cells, strict=True):
        if places[row]:  # of rows that are alike each takes one
            index = places[row].pop(0)
            later.take(index, decision.answer, decision.how)
            if decision.row in gold:
                later.decisions.keep_as_gold(index)
            carried += 1
    return carried
