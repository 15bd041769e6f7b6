"""What programs may call, as tools: a client of the Model Context Protocol lists and calls them over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from command_line import run
from fake_engine import FakeEngine
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from gptjt_demo.cli.serve import reach_directly
from gptjt_demo.settings import Limits

if TYPE_CHECKING:
    from conftest import Serve

ADDRESS = "gradio_api/mcp/"


def asked(url: str, *calls: tuple[str, dict[str, Any]], behind: str = "") -> tuple[list[Any], list[Any]]:
    """The tools of a page, and what calls of them give; `behind`: the address that a proxy in front names."""

    async def ask() -> tuple[list[Any], list[Any]]:
        async with (
            httpx.AsyncClient(headers={"x-forwarded-for": behind} if behind else {}, timeout=30) as http,
            streamable_http_client(f"{url}{ADDRESS}", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, [await session.call_tool(name, arguments) for name, arguments in calls]

    with ThreadPoolExecutor(1) as own:  # a browser's tests leave an event loop running in this thread
        return own.submit(asyncio.run, ask()).result()


def test_a_client_finds_the_described_tools_and_no_event_of_the_page(serve: Serve) -> None:
    tools, _ = asked(serve(FakeEngine(), tools=True))
    assert {tool.name for tool in tools} == {"complete", "score", "batch", "templates"}
    for tool in tools:
        assert "." in tool.description
        for name, parameter in tool.inputSchema["properties"].items():
            assert parameter["description"].endswith("."), (tool.name, name)
            assert parameter.keys() & {"type", "anyOf", "enum", "oneOf"}, (tool.name, name)
    required = {tool.name: set(tool.inputSchema.get("required", ())) for tool in tools}
    assert required["complete"] == {"prompt"}
    assert required["score"] == {"prompt", "labels"}
    assert required["batch"] == {"template", "rows"}


def test_a_client_s_calls_are_answered_in_json(serve: Serve) -> None:
    engine = FakeEngine({"India": "Indian “Rupee”", "Japan": "Yen"}, scores={"x": -0.1}, name="mini")
    _, answers = asked(
        serve(engine, tools=True),
        ("complete", {"prompt": "Input: India", "attention": "causal", "seed": 7}),
        ("score", {"prompt": "p", "labels": ["x", "y"]}),
        ("batch", {"template": "currency", "rows": [{"input": "Japan"}, {"input": "India"}]}),
        ("templates", {}),
    )
    assert not any(answer.isError for answer in answers)
    done, scores, rows, templates = (json.loads(answer.content[0].text) for answer in answers)
    assert (done["text"], done["model"], done["seed"], done["attention"]) == ("Indian “Rupee”", "mini", 7, "causal")
    assert scores[0]["label"] == "x"
    assert scores[0]["share"] > 0.9
    assert [row["text"] for row in rows] == ["Yen", "Indian “Rupee”"]
    assert "emotion" in {template["name"] for template in templates}


def test_a_call_that_goes_wrong_is_an_error_of_the_tool_in_one_line(serve: Serve) -> None:
    engine = FakeEngine(fail_after=0, failure=RuntimeError("the GPU\nis gone"))
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("complete", {"prompt": " "}, "the prompt is empty"),
        ("complete", {"prompt": "p", "top_p": 3}, "top_p: 3"),
        ("complete", {"prompt": 5}, "5 is not of type 'string'"),
        ("complete", {}, "'prompt' is a required property"),
        ("complete", {"prompt": "p"}, "RuntimeError"),
        ("score", {"prompt": "p", "labels": []}, "no labels"),
        ("batch", {"template": "currencies", "rows": []}, "did you mean 'currency'"),
        ("no_such_tool", {}, "no_such_tool"),
    ]
    _, answers = asked(serve(engine, tools=True), *((name, arguments) for name, arguments, _ in calls))
    for (name, arguments, words), answer in zip(calls, answers, strict=True):
        assert answer.isError, (name, arguments)
        [said] = answer.content
        assert words in said.text
        assert "\n" not in said.text.strip()


def test_each_visitor_of_the_tools_has_limits_of_its_own(serve: Serve) -> None:
    url = serve(FakeEngine(), Limits(requests_per_minute=1), tools=True)
    call = ("complete", {"prompt": "p"})
    _, [first, second] = asked(url, call, call, behind="8.8.8.8")
    _, [other] = asked(url, call, behind="1.1.1.1")
    assert [answer.isError for answer in (first, second, other)] == [False, True, False]
    assert "more than 1 request a minute" in second.content[0].text


def test_a_proxy_of_the_environment_does_not_stop_the_tools(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    url = serve(FakeEngine(default="joy"), tools=True)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("no_proxy", "example.com")
    reach_directly("127.0.0.1")
    assert "example.com" in os.environ["no_proxy"]
    _, [answer] = asked(url, ("complete", {"prompt": "p"}))
    assert not answer.isError


def test_there_are_no_tools_unless_they_are_asked_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_MCP_SERVER", "true")  # Gradio's own switch is not the page's
    url = serve(FakeEngine())
    assert httpx.post(f"{url}{ADDRESS}", json={}, follow_redirects=True).status_code in (404, 405)


def test_tools_without_their_package_are_one_line_before_the_model_is_loaded(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptjt_demo.cli.serve.find_spec", lambda name: None)
    monkeypatch.setattr("gptjt_demo.models.loading.load", lambda *arguments, **options: pytest.fail("it was loaded"))
    for arguments in (["--mcp"], []):
        status, out, err = run(capsys, "serve", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "pip install 'gptjt-demo[mcp]'" in err
        monkeypatch.setenv("GPTJT_MCP", "1")
