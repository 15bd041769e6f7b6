"""`/health`: whether the model is loaded, answers, or is being stopped, and how many wait for it. For programs.

In: the engine that is served. Out: a route. While a model is loaded the page answers, so the status is 200; where no
answer will come it is 503.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers


def health(engine: Answers) -> Route:
    """The route.

    `status` is loading, ready, failed or stopping; `loading` says the phase and the share of the whole; `running` are
    questions that the model is at work on or that wait for it, `queue` events of pages that have not begun.
    """

    async def answer(request: Request) -> JSONResponse:
        status = _status(engine)
        told: dict[str, Any] = {"status": status, "model": engine.name, "attention": engine.attention}
        loading = engine.loading
        if status == "loading" and loading is not None:
            told["loading"] = {"phase": loading.phase, "share": round(loading.share, 3)}
        if engine.notice:
            told["notice"] = engine.notice
        told |= {"running": getattr(engine, "calls", 0), "queue": len(request.app.get_blocks()._queue)}
        return JSONResponse(told, status_code=503 if status in ("failed", "stopping") else 200)

    return Route("/health", answer)


def _status(engine: Answers) -> str:
    if getattr(engine, "stopping", False):
        return "stopping"
    if getattr(engine, "error", None) is not None:
        return "failed"
    return "ready" if engine.loading is None else "loading"
