"""What every answer has: an id, its kind, when it was made, the model that gave it in its mode, and counts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gptjt_demo.engine.results import StopReason

FINISHED: dict[StopReason, str] = {
    "stop": "stop",
    "end_of_text": "stop",
    "shape": "stop",
    "max_new_tokens": "length",
    "cancelled": "stop",
}
"""OpenAI's words for why an answer ended."""


def header(prefix: str, kind: str, model: str) -> dict[str, Any]:
    """The fields that an answer and all of its chunks share."""
    return {
        "id": f"{prefix}-{secrets.token_hex(12)}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
    }


def usage(prompts: Iterable[int], completions: Iterable[int]) -> dict[str, int]:
    """How many tokens were read and written."""
    read, written = sum(prompts), sum(completions)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
