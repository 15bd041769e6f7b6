"""Cells that somebody copied in a spreadsheet program, out of the text that it puts on the clipboard.

In: text with tabs between cells, and quotes around one that holds a tab, a line end or a quote. Out: rows of cells.
Does not know where they go.
"""

from __future__ import annotations

import csv
import io

from gptjt_demo.errors import TableError

PASTED = "pasted cells"
LIMIT = 5_000_000  # characters


def cells_of(text: str, *, named: bool = True) -> tuple[list[str], list[list[str]]]:
    """Column names and rows.

    Args:
        text: as it came.
        named: whether the first row holds the names; without any they are "text", or "column 1", "column 2", …

    Raises:
        TableError: there is nothing in it, no row below the names, too much, or a row of another width.
    """
    if len(text) > LIMIT:
        raise TableError(f"more than {LIMIT:,} characters", where=PASTED, mend="upload a file instead")
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text.strip():
        raise TableError(
            "there is nothing in them", where=PASTED, mend="copy cells in your spreadsheet, and paste them"
        )
    rows = _rows(text)
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            what = f"row {number} has {len(row)} cells, and the first one {width}"
            raise TableError(what, where=PASTED, mend="copy a rectangle of cells")
    if not named:
        return (["text"] if width == 1 else [f"column {place}" for place in range(1, width + 1)]), rows
    if len(rows) == 1:
        raise TableError(
            "one row, and it is taken for the column names", where=PASTED, mend="copy more rows, or say it is no header"
        )
    return rows[0], rows[1:]


def _rows(text: str) -> list[list[str]]:
    plain = [line.split("\t") for line in text.split("\n")]
    width = len(plain[0])
    # Where every line has as many cells, a quotation mark is one that somebody wrote.
    if '"' not in text or (width > 1 and all(len(row) == width for row in plain)):
        return plain
    try:
        return [row or [""] for row in csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)]
    except csv.Error:  # so is one that is never closed
        return plain
