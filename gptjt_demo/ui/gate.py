"""What every HTTP request passes before the page or the API sees it: sizes, rates, addresses that are never fetched.

In: an ASGI app. Out: the same behind a gate. On a machine of one's own, other websites may send nothing, and a name
that somebody has pointed at it is not answered. Gradio serves `file=` and `proxy=` with an address in them by fetching
it, and keeps a copy of what a visitor typed under `deep_link`: neither is used here, and both are refused. What goes
into Gradio's queue is counted there, in `line`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gptjt_demo.api.gateway import ID, request_id
from gptjt_demo.errors import PlaygroundError, TooLarge, TooMany
from gptjt_demo.ui.line import visitor_of
from gptjt_demo.ui.visitors import Visitors

LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})
MIB = 1 << 20
BODY = 32 * MIB  # of a request that brings no file
AROUND = 64 << 10  # bytes that a form has beside its file
DRAINED = 4 * BODY  # bytes that are read and dropped, so that a browser comes to read why

_CODES = {403: "forbidden", 413: "request_too_large", 429: "rate_limit_exceeded", 500: "internal_error"}
_ADDRESS = re.compile(r"/gradio_api/(proxy=|file[=/]\s*[a-z][a-z0-9+.-]+:/)", re.IGNORECASE)
_KEEPS = re.compile(r"/gradio_api/deep_link")
_UPLOAD = re.compile(r"/gradio_api/upload/?$")
_ANSWERS = re.compile(r"/v1/")
_TOOLS = re.compile(r"/gradio_api/mcp(/|$)")
_FORWARDED = "x-forwarded-for"

_log = logging.getLogger(__name__)


class Gate:
    """Middleware.

    Args:
        app: what is behind it.
        upload: bytes of the largest file.
        visitors: what is left to each.
        hosts: names that it may be called by, where only this machine is to reach it; None: any.
    """

    def __init__(self, app: Any, *, upload: int, visitors: Visitors, hosts: Collection[str] | None = None) -> None:
        self._app = app
        self._upload = upload
        self._visitors = visitors
        self._hosts = None if hosts is None else {*LOCAL, *hosts}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        most = self._upload + AROUND if _UPLOAD.search(path) else BODY
        if line := self._forbidden(scope):
            await _drain(receive)
            await _refused(scope, 403, line)(scope, receive, send)
            return
        try:
            self._count(scope, path, most)
        except TooLarge as error:
            await _drain(receive)
            await _refused(scope, 413, str(error))(scope, receive, send)
        except TooMany as error:
            await _drain(receive)
            await _refused(scope, 429, str(error), {"Retry-After": str(error.seconds)})(scope, receive, send)
        else:
            await self._ask(_named(scope) if _TOOLS.search(path) else scope, _counted(receive, path, most), send)

    async def _ask(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass it on; what nobody behind the gate put into words is a line as well."""
        begun = False

        async def typed(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"  # it is what it says it is
            await send(message)

        try:
            await self._app(scope, receive, typed)
        except Exception as error:
            if begun:
                raise
            _log.exception("a request failed")
            line = f"the request failed inside the app ({type(error).__name__}); its log says more"
            await _refused(scope, 500, line)(scope, receive, send)

    def _forbidden(self, scope: Any) -> str:
        """Why it may not be asked at all; empty where it may."""
        path, headers = scope["path"], Headers(scope=scope)
        if _ADDRESS.search(path):
            return "this server fetches no addresses; upload the file"
        if _KEEPS.search(path):
            return "this server keeps no deep links; share the prompt"
        host, origin = name_of(headers.get("host", "")), headers.get("origin")
        if self._hosts is not None and host not in self._hosts:
            return f"this server is not called {host!r}; name it in GPTJT_HOSTS, if a server in front calls it so"
        foreign = origin is not None and name_of(origin) not in {*LOCAL, host}
        if foreign and host in LOCAL and scope["method"] == "POST" and "/gradio_api/" in path:
            return f"a page of {name_of(origin or '')!r} may not call this server"
        return ""

    def _count(self, scope: Any, path: str, most: int) -> None:
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > most:
            raise _too_large(path, int(length[:20]), most)
        if scope["method"] == "POST" and (_UPLOAD.search(path) or _ANSWERS.search(path)):
            self._visitors.admit(visitor_of(HTTPConnection(scope)))


def name_of(host: str) -> str:
    """The name in a `Host` or an `Origin`: without scheme, port and the brackets of IPv6."""
    try:
        return (urlsplit(host if "://" in host else f"//{host}").hostname or host).rstrip(".")
    except ValueError:
        return host


def _named(scope: Any) -> Any:
    """The request with its visitor's address where a proxy would write it: Gradio calls a tool by a request of its own,
    with the headers of the one that asked for it, and would else be the one visitor of all tools."""
    headers = [(name, value) for name, value in scope["headers"] if name != _FORWARDED.encode()]
    named = Headers(scope=scope).getlist(_FORWARDED) + ([scope["client"][0]] if scope.get("client") else [])
    return {**scope, "headers": [*headers, (_FORWARDED.encode(), ", ".join(named).encode("latin-1"))]}


def _too_large(path: str, given: int, most: int) -> PlaygroundError:
    if _UPLOAD.search(path):
        most -= AROUND
        mend = "split the file, or run the program on a machine of your own"
    else:
        mend = "ask for less at once"
    return TooLarge(f"{given / MIB:,.1f} MiB, the limit here is {most / MIB:,.4g} MiB", where="request", mend=mend)


def _counted(receive: Any, path: str, most: int) -> Any:
    """The same stream of messages, which ends in an error where the body grows past its limit."""
    seen = 0

    async def counted() -> Any:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413, str(_too_large(path, seen, most)))
        return message

    return counted


async def _drain(receive: Any) -> None:
    seen = 0
    while seen < DRAINED:
        message = await receive()
        seen += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def _refused(scope: Any, status: int, line: str, headers: dict[str, str] | None = None) -> Response:
    """A line in the form that whoever asks there reads."""
    path, headers = scope["path"], {**(headers or {}), "X-Content-Type-Options": "nosniff"}
    if _UPLOAD.search(path):
        return PlainTextResponse(line, status, headers)
    if _ANSWERS.search(path):
        kind = {429: "rate_limit_error", 500: "server_error"}.get(status, "invalid_request_error")
        code = _CODES[status]
        headers[ID] = request_id(Headers(scope=scope))
        if "Retry-After" not in headers:
            headers["x-should-retry"] = "false"
        return JSONResponse({"error": {"message": line, "type": kind, "param": None, "code": code}}, status, headers)
    return JSONResponse({"detail": line, "error": line}, status, headers)
