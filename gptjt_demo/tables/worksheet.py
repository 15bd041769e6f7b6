"""The cells of a worksheet's XML, row by row.

In: its elements. Out: each row's number and its cells, in their order, with their values as they are in the file; and
which cells are merged, and which rows hidden.
Does not know what a value means, nor any other part of the workbook.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gptjt_demo.tables.package import Event
from gptjt_demo.tables.sheet import COLUMN_LIMIT

TRUE = ("1", "true", "on")
"""What the format writes for yes."""
_NAME = re.compile(r"\$?([A-Za-z]{1,4})\$?(\d{1,9})")


@dataclass
class Found:
    """A cell.

    Attributes:
        column, row: where it stands; the column from 0, the row from 1.
        type: as the file says: s, str, inlineStr, b, d, e or n.
        style: its number among the workbook's.
        value: its text in the file; None where there is nothing.
        formula: whether that is the result of one.
    """

    column: int
    row: int
    type: str
    style: int
    value: str | None = None
    formula: bool = False

    @property
    def name(self) -> str:
        """As "B2"."""
        letters, rest = "", self.column + 1
        while rest:
            rest, last = divmod(rest - 1, 26)
            letters = chr(ord("A") + last) + letters
        return f"{letters}{self.row}"


def cells_of(events: Iterable[Event], merged: list[str], hidden: set[int]) -> Iterator[tuple[int, list[Found]]]:
    """Every row with cells; `merged` receives the areas that are shown as one cell, `hidden` the numbers of rows that
    are not shown.

    Raises:
        ValueError: rows or cells are in another order than their numbers.
    """
    number, row, cell = 0, list[Found](), None
    texts: dict[str, str] = {}  # of the cell in hand: its value, `v`, and its text in place, `t`
    into, aside = "", False  # where text belongs; it says how the cell is pronounced
    for event in events:
        if event.kind == "text":
            if into and not aside:
                texts[into] += event.text
        elif event.name in ("v", "t"):
            into = event.name if event.kind == "start" and cell is not None else ""
            if into:
                texts.setdefault(into, "")
        elif event.name == "rPh":
            aside = event.kind == "start"
        elif event.name == "f":
            if cell is not None and event.kind == "start":
                cell.formula = True
        elif event.name == "c":
            if event.kind == "start":
                cell = _cell(event.attributes, number, row)
                row.append(cell)
            elif cell is not None:
                _fill(cell, texts)
                texts.clear()
                cell = None
        elif event.name == "row" and event.kind == "start":
            following = int(event.attributes.get("r", number + 1))
            if following <= number:
                raise ValueError(f"row {following} after row {number}")
            number, row = following, []
            if event.attributes.get("hidden", "").lower() in TRUE:
                hidden.add(number)
        elif event.name == "row":
            yield number, row
        elif event.name == "mergeCell" and event.kind == "start":
            merged.append(event.attributes.get("ref", ""))


def _fill(cell: Found, texts: dict[str, str]) -> None:
    """Give a cell its value. Some programs write a text where another kind of cell has it; it is no blank for that."""
    own, other = ("t", "v") if cell.type == "inlineStr" else ("v", "t")
    cell.value = texts.get(own, texts.get(other))
    if own not in texts and other in texts:
        cell.type = "inlineStr"


def _cell(attributes: dict[str, str], number: int, row: list[Found]) -> Found:
    column = row[-1].column + 1 if row else 0
    if (name := attributes.get("r")) and (match := _NAME.fullmatch(name)):
        at = 0
        for letter in match[1].upper():
            at = at * 26 + ord(letter) - ord("A") + 1
        if at <= column or int(match[2]) != number:
            raise ValueError(f"cell {name} out of its order")
        column = at - 1
    if column >= COLUMN_LIMIT:
        raise ValueError(f"a cell beyond {COLUMN_LIMIT:,} columns")
    return Found(column, number, attributes.get("t", "n"), int(attributes.get("s", "0")))
