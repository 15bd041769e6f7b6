"""Template: a few-shot prompt with its examples, labels and settings; validated, rendered, read and written.

In: YAML text, a name or path, or a pasted prompt. Out: the exact prompt for a query, and YAML text again.
Text is data: it is put together by concatenation and never interpreted. Knows nothing of models and tokens.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from gptjt_demo.errors import PromptError, SettingError, TemplateError, nearest
from gptjt_demo.likeness import first_alike, normalised, seen
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.settings import shape as shapes
from gptjt_demo.settings.shape_grammar import check as check_shape
from gptjt_demo.templates import shipped, yaml_text
from gptjt_demo.templates.answer_check import Check
from gptjt_demo.templates.answer_shape import AnswerShape
from gptjt_demo.templates.example import MAX_TEXT, Cue, Example, Gap, Input, InputName, Line, Text, clean
from gptjt_demo.templates.field_errors import first_error
from gptjt_demo.templates.nearest import nearest as nearest_texts
from gptjt_demo.templates.prompt_text import BLANKS, Shape, complete_cue, readings

__all__ = ["SCHEMA_FILE", "Example", "Input", "Template"]

MAX_EXAMPLES = 200  # more than a context of 2048 tokens holds
MAX_INPUTS = 8  # each adds a stop, and a Sampling holds 16
MAX_LABELS = 100  # each is a row of the engine's work and a bar on the page
MAX_STOPS = 16
SCHEMA_FILE = "template.schema.json"
PROMPT_FIELDS = (
    "instruction",
    "inputs",
    "output_cue",
    "separator",
    "instruction_separator",
    "field_separator",
    "examples",
    "nearest_examples",
)
"""What a prompt is put together from, but for its query."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=64)]


class Template(BaseModel):
    """A few-shot prompt template.

    Raises:
        TemplateError: a value does not fit; `where` is the field's path.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", title="Few-shot template")

    name: Slug = Field(description="Short name, also the file's name without its ending: a-z, 0-9 and -.")
    title: Line = Field(description="The name that people see.")
    description: Text = Field("", description="What the template is for, in a sentence or two.")
    instruction: Text = Field(
        "", description="The text before the examples, to the byte. Over several lines, use |- rather than |."
    )
    inputs: Annotated[tuple[Input, ...], Field(min_length=1, max_length=MAX_INPUTS)] = Field(
        (Input(name="input", cue="Input"),), description="The texts that a case consists of, in order."
    )
    output_cue: Cue = Field(
        "Output", description="The words before the answer; a colon is added after a letter or digit. May be empty."
    )
    separator: Gap = Field("\n\n", description="What stands between the instruction, the examples and the query.")
    instruction_separator: Annotated[Gap, Field(min_length=1)] | None = Field(
        None, description="What stands after the instruction; left out, the separator does."
    )
    field_separator: Gap = Field("\n", description="What stands between the fields of one example.")
    examples: Annotated[tuple[Example, ...], Field(max_length=MAX_EXAMPLES)] = Field(
        (), description="The solved cases, in the prompt's order."
    )
    nearest_examples: Annotated[int, Field(ge=1, le=MAX_EXAMPLES)] | None = Field(
        None,
        description="A prompt shows only so many of the examples: those most like its query, the most alike last, and "
        "never the query itself. Left out, it shows all.",
    )
    query: dict[InputName, Text] = Field({}, description="A sample query: a value for each input.")
    labels: Annotated[tuple[Text, ...], Field(max_length=MAX_LABELS)] = Field(
        (), description="The possible answers; none for free text."
    )
    generation: Sampling = Field(
        Sampling(), description="How the answer is generated. Stops that follow from separator and cues are added."
    )
    attention: Attention | None = Field(
        None, description="How the model reads the prompt; left out, as the model does by default."
    )
    shape: AnswerShape | None = Field(
        None, description="What every answer in free text must be; nothing else is offered to the model."
    )
    check: Check | None = Field(None, description="What every answer must look like; others are flagged.")
    checks: Annotated[tuple[Example, ...], Field(max_length=MAX_EXAMPLES)] = Field(
        (), description="Cases with their right answers that are no part of the prompt, to try a model on."
    )
    licence: Line = Field("", description="The licence of the template's text, such as Apache-2.0.")
    source: Line = Field("", description="Where the template comes from.")
    notice: Text = Field("", description="What readers should know first, such as that it quotes offensive text.")

    # --- reading and writing

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str]) -> Template:
        """A shipped template by its name, or one from a file; `Library.load` looks names up in folders of your own.

        Args:
            name_or_path: `currency`, or a path: `./my.yaml`, anything with a `/` or ending in .yaml or .yml.

        Raises:
            TemplateError: there is no such template or file, or it is not valid.
        """
        if not isinstance(name_or_path, str | os.PathLike):
            _refuse("template", f"it is {type(name_or_path).__name__}", "give a template's name or file")
        given = os.fspath(shipped.path(str(name_or_path)) if is_name(name_or_path) else name_or_path)
        return cls.from_yaml(yaml_text.read_file(given), where=given)

    @classmethod
    def from_yaml(cls, text: str, where: str = "") -> Template:
        """Read a file's text.

        Args:
            text: YAML, see `yaml_text`.
            where: the file's name, for messages.

        Raises:
            TemplateError: with file, line and field.
        """
        data, lines = yaml_text.read(text, where=where)
        try:
            return cls.model_validate(data)
        except TemplateError as error:
            field = error.where
            holders = [path for path in lines if f"{field}.".startswith((f"{path}.", f"{path}["))]
            line = f"line {lines[max(holders, key=len)]}" if holders else ""
            here = " ".join(part for part in (where, line) if part)
            raise TemplateError(
                error.what, where=", ".join(part for part in (here, field) if part), mend=error.mend
            ) from None

    def to_yaml(self, *, ascii: bool = False) -> str:
        """The template as a file that people can edit; defaults and derived stops are left out.

        Args:
            ascii: write every other character as an escape, for where UTF-8 does not arrive.

        Raises:
            TemplateError: the file would be larger than may be read back.
        """
        document = self.model_dump(exclude_defaults=True, exclude_none=True)
        for field in ("query", "generation"):
            if not any(value or field == "generation" for value in document.get(field, {}).values()):
                document.pop(field, None)
        text = f"# yaml-language-server: $schema={SCHEMA_FILE}\n{yaml_text.write(document, ascii=ascii)}"
        yaml_text.check_length(text, where=self.name)
        return text

    @classmethod
    def parse(cls, text: str) -> tuple[Template, dict[str, str]]:
        """Read a pasted prompt back into rows.

        Args:
            text: a raw prompt. What is no few-shot prompt becomes the query of a template without any cue.

        Returns:
            A template and a query, so that `template.render(query)` is the text again, but for line ends of Windows
            and blanks at the very end.

        Raises:
            TemplateError: the text is blank or longer than a value may be.
        """
        if not isinstance(text, str):
            _refuse("prompt", f"it is {type(text).__name__} and not text", "give a str")
        try:
            text = clean(text).rstrip(BLANKS)
        except ValueError as error:
            raise TemplateError("not valid text", where="prompt", mend=str(error)) from None
        if not text.strip():
            raise TemplateError("there is nothing in it", where="prompt", mend="paste a prompt")
        if len(text) > MAX_TEXT:
            raise TemplateError(
                f"{len(text):,} characters, the limit is {MAX_TEXT:,}", where="prompt", mend="use fewer examples"
            )
        for fields in readings(text):
            # A template may hold fewer examples or inputs than the text does; the last reading has neither.
            with suppress(TemplateError):
                template = cls.model_validate({"name": "pasted-prompt", "title": "Pasted prompt", **fields})
                return template, template.query
        raise AssertionError("the text itself is always a reading")

    def revised(self, **changes: Any) -> Template:
        """A copy with other values, validated, whose stops follow from its own separator and cues."""
        return type(self).model_validate({**self.model_dump(), **changes})

    # --- the prompt

    def render(self, query: str | Mapping[str, str]) -> str:
        """The exact prompt for a query, ending with the output cue and no blanks.

        Args:
            query: the value of the only input, or all inputs' values by name.

        Raises:
            TemplateError: a value is missing, not text, or there is no such input.
        """
        values = self._values(query)
        return self._shape(values).prompt(values)

    def ask(self, query: str | Mapping[str, str]) -> str:
        """`render` for a query that is to be answered.

        Raises:
            TemplateError: as `render`.
            PromptError: there is nothing but blanks in the query.
        """
        values = self._values(query)
        if not any(value.strip() for value in values):
            raise PromptError("the input is empty", mend="type what the model should work on")
        return self._shape(values).prompt(values)

    def shape_for(self, query: str | Mapping[str, str]) -> shapes.Shape | None:
        """What the answer to a query must be, for an engine; None where any text will do.

        Raises:
            TemplateError: as `render`.
        """
        return None if self.shape is None else self.shape.over(self._values(query))

    def shown(self, query: str | Mapping[str, str]) -> tuple[Example, ...]:
        """The examples that a query's prompt shows, in their order.

        Raises:
            TemplateError: as `render`.
        """
        return self._shown(self._values(query))

    def _shown(self, values: Sequence[str]) -> tuple[Example, ...]:
        if self.nearest_examples is None:
            return self.examples
        names = [item.name for item in self.inputs]
        texts = [[row.inputs[name] for name in names] for row in self.examples]
        # The query itself is never shown: the prompt would give the answer away, and a measured row would be known.
        asked = [normalised(value) for value in values]
        others = [number for number, row in enumerate(texts) if list(map(normalised, row)) != asked]
        found = nearest_texts(["\n".join(texts[number]) for number in others], "\n".join(values), self.nearest_examples)
        return tuple(self.examples[others[number]] for number in found)

    def _shape(self, values: Sequence[str]) -> Shape:
        names = [item.name for item in self.inputs]
        return Shape(
            instruction=self.instruction,
            cues=tuple(complete_cue(item.cue) for item in self.inputs),
            output_cue=complete_cue(self.output_cue),
            separator=self.separator,
            instruction_separator=self.instruction_separator,
            field_separator=self.field_separator,
            examples=tuple((*(row.inputs[name] for name in names), row.output) for row in self._shown(values)),
        )

    def _values(self, query: str | Mapping[str, str]) -> list[str]:
        names = [item.name for item in self.inputs]
        if isinstance(query, str):
            if len(names) > 1:
                _refuse("query", "one text for several inputs", f"give a value for each of {', '.join(names)}")
            query = {names[0]: query}
        if not isinstance(query, Mapping):
            _refuse("query", f"it is {type(query).__name__} and not text", "give a text, or a value for each input")
        _refuse_unknown(query, names, "query")
        values = []
        for name in names:
            value = query.get(name)
            if not isinstance(value, str):
                _refuse(f"query.{name}", "the value is missing" if value is None else "not a text", "give a text")
            try:
                values.append(clean(value))
            except ValueError as error:
                _refuse(f"query.{name}", "the value does not fit", str(error))
        return values

    # --- validation

    @model_validator(mode="wrap")
    @classmethod
    def _in_one_line(cls, data: Any, handler: ModelWrapValidatorHandler[Template]) -> Template:
        try:
            return handler(data)
        except ValidationError as error:
            raise first_error(error, cls) from None

    @field_validator("title")
    @classmethod
    def _not_blank(cls, title: str) -> str:
        if not title.strip():
            raise ValueError("give the name that people see")
        return title

    @model_validator(mode="after")
    def _fields_agree(self) -> Template:
        names = [item.name for item in self.inputs]
        for i, name in enumerate(names):
            if name == "output":
                _refuse(f"inputs[{i}].name", "an input may not be named 'output'", "choose another name")
            if name in names[:i]:
                _refuse(f"inputs[{i}].name", f"two inputs are named {name!r}", "rename one of them")
        rows = {f"{field}[{i}]": row for field in ("examples", "checks") for i, row in enumerate(getattr(self, field))}
        for where, row in rows.items():
            _refuse_unknown(row.inputs, names, where)
            for name in names:
                if name not in row.inputs:
                    _refuse(where, f"{name!r} is missing", f"add `{name}: …` to it")
        _refuse_unknown(self.query, names, "query")
        for i, label in enumerate(self.labels):
            if not seen(label):
                _refuse(f"labels[{i}]", "the label is blank", "remove it or write its text")
        if pair := first_alike(self.labels):
            one, other = (self.labels[i] for i in pair)
            _refuse(f"labels[{pair[1]}]", f"{other!r} reads like the label {one!r}", "remove or rename one of them")
        derived = self._derived_stops()
        stops = (*(stop for stop in self.generation.stop if stop not in derived), *derived)
        if len(stops) > MAX_STOPS:
            what = f"{len(stops)} stops, {len(derived)} of which follow from separator and cues"
            _refuse("generation.stop", what, f"keep at most {MAX_STOPS} in all")
        if self.shape is not None:
            self._shape_and_stops(self.shape, stops)
        # A frozen model is completed in its own dict: a query for every input, and all stops.
        self.__dict__["query"] = {name: self.query.get(name, "") for name in names}
        self.__dict__["generation"] = self.generation.model_copy(update={"stop": stops})
        return self

    def _shape_and_stops(self, shape: AnswerShape, stops: tuple[str, ...]) -> None:
        """Refuse a shape that an answer cannot have before it is ended."""
        if clash := shape.stopped(stops):
            _refuse(f"shape.{clash[0]}", f"an answer ends before the stop {clash[1]!r}", "change one of the two")
        if shape.pattern is not None:
            try:
                check_shape(shapes.Pattern(shape.pattern), stops)
            except SettingError as error:
                _refuse("shape.pattern", error.what, error.mend)

    def _derived_stops(self) -> tuple[str, ...]:
        """Where an answer runs on into the next field or example. A cue that is empty announces nothing."""
        cues = [complete_cue(cue).rstrip("\n") for cue in (*(item.cue for item in self.inputs), self.output_cue)]
        stops = [self.separator, *(self.field_separator + cue for cue in cues if cue)]
        return tuple(dict.fromkeys(stop for stop in stops if stop))

    @field_serializer("generation")
    def _own_settings(self, generation: Sampling) -> dict[str, Any]:
        derived = self._derived_stops()
        stop = tuple(stop for stop in generation.stop if stop not in derived)
        return generation.model_copy(update={"stop": stop}).model_dump(exclude_defaults=True)


def is_name(name_or_path: str | os.PathLike[str]) -> bool:
    """Whether `currency` is meant by its name, rather than a file by its path."""
    return isinstance(name_or_path, str) and not re.search(r"[/\\]|\.ya?ml$", name_or_path)


def _refuse(where: str, what: str, mend: str) -> NoReturn:
    raise TemplateError(what, where=where, mend=mend)


def _refuse_unknown(values: Iterable[str], names: list[str], where: str) -> None:
    for name in values:
        if name not in names:
            _refuse(f"{where}.{name}", "there is no such input", nearest(name, names))
