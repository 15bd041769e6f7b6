"""A stream of server-sent events: a chunk each, and `[DONE]` where the answer is whole.

In: chunks, the first of them None when the question is accepted. Out: a response that sends each as it comes. An error
before that is an ordinary one; an error after it is an event, and nothing follows it, so that nobody takes half an
answer for all of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gptjt_demo.api.attended import GivenUp
from gptjt_demo.api.refusal import refusal
from gptjt_demo.api.reply import encoded

Chunks = AsyncGenerator[dict[str, Any] | None, None]

HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # a proxy in front passes each event on
    # Middleware that compresses leaves alone what has an encoding; it would hold events back.
    "Content-Encoding": "identity",
}


class EventStream(Response):
    """The response.

    Args:
        chunks: those that follow the first.
    """

    media_type = "text/event-stream"

    def __init__(self, chunks: Chunks) -> None:
        self.status_code, self.background = 200, None
        self.init_headers(HEADERS)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def event(data: bytes) -> None:
            await send({"type": "http.response.body", "body": b"data: " + data + b"\n\n", "more_body": True})

        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with contextlib.aclosing(self._chunks):
            try:
                async for chunk in self._chunks:
                    await event(encoded(chunk))
                await event(b"[DONE]")
            except GivenUp:
                return
            except Exception as error:  # the response has begun: this is the only place left to say it
                await event(encoded(refusal(error).body))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def event_stream(chunks: Chunks) -> Response:
    """The response, once the question is accepted.

    Raises:
        Exception: whatever the chunks raise before.
    """
    await anext(chunks)
    return EventStream(chunks)
