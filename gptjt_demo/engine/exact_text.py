"""Text as a model can be given it: a `str` of whole characters. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gptjt_demo.errors import PromptError


def exact_text(value: Any, where: str) -> str:
    """The value, which is text that UTF-8 and a tokenizer can hold.

    Args:
        value: whatever a program passed.
        where: its name, for the message.

    Raises:
        PromptError: it is no text, or holds half of a surrogate pair.
    """
    if not isinstance(value, str):
        raise PromptError(f"it is {type(value).__name__} and not text", where=where, mend="give a str")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        what = f"character {error.start + 1} is half of one (U+{ord(value[error.start]):04X})"
        raise PromptError(what, where=where, mend="give valid Unicode text") from None
    return value


def listed(values: Any, where: str) -> list[Any]:
    """The values as a list; one text is no list of texts.

    Raises:
        PromptError: they are one text or names with values, or nothing that can be gone through.
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise PromptError(f"it is {type(values).__name__} and not a list", where=where, mend="give a list")
    return list(values)
