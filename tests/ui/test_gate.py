"""What passes the gate before the page sees it, over ASGI: sizes, rates, addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gptjt_demo.ui import gate
from gptjt_demo.ui.gate import Gate
from gptjt_demo.ui.line import visitor_of
from gptjt_demo.ui.visitors import Visitors

SMALL = 1000


async def echo(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


def ask(
    method: str, path: str, per_minute: int | None = None, times: int = 1, hosts: Any = None, **what: Any
) -> httpx.Response:
    """The last answer of a gate that stands before an app which counts what it is sent."""
    app = Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST", "HEAD"])])
    app.add_middleware(Gate, upload=SMALL, visitors=Visitors(per_minute), hosts=hosts)

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
            for _ in range(times - 1):
                assert (await client.request(method, path, **what)).status_code == 200
            return await client.request(method, path, **what)

    with ThreadPoolExecutor(1) as own:  # a browser's tests leave an event loop running in this thread
        return own.submit(asyncio.run, go()).result()


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize(
    "path",
    [
        "file=http://127.0.0.1:9/x",
        "file=https://example.com/x.csv",
        "file=HTTPS://example.com",
        "file= http://example.com",
        "file=http:/example.com",
        "file=ftp://example.com",
        "file/http://example.com",
        "file=http%3A%2F%2Fexample.com",
        "proxy=https://example.hf.space/x",
        "proxy=x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_address_is_never_fetched(method: str, path: str) -> None:
    answer = ask(method, f"/gradio_api/{path}")
    assert answer.status_code == 403
    assert method == "HEAD" or answer.json()["error"] == "this server fetches no addresses; upload the file"


def test_what_a_visitor_typed_is_not_kept_under_a_deep_link() -> None:
    assert ask("GET", "/gradio_api/deep_link?session_hash=x").status_code == 403


@pytest.mark.parametrize("path", ["/", "/gradio_api/file=/tmp/x.csv", "/gradio_api/file=C:/x.csv", "/config"])
def test_what_the_page_needs_passes_and_is_what_it_says(path: str) -> None:
    answer = ask("GET", path)
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example.com", "evil.example.com:7860", "127.0.0.1.example.com", "", "[x", "x@y"]
)
def test_a_name_that_was_pointed_at_ones_own_machine_is_not_answered(host: str) -> None:
    for method, path in (("GET", "/"), ("POST", "/gradio_api/queue/join"), ("POST", "/v1/completions")):
        assert ask(method, path, hosts=(), headers={"host": host}).status_code == 403
    assert ask("GET", "/", hosts=None, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST.", "[::1]:7860", "proxied.example.com"])
def test_its_own_names_and_those_of_a_server_in_front_are_answered(host: str) -> None:
    assert ask("GET", "/", hosts=("proxied.example.com",), headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "http://127.0.0.1.example.com", "x"])
@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/cancel"])
def test_another_website_can_send_nothing_to_ones_own_machine(path: str, origin: str) -> None:
    headers = {"origin": origin, "host": "127.0.0.1:7860"}
    assert ask("POST", path, hosts=(), headers=headers, content=b"{}").status_code == 403
    public = {"origin": origin, "host": "page.example.com"}
    assert ask("POST", path, headers=public, content=b"{}").status_code == 200


@pytest.mark.parametrize("origin", [None, "http://localhost:3000", "http://127.0.0.1:7860", "http://[::1]"])
def test_a_page_of_the_same_machine_may_call(origin: str | None) -> None:
    headers = {"host": "127.0.0.1:7860"} | ({"origin": origin} if origin else {})
    assert ask("POST", "/gradio_api/queue/join", hosts=(), headers=headers, content=b"{}").status_code == 200


@pytest.mark.parametrize("given", [SMALL + 100_000, 50 * SMALL * 1000])
def test_a_file_over_the_limit_is_refused_in_a_line_with_both_sizes(given: int) -> None:
    answer = ask("POST", "/gradio_api/upload", content=b"x" * given)
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/plain")
    assert "MiB, the limit here is 0.0009537 MiB; split the file, or run the program on a machine" in answer.text
    assert "\n" not in answer.text


def test_a_file_within_the_limit_passes() -> None:
    assert ask("POST", "/gradio_api/upload", content=b"x" * SMALL).json() == {"bytes": SMALL}


@pytest.mark.parametrize(("path", "says"), [("/gradio_api/queue/join", "detail"), ("/v1/completions", "error")])
@pytest.mark.parametrize("announced", [True, False])
def test_any_other_body_has_a_limit_though_nobody_says_how_long_it_is(
    monkeypatch: pytest.MonkeyPatch, path: str, says: str, announced: bool
) -> None:
    monkeypatch.setattr(gate, "BODY", 5_000)
    content = b"x" * 5_001 if announced else pieces(11, 500)
    answer = ask("POST", path, content=content)
    assert answer.status_code == 413
    if announced:
        said = answer.json()[says]
        line = said["message"] if says == "error" else said
        assert "the limit here is" in line
        assert "ask for less at once" in line
    assert ask("POST", path, content=pieces(10, 500)).json() == {"bytes": 5_000}


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/score", "/gradio_api/upload"])
def test_requests_over_a_visitor_s_rate_are_told_when_to_come_back(path: str) -> None:
    answer = ask("POST", path, per_minute=2, times=3, content=b"{}")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "30"
    assert "more than 2 requests a minute, the limit here; try again in 30 s" in answer.text


def test_a_program_is_refused_in_the_form_that_it_reads() -> None:
    refused = ask("POST", "/v1/completions", per_minute=1, times=2, content=b"{}")
    assert refused.headers["x-request-id"].startswith("req_")
    assert "x-should-retry" not in refused.headers  # a retry helps
    answer = refused.json()
    assert answer["error"]["code"] == "rate_limit_exceeded"
    assert set(answer["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("status", "headers"), [(413, {"content-length": str(50 << 20)}), (403, {"host": "evil.example.com"})]
)
def test_a_program_is_told_that_no_retry_helps_and_keeps_its_own_id(status: int, headers: dict[str, str]) -> None:
    refused = ask(
        "POST", "/v1/completions", hosts=("page",), content=b"{}", headers={"x-request-id": "mine", **headers}
    )
    assert refused.status_code == status
    assert refused.headers["x-should-retry"] == "false"
    assert refused.headers["x-request-id"] == "mine"
    assert set(refused.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("peer", "forwarded", "named"),
    [
        ("1.2.3.4", None, "1.2.3.4"),
        ("1.2.3.4", "8.8.8.8", "1.2.3.4"),  # what a visitor makes up stands before what is known
        ("127.0.0.1", "8.8.8.8", "8.8.8.8"),  # a proxy in front has written it
        ("192.168.1.5", None, "192.168.1.5"),
    ],
)
def test_a_tool_s_call_counts_for_who_asked_for_it(peer: str, forwarded: str | None, named: str) -> None:
    passed: list[str] = []

    async def own_call(request: Request) -> Response:
        """Gradio's, to its own address."""
        loop = {**request.scope, "client": ("127.0.0.1", 5)}
        passed.append(visitor_of(HTTPConnection(loop)))
        return JSONResponse({})

    app = Starlette(routes=[Route("/{path:path}", own_call, methods=["POST"])])
    app.add_middleware(Gate, upload=SMALL, visitors=Visitors(None))

    async def go() -> None:
        transport = httpx.ASGITransport(app, client=(peer, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            await client.post("/gradio_api/mcp/", headers={"x-forwarded-for": forwarded} if forwarded else {})

    with ThreadPoolExecutor(1) as own:
        own.submit(asyncio.run, go()).result()
    assert passed == [named]


def test_looking_costs_nothing() -> None:
    assert ask("GET", "/v1/models", per_minute=1, times=5).status_code == 200
    assert ask("POST", "/gradio_api/run/x", per_minute=1, times=5, content=b"{}").status_code == 200


@pytest.mark.parametrize("length", ["-1", "x", "²", "9" * 50, ""])
def test_a_length_that_is_none_does_not_stop_the_gate(length: str) -> None:
    answer = ask("POST", "/gradio_api/queue/join", content=b"x", headers={"content-length": length.encode("utf-8")})
    assert answer.status_code in (200, 413)
