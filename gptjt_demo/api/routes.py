"""The routes of the API, to be served beside the page: `/v1/…`, and a tokenizer's three at the root.

In: whoever answers, and a server's limits. Out: routes of Starlette. Each asks the model in a thread of the request's
own, and stops it when the connection is closed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router

from gptjt_demo.api import models, tokens
from gptjt_demo.api.answering import Answering
from gptjt_demo.api.attended import GivenUp, Line, Work
from gptjt_demo.api.body import Fields, read_fields
from gptjt_demo.api.chat import Chatting
from gptjt_demo.api.completions import Completing
from gptjt_demo.api.events import event_stream
from gptjt_demo.api.gateway import Gateway, nowhere
from gptjt_demo.api.prompts import are_several
from gptjt_demo.api.reply import Reply
from gptjt_demo.api.score import Scoring
from gptjt_demo.engine import request_log
from gptjt_demo.errors import NotReady
from gptjt_demo.settings import Limits

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

T = TypeVar("T")

ROOT = ("/tokenizer_info", "/tokenize", "/detokenize")
PATHS = ("/v1/", *ROOT)


def api_routes(
    engine: Answers, limits: Limits | None = None, *, key: str = "", after: Callable[[], object] | None = None
) -> list[BaseRoute]:
    """The routes.

    Args:
        engine: answers every request; one that is metered refuses them all, as no visitor stands behind them.
        limits: of those, the rows of a request, the queue, and the time that many prompts may take. What one prompt may
            cost is the engine's own limit.
        key: that every request must bring; empty lets everybody in.
        after: called when a request's work is over.
    """
    gateway = Gateway(_Api(engine, limits or Limits(), after).router, key)
    return [Mount("/v1", gateway), Route("/v1", gateway), *(Route(path, gateway) for path in ROOT)]


class _Api:
    """What is behind the gateway. Paths are without `/v1`."""

    def __init__(self, engine: Answers, limits: Limits, after: Callable[[], object] | None) -> None:
        self._engine, self._limits = engine, limits
        self._answering = Answering(engine, limits)
        self._line = Line(limits.queue, after=after)
        self._batches = Line(limits.queue, at_once=1, after=after)  # nobody waits behind them for one answer
        self._desk = Line()  # for what needs the tokenizer alone
        self._created = int(time.time())
        self.router = Router(
            [
                Route("/completions", self.completions, methods=["POST"]),
                Route("/chat/completions", self.chat, methods=["POST"]),
                Route("/score", self.score, methods=["POST"]),
                Route("/models", self.models, methods=["GET"]),
                Route("/models/{id:path}", self.model, methods=["GET"]),
                Route("/tokenizer_info", self.info, methods=["GET"]),
                Route("/tokenize", self.tokenize, methods=["POST"]),
                Route("/detokenize", self.detokenize, methods=["POST"]),
            ],
            redirect_slashes=False,
            default=nowhere,
        )

    async def completions(self, request: Request) -> Response:
        """See `completions`."""
        return await self._generated(request, lambda fields: Completing.read(fields, self._engine, self._limits))

    async def chat(self, request: Request) -> Response:
        """See `chat`."""
        return await self._generated(request, lambda fields: Chatting.read(fields, self._engine))

    async def score(self, request: Request) -> Response:
        """See `score`."""
        fields = await self._fields(request)
        ask = _logged(request, lambda cancel: iter([Scoring.read(fields, self._engine).answer(self._engine, cancel)]))
        return Reply(await self._line.result(request, ask))

    async def models(self, _: Request) -> Response:
        """See `models`."""
        return Reply(models.listed(self._engine, self._created))

    async def model(self, request: Request) -> Response:
        """See `models`."""
        return Reply(models.one(self._engine, request.path_params["id"], self._created))

    async def info(self, _: Request) -> Response:
        """See `tokens`."""
        self._ready()
        return Reply(tokens.info(self._engine))

    async def tokenize(self, request: Request) -> Response:
        """See `tokens`."""
        return await self._reckoned(request, tokens.tokenize)

    async def detokenize(self, request: Request) -> Response:
        """See `tokens`."""
        return await self._reckoned(request, tokens.detokenize)

    async def _generated(self, request: Request, read: Callable[[Fields], Completing | Chatting]) -> Response:
        """An answer of the model, whole or as it grows."""
        fields = await self._fields(request)
        line = self._batches if are_several(fields.raw("prompt")) else self._line
        if fields.truth("stream"):
            grow = _logged(request, lambda cancel: read(fields).chunks(self._answering, cancel))
            return await event_stream(line.results(request, grow))
        ask = _logged(request, lambda cancel: iter([read(fields).answer(self._answering, cancel)]))
        return Reply(await line.result(request, ask))

    async def _reckoned(self, request: Request, work: Callable[[Fields, Answers], dict[str, Any]]) -> Response:
        """An answer that needs the tokenizer alone."""
        self._ready()
        fields = await read_fields(request)
        return Reply(await self._desk.result(request, lambda cancel: iter([work(fields, self._engine)])))

    async def _fields(self, request: Request) -> Fields:
        """What was sent, where the model can be asked."""
        if self._engine.metered:
            raise HTTPException(
                403,
                "this server's GPU is counted against the visitors of its page, and a program is none of them; "
                "use the page, or serve the model on a machine of your own",
            )
        self._ready()
        return await read_fields(request)

    def _ready(self) -> None:
        loading = self._engine.loading
        if loading is not None:
            self._engine.decode([])  # of a model that will not come, this says why
            what = f"the model is still being loaded ({loading.phase}, {loading.share:.0%})"
            raise NotReady(what, where=self._engine.name, mend="try again in a moment")


def _logged(request: Request, work: Work[T]) -> Work[T]:
    """The same work, of which a line of counts is kept."""
    kind, id = request.url.path.rpartition("/v1/")[2], request.state.request_id

    def kept(cancel: threading.Event) -> Iterator[T]:
        gone = False
        with request_log.request(kind, id) as log:
            try:
                yield from work(cancel)
            except GivenUp:
                gone, log.outcome = True, "cancelled"
        if gone:
            raise GivenUp

    return kept
