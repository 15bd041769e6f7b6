"""Work in its thread: it keeps its watcher posted, stops at once, and belongs to one session."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.engine.turns import GRACE, SHARE, Turns
from gptjt_demo.settings import Sampling
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.ui.batch.job import BatchJobs
from gptjt_demo.ui.batch.order import Order
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.reply import Reply, pace, reply_of, replying
from gptjt_demo.ui.work import Runs, Work


def replies(work: Work[Reply, Reply]) -> list[Reply]:
    return [reply_of(standing) for standing in work.watch(pace)]


def test_work_tells_the_time_while_nothing_happens_and_stops_at_once() -> None:
    work = replying(FakeEngine(prefill=600), "p", Sampling())  # seconds: it would end long after the test
    watch = work.watch(pace)
    told = [reply_of(next(watch)) for _ in range(4)]
    assert {reply.phase for reply in told} == {"reading"}
    work.stop()
    last = reply_of(list(watch)[-1])
    assert (last.phase, last.completion and last.completion.stop_reason) == ("done", "cancelled")


def test_what_is_shown_only_grows_and_ends_as_the_completion() -> None:
    seen = replies(replying(FakeEngine(lambda prompt: "a b c d e f", delay=0.03), "p", Sampling()))
    assert all(later.text.startswith(earlier.text) for earlier, later in pairwise(seen))
    assert seen[-1].text == "a b c d e f"
    assert [reply.phase for reply in seen].count("done") == 1


def test_labels_are_scored_under_the_attention_that_answered_and_not_after_a_stop() -> None:
    engine = FakeEngine(supports_prefix=False, scores={"x": -1.0})
    [*_, last] = replies(replying(engine, "p", Sampling(), labels=["x", "y"]))
    assert [score.label for score in last.scores] == ["x", "y"]
    stopped = replying(FakeEngine(prefill=60), "p", Sampling(), labels=["x"])
    stopped.stop()
    assert replies(stopped)[-1].scores == ()


def test_a_users_mistake_and_a_bug_both_end_work_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    too_long = replies(replying(FakeEngine(), "word " * 3000, Sampling()))[-1]
    assert "exceed the context of 2048" in too_long.error
    assert caplog.text == ""
    bug = replies(replying(FakeEngine(fail_after=0), "p", Sampling()))[-1]
    assert bug.error == "the run failed inside the app (RuntimeError); its log says more"
    assert "scripted failure" in caplog.text


def test_an_answer_that_breaks_off_keeps_what_there_was() -> None:
    broken = replies(replying(FakeEngine(lambda prompt: "one two three", fail_after=2), "p", Sampling()))[-1]
    assert (broken.phase, broken.text) == ("done", "one two")
    assert broken.error


def waiting() -> Work[str, str]:
    """Work that waits to be stopped."""

    def function(cancel: threading.Event, tell: Any) -> str:
        tell("waiting", "a title")
        cancel.wait()
        return "stopped"

    return Work(function)


def test_stop_reaches_only_the_session_that_asks() -> None:
    runs = Runs()
    works = {session: waiting() for session in ("one", "two")}
    watches = {session: runs.watch(session, work) for session, work in works.items()}
    for watch in watches.values():
        next(watch)
    runs.stop("one")
    runs.stop("nobody")
    assert list(watches["one"])[-1].result == "stopped"
    assert not works["two"].standing.finished
    assert runs.busy("two")
    assert not runs.busy("one")
    runs.drop("two")
    assert list(watches["two"]) == []
    assert works["two"].wait(5)
    assert len(runs) == 0


def test_what_a_session_begins_ends_what_it_ran_before_without_a_word() -> None:
    runs = Runs()
    first, second = waiting(), waiting()
    before = runs.watch("me", first)
    next(before)
    now = runs.watch("me", second)
    assert next(now).progress == "waiting"
    assert list(before) == []
    assert first.wait(5)
    assert not second.standing.finished
    now.close()  # type: ignore[attr-defined]
    assert second.wait(5)


def test_a_stop_before_the_work_is_there_stops_it_and_not_what_is_asked_for_later() -> None:
    runs = Runs()
    runs.begin("me")
    runs.stop("me")  # while what was asked for is being read
    assert [standing.result for standing in runs.watch("me", waiting())][-1] == "stopped"
    assert [standing.result for standing in runs.watch("me", waiting())][-1] == "stopped"  # another part of it
    runs.begin("me")
    other = runs.watch("me", waiting())
    assert next(other).progress == "waiting"
    runs.drop("me")
    assert len(runs) == 0


def test_a_stop_between_the_two_sides_of_a_comparison_leaves_the_second_unasked() -> None:
    engine, library = FakeEngine(lambda prompt: "a b c"), Library.open()
    actions = Actions(engine, library)
    held = actions.controls(library["currency"])
    texts: list[str] = []
    for _, _, outcome in actions.run("me", True, "logprob", held):
        assert outcome is not None
        texts = [side.reply.text for side in outcome.sides]
        if len(outcome.sides) == 1 and outcome.sides[0].reply.phase == "done":
            actions.stop("me")
    assert texts == ["a b c"]
    [*_, (_, _, again)] = actions.run("me", True, "logprob", held)
    assert again is not None
    assert [side.reply.text for side in again.sides] == ["a b c", "a b c"]
    assert engine.streams[-1].completion.text == "a b c"


class Shared(FakeEngine):
    """Whose prompts and tokens are steps of a model that takes turns, equally long on a clock that only they move."""

    def __init__(self) -> None:
        super().__init__(lambda prompt: "joy" if "row " in prompt.rsplit("\n\n", 1)[-1] else "word " * 100)
        self.now = 0.0
        self.turns = Turns(lambda: self.now)
        self.steps: list[str] = []
        self.mine = threading.local()

    def wait(self, cancel: threading.Event | None, seconds: Any) -> None:
        background = getattr(self.mine, "background", None)  # where it is no row of a batch
        for _ in range(2_000):  # the batch wants every step that the run does not take
            if background is not None or "run" not in self.steps or self.turns.waiting(background=True):
                break
            time.sleep(0.0005)
        with self.turns.step(background=bool(background)):
            self.now += GRACE / 10
            self.steps.append("run" if background is None else "batch")

    def complete_many(self, *arguments: Any, background: bool = False, **options: Any) -> Any:
        self.mine.background = background
        yield from super().complete_many(*arguments, background=background, **options)


def test_a_long_batch_has_at_most_one_step_of_five_beside_a_visitor_s_run_and_goes_on_after_it(tmp_path: Path) -> None:
    engine, library = Shared(), Library.open()
    actions = Actions(engine, library)
    rowfile.write(tmp_path / "a.csv", ["text"], [(f"row {n}",) for n in range(5_000)])
    jobs = BatchJobs(engine)
    job = jobs.begin(Order(read(tmp_path / "a.csv"), library["emotion"], {"input": "text"}))
    while job.counts().answered < 20:
        time.sleep(0.01)
    asked = library["currency"].revised(generation={"max_new_tokens": 100})
    [*_, (shown, *_)] = actions.run("me", False, "logprob", actions.controls(asked))
    assert 'data-state="done"' in shown
    steps = list(engine.steps)
    first, last = steps.index("run"), len(steps) - 1 - steps[::-1].index("run")
    runs, batches = (steps[first : last + 1].count(name) for name in ("run", "batch"))
    assert runs > 100
    share = runs * SHARE / (1 - SHARE)
    assert share / 2 <= batches <= share + 1  # it is the batch's thread that decides how promptly it takes what is its
    answered = job.counts().answered
    engine.now += 1  # nobody has come for a while
    while job.counts().answered < answered + 20:
        time.sleep(0.01)
    job.stop()
    assert job.wait(10)
