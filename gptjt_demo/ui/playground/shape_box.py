"""The shape of answers in the settings: a kind, and what belongs to it, whose field says what that is.

In: a template's shape, or what a person chose and typed. Out: the controls, and the shape again. The field is there
only for kinds that need it.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.answer_shape import AnswerShape, ShapeKind, read_shape_words
from gptjt_demo.templates.template import Template

WHERE = "Shape of the answer"

_KINDS: dict[ShapeKind, tuple[str, str, str]] = {
    "none": ("Free text", "Value", ""),
    "one-of": ("One of a list", "Possible answers", "Separated by commas. The answer is one of them to the character."),
    "csv": ("CSV record", "Columns", "How many, from 2 to 100. The record is one line; a column may be blank."),
    "items": (
        "Items from the input",
        "Between two items",
        "Blank is a comma and a space. Items are whole words of your input, spelled as there.",
    ),
    "pattern": (
        "Pattern",
        "Regular expression",
        "It matches all of the answer, as in [0-9]{3}-[0-9]{4}. It cannot look ahead or back.",
    ),
}
"""Of each kind what it is called, and its field's label and hint."""


@dataclass(frozen=True)
class ShapeBox:
    """The components."""

    kind: gr.Dropdown
    value: gr.Textbox
    problem: gr.HTML


def shape_box(held: dict[str, str]) -> ShapeBox:
    """Build the controls; `held` are their values, as `values` gives them."""
    with gr.Row(elem_id="shaping", equal_height=False):
        kind = gr.Dropdown(
            [(called, name) for name, (called, _, _) in _KINDS.items()],
            value=held["shape"],
            label=WHERE,
            info="The model is offered only what leads there. The answer can still be wrong.",
            filterable=False,
            elem_id="shape",
            min_width=220,
        )
        value = gr.Textbox(
            held["shape_value"],
            **_field(held["shape"]),
            lines=1,
            max_lines=4,
            elem_id="shape_value",
            min_width=220,
            buttons=[],
        )
    problem = gr.HTML("", elem_id="shape-problem", apply_default_css=False)
    return ShapeBox(kind, value, problem)


def values(shape: AnswerShape | None) -> dict[str, str]:
    """The controls' values for a shape."""
    return {"shape": "none", "shape_value": ""} if shape is None else {"shape": shape.kind, "shape_value": shape.value}


def read(kind: Any, value: Any) -> AnswerShape | None:
    """The controls' values as a shape.

    Raises:
        TemplateError: they are none.
    """
    try:
        return read_shape_words(str(kind), str(value or ""))
    except TemplateError as error:
        raise TemplateError(error.what, where=WHERE, mend=error.mend) from None


def field(kind: Any) -> Any:
    """How the field looks for a kind."""
    return gr.update(**_field(kind))


def suggested(kind: Any, template: Template, labels: str) -> str:
    """What the field holds when a kind is chosen: what the template already says of its answers.

    Args:
        kind: see there.
        template: what is on the page.
        labels: its labels as typed.
    """
    if kind == "one-of":
        return labels
    if kind != "csv":
        return ""
    if template.check is not None and template.check.columns is not None:
        return str(max(2, template.check.columns))
    outputs = io.StringIO("\n".join(row.output for row in template.examples if row.output), newline="")
    return str(max((len(row) for row in csv.reader(outputs)), default=2) or 2)


def _field(kind: Any) -> dict[str, Any]:
    _, label, info = _KINDS.get(kind, _KINDS["none"])
    return {"label": label, "info": info, "visible": kind in _KINDS and kind != "none"}
