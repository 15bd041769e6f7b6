"""What keys and buttons mean in a review: each decides, goes on, or takes back, and leads to a row.

In: a `Review`, the row that is shown, and what a browser sent, which is checked. Out: the row to show then, and the one
that was decided. Knows nothing of gradio.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gptjt_demo.errors import PlaygroundError, SettingError
from gptjt_demo.evaluation.review.review import Review

ACTS = 200
"""That a browser may send at once."""
_LONGEST = 100_000  # characters of an answer that is written

Shown = tuple[int | None, int | None]


def _accept(review: Review, shown: int, asked: dict[str, Any]) -> Shown:
    answer, held = review.answer(shown), review.decided(shown)
    if answer.error and held is None:
        raise SettingError("there is no answer to accept", mend="take a label, write an answer, or go on with →")
    review.take(shown, answer.text if held is None else held, "accept")
    return _next(review, shown)


def _label(review: Review, shown: int, asked: dict[str, Any]) -> Shown:
    place = number(asked, "label")
    if not 0 <= place < len(review.about.labels):
        return shown, None
    review.take(shown, review.about.labels[place], "label")
    return _next(review, shown)


def _save(review: Review, shown: int, asked: dict[str, Any]) -> Shown:
    text = asked.get("text")
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise SettingError(f"an answer is text of at most {_LONGEST:,} characters", mend="shorten it")
    review.take(shown, text, "edit")
    return _next(review, shown)


def _undo(review: Review, shown: int, asked: dict[str, Any]) -> Shown:
    undone = review.decisions.undo()
    if undone is None:
        raise SettingError("there is nothing to undo")
    return undone.row, None


def _back(review: Review, shown: int, asked: dict[str, Any]) -> Shown:
    return _beside(review, shown, -1)


def _forth(review: Review, shown: int, asked: dict[str, Any]) -> Shown:
    return _beside(review, shown, 1)


def _gold(review: Review, shown: int, asked: dict[str, Any]) -> Shown:
    row = number(asked, "row")
    if not 0 <= row < len(review) or review.decided(row) is None:
        raise SettingError("only a row that was decided can be a gold row", mend="decide it first")
    review.decisions.keep_as_gold(row, row not in review.decisions.gold)
    return shown, row


_HANDLERS: dict[str, Callable[[Review, int, dict[str, Any]], Shown]] = {
    "accept": _accept,
    "label": _label,
    "save": _save,
    "undo": _undo,
    "back": _back,
    "next": _forth,
    "gold": _gold,
}


def _next(review: Review, row: int) -> Shown:
    place = review.place(row)
    return review.following(-1 if place is None else place), row


def _beside(review: Review, row: int, step: int) -> Shown:
    place = review.place(row)
    if place is None:
        return review.order[0], None
    return review.order[min(max(place + step, 0), len(review.order) - 1)], None


def _past(review: Review, handler: Callable[[Review, int, dict[str, Any]], Shown], asked: dict[str, Any]) -> Shown:
    """Behind the last row one may go back or take back; nothing is there to be decided."""
    if handler is _back:
        return review.order[-1], None
    if handler is _undo:
        return _undo(review, review.order[-1], asked)
    return None, _gold(review, review.order[-1], asked)[1] if handler is _gold else None


def acted(review: Review, shown: int, acts: Any) -> tuple[int | None, int | None, str]:
    """Do what was sent, each act with the row to which the one before leads.

    Args:
        review: the visitor's.
        shown: the row that is shown; any other number where all are decided.
        acts: {act, row, label, text} each; what is none of that does nothing.

    Returns:
        the row to show, None where all are decided; the one that was decided last; and why not all could be done.
    """
    row: int | None = shown if 0 <= shown < len(review) else None
    last: int | None = None
    try:
        for each in acts[:ACTS] if isinstance(acts, list) else []:
            handler = _HANDLERS.get(str(each.get("act"))) if isinstance(each, dict) else None
            if handler is not None:
                row, last = _past(review, handler, each) if row is None else handler(review, row, each)
    except PlaygroundError as error:
        return row, last, str(error)
    return row, last, ""


def number(asked: dict[str, Any], name: str) -> int:
    """A number that a browser sent, which may be anything; -1 where it is none."""
    value = asked.get(name)
    return value if type(value) is int else -1
