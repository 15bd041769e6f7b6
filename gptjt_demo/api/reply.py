"""A JSON answer that any client can read: ASCII, so that half a surrogate pair stays an escape, and without NaN."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


def encoded(value: Any) -> bytes:
    """The value as JSON.

    Raises:
        ValueError: a number in it is not finite.
    """
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


class Reply(Response):
    """A response whose body is JSON."""

    media_type = "application/json"

    def __init__(self, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encoded(value), status, headers)
