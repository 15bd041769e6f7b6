"""From pydantic's list of errors to the one line that somebody who edits a template needs first.

In: a ValidationError. Out: a TemplateError whose `where` is the field's path, such as `examples[2].output`.
Knows nothing of files and lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gptjt_demo.errors import TemplateError, nearest

_BELONGS = {"string": "one text", "tuple": "a list", "list": "a list", "dict": "fields", "model": "fields"}
_WRITE = {
    "one text": "write one text, in quotes if it holds : # or brackets",
    "a list": "write one item a line, each after a dash and a space",
    "fields": "write `name: value` lines, indented",
}


def first_error(error: ValidationError, model: type[BaseModel]) -> TemplateError:
    """The error to mend first: a field that is unknown, as it often is a missing one misspelt, else the first.

    Args:
        error: what validating `model` raised.
        model: for the names of the fields that there are.
    """
    details = error.errors(include_url=False)
    detail = next((each for each in details if each["type"] == "extra_forbidden"), details[0])
    what, mend = _words(detail, model)
    return TemplateError(what, where=field_path(detail["loc"]), mend=mend)


def field_path(loc: Iterable[str | int]) -> str:
    """`("examples", 2, "inputs", "text")` as a person finds it in the file: `examples[2].text`."""
    parts = [part for part in loc if part != "[key]"]
    if parts[:1] in (["examples"], ["checks"]) and parts[2:3] == ["inputs"]:
        del parts[2]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")


def _words(detail: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing":
        return "the field is missing", "add it"
    if kind == "extra_forbidden":
        *path, name = detail["loc"]
        return "there is no such field", nearest(str(name), _model_at(model, path).model_fields)
    if kind.endswith("_type") and (belongs := _BELONGS.get(kind.partition("_")[0])):
        return f"{_kind(value)} where {belongs} should be", _WRITE[belongs]
    if kind == "string_pattern_mismatch":
        return f"{_short(value)} is not a plain name", "use a-z, 0-9 and - with a letter or digit at both ends"
    if kind == "string_too_long":
        return f"{len(value):,} characters, the limit is {context['max_length']:,}", "shorten it"
    if kind == "too_long":
        return f"{context['actual_length']} items, the limit is {context['max_length']}", "remove some"
    if kind == "too_short":
        return "the list is empty", "give at least one, or leave the field out"
    message = detail["msg"].removeprefix("Value error, ").split(", unable")[0]
    message = re.sub(r"^(Input|String|List|Tuple) should", "it should", message)
    return f"{_short(value)} does not fit", message


def _model_at(model: type[BaseModel], path: Iterable[str | int]) -> type[BaseModel]:
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _find_model(model.model_fields[part].annotation) or model
    return model


def _find_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _find_model(part))), None)


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "one text"
    if isinstance(value, Mapping):
        return "fields"
    return "a list" if isinstance(value, list | tuple) else "nothing" if value is None else f"a {type(value).__name__}"


def _short(value: object) -> str:
    if isinstance(value, list | tuple | Mapping):
        return "the field"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}…"
