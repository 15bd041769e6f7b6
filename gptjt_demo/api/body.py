"""What a client sent: the body of a request as a JSON object, and its fields as values of their kind.

In: a request. Out: `Fields`, whose every refusal names the field. Null is a field that is left out; unknown fields are
nobody's business. Knows no route.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from gptjt_demo.errors import SettingError, TooLarge

LARGEST = 16 << 20  # bytes
DRAINED = 4 * LARGEST  # bytes that are read and dropped, so that who sends too much comes to read why


class Fields:
    """The fields of a JSON object.

    Args:
        values: by name.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return self.raw(name) is not None

    def raw(self, name: str) -> Any:
        """The value as it was sent; None where there is none."""
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str | None:
        """A text."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise _wrong(name, value, "give text")
        return value

    def truth(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise _wrong(name, value, "give true or false")
        return value

    def whole(self, name: str, default: int | None, low: int | None = None, high: int | None = None) -> int | None:
        """A whole number within its range; 16.0 is one."""
        value = self.raw(name)
        if value is None:
            return default
        bounds = f" from {low} to {high}" if low is not None else ""
        mend = f"give a whole number{bounds}"
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(name, value, mend)
        if (low is not None and value < low) or (high is not None and value > high):
            raise SettingError(f"{_shown(value)} does not fit", where=name, mend=mend)
        return value

    def number(self, name: str) -> float | int | None:
        """A number; its range is whoever's who uses it."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            raise _wrong(name, value, "give a number")
        return value

    def texts(self, name: str) -> list[str]:
        """One text, or a list of them."""
        value = self.raw(name)
        found = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise _wrong(name, value, "give text, or a list of texts")
        return found

    def nothing(self, name: str, *allowed: Any) -> None:
        """A field that has no meaning here: it is refused unless it is left out or one of the allowed."""
        value = self.raw(name)
        alike = (each for each in allowed if isinstance(each, bool) == isinstance(value, bool))  # False is no 0 here
        if value is None or value in alike:
            return
        mend = f"leave it out{''.join(f', or give {json.dumps(each)}' for each in allowed[:1])}"
        raise SettingError("this is not supported", where=name, mend=mend)


def _wrong(name: str, value: Any, mend: str) -> SettingError:
    return SettingError(f"{_shown(value)} does not fit", where=name, mend=mend)


def _shown(value: Any) -> str:
    """A value as a message may quote it: short, whatever it is."""
    if isinstance(value, str | list | dict):
        return {str: "text", list: "a list", dict: "an object"}[type(value)]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**15:
        return "so large a number"
    return json.dumps(value)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


async def read_fields(request: Request) -> Fields:
    """The request's body.

    Raises:
        SettingError: it is no JSON object.
        TooLarge: it is too large.
        HTTPException: it is not said to be JSON. A browser asks before it sends such a body to another origin, so no
            website can make its visitors send one.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the body must be JSON; send the header Content-Type: application/json")
    return parsed(await _content(request))


def parsed(content: bytes) -> Fields:
    """The fields of a JSON text.

    Raises:
        SettingError: it is no JSON object.
    """
    try:
        value = json.loads(content, parse_constant=_no_constant)
    except RecursionError:
        raise SettingError("it is nested too deeply", where="body", mend="send a flat JSON object") from None
    except ValueError as error:
        what = str(error) if isinstance(error, json.JSONDecodeError) else "the text or a number in it cannot be read"
        raise SettingError(f"it is no JSON ({what})", where="body", mend="send a JSON object") from None
    if not isinstance(value, dict):
        raise SettingError("it is no JSON object", where="body", mend="send names with values")
    return Fields(value)


async def _content(request: Request) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size <= LARGEST:
                parts.append(part)
            elif size > DRAINED:
                break
    except ClientDisconnect:
        raise HTTPException(400, "the connection was closed before the body had come") from None
    if size > LARGEST:
        raise TooLarge(f"it has more than {LARGEST >> 20} MiB", where="body", mend="ask for less at once")
    return b"".join(parts)


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no number", "", 0)
