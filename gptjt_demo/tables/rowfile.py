"""A file of rows out: CSV, TSV and JSONL row by row, continued after a kill, XLSX in one go.

In: column names and rows of text. Out: a file that `table.read` gives back to the character (a NUL, or half of a
surrogate pair, becomes U+FFFD). JSONL gives cells that were read from JSON as they were. CSV and TSV are UTF-8 with a
byte-order mark and CRLF, quoted as RFC 4180 says, so that spreadsheet programs open them rightly, and cells that those
would run are neutralised. Does not know what rows mean.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from gptjt_demo.errors import TableError
from gptjt_demo.tables import workbook_writer
from gptjt_demo.tables.formulas import neutralise, restore
from gptjt_demo.tables.jsonlines import line_of, row_of
from gptjt_demo.tables.sheet import COLUMN_LIMIT, Row, whole

SYNC_SECONDS = 1.0
FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx"}
_MARK = b"\xef\xbb\xbf"


def format_of(path: Path) -> str:
    """csv, tsv, jsonl or xlsx, by the name.

    Raises:
        TableError: the name says none of them.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise TableError(
            "a name that says no format", where=path.name, mend="end it with .csv, .tsv, .jsonl or .xlsx"
        ) from None


class Codec:
    """Rows of one file as bytes: CSV, TSV or JSONL."""

    def __init__(self, format: str, columns: Sequence[str]) -> None:
        self.columns = [_holdable(name) for name in columns]
        self.quotes = format != "jsonl"  # cells may be quoted, and hold line ends
        self._format = format
        self._delimiter = "\t" if format == "tsv" else ","
        self._buffer = io.StringIO()
        self._writer = csv.writer(self._buffer, delimiter=self._delimiter, lineterminator="\r\n")
        self.end = b"\n" if format == "jsonl" else b"\r\n"

    def header(self) -> bytes:
        """What the file begins with; empty for JSONL."""
        if self._format == "jsonl":
            return b""
        cells = [neutralise(name) for name in self.columns]
        line = "".join(cells)
        if self._format == "csv" and not any(mark in line for mark in ",;\t|\ufeff") and line[:1] not in tuple("<[{"):
            return _MARK + self._line(cells)
        # A reader must not take a character in a name for the delimiter, nor the file for one of another format, nor
        # quotes in a TSV for plain characters.
        quote = self._delimiter.join('"' + name.replace('"', '""') + '"' for name in cells)
        return _MARK + quote.encode() + self.end

    def row(self, row: Sequence[str]) -> bytes:
        """One row, its line end with it."""
        cells = [_holdable(cell) for cell in row]
        if self._format == "jsonl":
            return line_of(self.columns, cells).encode() + self.end
        return self._line([neutralise(cell) for cell in cells])

    def cells(self, row: bytes) -> list[str] | None:
        """The cells of a row that `row` made; None where it is not such a row."""
        try:
            text = row.decode()
            if self._format == "jsonl":
                return row_of(text, self.columns)
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True))
        except (TableError, UnicodeDecodeError, csv.Error):
            return None
        whole = len(rows) == 1 and len(rows[0]) == len(self.columns)
        return [restore(cell) for cell in rows[0]] if whole else None

    def _line(self, cells: Sequence[str]) -> bytes:
        self._buffer.seek(0)
        self._buffer.truncate()
        self._writer.writerow(cells)
        return self._buffer.getvalue().encode()


class AppendOnly:
    """Bytes added to a file's end, each piece in one write to the system, synced to the disk once a second."""

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path = path
        with _refusing(path):
            self._file = path.open("ab" if append else "wb", buffering=0)
        self._unsynced = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._sync_each_second, name="sync", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Add a piece; when this returns, a killed process no longer loses it.

        Raises:
            TableError: the disk is full, or the like.
        """
        view = memoryview(data)
        with _refusing(self._path):
            while view:
                view = view[self._file.write(view) :]
        self._unsynced = True

    def close(self) -> None:
        """Sync and close."""
        self._closing.set()
        self._thread.join()
        with _refusing(self._path), self._file:
            os.fsync(self._file.fileno())

    def _sync_each_second(self) -> None:
        while not self._closing.wait(SYNC_SECONDS):
            if self._unsynced:
                self._unsynced = False
                with contextlib.suppress(OSError):  # closing syncs again, and tells
                    os.fsync(self._file.fileno())


def write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a whole file; it is there complete or not at all.

    Raises:
        TableError: the name says no format, the format cannot hold a cell, or `draft_of(path)` is there already.
    """
    format = format_of(path)
    draft = draft_of(path)
    with _refusing(path):
        _free(draft)
        try:
            _write(format, draft, columns, rows)
            draft.replace(path)
        except TableError as error:  # of the source, or of the draft, which nobody asked for
            where = path.name if error.where == draft.name else error.where
            raise TableError(error.what, where=where, mend=error.mend) from None
        finally:
            draft.unlink(missing_ok=True)


def draft_of(path: Path) -> Path:
    """The file that `write` fills before it takes its name."""
    return path.with_name(path.name + ".tmp")


def unholdable(format: str, cell: str) -> str:
    """Why a cell of the format cannot hold the text, in a line; empty if it can."""
    return workbook_writer.unholdable(cell) if format == "xlsx" else ""


def refuse_unholdable(path: Path, columns: Sequence[str], rows: Iterable[Row], count: int) -> None:
    """Refuse what the format of a file cannot hold, before any of it is written.

    Args:
        path: the file that is to be.
        columns: the names of its columns; rows may have fewer cells.
        rows: what is known of them.
        count: how many it will have.

    Raises:
        TableError: a cell is too long, or there are too many rows or columns.
    """
    if format_of(path) != "xlsx":
        return
    mend = "choose CSV, TSV or JSONL"
    if count >= workbook_writer.ROW_LIMIT or len(columns) > COLUMN_LIMIT:
        what = f"{count:,} rows and {len(columns):,} columns"
        most = f"{workbook_writer.ROW_LIMIT:,} rows, the names among them, and {COLUMN_LIMIT:,} columns"
        raise TableError(f"{what}, and an XLSX sheet holds {most}", where=path.name, mend=mend)
    for number, row in enumerate(chain([columns], rows), 1):
        for name, cell in zip(columns, row, strict=False):
            if reason := workbook_writer.unholdable(cell):
                raise TableError(f"row {number:,}, column {name!r}: {reason}", where=path.name, mend=mend)


def _free(draft: Path) -> None:
    """Make sure that the draft's name is free."""
    try:
        draft.open("xb").close()
    except FileExistsError:
        raise TableError(
            "it is there already, and would be written over", where=draft.name, mend="move it, or choose another name"
        ) from None
    draft.unlink()


def _write(format: str, path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    if format == "xlsx":
        whole_rows = (tuple(map(_holdable, row)) for row in rows)
        workbook_writer.write(path, list(map(_holdable, columns)), whole_rows)
        return
    codec = Codec(format, columns)
    with path.open("xb") as file:
        file.write(codec.header())
        file.writelines(map(codec.row, rows))


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """The system's refusal to write, as a user's error."""
    try:
        yield
    except OSError as error:
        raise TableError(f"cannot be written ({error.strerror or error})", where=path.name) from error


def _holdable(cell: str) -> str:
    return whole(cell.replace("\0", "\ufffd") if "\0" in cell else cell)
