"""Cells that a spreadsheet program would run, made harmless in CSV and TSV and given back when they are read again.

In and out: one cell's text. A cell is *live* if, spaces aside, it starts with = @ + - (or their full-width forms), a
tab or a line break; signs before a number or a telephone number are not. A live cell gets one apostrophe in front. So
that reading is exact, a cell of apostrophes followed by something live gets one more too, and reading takes one off
exactly those; every other cell, a lone apostrophe among them, passes unchanged both ways. Does not know files.
"""

from __future__ import annotations

import re

_LIVE = re.compile(r" *[=@+\-＝＠＋－\t\r\n]")
_NUMBER = re.compile(r" *[+\-＋－][\d\s().,/-]*(?:[eE][+-]?\d+)?%?")


def _live(text: str) -> bool:
    return _LIVE.match(text) is not None and _NUMBER.fullmatch(text) is None


def neutralise(cell: str) -> str:
    """The cell as it is written: never live."""
    return "'" + cell if _live(cell.lstrip("'")) else cell


def restore(cell: str) -> str:
    """The cell that `neutralise` was given: ``restore(neutralise(cell)) == cell`` for any text."""
    return cell[1:] if cell.startswith("'") and _live(cell.lstrip("'")) else cell
