"""What the page holds, as a template and a query: the user's edits laid over the template they picked.

In: the raw values of the page's controls. Out: `Template` and query, or one line that says which control is wrong.
Knows nothing of gradio's components or of the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.settings import Attention
from gptjt_demo.templates.answer_shape import AnswerShape, read_list, written_list
from gptjt_demo.templates.template import MAX_EXAMPLES, Template
from gptjt_demo.ui.playground import settings, shape_box
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.playground.identity import Origin, identified, origin
from gptjt_demo.ui.playground.wording import read_wording
from gptjt_demo.ui.rows.grid import Cells, cells, read_rows, read_rows_on

ROWS, RAW = "rows", "raw"
"""The two views of a prompt."""


@dataclass(frozen=True)
class Draft:
    """A template being edited. Grids are as a browser sends them: not to be trusted.

    Attributes:
        base: the template that the edits are laid over.
        wording: cues and separators; None: the base's.
        title: the prompt's name as typed; blank: the base's.
        raw: the whole prompt as one text, in place of instruction, rows, wording and query; None: those count.
        numbers: the settings' values, by the names of `settings.NUMBERS`; None: the base's.
        stops: the template's own stops as typed.
        attention: None: the base's.
        shape: the kind of the answers' shape; None: the base's shape.
        shape_value: what belongs to the kind, as typed.
        nearest: how many examples a prompt shows, as typed; blank: all; None: as many as the base's.
    """

    base: Template
    instruction: str
    examples: Any
    labels: str
    query: Any
    wording: Any = None
    raw: str | None = None
    numbers: Mapping[str, Any] | None = None
    stops: str = ""
    attention: Attention | None = None
    title: str = ""
    shape: str | None = None
    shape_value: str = ""
    nearest: str | None = None

    @classmethod
    def held(cls, controls: Controls, attention: Attention | None) -> Draft:
        """What the page's controls hold; `attention` is None for the template's own."""
        return cls(
            controls.base,
            controls.instruction,
            controls.examples,
            controls.labels,
            controls.query,
            controls.wording,
            controls.raw if controls.view == RAW else None,
            {name: getattr(controls, name) for name in settings.NUMBERS},
            controls.stops,
            attention,
            controls.title or "",
            controls.shape,
            controls.shape_value,
            controls.nearest,
        )

    def template(self) -> Template:
        """The template's words as edited, its settings as they were. A row without any text is not an example yet.

        Raises:
            TemplateError: the edits do not make a template.
        """
        return self._read()[0]

    def whole(self) -> Template:
        """Everything on the page as one template: words, settings, attention, the query as its sample, its own name.

        Raises:
            TemplateError: as `template`.
            SettingError: a setting is out of its range.
        """
        template, query = self._read()
        edits: dict[str, Any] = {"query": query}
        if self.shape is not None:
            edits["shape"] = self.answer_shape()
        if self.numbers is not None:
            edits["generation"] = self.sampling()
        if self.attention is not None:
            edits["attention"] = self.attention
        return identified(self.base, template.revised(**edits), self.title)

    def origin(self) -> Origin:
        """What is on the page has to do with the base: it is the same, edited, or somebody's own."""
        return origin(self.base, self._read()[0])

    def sampling(self) -> Any:
        """The settings as typed, without the stops that follow from separator and cues."""
        return settings.read(self.numbers or {}, self.stops)

    def answer_shape(self) -> AnswerShape | None:
        """The shape of answers as chosen and typed; None for free text.

        Raises:
            TemplateError: it is none.
        """
        return self.base.shape if self.shape is None else shape_box.read(self.shape, self.shape_value)

    def inputs(self) -> dict[str, str]:
        """The query as typed, blank or not.

        Raises:
            TemplateError: it is not one row of the template's inputs.
        """
        return self._read()[1]

    def prompt(self) -> str:
        """The exact text that the model is given."""
        template, query = self._read()
        return template.render(query)

    def asked(self) -> str:
        """The exact text that the model is given, for a run.

        Raises:
            PromptError: the query is blank.
        """
        template, query = self._read()
        return template.ask(query)

    def rows(self) -> list[int]:
        """For each example of the template, its row on the page; none where there are no rows."""
        if self.raw is not None or not isinstance(self.examples, dict):
            return []
        off = self.examples.get("off")
        off = off if isinstance(off, list) else []
        rows = self.examples.get("rows") or []
        return [index for index, row in enumerate(rows) if index not in off and any(map(str.strip, row))]

    def _read(self) -> tuple[Template, dict[str, str]]:
        if self.raw is None:
            return self._rows()
        try:
            template, query = rows = replace(self, raw=None)._rows()
            if template.render(query) == self.raw:
                return rows
        except TemplateError:
            template = self.base  # the rows are wrong, the text is not
        labels = read_labels(self.labels)
        read, query = reread(template, self.raw, labels)
        # The base's labels are not those of another prompt, unless all its outputs are among them; labels that
        # somebody typed are not, where none is.
        known = [row.output in labels for row in read.examples]
        fit = any(known) or not known if tuple(labels) != self.base.labels else bool(known) and all(known)
        if not fit and origin(template, read) == "own":
            read = read.revised(labels=())
        return read, query

    def _rows(self) -> tuple[Template, dict[str, str]]:
        words = {} if self.wording is None else read_wording(self.wording)
        names = [field["name"] for field in words["inputs"]] if words else [field.name for field in self.base.inputs]
        examples = [
            {"inputs": dict(zip(names, row, strict=False)), "output": row[-1]}
            for row in read_rows_on(self.examples, len(names) + 1, "Examples")
            if any(map(str.strip, row))
        ]
        rows = read_rows(self.query, len(names), "Your input")
        if len(rows) != 1:
            raise TemplateError(f"{len(rows)} rows instead of one", where="Your input", mend="reset the template")
        query = dict(zip(names, rows[0], strict=True))
        edits: dict[str, Any] = {
            "instruction": self.instruction,
            "examples": examples,
            "labels": read_labels(self.labels),
        }
        if self.nearest is not None:
            edits["nearest_examples"] = read_nearest(self.nearest)
        return _refit(self.base, {**words, **edits}, names), query


def reread(base: Template, text: str, labels: Sequence[str]) -> tuple[Template, dict[str, str]]:
    """A pasted prompt as rows, with the base's settings, and with its inputs' names where they fit.

    Raises:
        TemplateError: the text is blank or too long.
    """
    parsed, query = Template.parse(text)
    theirs = [field.name for field in parsed.inputs]
    mine = [field.name for field in base.inputs]
    names = mine if len(mine) == len(theirs) else theirs
    called = dict(zip(theirs, names, strict=True))
    words = {
        "instruction": parsed.instruction,
        "inputs": [{"name": called[field.name], "cue": field.cue} for field in parsed.inputs],
        "output_cue": parsed.output_cue,
        "separator": parsed.separator,
        "field_separator": parsed.field_separator,
        "instruction_separator": parsed.instruction_separator,
        "examples": [
            {"inputs": {called[name]: value for name, value in row.inputs.items()}, "output": row.output}
            for row in parsed.examples
        ],
        "nearest_examples": None,  # a text shows the examples that it shows
        "labels": list(labels),
    }
    return _refit(base, words, names), {called[name]: value for name, value in query.items()}


def _refit(base: Template, words: dict[str, Any], names: Sequence[str]) -> Template:
    """The base with other words; what speaks of inputs that are gone is gone too."""
    if list(names) != [field.name for field in base.inputs]:
        words = {**words, "query": {}, **({"checks": []} if "checks" in type(base).model_fields else {})}
    try:
        return base.revised(**words)
    except TemplateError as error:
        if not error.where.startswith("shape"):
            raise
        return base.revised(**words, shape=None)  # the new words' stops stand in the old shape


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
    return written_list(labels)


def read_labels(text: str) -> list[str]:
    """Edited text as labels, each kept as the text it is; blanks around a label are dropped, and so is an empty one.

    Raises:
        TemplateError: a quote is not closed.
    """
    try:
        return read_list(text)
    except TemplateError as error:
        raise TemplateError(error.what, where="Labels", mend='write "a, b" for a label with a comma') from None


def show_nearest(count: int | None) -> str:
    """How many examples a prompt shows, as text to edit; blank where it shows all."""
    return "" if count is None else str(count)


def read_nearest(text: str) -> int | None:
    """Edited text as a number of examples; None for all.

    Raises:
        TemplateError: it is no such number.
    """
    typed = text.strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit() and len(typed) < 5 and 1 <= int(typed) <= MAX_EXAMPLES):
        mend = f"give 1 to {MAX_EXAMPLES}, or leave it blank"
        raise TemplateError(f"{text!r} is no number of examples", where="Nearest examples", mend=mend)
    return int(typed)


def own_stops(template: Template) -> Sequence[str]:
    """The template's stops without those that follow from its separator and cues."""
    stops: Sequence[str] = template.model_dump()["generation"].get("stop", ())
    return stops


def _label(cue: str, name: str) -> str:
    return cue.strip().removesuffix(":").rstrip() or name
