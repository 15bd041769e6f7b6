"""Comma-, semicolon-, tab- and pipe-separated text in: which dialect it is, and its rows.

In: a path and its encoding. Out: a `Sheet`. Quoting is RFC 4180's, and blanks may stand around a quoted cell. The
dialect is decided from the header: the delimiter must split it, and of those that do, the one wins under which the rows
have as many fields as the header; a pipe, which texts hold too, only where nearly all of them have. A header that none
splits is a file of one column, whose cells may hold any delimiter. A first line `sep=;`, which spreadsheet programs
write and read, decides it. Blank lines at the end are ignored; inside, they are blank cells in a file of one column and
are skipped, and said, in any other.

Tab-separated text is often written without any quoting, and a cell may then begin with a quotation mark that is just a
character. A quoted reading would take all up to the next such mark for one cell. So where every line of it has the
header's width as it stands, and no name in the header is quoted, quotes are plain characters. In the other formats a
quoted cell over several lines is what it says it is, unless its reader is told otherwise. Either way it is said.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import IO, Literal, NamedTuple

from gptjt_demo.errors import TableError
from gptjt_demo.tables.encoding import errors_of
from gptjt_demo.tables.formulas import restore
from gptjt_demo.tables.sheet import CELL_LIMIT, COLUMN_LIMIT, LINE_LIMIT, Faults, Row, Sheet, whole
from gptjt_demo.tables.spacing import Tightened, any_spaced

_SAMPLE = 500  # records that the delimiter is decided by
_PIPED = 0.8  # the part of them that a pipe has to split as it does the header
_NO_DELIMITER = "\0"  # a character that no line has: `_lines` takes it away
# Saved again, it gets delimiters; in quotes it is a column's name.
_NAMED = re.compile(r"sep=([,;\t|])[ ,;\t|]*(\r\n|\r|\n)?", re.IGNORECASE)
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


@dataclass(frozen=True)
class Dialect:
    """How the file is to be split.

    Attributes:
        codec: Python's name of the encoding.
        delimiter: between cells.
        quoted: a cell may be in double quotes.
        spaced: blanks around such a cell are not part of it.
        named: the first line names the delimiter.
    """

    codec: str
    delimiter: str
    quoted: bool = True
    spaced: bool = False
    named: bool = False


class _Record(NamedTuple):
    """A record: its lines, and its cells, of which a blank line has none."""

    first: int
    last: int
    cells: list[str]


@dataclass
class _Seen:
    """Notes about a file, gathered while it is read through."""

    blank: list[int] = field(default_factory=list)  # skipped lines
    over_lines: list[tuple[int, int]] = field(default_factory=list)  # records, the first of them
    records_over_lines: int = 0
    lines: Tightened | None = None
    faults: Faults = field(default_factory=Faults)


class _Unclosed(TableError):
    """A quote that opens and does not close."""


def scan(path: Path, codec: str, *, plain_quotes: bool = False) -> Sheet:
    """Read the file through once; with `plain_quotes`, each of its lines as a row.

    Raises:
        TableError: a ragged row, an unclosed quote, text after a closing quote, or a cell too long, each with its line.
    """
    dialect = _dialect(path, codec)
    plain = replace(dialect, quoted=False)
    if not dialect.quoted or plain_quotes:
        sheet, _ = _sheet(path, plain)
        asked = ", as was asked" if plain_quotes else ""
        return replace(sheet, notes=(*sheet.notes, f"quotes are read as plain characters{asked}"))
    try:
        sheet, seen = _quoted(path, dialect)
    except TableError as error:
        # Tab-separated text and plain lists are often written without any quoting, quotes being just characters.
        unquoted = dialect.delimiter == "\t" or (
            dialect.delimiter == _NO_DELIMITER and not isinstance(error, _Unclosed)
        )
        if not unquoted:
            raise
        try:
            sheet, _ = _sheet(path, plain)
        except TableError:
            raise error from None
        return replace(sheet, notes=(*sheet.notes, "quotes are read as plain characters"))
    if not seen.records_over_lines:
        return sheet
    first, last = seen.over_lines[0]
    note = f"cells over several lines: {seen.records_over_lines:,}, the first in lines {first:,} to {last:,}"
    if len(sheet.header) > 1 and (stands := _as_it_stands(path, plain, seen)):
        if dialect.delimiter == "\t" and not _quoted_header(path, dialect):
            width = len(sheet.header)
            why = (
                f"quotes are read as plain characters, because every line has the header's {width} fields as it stands"
            )
            return replace(stands, notes=(*stands.notes, why))
        note += ", though each of these lines could be a row"
        return replace(sheet, notes=(*sheet.notes, note), lines=True)
    return replace(sheet, notes=(*sheet.notes, note))


def _quoted(path: Path, dialect: Dialect) -> tuple[Sheet, _Seen]:
    """The quoted reading; without the blanks around quoted cells, if that can be read."""
    with _opened(path, dialect.codec) as file:
        spaced = dialect.delimiter != _NO_DELIMITER and any_spaced(_lines(file, path), dialect.delimiter)
    if spaced:
        try:
            sheet, seen = _sheet(path, replace(dialect, spaced=True))
        except TableError:  # these quotation marks quote nothing
            return _sheet(path, dialect)
        if seen.lines is not None and seen.lines.count:
            note = f"blanks around quoted cells left out: {seen.lines.count:,}"
            return replace(sheet, notes=(*sheet.notes, note)), seen
    return _sheet(path, dialect)


def _as_it_stands(path: Path, plain: Dialect, seen: _Seen) -> Sheet | None:
    """The file with each of its lines a row, if it can be read so."""
    try:
        sheet, found = _sheet(path, plain)
    except TableError:
        return None
    return sheet if found.blank == seen.blank else None  # a blank line inside quotes is part of a cell


def _quoted_header(path: Path, dialect: Dialect) -> bool:
    """Whether a name in the header is quoted, which says that the file uses quoting; our own are."""
    with _opened(path, dialect.codec) as file:
        lines = (line for line in islice(_lines(file, path), int(dialect.named), None) if line.strip("\r\n"))
        names = [name.strip() for name in next(lines, "").split(dialect.delimiter)]
        return any(len(name) > 1 and name[0] == name[-1] == '"' for name in names)


def _sheet(path: Path, dialect: Dialect) -> tuple[Sheet, _Seen]:
    seen = _Seen()
    rows = _rows(path, dialect, seen)
    _, header = next(rows, (0, []))
    count = 0
    for line, cells in rows:
        count += 1
        seen.faults.look(f"line {line:,}", cells)
    split = _NAMES.get(dialect.delimiter)
    notes = [f"{split}-separated" if split else "one column"]
    if seen.blank:
        notes.append(f"blank lines skipped: {len(seen.blank)}, the first is line {seen.blank[0]}")
    notes += seen.faults.notes(count, path)

    def again() -> Iterator[Row]:
        rows = _rows(path, dialect, _Seen())
        next(rows)
        return (tuple(cells) for _, cells in rows)

    return Sheet(header, count, tuple(notes), again), seen


def _rows(path: Path, dialect: Dialect, seen: _Seen) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of the header and of every row; `seen` receives the notes about them."""
    width = 0
    waiting: list[int] = []  # blank lines that are ignored if nothing follows
    for line, last, cells in islice(_records(path, dialect, seen), int(dialect.named), None):
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
            seen.blank += waiting
        waiting.clear()
        if last > line:
            seen.records_over_lines += 1
            seen.over_lines = seen.over_lines or [(line, last)]
        yield line, [restore(whole(cell)) for cell in cells]


def _records(path: Path, dialect: Dialect, seen: _Seen) -> Iterator[_Record]:
    """Every record; no cells for a blank line."""
    if csv.field_size_limit() < CELL_LIMIT:
        csv.field_size_limit(CELL_LIMIT)  # the module's own, and the only way to read longer cells
    text: list[str] = []  # the lines of the current record, to find a quote in
    with _opened(path, dialect.codec) as file:
        lines: Iterable[str] = _lines(file, path, text)
        if dialect.spaced:
            lines = seen.lines = Tightened(lines, dialect.delimiter)
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
            yield _Record(start, reader.line_num, cells)


def _opened(path: Path, codec: str) -> IO[str]:
    return path.open(encoding=codec, errors=errors_of(codec), newline="")


def _lines(file: IO[str], path: Path, kept: list[str] | None = None) -> Iterator[str]:
    number = 0
    while line := file.readline(LINE_LIMIT):
        number += 1
        if len(line) == LINE_LIMIT:
            raise TableError(f"line {number}: more than {LINE_LIMIT:,} characters", where=path.name)
        if number == 1:
            line = line.lstrip("\ufeff")  # a second byte-order mark, as programs leave that add one to any file
        if kept is not None:
            kept.append(line)
        yield line.replace("\0", "\udc00")


def _explained(error: csv.Error, text: str, start: int, dialect: Dialect, path: Path) -> TableError:
    """csv's complaint about the record `text`, which begins at line `start`, with the line that is to be mended."""
    delimiter = re.escape(dialect.delimiter)
    whole = rf'(?:"(?:[^"]|"")*+"|[^"{delimiter}\r\n][^{delimiter}\r\n]*+|)(?:{delimiter}|\r\n?|\n)'
    position = 0
    while match := re.compile(whole).match(text, position):
        position = match.end()
    if not dialect.quoted or text[position : position + 1] != '"':
        return TableError(f"line {start}: a cell of more than {CELL_LIMIT:,} characters", where=path.name)
    line = start + len(re.findall(r"\r\n?|\n", text[:position]))
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
    with _opened(path, codec) as file:
        first = file.readline(LINE_LIMIT).lstrip("\ufeff")
        if named := _NAMED.fullmatch(first):
            return Dialect(codec, named[1], named=True)
    best, found = (0.0, 0), Dialect(codec, _NO_DELIMITER)
    for delimiter in "\t;,|":
        dialect = Dialect(codec, delimiter)
        score = _agreement(path, dialect)
        if score > best and (delimiter != "|" or score[0] >= _PIPED):
            best, found = score, dialect
    if found.delimiter == "|":
        _refuse_markdown(path, codec)
    if (
        found.delimiter == _NO_DELIMITER and first.count('"') % 2
    ):  # a tab may follow a quotation mark that quotes nothing
        plain = Dialect(codec, "\t", quoted=False)
        return plain if _agreement(path, plain)[0] == 1.0 else found
    return found


def _refuse_markdown(path: Path, codec: str) -> None:
    """A table as Markdown draws it has a line of dashes below its names, and pipes around its rows."""
    with _opened(path, codec) as file:
        second = next(islice(_lines(file, path), 1, None), "")
    if re.fullmatch(r"[\s|:-]*-[\s|:-]*", second):
        raise TableError("a table in Markdown", where=path.name, mend="save it as CSV, TSV, JSONL or XLSX")


def _agreement(path: Path, dialect: Dialect) -> tuple[float, int]:
    """Which part of the sampled records is as wide as the header, and how wide that is; nothing for one field."""
    widths: list[int] = []
    try:
        for _, _, cells in islice(_records(path, dialect, _Seen()), _SAMPLE):
            if cells:
                widths.append(len(cells))
    except TableError:
        widths.append(0)
    split = bool(widths) and widths[0] > 1
    return (widths.count(widths[0]) / len(widths), widths[0]) if split else (0.0, 0)
