"""Turns on a lent GPU, over a stand-in of the package that lends it: short, reckoned, and refused in a line."""

from __future__ import annotations

import pickle
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from fake_engine import FakeEngine

from gptjt_demo.errors import ModelError, PromptError, PromptTooLong, SettingError, TooMany
from gptjt_demo.models import zerogpu
from gptjt_demo.settings import Sampling
from gptjt_demo.settings.shape import OneOf


class PageError(Exception):
    """As the page's library raises them."""

    def __init__(self, message: str, title: str = "Error") -> None:
        self.message, self.title = message, title


class Lender(types.ModuleType):
    """The package: what a task is given and gives is pickled, and of its errors the types alone come back.

    Attributes:
        turns: the seconds of each.
        closed: turns that were given up.
        refusal: raised in place of a turn.
    """

    def __init__(self) -> None:
        super().__init__("spaces")
        self.turns: list[int] = []
        self.declared = 0
        self.closed = 0
        self.refusal: Exception | None = None

    def GPU(self, *, duration: Any) -> Callable[[Any], Any]:
        def decorate(task: Any) -> Any:
            self.declared += 1

            def begin(arguments: Any) -> Any:
                if self.refusal is not None:
                    raise self.refusal
                self.turns.append(duration(*arguments) if callable(duration) else duration)
                return pickle.loads(pickle.dumps(arguments))

            def stream(*arguments: Any) -> Iterator[Any]:
                try:
                    for item in task(*begin(arguments)):
                        yield pickle.loads(pickle.dumps(item))
                except GeneratorExit:
                    self.closed += 1
                    raise

            def ask(*arguments: Any) -> Any:
                return pickle.loads(pickle.dumps(task(*begin(arguments))))

            return stream if task.__name__ == "_stream_task" else ask

        return decorate


@pytest.fixture
def lender(monkeypatch: pytest.MonkeyPatch) -> Lender:
    made = Lender()
    monkeypatch.setitem(sys.modules, "spaces", made)
    return made


def test_an_answer_is_the_engine_s_and_its_turn_as_long_as_its_tokens_need(lender: Lender) -> None:
    lent = zerogpu.Lent(FakeEngine(default="one two three"))
    short, long = Sampling(max_new_tokens=8), Sampling(max_new_tokens=500)
    assert lent.complete("p", short).tokens == FakeEngine(default="one two three").complete("p", short).tokens
    lent.complete("p", long)
    lent.complete("word " * 1000, short)
    lent.complete("p", Sampling(max_new_tokens=1024))
    first, more_to_write, more_to_read, most = lender.turns
    assert first < 12 < more_to_write
    assert first < more_to_read
    assert most == zerogpu.Rates().longest
    assert lent.metered
    assert lent.name == "fake"


def test_the_seed_that_was_drawn_before_the_turn_is_the_one_that_it_runs_with(lender: Lender) -> None:
    engine = FakeEngine()
    stream = zerogpu.Lent(engine).stream("p")
    list(stream)
    assert stream.seed == stream.completion.seed == engine.streams[-1].seed


def test_a_mistake_costs_no_turn(lender: Lender) -> None:
    lent = zerogpu.Lent(FakeEngine(context=50))
    with pytest.raises(PromptError, match="empty"):
        lent.complete(" ")
    with pytest.raises(PromptTooLong):
        lent.complete("word " * 30)
    with pytest.raises(SettingError):
        lent.complete("p", attention=cast(Any, "both"))
    with pytest.raises(PromptError):
        lent.score("p", ["a", "a"])
    assert lender.turns == []


def test_a_turn_that_is_given_up_ends_and_what_there_was_is_the_answer(lender: Lender) -> None:
    lent, cancel = zerogpu.Lent(FakeEngine(default="one two three")), threading.Event()
    stream = lent.stream("p", cancel=cancel)
    for _ in stream:
        cancel.set()
    assert (stream.completion.text, stream.completion.stop_reason) == ("one", "cancelled")
    assert lender.closed == 1


def test_many_prompts_go_in_short_turns_and_come_back_as_they_were_asked(lender: Lender) -> None:
    engine = FakeEngine(lambda prompt: f"to {prompt}", scores={"a": -0.1})
    lent = zerogpu.Lent(engine)
    prompts = [f"p{number}" for number in range(2 * zerogpu.ROWS_IN_A_TURN + 1)]
    prompts[3] = " "
    answers = dict(lent.complete_many(prompts, Sampling(max_new_tokens=8), background=True))
    assert answers[20].text == "to p20"
    assert isinstance(answers[3], PromptError)
    assert len(lender.turns) == 3
    scores = dict(lent.score_many(prompts, ["a", "b"], background=True))
    assert scores[32][0].label == "a"
    assert len(lender.turns) == 6
    assert max(lender.turns) < 20
    assert lent.score("p", ["a", "b"]) == engine.score("p", ["a", "b"])


def test_a_batch_that_is_given_up_asks_for_no_further_turn(lender: Lender) -> None:
    cancel = threading.Event()
    rows = zerogpu.Lent(FakeEngine()).complete_many(["p"] * 100, cancel=cancel)
    next(rows)
    cancel.set()
    assert len(list(rows)) == zerogpu.ROWS_IN_A_TURN - 1
    assert len(lender.turns) == 1


def test_a_mistake_that_only_the_turn_finds_comes_back_whole(lender: Lender) -> None:
    failure = PromptTooLong("it is long", where="prompt", mend="shorten it")
    lent = zerogpu.Lent(FakeEngine(fail_after=0, failure=failure))
    with pytest.raises(PromptTooLong, match="prompt: it is long; shorten it"):
        lent.complete("p")
    with pytest.raises(PromptTooLong):
        zerogpu.Lent(FakeEngine(context=3)).score("many words in a prompt", ["a"])


@pytest.mark.parametrize(
    ("refusal", "kind", "line"),
    [
        (
            PageError('You have exceeded your <a href="#">free ZeroGPU</a> quota (60s asked, 3s left).\nTry later'),
            TooMany,
            "You have exceeded your free ZeroGPU quota (60s asked, 3s left). Try later; try again later",
        ),
        (PageError("Space app has reached its GPU limit.", "ZeroGPU quota exceeded"), TooMany, "GPU limit; try again"),
        (PageError("GPU task aborted", "ZeroGPU worker error"), ModelError, "GPU task aborted; try again"),
    ],
)
def test_what_the_hub_refuses_is_a_line(lender: Lender, refusal: Exception, kind: Any, line: str) -> None:
    lender.refusal = refusal
    lent = zerogpu.Lent(FakeEngine())
    for ask in (
        lambda: lent.complete("p"),
        lambda: lent.score("p", ["a"]),
        lambda: list(lent.complete_many(["p"])),
    ):
        with pytest.raises(kind) as refused:
            ask()
        assert line in str(refused.value)
        assert "<" not in str(refused.value)


def test_an_error_of_the_program_stays_one(lender: Lender) -> None:
    lender.refusal = RuntimeError("inside")
    with pytest.raises(RuntimeError, match="inside"):
        zerogpu.Lent(FakeEngine()).complete("p")


def test_without_the_package_it_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spaces", None)
    with pytest.raises(ModelError, match="ZeroGPU: the package spaces is missing; pip install spaces"):
        zerogpu.declare()


def test_over_several_turns_each_prompt_keeps_its_own_shape(lender: Lender) -> None:
    engine = FakeEngine()
    shapes = [OneOf((str(number),)) for number in range(100)]
    found = dict(zerogpu.Lent(engine).complete_many(["p"] * 100, Sampling(max_new_tokens=4), shapes=shapes))
    assert len(found) == 100
    assert len(lender.turns) > 1
    assert engine.shapes == shapes
