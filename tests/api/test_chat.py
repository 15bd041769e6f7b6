"""The chat over HTTP: one message of the user is the raw prompt, and nothing else is taken for a chat."""

from __future__ import annotations

from typing import Any

import pytest
from api_server import client, post, refused, serving
from fake_engine import FakeEngine

PROMPT = "Input: India\nOutput:"


def ask(url: str, **fields: Any) -> Any:
    body: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": PROMPT}], "temperature": 0}
    return client(url).chat.completions.create(**body | fields)


def test_the_one_message_is_the_exact_prompt_and_the_answer_has_no_space_before_it() -> None:
    engine = FakeEngine({"India": "Indian Rupee"})
    with serving(engine) as url:
        answer = ask(url, model="fake:causal")
        assert (answer.choices[0].message.content, answer.choices[0].message.role) == ("Indian Rupee", "assistant")
        assert (answer.choices[0].finish_reason, answer.model) == ("stop", "fake:causal")
        parts = [{"type": "text", "text": PROMPT[:5]}, {"type": "text", "text": PROMPT[5:]}]
        assert ask(url, model="fake", messages=[{"role": "user", "content": parts}]).choices[0].message.content
    assert engine.prompts == [PROMPT, PROMPT]


def test_it_samples_as_a_completion_does(url: str) -> None:
    answer = ask(url, temperature=2, seed=7, n=2, max_tokens=9)
    completion = client(url).completions.create(model="tiny", prompt=PROMPT, temperature=2, seed=7, n=2, max_tokens=9)
    texts = [choice.text.removeprefix(" ") for choice in completion.choices]
    assert [choice.message.content for choice in answer.choices] == texts
    assert answer.usage == completion.usage
    assert ask(url, max_completion_tokens=3).usage.completion_tokens == 3


def test_a_stream_of_it_joins_to_the_whole_message(url: str) -> None:
    whole = ask(url, max_tokens=9)
    *chunks, last = list(ask(url, max_tokens=9, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert last.usage == whole.usage


USER = {"role": "user", "content": "p"}


@pytest.mark.parametrize(
    "messages",
    [
        None,
        [],
        "p",
        5,
        {},
        [USER, USER],
        [{"role": "system", "content": "be kind"}, USER],
        [{"role": "system", "content": "p"}],
        ["p"],
        [{"role": "user"}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
        [{"role": ["user"], "content": "p"}],
    ],
    ids=repr,
)
def test_more_than_one_message_or_what_is_none_is_refused_in_a_line(url: str, messages: Any) -> None:
    error = refused(post(url, "v1/chat/completions", {"messages": messages}))
    assert error["param"] == "messages"
    assert "one message of the user" in error["message"]


@pytest.mark.parametrize(
    "field",
    [{"logprobs": True}, {"tools": [{}]}, {"response_format": {"type": "json_object"}}, {"max_tokens": 0}, {"n": 0}],
    ids=repr,
)
def test_what_a_message_cannot_hold_is_refused_by_its_name(url: str, field: dict[str, Any]) -> None:
    assert refused(post(url, "v1/chat/completions", {"messages": [USER]} | field))["param"] in field


def test_what_asks_for_none_of_it_is_taken(url: str) -> None:
    empty = {"logprobs": False, "tools": [], "response_format": {"type": "text"}, "tool_choice": "none"}
    body = {"messages": [USER], "max_tokens": 2, "temperature": 0} | empty
    assert post(url, "v1/chat/completions", body).json()["usage"]["completion_tokens"] == 2
