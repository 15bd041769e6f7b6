"""What every request passes: it gets an id, shows its key, and whatever goes wrong behind is told in OpenAI's form.

In: an ASGI app. Out: the same behind the gateway. Does not know what is behind it.
"""

from __future__ import annotations

import hmac
import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gptjt_demo.api.attended import GivenUp
from gptjt_demo.api.refusal import Refusal, refusal

ID = "x-request-id"
GONE = 499
"""For logs: the client closed the connection."""

LONGEST = 200
"""Characters of a path that a message shows."""

_OWN_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Gateway:
    """Middleware around all routes of the API.

    Args:
        app: what is behind it.
        key: that requests must bring as a bearer token; empty lets everybody in.
    """

    def __init__(self, app: ASGIApp, key: str = "") -> None:
        self._app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        id = request_id(headers)
        # The page's handlers of errors stay outside: they answer in another form.
        scope = {name: value for name, value in scope.items() if name != "starlette.exception_handlers"}
        scope["state"] = {**scope.get("state", {}), "request_id": id}
        begun = False

        async def tell(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message)[ID] = id
            await send(message)

        try:
            if self._key and not self._shown(headers.get("authorization", "")):
                await _no_key().response()(scope, receive, tell)
            else:
                await self._app(scope, receive, tell)
        except GivenUp:
            if not begun:
                await Response(status_code=GONE)(scope, receive, tell)
        except Exception as error:  # the edge of the API: nothing gets past it in another form
            if begun:
                raise
            await refusal(error).response()(scope, receive, tell)

    def _shown(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode("latin-1"), self._key)


def request_id(headers: Headers) -> str:
    """The id that a request brings, or a new one where it brings none that fits."""
    given = headers.get(ID, "")
    return given if _OWN_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"


def _no_key() -> Refusal:
    return Refusal(
        401,
        "the API key is missing or wrong; send it as Authorization: Bearer KEY",
        code="invalid_api_key",
        headers=(("WWW-Authenticate", "Bearer"),),
    )


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """What is behind no route."""
    raise HTTPException(404, f"there is no {scope['path'][:LONGEST]!r} here")
