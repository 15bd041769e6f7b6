"""What the page holds, as a template and a query: the user's edits laid over the template they picked.

In: the raw values of the page's controls. Out: `Template` and query, or one line that says which control is wrong.
Knows nothing of gradio's components or of the engine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.template import Template
from gptjt_demo.ui.grid import Cells, cells, read_rows


@dataclass(frozen=True)
class Draft:
    """A template being edited. `examples` and `query` are grids as a browser sends them: not to be trusted."""

    base: Template
    instruction: str
    examples: Any
    labels: str
    query: Any

    def template(self) -> Template:
        """The template as edited. A row without any text is no example yet.

        Raises:
            TemplateError: the edits do not make a template.
        """
        names = [field.name for field in self.base.inputs]
        rows = read_rows(self.examples, len(names) + 1, "Examples")
        examples = [
            {"inputs": dict(zip(names, row, strict=False)), "output": row[-1]}
            for row in rows
            if any(map(str.strip, row))
        ]
        edits = {"instruction": self.instruction, "examples": examples, "labels": read_labels(self.labels)}
        return self.base.revised(**edits)

    def inputs(self) -> dict[str, str]:
        """The query as typed, blank or not.

        Raises:
            TemplateError: it is not one row of the template's inputs.
        """
        rows = read_rows(self.query, len(self.base.inputs), "Your input")
        if len(rows) != 1:
            raise TemplateError(f"{len(rows)} rows instead of one", where="Your input", mend="reset the template")
        return {field.name: text for field, text in zip(self.base.inputs, rows[0], strict=True)}

    def prompt(self) -> str:
        """The exact text that the model is given."""
        return self.template().render(self.inputs())

    def asked(self) -> str:
        """The exact text that the model is given, for a run.

        Raises:
            PromptError: the query is blank.
        """
        return self.template().ask(self.inputs())


def columns(template: Template) -> list[str]:
    """Column labels of the examples: each input's cue, then the output's."""
    return [*query_columns(template), _label(template.output_cue, "output")]


def query_columns(template: Template) -> list[str]:
    """Column labels of the query: each input's cue."""
    return [_label(field.cue, field.name) for field in template.inputs]


def example_cells(template: Template) -> Cells:
    """The template's examples as a grid."""
    return cells(
        columns(template),
        [[*(row.inputs[field.name] for field in template.inputs), row.output] for row in template.examples],
    )


def query_cells(template: Template) -> Cells:
    """The template's sample query as a grid of one row."""
    return cells(query_columns(template), [[template.query.get(field.name, "") for field in template.inputs]])


def show_labels(labels: Sequence[str]) -> str:
    """Labels as text to edit: a comma between them, quotes around one that needs them."""
    return ", ".join(
        '"' + label.replace('"', '""') + '"' if label != label.strip() or set(label) & set('",\n') else label
        for label in labels
    )


def read_labels(text: str) -> list[str]:
    """Edited text as labels, each kept as the text it is; blanks around a label are dropped, and so is an empty one.

    Raises:
        TemplateError: a quote is not closed.
    """
    try:
        rows = list(csv.reader(io.StringIO(text), skipinitialspace=True, strict=True))
    except csv.Error:
        raise TemplateError(
            "a quote is not closed", where="Labels", mend='write "a, b" for a label with a comma'
        ) from None
    return [label.strip() for row in rows for label in row if label.strip()]


def _label(cue: str, name: str) -> str:
    return cue.strip().removesuffix(":").rstrip() or name
