"""JSON Lines in: one object a line, a column for every key that any of them has.

In: a path and its encoding. Out: a `Sheet`. A string is a cell as it stands; a number, true and false are the text in
the file (`1e5`, `1.0`); null and a missing key are blanks; an object or a list is its JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gptjt_demo.errors import TableError
from gptjt_demo.tables.sheet import CELL_LIMIT, COLUMN_LIMIT, LINE_LIMIT, Row, Sheet


def looks_like(line: str) -> bool:
    """Whether a file's first line says that it is JSON Lines: it is an object with at least one key."""
    try:
        return line.lstrip("\ufeff").lstrip().startswith("{") and bool(json.loads(line.lstrip("\ufeff")))
    except (ValueError, RecursionError):
        return False


def scan(path: Path, codec: str) -> Sheet:
    """Read the file through once.

    Raises:
        TableError: a line that is no JSON object, names a key twice or is too long, with its number.
    """
    keys: dict[str, None] = {}
    count = 0
    for number, row in _objects(path, codec):
        keys.update(dict.fromkeys(row))
        count += 1
        if len(keys) > COLUMN_LIMIT:
            raise TableError(f"line {number}: more than {COLUMN_LIMIT:,} keys in all", where=path.name)
    header = list(keys)

    def again() -> Iterator[Row]:
        return (tuple(row.get(key, "") for key in header) for _, row in _objects(path, codec))

    return Sheet(header, count, ("one JSON object a line",), again)


def _objects(path: Path, codec: str) -> Iterator[tuple[int, dict[str, str]]]:
    number = 0
    with path.open(encoding=codec, newline="") as file:
        while line := file.readline(LINE_LIMIT):
            number += 1
            if len(line) == LINE_LIMIT:
                raise TableError(f"line {number}: more than {LINE_LIMIT:,} characters", where=path.name)
            if line.strip():
                try:
                    yield number, _cells(line)
                except TableError as error:
                    raise TableError(f"line {number}: {error.what}", where=path.name, mend=error.mend) from None


def _cells(line: str) -> dict[str, str]:
    try:
        # Numbers stay as typed; the ones inside a nested value are read again as numbers, to be written as such.
        row = json.loads(line, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_no_repeats)
        if isinstance(row, dict) and any(isinstance(value, dict | list) for value in row.values()):
            nested = json.loads(line)
            row = {key: nested[key] if isinstance(value, dict | list) else value for key, value in row.items()}
    except RecursionError:
        raise TableError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise TableError(f"not JSON ({error.msg}, column {error.colno})", mend="write one object a line") from None
    except ValueError as error:  # a number of thousands of digits
        raise TableError(f"not JSON that can be read ({error})") from None
    if not isinstance(row, dict):
        raise TableError("not a JSON object", mend='write one object a line, such as {"text": "…"}')
    cells = {key: _text(value) for key, value in row.items()}
    for text in (*cells, *cells.values()):
        if len(text) > CELL_LIMIT:
            raise TableError(f"a cell of more than {CELL_LIMIT:,} characters")
        if "\0" in text:
            raise TableError("a NUL character in a cell")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise TableError("half of a surrogate pair, which is no character")
    return cells


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TableError(f"the key {twice!r} is given twice")
    return row
