"""The grid: the few-shot table and the query as text cells, a gr.HTML whose cells are drawn by grid.js.

gr.Dataframe hides adding and removing a row in menus and is cut off on a phone; here a cell is a text field that grows,
007 stays 007, and nothing typed is read as markup. In and out: `{"columns": [label], "rows": [[text]]}`, and `off`, the
indices of the rows that are switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import gradio as gr

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.example import MAX_TEXT
from gptjt_demo.templates.template import MAX_EXAMPLES
from gptjt_demo.ui import static

_TEMPLATE = (
    '<div class="grid" role="group" aria-label="{title}" data-noun="{noun}"{fixed}><h2>{title}</h2>'
    '<div class="grid-head" aria-hidden="true"></div><div class="grid-body"></div>'
    '<button type="button" class="grid-add"></button></div>'
)


class Cells(TypedDict):
    """A grid's value."""

    columns: list[str]
    rows: list[list[str]]
    off: NotRequired[list[int]]
    names: NotRequired[list[str]]


def cells(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Cells:
    """A grid's value with these column labels and rows of text."""
    return {"columns": list(columns), "rows": [list(row) for row in rows]}


def read_rows(value: Any, columns: int, where: str) -> list[list[str]]:
    """The rows that a browser sent, checked: it may send anything.

    Raises:
        TemplateError: not rows of `columns` texts, or more text than a prompt could hold.
    """
    rows = value.get("rows") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not all(
        isinstance(row, list) and len(row) == columns and all(isinstance(text, str) for text in row) for row in rows
    ):
        raise TemplateError(f"not rows of {columns} texts", where=where, mend="reset the template")
    if len(rows) > MAX_EXAMPLES or sum(len(text) for row in rows for text in row) > MAX_TEXT:
        raise TemplateError(
            f"more than {MAX_EXAMPLES} rows or {MAX_TEXT:,} characters", where=where, mend="keep fewer rows"
        )
    return rows


def read_rows_on(value: Any, columns: int, where: str) -> list[list[str]]:
    """As `read_rows`, without the rows that are switched off."""
    rows = read_rows(value, columns, where)
    off = value.get("off")
    return [row for index, row in enumerate(rows) if index not in off] if isinstance(off, list) else rows


def with_row(value: Any, texts: Sequence[str], where: str = "Examples") -> Cells:
    """The grid with one more row.

    Raises:
        TemplateError: the grid is not rows of as many texts.
    """
    rows = read_rows(value, len(texts), where)
    grown: Cells = {**value, "rows": [*rows, list(texts)]}  # type: ignore[typeddict-item]
    return grown


def grid(value: Cells, *, title: str, noun: str, fixed: bool = False, elem_id: str, render: bool = True) -> gr.HTML:
    """A grid component; its `input` event fires on every change.

    Its `edit` event fires where rows were removed or pasted, with the value `before`.
    """
    return gr.HTML(
        value,
        html_template=_TEMPLATE.format(title=title, noun=noun, fixed=" data-fixed" if fixed else ""),
        js_on_load=static.read("grid.js"),
        apply_default_css=False,
        elem_id=elem_id,
        render=render,
    )
