"""A run in its thread: it keeps its watcher posted, stops at once, and belongs to one session."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from fake_engine import FakeEngine

from gptjt_demo.settings import Sampling
from gptjt_demo.ui.playground.job import CLOCK, Job, Runs


def test_a_job_tells_the_time_while_nothing_happens_and_stops_at_once() -> None:
    engine = FakeEngine(prefill=60)
    job = Job(engine, "p", Sampling())
    watch = job.watch()
    times = [time.perf_counter()]
    for _ in range(4):
        assert next(watch).phase == "reading"
        times.append(time.perf_counter())
    assert max(later - earlier for earlier, later in pairwise(times)) < CLOCK + 0.1
    job.stop()
    last = list(watch)[-1]
    assert (last.phase, last.completion and last.completion.stop_reason) == ("done", "cancelled")


def test_what_is_shown_only_grows_and_ends_as_the_completion() -> None:
    job = Job(FakeEngine(lambda prompt: "a b c d e f", delay=0.03), "p", Sampling())
    seen = list(job.watch())
    assert all(later.text.startswith(earlier.text) for earlier, later in pairwise(seen))
    assert seen[-1].text == "a b c d e f"
    assert [progress.phase for progress in seen].count("done") == 1


def test_labels_are_scored_under_the_attention_that_answered_and_not_after_a_stop() -> None:
    engine = FakeEngine(supports_prefix=False, scores={"x": -1.0})
    assert [score.label for score in list(Job(engine, "p", Sampling(), labels=["x", "y"]).watch())[-1].scores] == [
        "x",
        "y",
    ]
    stopped = Job(FakeEngine(prefill=60), "p", Sampling(), labels=["x"])
    stopped.stop()
    assert list(stopped.watch())[-1].scores == ()


def test_a_users_mistake_and_a_bug_both_end_a_job_with_one_line(caplog: pytest.LogCaptureFixture) -> None:
    too_long = list(Job(FakeEngine(), "word " * 3000, Sampling()).watch())[-1]
    assert "exceed the context of 2048" in too_long.error
    assert caplog.text == ""
    bug = list(Job(FakeEngine(fail_after=0), "p", Sampling()).watch())[-1]
    assert bug.error == "the run failed inside the app (RuntimeError); its log says more"
    assert "scripted failure" in caplog.text


def test_stop_reaches_only_the_session_that_asks() -> None:
    engine, runs = FakeEngine(prefill=60), Runs()
    jobs = {session: Job(engine, "p", Sampling()) for session in ("one", "two")}
    for session, job in jobs.items():
        runs.begin(session, job)
    runs.stop("one")
    runs.stop("nobody")
    assert list(jobs["one"].watch())[-1].phase == "done"
    assert jobs["two"].progress.phase == "reading"
    runs.drop("two")
    assert list(jobs["two"].watch())[-1].phase == "done"
