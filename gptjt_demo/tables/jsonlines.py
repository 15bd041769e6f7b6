"""JSON Lines in: one object a line, a column for every key that any of them has; and a row as such a line again.

In: a path and its encoding. Out: a `Sheet`. A string is a cell as it stands; a number, true and false are the text in
the file (`1e5`, `1.10`); null and a missing key are blanks; an object or a list is its JSON text. Cells that were no
strings keep the JSON that they were read from, to the character, so that writing gives it back. A cell with an
invalid character, such as half of a surrogate pair, is faulty and costs only its own row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gptjt_demo.errors import TableError
from gptjt_demo.tables.encoding import errors_of
from gptjt_demo.tables.sheet import CELL_LIMIT, COLUMN_LIMIT, LINE_LIMIT, MISSING, Cell, Faults, Row, Sheet, whole

MISSING_CELL = Cell("", json=MISSING)
"""What stands where an object lacks a key."""
_BLANKS = re.compile(r"[ \t\r\n]*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)")


def looks_like(line: str) -> bool:
    """Whether a file's first line says that it is JSON Lines: it is an object with at least one key."""
    try:
        return line.lstrip("\ufeff").lstrip().startswith("{") and bool(json.loads(line.lstrip("\ufeff")))
    except (ValueError, RecursionError):
        return False


def scan(path: Path, codec: str) -> Sheet:
    """Read the file through once.

    Raises:
        TableError: a line that is not an object, names a key twice or is too long, with its number; or no row is good.
    """
    keys: dict[str, None] = {}
    count = 0
    faults = Faults()
    for number, row in _objects(path, codec):
        keys.update(dict.fromkeys(row))
        count += 1
        faults.look(f"line {number}", row.values())
        if len(keys) > COLUMN_LIMIT:
            raise TableError(f"line {number}: more than {COLUMN_LIMIT:,} keys in all", where=path.name)
    header = list(keys)

    def again() -> Iterator[Row]:
        return (tuple(row.get(key, MISSING_CELL) for key in header) for _, row in _objects(path, codec))

    return Sheet(header, count, ("one JSON object a line", *faults.notes(count, path)), again)


def line_of(columns: Sequence[str], row: Sequence[str]) -> str:
    """A row as a JSON object, without a line end: texts as strings, and what was read from other JSON as it was."""
    members = ((name, _value(cell)) for name, cell in zip(columns, row, strict=True))
    return "{" + ", ".join(f"{_dumped(name)}: {value}" for name, value in members if value) + "}"


def row_of(line: str, columns: Sequence[str]) -> list[str] | None:
    """The cells of a line that `line_of` made; None where its keys are others.

    Raises:
        TableError: it is not a JSON object.
    """
    cells = cells_of(line)
    return [cells.get(name, MISSING_CELL) for name in columns] if cells.keys() <= set(columns) else None


def _value(cell: str) -> str:
    """A cell's JSON; empty for a key that its object lacked."""
    return cell.json if isinstance(cell, Cell) and cell.json is not None else _dumped(cell)


def _dumped(text: str) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def _objects(path: Path, codec: str) -> Iterator[tuple[int, dict[str, str]]]:
    number = 0
    with path.open(encoding=codec, errors=errors_of(codec), newline="") as file:
        while line := file.readline(LINE_LIMIT):
            number += 1
            if len(line) == LINE_LIMIT:
                raise TableError(f"line {number}: more than {LINE_LIMIT:,} characters", where=path.name)
            if number == 1:
                line = line.lstrip("\ufeff")
            if line.strip():
                try:
                    yield number, cells_of(line)
                except TableError as error:
                    raise TableError(f"line {number}: {error.what}", where=path.name, mend=error.mend) from None


def cells_of(line: str) -> dict[str, str]:
    """The cells of a JSON object by its keys.

    Raises:
        TableError: it is none, names a key twice, or holds what no cell can.
    """
    try:
        row = DECODER.decode(line)
    except RecursionError:
        raise TableError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise TableError(f"not JSON ({error.msg}, column {error.colno})", mend="write one object a line") from None
    if not isinstance(row, dict):
        raise TableError("not a JSON object", mend='write one object a line, such as {"text": "…"}')
    if all(type(value) is str and value.isascii() and "\0" not in value for value in row.values()):
        cells: dict[str, str] = row
    else:
        cells = {key: _cell(value, source) for key, value, source in _members(line)}
    for text in (*cells, *cells.values()):
        if len(text) > CELL_LIMIT:
            raise TableError(f"a cell of more than {CELL_LIMIT:,} characters")
    for key in [key for key in cells if "\0" in key or not key.isascii()]:
        name = whole(key.replace("\0", "\udc00"))
        if isinstance(name, Cell):
            value = cells.pop(key)
            source = value.json if isinstance(value, Cell) else None
            cells[str(name)] = Cell(value, json=source, fault=f"{name.fault}, in the key {str(name)!r}")
    return cells


def _members(line: str) -> Iterator[tuple[str, Any, str]]:
    """Key, value and the value's own text, of the object that the line is."""

    def past(position: int) -> int:
        return _BLANKS.match(line, position).end()  # type: ignore[union-attr]

    position = past(past(0) + 1)
    while line[position] != "}":
        key, position = DECODER.raw_decode(line, position)
        position = past(past(position) + 1)  # the colon
        value, end = DECODER.raw_decode(line, position)
        yield key, value, line[position:end]
        position = past(end)
        if line[position] == ",":
            position = past(position + 1)


def _cell(value: Any, source: str) -> str:
    if source[0] == '"':
        cell = whole(value.replace("\0", "\udc00"), json=source)
        return cell if isinstance(cell, Cell) and cell.fault else str(value)
    if value is None:
        return Cell("", json=source)
    return whole(_ESCAPE.sub(_unescaped, source), json=source) if source[0] in "{[" else Cell(source, json=source)


def _unescaped(escape: re.Match[str]) -> str:
    """A character that JSON need not escape, as it is; half of a surrogate pair stays as it was written."""
    code = int(escape[1] or "0", 16)
    return chr(code) if code > 0x9F and not 0xD800 <= code <= 0xDFFF else escape[0]


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TableError(f"the key {twice!r} is given twice")
    return row


class _Number(str):
    """A number as it is typed."""


DECODER = json.JSONDecoder(
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_Number,
    strict=False,  # a tab that somebody did not escape is a tab
    object_pairs_hook=_no_repeats,
)
