"""A file of answers as a review reads it: the model's answer, how sure it was, and what a person said before.

In: a table that `batch` wrote, or one that came back from a review, or one whose columns bear the same names. Out:
`AnswerColumns`, and of each row an `Answer`. Cells may hold anything: what is no number or no shares counts as absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gptjt_demo.batch.question import SHARES_COLUMN
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.tables.sheet import Row
from gptjt_demo.tables.table import Table
from gptjt_demo.templates.answer_check import match_label, same_answer

REVIEW_COLUMNS = ("reviewed", "answer", "source")
"""What a review writes beside a file's own columns."""
MOST_LABELS = 100
MOSTLY = 0.8
"""The part of a column's cells that has to be labels, for it to be taken for the right answers."""

_NUMBERED = re.compile(r" \(\d+\)$")  # what tells columns of one name apart


@dataclass(frozen=True)
class Answer:
    """What the model said of a row, and how sure it was.

    Attributes:
        index: the row's, from 0.
        text: the answer; blank where there is none.
        confidence: its share, 0 to 1; None of free text.
        runner_up: the label with the next share.
        shares: of the labels, as far as the file has them.
        check: what the template's check found wrong.
        error: why there is no answer.
        gold: the right answer, where the file has a column of them.
    """

    index: int
    text: str
    confidence: float | None = None
    runner_up: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    check: str = ""
    error: str = ""
    gold: str = ""

    @property
    def margin(self) -> float | None:
        """How far the first label's share is above the second's, 0 to 1. Without all shares it is what it is at least,
        which for two labels is what it is. None of free text."""
        if len(self.shares) > 1:
            first, second = sorted(self.shares.values(), reverse=True)[:2]
            return first - second
        return None if self.confidence is None else max(0.0, 2 * self.confidence - 1)

    @property
    def sureness(self) -> Sureness:
        """By which rows are put in order: a row without an answer first, then one that failed its check, then the
        smallest margin, and among equal ones the smallest share."""
        margin, share = self.margin or 0.0, self.confidence or 0.0
        if self.error or not self.text.strip():
            return 0, 0.0, 0.0
        return (1 if self.check else 2), margin, share

    @property
    def right(self) -> bool:
        """Whether it agrees with the right answer."""
        return not self.error and same_answer(self.gold, self.text)


Sureness = tuple[int, float, float]


@dataclass(frozen=True)
class AnswerColumns:
    """Where in a row things stand, as indices; None where the file has no such column.

    Attributes:
        answer: the model's.
        reviewed: what a review wrote before: whether, the answer, and whose it is.
        own: all others, which were there before the model was asked.
    """

    answer: int
    confidence: int | None = None
    runner_up: int | None = None
    shares: int | None = None
    check: int | None = None
    error: int | None = None
    reviewed: tuple[int, int, int] | None = None
    gold: int | None = None
    own: tuple[int, ...] = ()

    @classmethod
    def of(cls, columns: Sequence[str], *, gold: str | None = None, where: str = "") -> AnswerColumns:
        """Find them by their names; of several of one name the last, as `batch` writes behind what is there.

        Args:
            columns: the file's.
            gold: the one of right answers.
            where: the file's name, for messages.

        Raises:
            TableError: no column holds answers.
            SettingError: the column of right answers is none of them, or the model's.
        """
        stems = [_NUMBERED.sub("", name) for name in columns]
        reviewed = _reviewed(stems)
        for index in reviewed or ():
            stems[index] = ""
        names = ("label", "answer") if "confidence" in stems else ("answer", "label")
        answer = next((found for name in names if (found := _last(stems, name)) is not None), None)
        if answer is None:
            what = f"no column of answers; it has {', '.join(map(repr, columns[:20]))}"
            raise TableError(what, where=where, mend="give a file that `batch` wrote")
        after = {
            name: _last(stems, name, answer) for name in ("confidence", "runner_up", SHARES_COLUMN, "check", "error")
        }
        right = columns.index(gold) if gold is not None and gold in columns else None
        if gold is not None and (right is None or right in (answer, *after.values(), *(reviewed or ()))):
            what = f"{gold!r} is {'no column' if right is None else 'what the model said, not the right answer'}"
            raise SettingError(what, where=where, mend="name the column of right answers")
        taken = {answer, *after.values(), *(reviewed or ())}
        own = tuple(index for index in range(len(stems)) if index not in taken)
        return cls(answer=answer, **after, reviewed=reviewed, gold=right, own=own)

    def answer_of(self, index: int, row: Sequence[str]) -> Answer:
        """What stands in a row."""

        def cell(column: int | None) -> str:
            return "" if column is None else str(row[column])

        return Answer(
            index=index,
            text=cell(self.answer),
            confidence=_part(cell(self.confidence)),
            runner_up=cell(self.runner_up),
            shares=_shares(cell(self.shares)),
            check=cell(self.check),
            error=cell(self.error),
            gold=cell(self.gold) if cell(self.gold).strip() else "",
        )

    def decided(self, row: Sequence[str]) -> str | None:
        """The answer that a review before this one settled; None where it did not look at the row."""
        if self.reviewed is None or row[self.reviewed[0]] != "yes":
            return None
        return str(row[self.reviewed[1]])

    @property
    def weighed(self) -> bool:
        """Whether the file says how sure the model was."""
        return self.confidence is not None


def labels_of(answers: Iterable[Answer]) -> Row:
    """The labels that were weighed: in the template's order where the file has all shares, else those that occur, by
    their text; none where they are too many to be labels, or the answers are free text."""
    found: dict[str, None] = {}
    for answer in answers:
        if answer.shares:
            return tuple(answer.shares)
        if answer.confidence is not None:
            found.update(dict.fromkeys(text for text in (answer.text, answer.runner_up) if text))
    return tuple(sorted(found)) if len(found) <= MOST_LABELS else ()


def guessed_gold(table: Table, columns: AnswerColumns, labels: Sequence[str]) -> str | None:
    """The one column of the file's own whose cells are labels, as far as the first rows show; blank cells do not count.
    None where there is none, or several."""
    rows, fits = table.preview(1000), []
    for index in columns.own if labels else ():
        cells = [row[index] for row in rows if row[index].strip()]
        if cells and sum(match_label(cell, labels) is not None for cell in cells) >= MOSTLY * len(cells):
            fits.append(table.columns[index])
    return fits[0] if len(fits) == 1 else None


def _reviewed(stems: Sequence[str]) -> tuple[int, int, int] | None:
    for first in range(len(stems) - 3, -1, -1):
        if tuple(stems[first : first + 3]) == REVIEW_COLUMNS:
            return first, first + 1, first + 2
    return None


def _last(stems: Sequence[str], name: str, after: int = -1) -> int | None:
    return next((index for index in range(len(stems) - 1, after, -1) if stems[index] == name), None)


def _part(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None  # not NaN either


def _shares(text: str) -> dict[str, float]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    whole = isinstance(found, dict) and all(type(share) in (int, float) and 0 <= share <= 1 for share in found.values())
    return {name: float(share) for name, share in found.items()} if whole else {}
