"""What every format of a file of rows gives to `table`: a header, a count, remarks, and the rows as often as wanted.

Also the limits that hold for all formats, and names for columns that lack one. Does not know any format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Row = tuple[str, ...]

CELL_LIMIT = 1_000_000  # characters; no context window holds more, and an unclosed quote is noticed by it
LINE_LIMIT = 10_000_000  # characters
COLUMN_LIMIT = 16_384  # what spreadsheet programs hold


@dataclass(frozen=True)
class Sheet:
    """A file that has been read through once and found good.

    Attributes:
        header: the names as they stand in the file.
        count: rows after the header.
        notes: what was assumed or left out, a phrase each.
        rows: starts reading; every row has as many cells as the header.
    """

    header: Sequence[str]
    count: int
    notes: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]


def unique_names(header: Sequence[str]) -> Row:
    """Names that are all there and all different: an empty one becomes "(column 3)", a repeated one "name (2)"."""
    taken = set(header)
    seen: set[str] = set()
    names = []
    for place, name in enumerate(header, 1):
        new = name if name.strip() else f"(column {place})"
        if new in seen or (new != name and new in taken):
            stem, number = new, 2
            while new in seen or new in taken:
                new, number = f"{stem} ({number})", number + 1
        seen.add(new)
        names.append(new)
    return tuple(names)
