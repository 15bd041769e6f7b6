"""Turns of the model: what somebody waits for goes first, and the background is not starved. The clock is scripted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import tiny
import torch

from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.prefix_lm import PrefixLM, layers
from gptjt_demo.engine.turns import SHARE, Turns
from gptjt_demo.settings import Attention, Sampling

PROMPTS = ["the cat sat on the mat and", "yes:", "a dog, a bird, and then some more of it", "no:"]
GREEDY = Sampling(max_new_tokens=6)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


class Layers(threading.Thread):
    """A step of so many layers, each of which takes as long as it says on the clock."""

    def __init__(
        self, turns: Turns, clock: Clock, name: str, log: list[str], count: int, *, background: bool, cost: float
    ) -> None:
        super().__init__(daemon=True)
        self.turns, self.clock, self.log = turns, clock, log
        self.label, self.count, self.background, self.cost = name, count, background, cost
        self.permits = threading.Semaphore(0)
        self.begun = 0

    def run(self) -> None:
        with self.turns.step(background=self.background):
            for layer in range(self.count):
                if layer and self.background:
                    self.turns.give_way()
                self.begun = layer + 1
                self.permits.acquire()
                self.clock.now += self.cost
                self.log.append(self.label)


Made = tuple[Turns, Clock, list[str], Callable[..., Layers]]  # turns, their clock, what ran, and `start`


@pytest.fixture
def made() -> Made:
    clock = Clock()
    log: list[str] = []
    turns = Turns(clock)

    def start(name: str, count: int, *, background: bool, free: bool = False, cost: float = 1.0) -> Layers:
        step = Layers(turns, clock, name, log, count, background=background, cost=cost)
        if free:
            step.permits.release(count)
        step.start()
        return step

    return turns, clock, log, start


def test_a_step_in_the_background_is_left_between_layers_for_one_in_front(made: Made) -> None:
    turns, clock, log, start = made
    batch = start("batch", 4, background=True)
    until(lambda: batch.begun == 1)
    run = start("run", 1, background=False, free=True)
    until(lambda: turns.waiting() == 1)
    batch.permits.release(4)
    run.join(10)
    assert log == ["batch", "run"]
    clock.now += 1.0
    batch.join(10)
    assert log == ["batch", "run", "batch", "batch", "batch"]


def test_the_background_waits_a_moment_for_the_next_token_of_an_answer(made: Made) -> None:
    turns, clock, log, start = made
    start("token", 1, background=False, free=True, cost=0.0).join(10)
    batch = start("batch", 1, background=True, free=True)
    until(lambda: turns.waiting(background=True) == 1)
    start("token", 1, background=False, free=True, cost=0.0).join(10)
    assert log == ["token", "token"]
    clock.now += 1.0
    batch.join(10)
    assert log[-1] == "batch"


def test_the_background_has_its_share_though_somebody_is_always_there(made: Made) -> None:
    turns, clock, log, _ = made
    over = threading.Event()

    def visitor() -> None:
        while not over.is_set():
            with turns.step():
                clock.now += 1.0
                log.append("run")

    def batch() -> None:
        with turns.step(background=True):
            for _ in range(8):
                until(lambda: bool(turns.waiting()))  # another visitor asks while this layer runs
                clock.now += 1.0
                log.append("batch")
                turns.give_way()

    visitors = [threading.Thread(target=visitor, daemon=True) for _ in range(2)]
    for thread in visitors:
        thread.start()
    until(lambda: bool(turns.waiting()))
    running = threading.Thread(target=batch, daemon=True)
    running.start()
    running.join(10)
    assert not running.is_alive()
    over.set()
    first, last = log.index("batch"), len(log) - 1 - log[::-1].index("batch")
    assert log[first:last].count("batch") / (last - first) == pytest.approx(SHARE, abs=0.05)
    for thread in visitors:
        thread.join(10)


def test_what_the_background_ran_while_it_was_alone_is_not_held_against_it(made: Made) -> None:
    turns, _, log, start = made
    start("batch", 50, background=True, free=True).join(10)
    batch = start("batch", 3, background=True)
    until(lambda: batch.begun == 1)
    batch.permits.release(3)
    for _ in range(20):
        start("run", 1, background=False, free=True).join(10)
        until(lambda: not batch.is_alive() or turns.waiting(background=True) == 1)
    batch.join(10)
    assert log[50:].count("batch") == 3


def test_modules_are_exchanged_only_when_no_step_is_half_done(made: Made) -> None:
    turns, clock, log, start = made
    batch = start("batch", 3, background=True)
    until(lambda: batch.begun == 1)
    run = start("run", 1, background=False)
    until(lambda: turns.waiting() == 1)

    def exchange() -> None:
        with turns.pause():
            log.append("exchange")

    exchanging = threading.Thread(target=exchange, daemon=True)
    batch.permits.release(1)
    until(lambda: run.begun == 1)
    exchanging.start()
    until(lambda: turns.waiting() == 1)
    run.permits.release(1)
    run.join(10)
    clock.now += 1.0
    batch.permits.release(2)
    exchanging.join(10)
    assert log == ["batch", "run", "batch", "batch", "exchange"]


def test_those_of_a_kind_are_served_as_they_came(made: Made) -> None:
    turns, _, log, start = made
    first = start("first", 1, background=False)
    until(lambda: first.begun == 1)
    others = []
    for index, name in enumerate(("second", "third", "fourth"), 1):
        others.append(start(name, 1, background=False, free=True))
        until(lambda index=index: turns.waiting() == index)  # type: ignore[misc]
    first.permits.release(1)
    for step in others:
        step.join(10)
    assert log == ["first", "second", "third", "fourth"]


# --- the engine


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_answers_in_the_background_are_those_in_front(
    family: str, attention: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(tiny.model(family), tiny.tokenizer(), name="tiny", context=tiny.CONTEXT)
    front: Any = dict(engine.complete_many(PROMPTS, GREEDY, attention=attention))
    scores: Any = dict(engine.score_many(PROMPTS, ["joy", "fear"], attention=attention))
    monkeypatch.setattr("gptjt_demo.engine.batching.PIECE_TOKENS", 80)  # two prompts at a time
    back: Any = dict(engine.complete_many(PROMPTS, GREEDY, attention=attention, background=True))
    assert {index: answer.text for index, answer in back.items()} == {p: answer.text for p, answer in front.items()}
    weighed: Any = dict(engine.score_many(PROMPTS, ["joy", "fear"], attention=attention, background=True))
    for index, rows in scores.items():
        found = [row.logprob for row in weighed[index]]
        assert found == pytest.approx([row.logprob for row in rows], abs=1e-4)


def test_a_batch_of_long_prompts_is_read_a_few_at_a_time_and_decoded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    model = tiny.model("llama")
    engine = Engine(model, tiny.tokenizer(), name="tiny", context=tiny.CONTEXT)
    model.register_forward_pre_hook(lambda _, __, given: seen.append(tuple(given["input_ids"].shape)), with_kwargs=True)
    monkeypatch.setattr("gptjt_demo.engine.batching.PIECE_TOKENS", 100)
    prompts = ["x" * 40 + str(n) + ":" for n in range(5)]
    list(engine.complete_many(prompts, Sampling(max_new_tokens=2), attention="prefix", background=True))
    width = seen[0][1]
    assert [rows for rows, columns in seen if columns == width] == [2, 2, 1]
    assert (5, 1) in seen


def test_a_run_goes_through_between_two_layers_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny.model("llama")
    engine = Engine(model, tiny.tokenizer(), name="tiny", context=tiny.CONTEXT)
    held, reached, order = threading.Event(), threading.Event(), []

    def hold(*_: object) -> None:
        if threading.current_thread().name == "batch" and not reached.is_set():
            reached.set()
            assert held.wait(10)
        order.append(threading.current_thread().name)

    first, last = layers(model)[0], layers(model)[-1]
    first.register_forward_hook(hold)
    last.register_forward_hook(lambda *_: order.append(threading.current_thread().name))
    answers: list[object] = []
    batch = threading.Thread(
        target=lambda: answers.extend(engine.complete_many(PROMPTS, GREEDY, background=True)), name="batch", daemon=True
    )
    batch.start()
    assert reached.wait(10)
    run = threading.Thread(target=lambda: engine.complete("yes:", GREEDY), name="run", daemon=True)
    run.start()
    steps = engine.steps
    assert isinstance(steps, PrefixLM)
    until(lambda: steps.turns.waiting() == 1)
    held.set()
    run.join(30)
    batch.join(30)
    assert order[:3] == ["batch", "run", "run"]  # the batch's second layer came after the run's both
    assert len(answers) == len(PROMPTS)


def test_joined_states_decode_as_one_that_was_read_together() -> None:
    lm = PrefixLM(tiny.model("gptj"))
    ids, keep = torch.randint(0, 200, (3, 9)), torch.ones(3, 9, dtype=torch.bool)
    keep[1, :4] = False
    together = lm.prefill(ids, keep, "prefix")
    apart = type(together).joined([lm.prefill(ids[:2], keep[:2], "prefix"), lm.prefill(ids[2:], keep[2:], "prefix")])
    new = torch.tensor([[5], [6], [7]])
    for state, other in ((together, apart), (lm.extend(together, new), lm.extend(apart, new))):
        torch.testing.assert_close(state.logits, other.logits)
        assert torch.equal(state.keep, other.keep)
