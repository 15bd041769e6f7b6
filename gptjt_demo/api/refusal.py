"""An error as OpenAI's clients read it: `{"error": {message, type, param, code}}`, a status, and whether a retry helps.

In: whatever a handler, or the framework before it, raises. Out: a response, or an event of a stream. Knows no route.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gptjt_demo.api.reply import Reply
from gptjt_demo.errors import ModelError, NotReady, PlaygroundError, PromptTooLong, TookTooLong, TooLarge, TooMany

LOADING = 5
"""Seconds after which somebody who came too early may ask again."""

OURS = {"max_new_tokens": "max_tokens"}
"""What the engine calls otherwise than these routes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """What went wrong, in the client's terms.

    Attributes:
        status: of HTTP.
        message: one line.
        type: OpenAI's class of errors.
        param: the field that it is about.
        code: what a program may compare.
        after: seconds after which a retry may help; None where none does.
        headers: further ones.
    """

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    after: int | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object."""
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": told}

    def response(self) -> Response:
        """The answer to the request."""
        # The openai client asks again after a 5xx and some 4xx unless it is told not to.
        retry = {"x-should-retry": "false"} if self.after is None else {"Retry-After": str(self.after)}
        return Reply(self.body, self.status, {**retry, **dict(self.headers)})


def refusal(error: Exception) -> Refusal:
    """What an exception says to the client."""
    if isinstance(error, PlaygroundError):
        return _mistake(error)
    if isinstance(error, HTTPException):
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_").replace("'", "")
        return Refusal(error.status_code, str(error.detail), code=code, headers=tuple((error.headers or {}).items()))
    _log.error("a request to the API failed", exc_info=error)
    what = f"an error inside the server ({type(error).__name__}); its log says more"
    return Refusal(500, what, "server_error", code="internal_error")


def _mistake(error: PlaygroundError) -> Refusal:
    line = str(error)
    for theirs, ours in OURS.items():
        line = line.replace(theirs, ours)
    where = error.where.split(" ")[0]
    param = OURS.get(where, where) or None
    match error:
        case TooMany():
            return Refusal(429, line, "rate_limit_error", code="rate_limit_exceeded", after=error.seconds)
        case NotReady():
            return Refusal(503, line, "server_error", code="not_ready", after=LOADING)
        case TooLarge():
            return Refusal(413, line, param=param, code="request_too_large")
        case TookTooLong():
            return Refusal(504, line, "server_error", code="took_too_long")
        case UnknownModel():
            return Refusal(404, line, param="model", code="model_not_found")
        case ModelError():
            return Refusal(503, line, "server_error", code="no_model")
        case PromptTooLong():
            return Refusal(400, line, param="prompt", code="context_length_exceeded")
    return Refusal(400, line, param=param, code="invalid_value")


class UnknownModel(PlaygroundError):
    """A model that is not served here is asked for."""


async def refuse(_: Request, error: Exception) -> Response:
    """The handler of every error."""
    return refusal(error).response()
