"""Cells that a spreadsheet program would run, made harmless in CSV and TSV and given back when they are read again.

In and out: one cell's text. A cell is *live* if, blanks aside, it starts with = @ + - (or their full-width forms), a
tab or a line break; signs before a number or a telephone number are not. A live cell gets an apostrophe and a soft
hyphen in front. The soft hyphen is the mark by which reading knows an apostrophe of ours from one that somebody typed:
it is not seen, nobody types it there, and it is in every encoding that spreadsheet programs save, so that a file comes
back through them. So that reading is exact, a cell that begins with the mark already gets it once more. Does not know
files.
"""

from __future__ import annotations

import re

MARK = "'\u00ad"

_LIVE = re.compile(r"[ \u00a0\ufeff\u200b]*[=@+\-＝＠＋－\t\r\n]")
_NUMBER = re.compile(r" *[+\-＋－][\d\s().,/-]*(?:[eE][+-]?\d+)?%?")


def neutralise(cell: str) -> str:
    """The cell as it is written: never live."""
    live = _LIVE.match(cell) is not None and _NUMBER.fullmatch(cell) is None
    return MARK + cell if live or cell.startswith(MARK) else cell


def restore(cell: str) -> str:
    """The cell that `neutralise` was given: ``restore(neutralise(cell)) == cell``, and any other passes unchanged."""
    return cell.removeprefix(MARK) if cell.startswith(MARK) else cell
