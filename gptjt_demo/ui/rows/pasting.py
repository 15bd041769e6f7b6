"""Cells pasted from a spreadsheet in place of a file: a field, whether it has a header, and a button that takes them.

In: pasted text. Out: a file as if it had been uploaded, so that all that holds for files holds for it. Does not know
what rows are wanted for.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.utils import get_upload_folder

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.clipboard import cells_of
from gptjt_demo.ui.html import problem


class Pasting(NamedTuple):
    """The controls."""

    cells: gr.Textbox
    named: gr.Checkbox
    use: gr.Button
    wrong: gr.HTML


def pasting(prefix: str) -> Pasting:
    """Lay them out, folded."""
    with gr.Accordion(
        "Or paste cells from a spreadsheet", open=False, elem_id=f"{prefix}-paste", elem_classes="folded"
    ):
        cells = gr.Textbox(
            label="Cells",
            lines=4,
            max_lines=10,
            elem_id=f"{prefix}-cells",
            placeholder="Copy cells there, paste them here",
        )
        named = gr.Checkbox(True, label="The first row holds the column names", elem_id=f"{prefix}-named")
        use = gr.Button("Use these cells", elem_id=f"{prefix}-use")
        wrong = gr.HTML("", elem_id=f"{prefix}-paste-wrong", elem_classes="said", apply_default_css=False)
    return Pasting(cells, named, use, wrong)


def taken(text: Any, named: Any) -> tuple[Any, Any, str]:
    """The file that the cells become, the field without them, and the line that says why not."""
    try:
        columns, rows = cells_of(str(text or ""), named=bool(named))
        folder = Path(get_upload_folder())
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=folder)) / "pasted-cells.tsv"
        rowfile.write(path, columns, map(tuple, rows))
    except PlaygroundError as error:
        return gr.skip(), gr.skip(), problem(str(error))
    return str(path), "", ""
