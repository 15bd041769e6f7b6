"""Comma-, semicolon- and tab-separated text in: which dialect it is, and its rows.

In: a path and its encoding. Out: a `Sheet`. Quoting is RFC 4180's. The dialect is decided from the header: the
delimiter must split it, and of those that do, the one wins under which the rows have as many fields as the header. A
header that none splits is a file of one column, whose cells may hold any delimiter. A first line `sep=;`, which
spreadsheet programs write and read, decides it. Blank lines at the end are ignored; inside, they are blank cells in a
file of one column and are skipped, and said, in any other.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Literal

from gptjt_demo.errors import TableError
from gptjt_demo.tables.formulas import restore
from gptjt_demo.tables.sheet import CELL_LIMIT, COLUMN_LIMIT, LINE_LIMIT, Row, Sheet

_SAMPLE = 500  # records that the delimiter is decided by
_NO_DELIMITER = "\0"  # a character that no file has: `encoding` refuses it
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True)
class Dialect:
    """How the file is to be split. `quoted`: a cell may stand in double quotes. `named`: the first line names it."""

    codec: str
    delimiter: str
    quoted: bool = True
    named: bool = False


class _Unclosed(TableError):
    """A quote that opens and does not close."""


def scan(path: Path, codec: str) -> Sheet:
    """Read the file through once.

    Raises:
        TableError: a ragged row, an unclosed quote, text behind a quote, or a cell too long, each with its line.
    """
    dialect = _dialect(path, codec)
    try:
        return _sheet(path, dialect)
    except TableError as error:
        # Tab-separated text and plain lists are often written without any quoting, quotes being just characters.
        plain = dialect.delimiter == "\t" or (dialect.delimiter == _NO_DELIMITER and not isinstance(error, _Unclosed))
        if not plain:
            raise
        try:
            sheet = _sheet(path, replace(dialect, quoted=False))
        except TableError:
            raise error from None
        return replace(sheet, notes=(*sheet.notes, "quotes are read as plain characters"))


def _sheet(path: Path, dialect: Dialect) -> Sheet:
    blank: list[int] = []
    rows = _rows(path, dialect, blank)
    _, header = next(rows, (0, []))
    count = sum(1 for _ in rows)
    name = _NAMES.get(dialect.delimiter)
    notes = [f"{name}-separated" if name else "one column"]
    if blank:
        notes.append(f"blank lines skipped: {len(blank)}, the first is line {blank[0]}")

    def again() -> Iterator[Row]:
        rows = _rows(path, dialect, [])
        next(rows)
        return (tuple(map(restore, cells)) for _, cells in rows)

    return Sheet([restore(cell) for cell in header], count, tuple(notes), again)


def _rows(path: Path, dialect: Dialect, blank: list[int]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of the header and of every row; `blank` receives the lines of skipped blank lines."""
    width = 0
    waiting: list[int] = []  # blank lines that are ignored if nothing follows
    for line, cells in islice(_records(path, dialect), int(dialect.named), None):
        if not cells:
            waiting += [line] if width else []
            continue
        if not width:
            width = len(cells)
            if width > COLUMN_LIMIT:
                raise TableError(f"line {line}: more than {COLUMN_LIMIT:,} columns", where=path.name)
        if len(cells) != width:
            fields = "1 field" if len(cells) == 1 else f"{len(cells)} fields"
            raise TableError(
                f"line {line}: {fields}, expected {width}",
                where=path.name,
                mend=f"put a cell that holds a {_NAMES[dialect.delimiter]} or a line break in double quotes",
            )
        if width == 1:
            yield from ((number, [""]) for number in waiting)
        else:
            blank += waiting
        waiting.clear()
        yield line, cells


def _records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """First line number and cells of every record; no cells for a blank line."""
    if csv.field_size_limit() < CELL_LIMIT:
        csv.field_size_limit(CELL_LIMIT)  # the module's own, and the only way to read longer cells
    text: list[str] = []  # the lines of the record in hand, to find a quote in
    with path.open(encoding=dialect.codec, newline="") as file:
        lines = _lines(file, path, text)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
        reader = csv.reader(lines, delimiter=dialect.delimiter, quoting=quoting, strict=True)
        while True:
            start = reader.line_num + 1
            text.clear()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise _explained(error, "".join(text), start, dialect, path) from None
            if cells is None:
                return
            if any(len(cell) > CELL_LIMIT for cell in cells):
                raise TableError(f"line {start}: a cell of more than {CELL_LIMIT:,} characters", where=path.name)
            yield start, cells


def _lines(file: IO[str], path: Path, kept: list[str]) -> Iterator[str]:
    number = 0
    while line := file.readline(LINE_LIMIT):
        number += 1
        if len(line) == LINE_LIMIT:
            raise TableError(f"line {number}: more than {LINE_LIMIT:,} characters", where=path.name)
        kept.append(line)
        yield line


def _explained(error: csv.Error, text: str, start: int, dialect: Dialect, path: Path) -> TableError:
    """csv's complaint about the record `text`, which begins at line `start`, with the line that is to be mended."""
    delimiter = re.escape(dialect.delimiter)
    whole = rf'(?:"(?:[^"]|"")*+"|[^"{delimiter}\r\n][^{delimiter}\r\n]*+|)(?:{delimiter}|\r\n?|\n)'
    place = 0
    while match := re.compile(whole).match(text, place):
        place = match.end()
    if not dialect.quoted or text[place : place + 1] != '"':
        return TableError(f"line {start}: a cell of more than {CELL_LIMIT:,} characters", where=path.name)
    line = start + len(re.findall(r"\r\n?|\n", text[:place]))
    if "expected after" in str(error):
        return TableError(
            f"line {line}: text after a closing quote", where=path.name, mend="write a quote inside a quoted cell twice"
        )
    return _Unclosed(
        f"line {line}: the quote that opens here is not closed"
        + (f" within {CELL_LIMIT:,} characters" if "limit" in str(error) else ""),
        where=path.name,
        mend="close it, or write a quote inside a quoted cell twice",
    )


def _dialect(path: Path, codec: str) -> Dialect:
    """The dialect under which most sampled records agree with the header; tab before semicolon before comma."""
    with path.open(encoding=codec, newline="") as file:
        if named := re.fullmatch(r"sep=([,;\t])\r?\n?", file.readline(LINE_LIMIT)):
            return Dialect(codec, named[1], named=True)
    best, found = (0.0, 0), Dialect(codec, _NO_DELIMITER)
    for delimiter in "\t;,":
        dialect = Dialect(codec, delimiter)
        widths: list[int] = []
        try:
            for _, cells in islice(_records(path, dialect), _SAMPLE):
                if cells:
                    widths.append(len(cells))
        except TableError:
            widths.append(0)
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > best:
                best, found = score, dialect
    return found
