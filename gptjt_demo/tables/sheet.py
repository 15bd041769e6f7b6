"""What every format of a file of rows gives to `table`: a header, a count, notes, and the rows, as often as needed.

Also the limits that hold for all formats, names for columns that lack one, and cells that are more than their text.
Does not know any format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gptjt_demo.errors import TableError

Row = tuple[str, ...]

CELL_LIMIT = 1_000_000  # characters; no context window holds more, and an unclosed quote is noticed by it
LINE_LIMIT = 10_000_000  # characters
COLUMN_LIMIT = 16_384  # what spreadsheet programs hold


# Characters that a screen does not show: soft hyphen, zero-width and direction marks, byte-order mark, and the like.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]"
)
_HALF = re.compile("[\ud800-\udfff]")


class Cell(str):
    """A cell that is more than its text; it equals its text.

    Attributes:
        json: the JSON that it was read from, where that was no string; `MISSING` for a key that its object lacks.
        fault: why its row cannot be answered: it holds an invalid character. The text has U+FFFD there.
    """

    __slots__ = ("fault", "json")

    def __new__(cls, text: str, *, json: str | None = None, fault: str = "") -> Cell:
        """A cell of that text."""
        cell = super().__new__(cls, text)
        cell.json, cell.fault = json, fault
        return cell

    json: str | None
    fault: str


MISSING = ""


def fault_of(text: str) -> str:
    """Why the cell's row cannot be answered, in a line; empty for any good cell."""
    return text.fault if isinstance(text, Cell) else ""


def whole(text: str, *, json: str | None = None) -> str:
    """The text as a cell: it is faulty where it has halves of surrogate pairs, which are how damage is handed on."""
    found = None if text.isascii() else _HALF.search(text)
    if found is None:
        return text if json is None else Cell(text, json=json)
    if json is not None and _HALF.search(json):
        json = None  # bytes that are not text cannot be written again
    code = ord(found[0])
    if code == 0xDC00:
        what = "a NUL character"
    elif code == 0xDC7F:
        what = "a number that is no character’s"
    elif 0xDC00 < code < 0xDC20:  # of a workbook's XML
        what = f"a control character (U+{code - 0xDC00:04X}), which a workbook cannot hold"
    elif 0xDC80 <= code <= 0xDCFF:  # as Python's "surrogateescape" hands on a byte
        what = f"a byte (0x{code - 0xDC00:02X}) that is not of the file's encoding"
    else:
        what = f"half of a surrogate pair (U+{code:04X}), which is not a character"
    return Cell(_HALF.sub("\ufffd", text), json=json, fault=what)


class Faults:
    """Damage in a file, counted while it is read through."""

    def __init__(self) -> None:
        self._rows, self._first = 0, ""

    def look(self, where: str, row: Iterable[str]) -> None:
        """A row; `where` names it for messages."""
        if fault := next(filter(None, map(fault_of, row)), ""):
            self._rows, self._first = self._rows + 1, self._first or f"{where}: {fault}"

    def notes(self, rows: int, path: Path, *, mend: str = "save the file as UTF-8 again") -> tuple[str, ...]:
        """What is to be said of it; `mend` is what to do where no row is good.

        Raises:
            TableError: none of the rows is good.
        """
        if not self._rows:
            return ()
        if self._rows == rows:
            raise TableError(f"{self._first}, and no row is better", where=path.name, mend=mend)
        what = "rows with a damaged character, not answered where an input has it"
        return (f"{what}: {self._rows:,}, the first is {self._first}",)


def visible(name: str) -> str:
    """A column's name without what cannot be seen: invisible characters, and blanks of any kind around or repeated."""
    return " ".join(_INVISIBLE.sub("", name).split())


@dataclass(frozen=True)
class Sheet:
    """A file that has been read through once and found good.

    Attributes:
        header: the names as they stand in the file.
        count: rows after the header.
        notes: what was assumed or left out, a phrase each.
        rows: starts reading; every row has as many cells as the header.
        lines: a quoted cell has several lines, each of which could be a row of its own if quotes were plain characters.
    """

    header: Sequence[str]
    count: int
    notes: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    lines: bool = False


def unique_names(header: Sequence[str]) -> Row:
    """Names that are all there and all different: an empty one becomes "(column 3)", a repeated one "name (2)"."""
    taken = set(header)
    seen: set[str] = set()
    names = []
    for number, name in enumerate(header, 1):
        new = name if visible(name) else f"(column {number})"
        if new in seen or (new != name and new in taken):
            stem, number = new, 2
            while new in seen or new in taken:
                new, number = f"{stem} ({number})", number + 1
        seen.add(new)
        names.append(new)
    return tuple(names)
