"""Whatever a client sends: a question for the model, or an error of ours that can be told in a line."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from gptjt_demo.api import tokens
from gptjt_demo.api.body import Fields, parsed
from gptjt_demo.api.chat import Chatting
from gptjt_demo.api.completions import Completing
from gptjt_demo.api.refusal import refusal
from gptjt_demo.api.score import Scoring
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Limits

ENGINE = FakeEngine()
TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)  # halves of characters, too
NUMBERS = st.floats() | st.integers() | st.integers(-3, 300) | st.sampled_from([1e-40, 10**400, -0.0])
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS | st.sampled_from(["fake:causal", "causal", "user"])
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.sampled_from(["role", "content"]), inner),
    max_leaves=8,
)
NAMES = [
    "prompt",
    "model",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "n",
    "best_of",
    "seed",
    "stop",
    "logprobs",
    "echo",
    "stream",
    "suffix",
    "stream_options",
    "attention",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "messages",
    "labels",
    "end",
    "rule",
    "tokens",
    "tools",
]


@given(st.dictionaries(st.sampled_from(NAMES) | TEXTS, VALUES))
@settings(max_examples=60)
def test_fields_of_any_kind_are_read_or_refused(body: dict[str, Any]) -> None:
    for read in (
        lambda fields: Completing.read(fields, ENGINE, Limits()),
        lambda fields: Chatting.read(fields, ENGINE),
        lambda fields: Scoring.read(fields, ENGINE),
        lambda fields: tokens.tokenize(fields, ENGINE),
        lambda fields: tokens.detokenize(fields, ENGINE),
    ):
        try:
            read(Fields(body))
        except PlaygroundError as error:
            told = refusal(error)
            assert 400 <= told.status < 500
            assert len(told.message.splitlines()) == 1
            assert told.response().body


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=60)
def test_a_body_of_any_kind_is_parsed_or_refused(content: bytes) -> None:
    try:
        fields = parsed(content)
    except PlaygroundError as error:
        told = refusal(error)
    else:
        assert isinstance(fields, Fields)
        return
    assert (told.status, told.param) == (400, "body")


@pytest.mark.parametrize("error", [KeyError("x"), TypeError(), UnicodeDecodeError("utf-8", b"", 0, 1, "\ud83d")])
def test_an_error_that_nobody_put_into_words_is_told_by_its_type(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL + 1)  # tests that run beside each other cannot hand on half a surrogate in a log
    told = refusal(error)
    assert told.status == 500
    assert type(error).__name__ in told.message
    assert told.response().body
