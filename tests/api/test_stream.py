"""Streams over HTTP: parts that join to the whole answer, errors in the middle, and nothing held back."""

from __future__ import annotations

import threading
from typing import Any

import openai
import pytest
from api_server import HTTP, client, events, post, refused, serving
from fake_engine import FakeEngine

PROMPT = "Input: é, India\nOutput:"
LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


def streamed(url: str, path: str = "v1/completions", **body: Any) -> list[Any]:
    """All events of a stream."""
    with HTTP.stream("POST", f"{url}{path}", json={"prompt": PROMPT, "stream": True} | body, timeout=60) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-request-id"]
        return list(events(response.iter_lines()))


@pytest.mark.parametrize("more", [{}, {"logprobs": 2}, {"logprobs": 2, "echo": True}, {"echo": True, "max_tokens": 0}])
def test_the_parts_join_to_the_whole_answer(url: str, more: dict[str, Any]) -> None:
    body: dict[str, Any] = {
        "model": "tiny:causal",
        "prompt": [PROMPT, "x"],
        "n": 2,
        "temperature": 2,
        "seed": 3,
        "max_tokens": 20,
    } | more
    whole = post(url, "v1/completions", body).json()["choices"]
    *chunks, done = streamed(url, **body)
    assert done == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    for choice in whole:
        parts = [part for chunk in chunks for part in chunk["choices"] if part["index"] == choice["index"]]
        assert "".join(part["text"] for part in parts) == choice["text"]
        reasons = [part["finish_reason"] for part in parts]
        assert reasons == [None] * (len(parts) - 1) + [choice["finish_reason"]]
        for name in LISTS:
            joined = [each for part in parts if part["logprobs"] for each in part["logprobs"][name]]
            expected = (choice["logprobs"] or {name: []})[name]
            if name == "token_logprobs":  # of a batch, equal but for rounding
                assert joined == [value and pytest.approx(value, abs=1e-4) for value in expected]
            elif name == "top_logprobs":
                assert [top and set(top) for top in joined] == [top and set(top) for top in expected]
            else:
                assert joined == expected


def test_the_usage_comes_last_where_it_is_wanted(url: str) -> None:
    body: dict[str, Any] = {"temperature": 0, "max_tokens": 5, "stream_options": {"include_usage": True}}
    *chunks, last, done = streamed(url, **body)
    assert done == "[DONE]"
    assert last["choices"] == []
    assert last["usage"] == post(url, "v1/completions", {"prompt": PROMPT} | body).json()["usage"]
    assert all(chunk["usage"] is None for chunk in chunks)
    assert all("usage" not in chunk for chunk in streamed(url, max_tokens=2)[:-1])


def test_the_openai_client_reads_a_stream(url: str) -> None:
    # Not strictly: its type of a part has no room for the null that OpenAI itself sends before the last one.
    stream = client(url, strict=False).completions.create(
        model="tiny", prompt=PROMPT, temperature=0, max_tokens=9, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(stream)
    whole = client(url).completions.create(model="tiny", prompt=PROMPT, temperature=0, max_tokens=9)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
    assert last.usage == whole.usage


def test_what_is_wrong_before_the_first_token_is_an_ordinary_error(url: str) -> None:
    body = {"prompt": "a" * 300, "stream": True, "messages": [{"role": "user", "content": "a" * 300}]}
    for path in ("v1/completions", "v1/chat/completions"):
        assert refused(post(url, path, body))["code"] == "context_length_exceeded"
        assert refused(post(url, path, body | {"temperature": -1}))["param"] == "temperature"


def test_an_error_in_the_middle_is_an_event_and_nothing_follows_it() -> None:
    with serving(FakeEngine(default="one two three four", fail_after=2)) as url:
        *chunks, error = streamed(url)
        assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == " one two"
        assert "RuntimeError" in error["error"]["message"]
        with pytest.raises(openai.APIError, match="RuntimeError"):
            list(client(url, strict=False).completions.create(model="fake", prompt="p", stream=True))


def test_each_part_comes_when_it_is_there_and_a_client_that_leaves_stops_the_model() -> None:
    engine = FakeEngine(default="one two", delay=(step := threading.Event()))
    with (
        serving(engine) as url,
        HTTP.stream("POST", f"{url}v1/completions", json={"prompt": "p", "stream": True}) as got,
    ):
        assert got.status_code == 200  # before there is a token
        step.set()
        parts = events(got.iter_lines())
        assert next(parts)["choices"][0]["text"] == " one"
    assert engine.streams[0].ended.wait(5)
    slow = FakeEngine(default="one two three", delay=5.0)
    with serving(slow) as url:
        with HTTP.stream("POST", f"{url}v1/completions", json={"prompt": "p", "stream": True}) as got:
            assert got.status_code == 200
        assert slow.streams[0].ended.wait(4)
        assert slow.streams[0].completion.stop_reason == "cancelled"
