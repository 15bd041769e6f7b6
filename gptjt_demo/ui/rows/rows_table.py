"""Rows of text as an HTML table: escaped, cut to what a person looks at, with row numbers.

In: column names and rows. Out: HTML for a gr.HTML value. Knows nothing of where rows come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

ROWS = 100
COLUMNS = 20
CHARACTERS = 300
SHORT = 20


def rows_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, label: str, numbers: Sequence[int] | None = None
) -> str:
    """The first rows and columns; a long cell ends in an ellipsis, and its line breaks are kept.

    Args:
        columns, rows: what to show.
        label: what the table is, for a screen reader.
        numbers: the rows' own, where some between them are missing.
    """
    head = "".join(f'<th scope="col">{escape(_cut(name))}</th>' for name in columns[:COLUMNS])
    more = f'<th scope="col">and {len(columns) - COLUMNS:,} more columns</th>' if len(columns) > COLUMNS else ""
    shown = zip(numbers or range(1, len(rows) + 1), rows[:ROWS], strict=False)
    body = "".join(_row(number, row) for number, row in shown)
    return (
        f'<div class="rows-scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table class="rows">'
        f'<thead><tr><th scope="col"><span class="unseen">Row</span></th>{head}{more}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(number: int, row: Sequence[str]) -> str:
    cells = "".join(f"<td{_kind(cell)}>{escape(_cut(cell))}</td>" for cell in row[:COLUMNS])
    return f'<tr><th scope="row">{number:,}</th>{cells}</tr>'


def _kind(text: str) -> str:
    """A short cell keeps its line, so that a long one is what is wrapped where there is little room."""
    return ' class="short"' if len(text) <= SHORT and "\n" not in text else ""


def _cut(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
