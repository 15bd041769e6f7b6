"""A JSON array of objects in, read piece by piece: a column for every key that any object has.

In: a path and its encoding. Out: a `Sheet`, whose cells are those of JSON Lines, types kept. No more than one object is
in memory. Anything but objects within one array is refused with its position.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from gptjt_demo.errors import TableError
from gptjt_demo.tables.encoding import errors_of
from gptjt_demo.tables.jsonlines import DECODER, MISSING_CELL, cells_of
from gptjt_demo.tables.sheet import COLUMN_LIMIT, LINE_LIMIT, Faults, Row, Sheet

CHUNK = 1 << 16  # characters read at a time

_BEGIN = re.compile(r"[\ufeff\s]*\[\s*(\{|\]\s*\Z|\Z)")
_BLANKS = re.compile(r"[ \t\r\n]*")


def looks_like(text: str, *, json: bool = False) -> bool:
    """Whether a file's beginning is that of an array of objects; of a file that is to be JSON, of any array."""
    return bool(_BEGIN.match(text)) or (json and text.lstrip("\ufeff \t\r\n").startswith("["))


def scan(path: Path, codec: str) -> Sheet:
    """Read the file through once.

    Raises:
        TableError: it is no array of objects, or an object names a key twice or is too long, with its number.
    """
    keys: dict[str, None] = {}
    count = 0
    faults = Faults()
    for row in _objects(path, codec):
        keys.update(dict.fromkeys(row))
        count += 1
        faults.look(f"object {count}", row.values())
        if len(keys) > COLUMN_LIMIT:
            raise TableError(f"object {count}: more than {COLUMN_LIMIT:,} keys in all", where=path.name)
    header = list(keys)

    def again() -> Iterator[Row]:
        return (tuple(row.get(key, MISSING_CELL) for key in header) for row in _objects(path, codec))

    return Sheet(header, count, ("a JSON array", *faults.notes(count, path)), again)


class _Window:
    """The part of a file that is looked at: text from a position on, and more of it when asked."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self.text, self.position, self.ended = file, "", 0, False

    def more(self) -> None:
        """Drop what is passed, and read on: as much again as there is, so that a long object is read few times."""
        rest = self.text[self.position :]
        fresh = self._file.read(max(CHUNK, len(rest)))
        self.text, self.position, self.ended = rest + fresh, 0, not fresh

    def mark(self) -> str:
        """The next character that is no blank; empty at the end of the file."""
        while True:
            self.position = _BLANKS.match(self.text, self.position).end()  # type: ignore[union-attr]
            if self.position < len(self.text) or self.ended:
                return self.text[self.position : self.position + 1]
            self.more()


def _objects(path: Path, codec: str) -> Iterator[dict[str, str]]:
    """Each object's cells."""
    with path.open(encoding=codec, errors=errors_of(codec), newline="") as file:
        window = _Window(file)
        window.more()
        window.text = window.text.lstrip("\ufeff")
        if window.mark() != "[":
            raise TableError("not a JSON array", where=path.name, mend="write a list of objects, or one object a line")
        window.position += 1
        number = 0
        while window.mark() != "]" or number:
            number += 1
            try:
                yield _object(window)
            except TableError as error:
                raise TableError(f"object {number}: {error.what}", where=path.name, mend=error.mend) from None
            mark = window.mark()
            if mark == "]":
                break
            if mark != ",":
                what = "the file ends within the list" if not mark else f"{mark!r} where a comma or ] should be"
                raise TableError(f"after object {number}: {what}", where=path.name, mend="write the file again")
            window.position += 1
        window.position += 1
        if rest := window.mark():
            raise TableError(f"{rest!r} after the end of the list", where=path.name, mend="keep one list in a file")


def _object(window: _Window) -> dict[str, str]:
    """The next object's cells; the window stands behind it then."""
    if window.mark() != "{":
        raise TableError("not a JSON object", mend='write objects such as {"text": "…"}')
    while True:
        try:
            _, end = DECODER.raw_decode(window.text, window.position)
        except RecursionError:
            raise TableError("nested too deeply") from None
        except json.JSONDecodeError as error:
            if len(window.text) - window.position > LINE_LIMIT:
                raise TableError(f"more than {LINE_LIMIT:,} characters") from None
            if window.ended:
                raise TableError(f"not JSON ({error.msg})", mend="write the file again") from None
            window.more()
        else:
            source = window.text[window.position : end]
            window.position = end
            return cells_of(source)
