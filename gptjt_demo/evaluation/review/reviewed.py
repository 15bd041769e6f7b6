"""The file that comes back from a review: its own cells untouched, and beside them what holds of each row, and by whom.

In: a file's columns and rows, and what was decided. Out: columns and rows to be written in any format. `reviewed` is
`yes` where a person looked, `answer` what holds, `source` whether it is the model's or a person's. A file that came
from a review has these three columns once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gptjt_demo.evaluation.review.answers import REVIEW_COLUMNS, Answer, AnswerColumns
from gptjt_demo.tables.sheet import Row, unique_names

MODEL, PERSON = "model", "person"


def reviewed_columns(columns: Sequence[str], found: AnswerColumns) -> Row:
    """The names of the columns; one that the file has already gets a number behind it."""
    return unique_names((*_without(columns, found), *REVIEW_COLUMNS))


def reviewed_rows(
    rows: Iterable[Row], found: AnswerColumns, decided: Mapping[int, str], *, known: bool = False
) -> Iterator[Row]:
    """The rows.

    Args:
        rows: the file's, in its order.
        found: which of its columns hold what.
        decided: what a person said, by the row's index.
        known: a row that nobody looked at has the right answer that the file gives it, if it gives one.
    """
    for index, row in enumerate(rows):
        answer = found.answer_of(index, row)
        text = decided.get(index)
        gold = answer.gold if known and text is None else ""
        whose = source_of(answer, text) if text is not None else PERSON if gold else MODEL
        holds = text if text is not None else gold or answer.text
        yield (*_without(row, found), "no" if text is None else "yes", holds, whose)


def source_of(answer: Answer, text: str) -> str:
    """Whose a text is: the model's where a person left its answer as it is."""
    return MODEL if text == answer.text and not answer.error else PERSON


def _without(row: Sequence[str], found: AnswerColumns) -> Row:
    return tuple(cell for index, cell in enumerate(row) if index not in (found.reviewed or ()))
