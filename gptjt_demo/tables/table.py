"""A file of rows in: CSV, TSV, JSONL, a JSON array, XLSX or Parquet, recognised by what it holds, not only by its name.

In: a path. Out: a `Table`: its columns, what was assumed, and its rows as tuples of text, exactly as in the file, read
from the disk each time, so that a large file costs no memory. The file is read through once before, so that a bad row
is refused before any work. Does not know what the columns are for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gptjt_demo.errors import TableError
from gptjt_demo.tables import delimited, encoding, jsonarray, jsonlines, parquet, pipe, workbook
from gptjt_demo.tables.sheet import LINE_LIMIT, Row, Sheet, fault_of, unique_names, visible

PREVIEW = 100  # rows
BEGINNING = 512  # bytes, or characters, that tell what a file is

# How files that are not tables begin.
_OTHERS = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old or password-protected Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"{\\rtf", "an RTF document"),
)


@dataclass(frozen=True)
class Table:
    """Rows of text with named columns. Iterate it as often as you like, also from several threads at once.

    Attributes:
        path: the file; of a pipe its private copy, which is deleted with it.
        columns: names, all different and none empty.
        count: rows.
        notes: what was assumed about the file, a phrase each.
        sheet: what the format gave.
        plain_quotes: as it was asked for.
    """

    path: Path
    columns: Row
    count: int
    notes: tuple[str, ...]
    sheet: Sheet
    plain_quotes: bool = False

    def __iter__(self) -> Iterator[Row]:
        return self.sheet.rows()

    def __len__(self) -> int:
        return self.count

    def preview(self, rows: int = PREVIEW) -> list[Row]:
        """The first rows."""
        return list(islice(self, rows))

    def column_index(self, column: str) -> int:
        """The index of a column in a row. A name that is not there to the character is compared by what is seen of it,
        and if none is the same, but for case.

        Raises:
            TableError: there is none of that name, or several look like it.
        """
        if column in self.columns:
            return self.columns.index(column)
        seen = [visible(name) for name in self.columns]
        alike = [index for index, name in enumerate(seen) if name == visible(column)] or [
            index for index, name in enumerate(seen) if name.casefold() == visible(column).casefold()
        ]
        if len(alike) != 1:
            what = f"several columns look like {column!r}" if alike else f"no column {column!r}"
            raise TableError(what, where=self.path.name, mend=f"it has {self.names()}")
        return alike[0]

    def names(self, most: int = 20) -> str:
        """The columns' names in quotes, for messages."""
        return ", ".join(map(repr, self.columns[:most])) + (", …" if len(self.columns) > most else "")

    def digest(self) -> str:
        """SHA-256 of the file's bytes, hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path | str, *, plain_quotes: bool = False) -> Table:
    """A file of rows, checked from end to end. `-` is standard input; what comes through a pipe is copied first.

    Args:
        path: the file.
        plain_quotes: quotes in delimited text are plain characters, and each line is a row.

    Raises:
        TableError: there is no such file, it is not a table, it has no rows, or a row of it is bad (with its line).
    """
    path = path if isinstance(path, Path) else _path(path)
    try:
        if pipe.is_pipe(path):
            path = pipe.spooled(path)
        with path.open("rb") as file:
            head = file.read(BEGINNING)
        sheet, notes = _sheet(path, head, plain_quotes)
    except OSError as error:
        raise TableError(f"cannot be read ({error.strerror or error})", where=path.name or str(path)) from None
    if not sheet.header:
        raise TableError("the file is empty", where=path.name, mend="it needs a line of column names and rows below it")
    if not sheet.count:
        raise TableError("a header and no rows", where=path.name, mend="put the column names first and rows below them")
    for name in sheet.header:
        if fault := fault_of(name):
            raise TableError(f"{fault}, in the column name {str(name)!r}", where=path.name, mend="name it again")
    columns = unique_names(sheet.header)
    renamed = [f"{new!r}" for old, new in zip(sheet.header, columns, strict=True) if old != new]
    if renamed:
        notes += (f"columns named, because their names were empty or repeated: {', '.join(renamed)}",)
    return Table(path, columns, sheet.count, notes, sheet, plain_quotes)


def _path(name: object) -> Path:
    """A file's name as a path.

    Raises:
        TableError: no file can have that name.
    """
    if not isinstance(name, str | os.PathLike):
        raise TableError(f"it is {type(name).__name__}", where="file", mend="give its name")
    try:
        text = os.fsdecode(name)
        os.fsencode(text)
    except UnicodeError:
        text = ""
    if not text or "\0" in text:
        raise TableError("no file has such a name", where=repr(name), mend="check it")
    return Path(text)


def _sheet(path: Path, head: bytes, plain_quotes: bool) -> tuple[Sheet, tuple[str, ...]]:
    """The file by its content, and the notes about it."""
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        raise TableError("a git-lfs pointer in place of the file", where=path.name, mend="fetch it with git lfs pull")
    for start, kind in _OTHERS:
        if head.startswith(start):
            raise TableError(f"{kind}, not a table", where=path.name, mend="save the table as CSV, TSV, JSONL or XLSX")
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        if not workbook.is_workbook(path):
            raise TableError(
                "a zip archive or another office document, not a table",
                where=path.name,
                mend="unpack it or save as XLSX",
            )
        sheet = workbook.scan(path)
        kind = "XLSX" if path.suffix.lower() == ".xlsx" else "XLSX, whatever its name says"
        return sheet, (kind, *sheet.notes)
    if head.startswith(parquet.MAGIC):
        found = parquet.scan(path)
        return found, found.notes
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith((b"<!doctype html", b"<html", b"<table", b"<?xml")):
        raise TableError("a web page or XML, not a table", where=path.name, mend="save the table as CSV or XLSX")
    text = encoding.detect(path)
    with path.open(encoding=text.codec, errors=encoding.errors_of(text.codec), newline="") as file:
        array = jsonarray.looks_like(file.read(BEGINNING), json=path.suffix.lower() == ".json")
        file.seek(0)
        first = "" if array else file.readline(LINE_LIMIT)
    if array:
        sheet = jsonarray.scan(path, text.codec)
    elif path.suffix.lower() in (".jsonl", ".ndjson", ".json") or jsonlines.looks_like(first):
        sheet = jsonlines.scan(path, text.codec)
    else:
        sheet = delimited.scan(path, text.codec, plain_quotes=plain_quotes)
    return sheet, (text.words, *sheet.notes)
