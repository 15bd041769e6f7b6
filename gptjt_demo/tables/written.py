"""A file that grew row by row, compared with what should be in it: how far it is right, and what is wrong after that.

In: a file that `rowfile.Codec` wrote, and the rows that it should hold. Out: a `Written`. Nothing is changed. Does not
know where the rows come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gptjt_demo.tables.rowfile import Codec
from gptjt_demo.tables.sheet import Row

Expected = tuple[Row, Row | None]
"""A row's first cells, and its last ones where they are known."""


@dataclass(frozen=True)
class Written:
    """What was found.

    Attributes:
        rows: whole rows from the first that are as they should be.
        end: the byte after them; None where there is not even a whole header.
        filled: for each column, how many of them have something in it.
        difference: what the next row has that it should not, in a line; empty where nothing follows but the beginning
            of the row that should.
    """

    rows: int
    end: int | None
    filled: Sequence[int]
    difference: str = ""


def compared(path: Path, codec: Codec, expected: Iterator[Expected], *, sure: bool = False) -> Written:
    """Compare a file's rows with those expected.

    Args:
        path: the file.
        codec: that wrote it.
        expected: the rows that it should begin with.
        sure: a row whose last cells are not known is not as it should be.
    """
    header, names = codec.header(), codec.columns
    filled = [0] * len(names)
    if not path.exists():
        return Written(0, None, filled)
    with path.open("rb") as file:
        begin = file.read(len(header))
        if begin != header:
            if header.startswith(begin):
                return Written(0, None, filled)
            return Written(0, None, filled, "line 1: it is not the line of names that this run wrote")
        rows, end, line = 0, len(header), 1 + header.count(b"\n")
        for record, whole in _records(file, codec):
            wanted = next(expected, None)
            if wanted is None:
                return Written(rows, end, filled, f"line {line:,}: more rows than are asked for")
            difference = _difference(record, whole, wanted, codec, rows)
            if sure and whole and not difference and wanted[1] is None:
                difference = f"nothing says what the input's row {rows + 1:,} was answered with"
            if difference or not whole:
                return Written(rows, end, filled, difference and f"line {line:,}: {difference}")
            for index, cell in enumerate(codec.cells(record) or ()):
                filled[index] += bool(cell)
            rows, end, line = rows + 1, end + len(record), line + record.count(b"\n")
    return Written(rows, end, filled)


def _records(file: IO[bytes], codec: Codec) -> Iterator[tuple[bytes, bool]]:
    """Rows, and whether each is whole; only the last may not be."""
    pieces: list[bytes] = []
    inside = False
    for line in file:
        pieces.append(line)
        if codec.quotes:  # a line break inside quotes does not end the row
            inside ^= bool(line.count(b'"') % 2)
        if not inside and line.endswith(codec.end):
            yield b"".join(pieces), True
            pieces.clear()
    if pieces:
        yield b"".join(pieces), False


def _difference(record: bytes, whole: bool, wanted: Expected, codec: Codec, index: int) -> str:
    own, rest = wanted
    width = len(codec.columns) - len(own)
    if rest is not None and codec.row((*own, *rest)).startswith(record):
        return ""
    if not whole:
        if rest is None:
            one, other = (codec.row((*own, *[mark] * width)) for mark in "ab")
            sure = one[: next(k for k, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)]
            if record.startswith(sure) or sure.startswith(record):
                return ""
        return f"it is not the input's row {index + 1:,}, nor the beginning of it"
    cells = codec.cells(record)
    if cells is None:
        return "it is not a row"
    for column, name in enumerate(codec.columns[: len(own)]):
        if cells[column] != own[column]:
            return f"the column {name!r} is not that of the input's row {index + 1:,}"
    if rest is not None and tuple(cells[len(own) :]) != tuple(rest):
        name = next(
            name
            for name, *both in zip(codec.columns[len(own) :], cells[len(own) :], rest, strict=True)
            if len(set(both)) > 1
        )
        return f"the column {name!r} is not what row {index + 1:,} was answered with"
    again = codec.row((*own, *cells[len(own) :]))
    return "" if again == record else f"the input's row {index + 1:,} is written in another way"
