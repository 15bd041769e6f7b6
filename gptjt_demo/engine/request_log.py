"""A line for each request that the model answered: what kind, how many tokens, how long, how it ended. Never a text.

In: `request(kind)` around whatever answers one, and counts of what came of it meanwhile. Out: a record of the logger
`gptjt_demo.requests`, whose `fields` are the line; who reads it decides how it looks. Does not know who asks.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from gptjt_demo.engine.results import Completion, LabelScore
from gptjt_demo.errors import PlaygroundError

LOGGER = logging.getLogger("gptjt_demo.requests")


@dataclass
class Request:
    """What is known of a request so far.

    Attributes:
        id: its own; whoever asks may be given it.
        kind: what is asked for: run, batch, measure, complete, ...
        model, attention: of the last answer.
        prompts: that were answered, or whose labels were weighed.
        prompt_tokens, completion_tokens: of all of them; the tokens of weighed labels count with neither.
        labels: that were weighed.
        outcome: ok, cancelled, refused (a mistake of whoever asked), failed.
        error: the type of what ended it.
    """

    id: str
    kind: str
    model: str = ""
    attention: str = ""
    prompts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    labels: int = 0
    outcome: str = "ok"
    error: str = ""


_current: ContextVar[Request | None] = ContextVar("request", default=None)


@contextmanager
def request(kind: str, id: str = "") -> Iterator[Request]:
    """Log what happens within as one request; within another one it is part of that.

    Args:
        kind: what is asked for.
        id: the request's; a new one by default.
    """
    around = _current.get()
    if around is not None:
        yield around
        return
    made = Request(id or secrets.token_hex(8), kind)
    token, began = _current.set(made), time.perf_counter()
    try:
        yield made
    except GeneratorExit:
        made.outcome = "cancelled"
        raise
    except BaseException as error:
        made.outcome = "refused" if isinstance(error, PlaygroundError) else "failed"
        made.error = type(error).__name__
        raise
    finally:
        _current.reset(token)
        fields: dict[str, Any] = {**vars(made), "seconds": round(time.perf_counter() - began, 4)}
        LOGGER.info("request", extra={"fields": {name: value for name, value in fields.items() if value != ""}})


def count_completion(completion: Completion) -> None:
    """Add an answer to the request that goes on, if one does."""
    now = _current.get()
    if now is None:
        return
    now.prompts += 1
    now.prompt_tokens += completion.prompt_tokens
    now.completion_tokens += completion.completion_tokens
    now.model, now.attention = completion.model, completion.attention
    if completion.stop_reason == "cancelled":
        now.outcome = "cancelled"


def count_scores(scores: Sequence[LabelScore]) -> None:
    """Add a prompt's labels to the request that goes on, if one does."""
    now = _current.get()
    if now is not None:
        now.prompts += 1
        now.labels += len(scores)
