"""An engine within limits: what is too long is refused before any work, what takes too long is ended, nothing else
changes. The clock of a deadline is scripted where time matters."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.engine.deadline import Deadline
from gptjt_demo.engine.limited import limited
from gptjt_demo.engine.protocol import Answers
from gptjt_demo.errors import PlaygroundError, TookTooLong, TooLarge
from gptjt_demo.settings import Limits, Sampling
from gptjt_demo.settings.shape import OneOf

SHORT = Limits(prompt_characters=10)
LONG_PROMPT = "x" * 11


def test_without_limits_on_prompts_and_time_it_is_the_engine_itself() -> None:
    engine = FakeEngine()
    assert limited(engine, Limits(rows=1, queue=1)) is engine


def test_every_attribute_and_every_answer_is_the_engine_s() -> None:
    engine = FakeEngine({"p": "an answer"}, scores={"a": -1.0}, name="some-model")
    within = limited(engine, Limits(prompt_characters=100, run_seconds=100))
    for name in (name for name, what in vars(Answers).items() if isinstance(what, property)):
        assert getattr(within, name) == getattr(engine, name)
    assert within.resolve("causal") == "causal"
    assert within.count_tokens("a b") == engine.count_tokens("a b")
    assert within.tokens("a b") == engine.tokens("a b")
    seed = Sampling(seed=1)
    assert within.complete("p", seed).text == engine.complete("p", seed).text == "an answer"
    stream = within.stream("p", seed)
    assert stream.seed == 1
    assert "".join(token.text for token in stream) == stream.completion.text
    assert within.score("p", ["a", "b"]) == engine.score("p", ["a", "b"])
    many = list(within.complete_many(["p", "q"], seed))
    texts = [(index, one.text) for index, one in many if not isinstance(one, PlaygroundError)]
    assert texts == [(0, "an answer"), (1, "joy")]
    assert list(within.score_many(["p"], ["a", "b"])) == list(engine.score_many(["p"], ["a", "b"]))


ASKED: dict[str, Any] = {
    "stream": lambda engine: engine.stream(LONG_PROMPT),
    "complete": lambda engine: engine.complete(LONG_PROMPT),
    "score": lambda engine: engine.score(LONG_PROMPT, ["a", "b"]),
    "count_tokens": lambda engine: engine.count_tokens(LONG_PROMPT),
    "encode": lambda engine: engine.encode(LONG_PROMPT),
    "tokens": lambda engine: engine.tokens(LONG_PROMPT),
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_prompt_over_the_limit_is_refused_with_both_numbers_before_any_work(asked: str) -> None:
    engine = FakeEngine()
    with pytest.raises(TooLarge, match="prompt: 11 characters, the limit here is 10; shorten it"):
        ASKED[asked](limited(engine, SHORT))
    assert engine.prompts == []
    assert limited(engine, SHORT).complete("x" * 10).text == "joy"


@pytest.mark.parametrize("labels", [["a" * 6, "b" * 5], ("a" * 11, "b")])
def test_labels_over_the_limit_in_all_are_refused(labels: Any) -> None:
    engine = limited(FakeEngine(), SHORT)
    for ask in (lambda: engine.score("p", labels), lambda: list(engine.score_many(["p"], labels))):
        with pytest.raises(TooLarge, match=r"labels: 1[12] characters in all, the limit here is 10"):
            ask()


def test_of_many_prompts_those_over_the_limit_are_their_rows_errors() -> None:
    engine = limited(FakeEngine({"b": "bee"}), SHORT)
    outcomes = dict(engine.complete_many([LONG_PROMPT, "b", LONG_PROMPT, "b b"]))
    assert {index for index, outcome in outcomes.items() if isinstance(outcome, TooLarge)} == {0, 2}
    assert [getattr(outcomes[index], "text", None) for index in (1, 3)] == ["bee", "bee"]


@pytest.mark.parametrize("prompt", [None, 5, ["a"], "so \ud83d"])
def test_what_is_no_prompt_is_refused_as_it_was(prompt: Any) -> None:
    with pytest.raises(PlaygroundError):
        limited(FakeEngine(), SHORT).complete(prompt)


def test_an_answer_that_takes_too_long_is_ended_with_what_there_was_and_the_next_one_is_not() -> None:
    gate = threading.Event()  # every token waits for it
    engine = FakeEngine(lambda prompt: "one two three", delay=gate)
    within = limited(engine, Limits(run_seconds=0.05))
    with pytest.raises(TookTooLong, match=r"it was ended after .* s, the limit here; ask for fewer tokens"):
        within.complete("p")
    with pytest.raises(TookTooLong):
        list(within.complete_many(["p", "q"]))
    gate.set()
    assert within.complete("p").text == "one two three"


def test_a_visitor_s_own_stop_is_no_error() -> None:
    cancel = threading.Event()
    cancel.set()
    engine = limited(FakeEngine(delay=threading.Event()), Limits(run_seconds=1000))
    assert engine.complete("p", cancel=cancel).stop_reason == "cancelled"
    assert engine.score("p", ["a", "b"], cancel=cancel) == []
    assert list(engine.complete_many(["p"], cancel=cancel)) == []


def test_a_deadline_is_set_by_hand_by_another_flag_or_by_time_and_knows_which() -> None:
    now = [0.0]
    other = threading.Event()
    by_time, by_other, by_hand, never = (Deadline(end, other, lambda: now[0]) for end in (1, 5, 5, None))
    assert not by_time.is_set()
    now[0] = 1.0
    assert by_time.is_set()
    by_hand.set()
    assert not by_other.is_set()
    assert not never.is_set()
    other.set()
    assert by_other.is_set()
    assert never.is_set()
    now[0] = 9.0
    assert [flag.passed for flag in (by_time, by_other, by_hand, never)] == [True, False, False, False]
    assert by_time.wait(0)
    assert not Deadline(None).wait(0.01)


def test_each_prompt_that_is_let_through_keeps_its_own_shape() -> None:
    engine = FakeEngine()
    shapes = [OneOf(("a",)), None, OneOf(("b",))]
    found = dict(limited(engine, SHORT).complete_many([LONG_PROMPT, "p", "q"], shapes=shapes))
    assert isinstance(found[0], TooLarge)
    assert engine.shapes == [None, OneOf(("b",))]
