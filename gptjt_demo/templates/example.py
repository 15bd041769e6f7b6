"""Input and Example: what one case of a template consists of, and the kinds of text that may stand in a file.

In: values from a file or a program. Out: frozen models whose text has one kind of line end.
Knows nothing of how a prompt is put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

MAX_TEXT = 100_000  # characters; several times what any context here holds


def clean(value: str) -> str:
    """The text with one kind of line end.

    Raises:
        ValueError: it holds half a character, which UTF-8 cannot store.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"it should be valid Unicode; character {error.start + 1} is half of one") from None
    return value.replace("\r\n", "\n").replace("\r", "\n")


def _one_line(value: str) -> str:
    if len(value.splitlines()) > 1 or value.endswith("\n"):
        raise ValueError("it should be one line")
    return value


def _no_escape(value: str) -> str:
    if "\\n" in value:  # typed without quotes or in single ones, where YAML reads no escapes
        raise ValueError('write it in double quotes: "\\n" is a line end')
    return value


# In YAML an unquoted 42 or yes is as good a text as any: `yaml_text` reads every scalar as a string.
_SCALAR = {"type": ["string", "number", "boolean"]}

Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(clean), WithJsonSchema(_SCALAR)]
Line = Annotated[str, Field(max_length=500), AfterValidator(clean), AfterValidator(_one_line)]
Cue = Annotated[str, Field(max_length=100), AfterValidator(clean)]
Gap = Annotated[str, Field(max_length=50), AfterValidator(clean), AfterValidator(_no_escape)]
InputName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$", max_length=64)]


class Input(BaseModel):
    """One of the texts that a case consists of, and the words that announce it in the prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: InputName = Field(description="The field's name in examples and query: a-z, 0-9, _ and -.")
    cue: Cue = Field(description="The words before the value; a colon is added after a letter or digit. May be empty.")


class Example(BaseModel):
    """A solved case: a value for each input, and the right output. A file's row: `{input: …, output: …}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: dict[InputName, Text]
    output: Text

    @model_validator(mode="before")
    @classmethod
    def _from_row(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or isinstance(data.get("inputs"), Mapping):
            return data
        inputs = {name: value for name, value in data.items() if name != "output"}
        return {"inputs": inputs} | ({"output": data["output"]} if "output" in data else {})

    @model_serializer
    def _to_row(self) -> dict[str, str]:
        return {**self.inputs, "output": self.output}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "type": "object",
            "description": "A solved case: a value for each input, and the right output.",
            "properties": {"output": {**_SCALAR, "description": "The right answer."}},
            "additionalProperties": {**_SCALAR, "description": "The value of the input of this name."},
            "required": ["output"],
        }
