"""The engine and its scripted double offer the same, signature by signature: what a test of the page shows, holds."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest
from fake_engine import FakeEngine, FakeStream

from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.protocol import Answers, TokenStream
from gptjt_demo.engine.stream import Stream

METHODS = sorted(name for name, member in vars(Answers).items() if inspect.isfunction(member) and name[0] != "_")
RETURNED = {TokenStream: (Stream, FakeStream)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("face", [Engine, FakeEngine])
def test_a_method_takes_and_gives_what_the_protocol_says(face: Any, method: str) -> None:
    asked, given = getattr(Answers, method), getattr(face, method)
    parameters = [
        [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]
        for function in (asked, given)
    ]
    assert parameters[0] == parameters[1]
    wanted, found = get_type_hints(asked), get_type_hints(given)
    returned, wanted_return = found.pop("return"), wanted.pop("return")
    assert found == wanted
    assert returned in RETURNED.get(wanted_return, (wanted_return,))


@pytest.mark.parametrize("stream", [Stream, FakeStream])
def test_a_stream_gives_a_completion(stream: Any) -> None:
    assert get_type_hints(stream.completion.fget) == get_type_hints(TokenStream.completion.fget)  # type: ignore[attr-defined]


def test_the_double_has_every_attribute_of_the_protocol() -> None:
    engine: Answers = FakeEngine()
    attributes = [name for name, member in vars(Answers).items() if isinstance(member, property)]
    assert "name" in attributes
    for name in attributes:
        assert hasattr(engine, name)
    stream: TokenStream = engine.stream("p")
    for name in get_type_hints(TokenStream):
        assert hasattr(stream, name)
