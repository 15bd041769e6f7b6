"""Gradio's queue within limits: what may join it, how many may wait in it, and how often one visitor may ask.

In: Blocks whose queue is made. Out: the same, whose queue refuses with status 413 or 429 what is too much; the page and
programs alike are told the line. The names here part the events that ask the model, in kinds that wait together; only
those count against a visitor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import gradio as gr
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from gptjt_demo.errors import TooLarge, TooMany
from gptjt_demo.settings import Limits
from gptjt_demo.ui.visitors import Visitors, visitor

RUNS = "runs"  # of the playground; somebody looks on
CALLS = "calls"  # by programs; behind a dash, how many side by side
MEASURING = "measuring"
CHECKS = "checks"
BATCHES = "batches"
COUNTED = frozenset({RUNS, CALLS, MEASURING, CHECKS, BATCHES})
PATIENCE = 10  # seconds after which a full queue is tried again


def guard(blocks: gr.Blocks, limits: Limits, visitors: Visitors) -> None:
    """Hold the queue to its limits.

    Args:
        blocks: after `queue()`.
        limits: how many may wait, and how much a program may send at once.
        visitors: what is left to each.
    """
    queue = blocks._queue
    push = queue.push

    async def admitted(body: Any, request: Request, username: str | None) -> Any:
        function = blocks.fns.get(body.fn_index)
        kind = function.concurrency_id.partition("-")[0] if function is not None else ""
        try:
            if kind == CALLS:
                _check(body.data, limits)
            if limits.queue is not None and (waiting := len(queue)) >= limits.queue:
                raise TooMany(
                    f"{waiting:,} requests wait already, the limit here is {limits.queue:,}",
                    where="queue",
                    mend=f"try again in {PATIENCE} s",
                    seconds=PATIENCE,
                )
            if kind in COUNTED:
                visitors.admit(visitor_of(request))
        except TooLarge as error:
            raise HTTPException(413, str(error)) from None
        except TooMany as error:
            raise HTTPException(429, str(error), {"Retry-After": str(error.seconds)}) from None
        return await push(body=body, request=request, username=username)

    queue.push = admitted  # type: ignore[method-assign]


def visitor_of(request: HTTPConnection) -> str:
    """Whom a request comes from."""
    return visitor(request.client.host if request.client else "", request.headers.get("x-forwarded-for", ""))


def _check(values: Iterable[Any], limits: Limits) -> None:
    """Refuse a program's call whose texts or lists are too long, before it waits for anything."""
    for value in values:
        listed = value if isinstance(value, list) else [value]
        count, characters = len(listed), sum(len(text) for text in listed if isinstance(text, str))
        _within(characters, limits.prompt_characters, "characters in one text or list", "shorten it")
        _within(count, limits.rows, "entries in one list", "send fewer at once")


def _within(given: int, most: int | None, what: str, mend: str) -> None:
    if most is not None and given > most:
        raise TooLarge(f"{given:,} {what}, the limit here is {most:,}", mend=mend)
