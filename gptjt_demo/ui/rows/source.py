"""A visitor's file of rows on the page: what was found in it, its first rows, and a column for each input of a prompt.

In: an uploaded file's path, a template. Out: a `Table`, HTML, and the pickers' new choices. Does not know what the rows
are wanted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from gptjt_demo.batch.columns import fitting_gold, fitting_inputs
from gptjt_demo.errors import PlaygroundError, SettingError, TableError, TooLarge
from gptjt_demo.settings import Limits
from gptjt_demo.tables.table import PREVIEW, Table, read
from gptjt_demo.templates.answer_check import match_label
from gptjt_demo.templates.template import MAX_INPUTS, Template
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.rules import FILE_RULES
from gptjt_demo.ui.rows.rows_table import rows_table

MOST_MIB = 200
"""Of a file, where the server sets no limit: what a page can hold."""
MOSTLY = 0.8
"""The part of a column's cells that has to be labels, for it to be taken for the right answers."""


def opened(path: str | Path, most: int = MOST_MIB, *, plain_quotes: bool = False) -> Table:
    """The file, checked from end to end.

    Args:
        path: of the upload, or of a sample.
        most: MiB that are read.
        plain_quotes: quotes are plain characters.

    Raises:
        TooLarge: it is larger.
        TableError: it is not a good table.
    """
    path = Path(path)
    if (size := path.stat().st_size) > most << 20:
        raise TooLarge(
            f"{size / 2**20:,.1f} MiB, the limit here is {most:,} MiB",
            where=path.name,
            mend="split it, or use the command line",
        )
    return read(path, plain_quotes=plain_quotes)


def fewer(own: int, limit: int | None) -> int:
    """How many rows of a file are used: as many as a page can hold, or as the server allows."""
    return own if limit is None else min(own, limit)


def looked_at(
    path: str | Path | None, most: int, limits: Limits, *, sample: bool = False, plain_quotes: bool = False
) -> tuple[Table | None, str, str]:
    """An uploaded file as the page shows it.

    Args:
        path: None where there is none.
        most: rows that a page can use.
        limits: what the server allows.
        sample: it comes with the app.
        plain_quotes: quotes are plain characters.

    Returns:
        the table, what was found or why it is none, and its first rows.
    """
    if path is None:
        return None, "", ""
    try:
        table = opened(path, limits.upload_mib or MOST_MIB, plain_quotes=plain_quotes)
    except PlaygroundError as error:
        return None, problem(str(error)), ""
    title = "Sample data" if sample else "Your file"
    return table, found(table, limit=fewer(most, limits.rows), sample=sample), preview(table, title)


def found(table: Table, *, limit: int | None = None, sample: bool = False) -> str:
    """What the file was taken for, and how much of it will be used; a sample is called one."""
    parts = [
        f"{'Sample data: ' if sample else ''}<b>{len(table):,}</b> row{'' if len(table) == 1 else 's'}",
        *map(escape, table.notes),
    ]
    cap = ""
    if limit is not None and len(table) > limit:
        cap = (
            f'<p class="notice" role="note">Only the first {limit:,} of {len(table):,} rows will be used here; '
            "the command line has no limit.</p>"
        )
    return f'<p class="found" role="status">{" · ".join(parts)}</p>{cap}'


def preview(table: Table, title: str = "Your file") -> str:
    """The first rows in a card."""
    rows = table.preview()
    status = "" if len(table) <= PREVIEW else f"the first {PREVIEW} of {len(table):,}"
    return (
        '<section class="card preview"><header>'
        f"<h2>{escape(title)}</h2>"
        f'<span class="status">{status}</span></header>{rows_table(table.columns, rows, label=title)}</section>'
    )


def column_pickers(prefix: str) -> list[gr.Dropdown]:
    """A picker for each input that a template may have; those that it has not are hidden."""
    return [
        gr.Dropdown(
            [], label="Column", visible=False, filterable=False, elem_id=f"{prefix}-column-{index}", min_width=160
        )
        for index in range(MAX_INPUTS)
    ]


def quotes_box(prefix: str) -> gr.Checkbox:
    """How the lines of a file are read where there are two ways; hidden where there is one."""
    return gr.Checkbox(
        False,
        label="Each line is a row",
        info="Quotation marks are then plain characters.",
        visible=False,
        elem_id=f"{prefix}-plain-quotes",
    )


def quotes_update(table: Table | None) -> Any:
    """That box, for a file that was read in one of the ways."""
    asked = table is not None and table.plain_quotes
    return gr.Checkbox(asked, visible=table is not None and (asked or table.sheet.lines))


def rule_picker(prefix: str) -> gr.Dropdown:
    """How labels are compared; shown where there are some."""
    return gr.Dropdown(
        [(name, key) for key, (name, _) in FILE_RULES.items()],
        value="logprob",
        label="Compare labels by",
        visible=False,
        filterable=False,
        elem_id=f"{prefix}-rule",
    )


def column_updates(
    template: Template | None, table: Table | None, current: Sequence[Any] = (), *, gold: str | None = None
) -> list[Any]:
    """The pickers for a template over a file, each with what is picked already, or the one column that fits, which is
    said; where several fit, it asks.

    Args:
        template, table: None where there is none yet.
        current: what is picked now.
        gold: the column of right answers, which is not an input.
    """
    if template is None or table is None:
        return [gr.Dropdown(visible=False)] * MAX_INPUTS
    names = [field.name for field in template.inputs]
    taken = [_taken(fits) for fits in fitting_inputs(template, table.columns, gold).values()]
    for index, value in enumerate(current[: len(names)]):
        if value in table.columns and value != taken[index][0]:
            taken[index] = value, ""
    return [
        gr.Dropdown(
            list(table.columns),
            value=value,
            info=info or None,
            label="Column with the text" if len(names) == 1 else f"Column for {name}",
            visible=True,
        )
        for name, (value, info) in zip(names, taken, strict=True)
    ] + [gr.Dropdown(visible=False)] * (MAX_INPUTS - len(names))


def gold_column(template: Template | None, table: Table | None, current: Any = None) -> tuple[str | None, str]:
    """The column of right answers: what is picked already, or the one that fits by its name or by what it holds; and a
    line that says so, or asks where several fit."""
    if template is None or table is None:
        return None, ""
    fits = fitting_gold(template, table.columns)
    found = _taken(fits) if fits else _holding_labels(template, table)
    return found if current not in table.columns or current == found[0] else (current, "")


def gold_update(table: Table | None, value: str | None, info: str = "") -> Any:
    """Its picker."""
    if table is None:
        return gr.Dropdown(visible=False)
    return gr.Dropdown(list(table.columns), value=value, info=info or None, visible=True)


def _holding_labels(template: Template, table: Table) -> tuple[str | None, str]:
    """The column whose cells are the template's labels, as far as the first rows show."""
    rows = table.preview()
    fits = []
    for column in table.columns:
        index = table.column_index(column)
        cells = [row[index] for row in rows if row[index].strip()]
        known = sum(match_label(cell, template.labels) is not None for cell in cells)
        if cells and known >= MOSTLY * len(cells):
            fits.append(column)
    if len(fits) != 1:
        return _taken(fits)
    return fits[0], f"“{fits[0]}” was taken: it holds the prompt’s labels."


def _taken(fits: Sequence[str]) -> tuple[str | None, str]:
    """The one column that fits, and how that is said."""
    if len(fits) == 1:
        return fits[0], f"“{fits[0]}” was taken: no other column fits."
    if fits:
        return None, f"{' and '.join(f'“{column}”' for column in fits[:4])} fit: choose one."
    return None, "No column has such a name: choose one."


def picked(template: Template, values: Sequence[str | None]) -> dict[str, str]:
    """The pickers' values, for each input its column.

    Raises:
        SettingError: one is missing.
    """
    names = [field.name for field in template.inputs]
    return {name: _given(name, value) for name, value in zip(names, values, strict=False)}


def needed(table: Table | None) -> Table:
    """The table.

    Raises:
        TableError: there is none yet, or its upload is no longer kept.
    """
    if table is None:
        raise TableError("there is no file yet", mend="choose one first")
    if not table.path.exists():
        raise TableError("the upload is no longer kept", where=table.path.name, mend="choose the file again")
    return table


def _given(name: str, value: str | None) -> str:
    if not value:
        raise SettingError(f"no column is chosen for {name}", mend="choose one")
    return value
