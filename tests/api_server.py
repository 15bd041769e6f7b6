"""The API on loopback, and what its tests ask it with."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from openai import OpenAI
from starlette.applications import Starlette

from gptjt_demo.api import api_routes
from gptjt_demo.settings import Limits

HTTP = httpx.Client(timeout=60, trust_env=False, verify=False)
"""One for all: to make one takes longer than to ask."""


@contextmanager
def serving(engine: Any, limits: Limits | None = None, *, key: str = "") -> Iterator[str]:
    """Serve an engine without the page; the address ends in a slash."""
    app = Starlette(routes=api_routes(engine, limits, key=key))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join(10)


def client(url: str, *, key: str = "none", strict: bool = True) -> OpenAI:
    """OpenAI's own client, which takes no answer that has not their shape."""
    return OpenAI(base_url=f"{url}v1", api_key=key, max_retries=0, _strict_response_validation=strict)


def post(url: str, path: str, body: Any, **headers: str) -> httpx.Response:
    """Send a body: text or bytes as they are, all else as JSON, which here may hold NaN and half characters."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return HTTP.post(f"{url}{path}", content=content, headers={"Content-Type": "application/json"} | headers)


def refused(response: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The error of a response, in OpenAI's form and in one line."""
    assert response.status_code == status, response.text
    assert response.headers["x-request-id"]
    error = response.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert isinstance(error["message"], str)
    assert len(error["message"].splitlines()) == 1
    assert error["type"]
    return error  # type: ignore[no-any-return]


def events(lines: Iterator[str]) -> Iterator[Any]:
    """The data of server-sent events, `[DONE]` as itself."""
    for line in lines:
        if line:
            data = line.removeprefix("data: ")
            assert data != line
            yield data if data == "[DONE]" else json.loads(data)
