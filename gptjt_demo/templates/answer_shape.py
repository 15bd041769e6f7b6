"""The shape that a template's answers in free text must have, as its file and its controls name it.

In: values from a file; or a kind and a value, as a person types them. Out: an `AnswerShape`, and with an answer's input
a `Shape` for the engine. Does not know tokens.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_serializer, model_validator

from gptjt_demo.errors import SettingError, TemplateError, nearest
from gptjt_demo.settings.shape import (
    MAX_COLUMNS,
    MAX_PATTERN,
    MAX_TEXTS,
    SEPARATOR,
    CsvRecord,
    ItemsOf,
    OneOf,
    Pattern,
    Shape,
)
from gptjt_demo.settings.shape_grammar import check
from gptjt_demo.templates.example import Gap, Text
from gptjt_demo.templates.field_errors import first_error

ShapeKind = Literal["none", "one-of", "csv", "items", "pattern"]


class AnswerShape(BaseModel):
    """What every answer in free text must be; the model is offered no token that does not lead there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: int | None = Field(
        None, ge=2, le=MAX_COLUMNS, description="One CSV record with exactly this many fields, in one line."
    )
    from_input: bool = Field(
        False, description="A list of items that occur in the input, as whole words and spelled as there."
    )
    separator: Annotated[Gap, Field(min_length=1)] = Field(
        SEPARATOR, description="What stands between two items from the input."
    )
    pattern: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_PATTERN,
        description="A regular expression that matches all of the answer; it cannot look ahead or back.",
    )
    one_of: Annotated[tuple[Text, ...], Field(max_length=MAX_TEXTS)] = Field(
        (), description="The possible answers, one of which it is to the character."
    )

    @field_validator("pattern")
    @classmethod
    def _readable(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            _refused_here(lambda: check(Pattern(pattern)))
        return pattern

    @field_validator("one_of")
    @classmethod
    def _texts(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        if texts:
            _refused_here(lambda: OneOf(texts))
        return texts

    @model_validator(mode="after")
    def _one_kind(self) -> AnswerShape:
        kinds = [self.columns is not None, self.from_input, self.pattern is not None, bool(self.one_of)]
        if sum(kinds) != 1:
            raise ValueError("give one of columns, from_input, pattern and one_of, or leave shape out")
        if self.separator != SEPARATOR and not self.from_input:
            raise ValueError("a separator goes with from_input")
        return self

    @model_serializer
    def _what_is_said(self) -> dict[str, Any]:
        """What differs from the defaults, which a file, a link and a list of changes show."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value != type(self).model_fields[name].default}

    def over(self, inputs: Sequence[str]) -> Shape:
        """The shape of the answer to these inputs."""
        if self.columns is not None:
            return CsvRecord(self.columns)
        if self.from_input:
            return ItemsOf(tuple(inputs), self.separator)
        return OneOf(self.one_of) if self.pattern is None else Pattern(self.pattern)

    def stopped(self, stops: Sequence[str]) -> tuple[str, str] | None:
        """The field that some answer cannot have without holding a stop, and that stop; None where all can."""
        needed = {f"one_of[{index}]": text for index, text in enumerate(self.one_of)}
        needed |= {"columns": ","} if self.columns else {"separator": self.separator} if self.from_input else {}
        found = ((field, stop) for field, text in needed.items() for stop in stops if stop in text)
        return next(found, None)

    @property
    def kind(self) -> ShapeKind:
        """Its name in controls and on the command line."""
        if self.columns is not None:
            return "csv"
        return "items" if self.from_input else "one-of" if self.pattern is None else "pattern"

    @property
    def value(self) -> str:
        """What belongs to its kind there, as `read_shape_words` takes it."""
        if self.columns is not None:
            return str(self.columns)
        if self.from_input:
            return "" if self.separator == SEPARATOR else self.separator
        return written_list(self.one_of) if self.pattern is None else self.pattern


def read_shape_words(kind: str, value: str = "") -> AnswerShape | None:
    """A shape as a person names it.

    Args:
        kind: one of `ShapeKind`.
        value: of `csv` the number of columns, of `items` what stands between them (blank is a comma and a space), of
            `pattern` the regular expression, of `one-of` the answers with commas between them.

    Raises:
        TemplateError: there is no such kind, or the value does not fit it.
    """
    if kind not in get_args(ShapeKind):
        raise TemplateError(f"there is no shape {kind!r}", where="shape", mend=nearest(kind, get_args(ShapeKind)))
    if kind == "none":
        return None
    fields: dict[str, Any]
    if kind == "csv":
        if not value.strip().isdecimal() or not 2 <= int(value) <= MAX_COLUMNS:
            raise TemplateError(
                f"{value.strip()!r} columns", where="shape", mend=f"give a number from 2 to {MAX_COLUMNS}"
            )
        fields = {"columns": int(value)}
    elif kind == "items":
        fields = {"from_input": True, **({"separator": value} if value else {})}
    elif kind == "pattern":
        if not value:
            raise TemplateError("there is no pattern", where="shape", mend=r"give a regular expression, such as \d+")
        fields = {"pattern": value}
    else:
        fields = {"one_of": read_list(value)}
        if not fields["one_of"]:
            raise TemplateError("there are no answers", where="shape", mend="give some, separated by commas")
    try:
        return AnswerShape.model_validate(fields)
    except ValidationError as error:
        found = first_error(error, AnswerShape)
        raise TemplateError(found.what, where="shape", mend=found.mend) from None


def written_list(texts: Sequence[str]) -> str:
    """Texts with commas between them, in quotes where one needs them."""
    return ", ".join(
        '"' + text.replace('"', '""') + '"' if text != text.strip() or set(text) & set('",\n') else text
        for text in texts
    )


def read_list(text: str) -> list[str]:
    """The texts that `written_list` wrote, or that somebody typed; blanks around one are dropped, and blank ones.

    Raises:
        TemplateError: a quote is not closed.
    """
    try:
        rows = list(csv.reader(io.StringIO(text), skipinitialspace=True, strict=True))
    except csv.Error:
        raise TemplateError("a quote is not closed", mend='write "a, b" for a text with a comma') from None
    return [each.strip() for row in rows for each in row if each.strip()]


def _refused_here(make: Callable[[], object]) -> None:
    """Say a shape's error as a field's."""
    try:
        make()
    except SettingError as error:
        raise ValueError("; ".join(part for part in (error.what, error.mend) if part)) from None
