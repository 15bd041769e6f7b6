"""Which web pages may call the API beside those that the page's server lets in by itself.

Gradio lets local pages call a local server, and any page a public one, and answers a browser's question before a route
is asked. So this stands in front of it. In: an app, and origins. Out: the same app, which tells browsers of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

AGE = "600"
"""Seconds that a browser may remember the answer."""


class Origins:
    """Middleware.

    Args:
        app: what is behind it.
        allowed: origins, such as `https://tool.example.com`; `*` is all of them.
        paths: the beginnings of paths that they may call.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str], paths: Sequence[str]) -> None:
        self._app, self._allowed, self._paths = app, set(allowed), tuple(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if not origin or not scope["path"].startswith(self._paths) or not self._allowed & {origin, "*"}:
            await self._app(scope, receive, send)
            return
        told = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "x-request-id, retry-after"}
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            asked = headers.get("access-control-request-headers", "")
            told |= {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Max-Age": AGE, "Vary": "Origin"}
            await Response(status_code=204, headers=told | {"Access-Control-Allow-Headers": asked})(
                scope, receive, send
            )
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                found.update(told)
                found.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, tell)


def letting_in(allowed: str, paths: Sequence[str]) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan for the app: once it is whole, these origins are let in before anything else is asked.

    Args:
        allowed: origins, parted by commas; none changes nothing.
        paths: the beginnings of paths that they may call.
    """
    origins = [text.strip().rstrip("/") for text in allowed.split(",") if text.strip()]

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if origins:
            app.middleware_stack = Origins(app.middleware_stack, origins, paths)
        yield

    return lifespan
