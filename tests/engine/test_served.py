"""A served model: asked before it is there it is waited for, and when the program is stopped everybody is told."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from fake_engine import FakeEngine

from gptjt_demo.engine.protocol import Answers, Loading
from gptjt_demo.engine.request_log import LOGGER, request
from gptjt_demo.engine.served import Promise, Served, Tell
from gptjt_demo.errors import DoesNotFit, ModelError, NotReady, PromptError, SettingError
from gptjt_demo.settings import Sampling

PROMISE = Promise("big", 1024, "causal", stand_in=True)


def ready(engine: FakeEngine) -> Served:
    served = Served(PROMISE)
    served.load(lambda tell: cast(Answers, engine))
    return served


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    for _ in range(10_000):
        if holds():
            return
        time.sleep(0.005)
    pytest.fail("what was waited for did not come")


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """What it returns or raises, once the thread has ended."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(work())
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def test_until_it_is_loaded_it_is_what_its_name_promises_and_then_what_it_is() -> None:
    served = Served(PROMISE)
    assert (served.name, served.context, served.attention, served.stand_in) == ("big", 1024, "causal", True)
    assert served.resolve(None) == "causal"
    assert served.resolve("prefix") == "prefix"
    with pytest.raises(SettingError):
        served.resolve(cast(Any, "both"))
    engine = FakeEngine(name="other", supports_prefix=False)
    served.load(lambda tell: cast(Answers, engine))
    assert (served.name, served.context, served.loading) == ("other", 2048, None)
    assert served.resolve("prefix") == "causal"


def test_every_attribute_of_an_engine_is_there_before_and_after() -> None:
    for served in (Served(PROMISE), ready(FakeEngine())):
        for name, member in vars(Answers).items():
            if isinstance(member, property):
                getattr(served, name)
    for name, member in vars(Answers).items():
        if inspect.isfunction(member) and name[0] != "_":
            assert callable(getattr(ready(FakeEngine()), name))


def test_the_share_of_a_load_never_goes_back() -> None:
    served = Served(PROMISE)
    seen: list[Loading | None] = []

    def load(tell: Tell) -> Answers:
        for phase, share in (("one", 0.4), ("two", 0.2), ("three", 7.0)):
            tell(phase, share)
            seen.append(served.loading)
        return cast(Answers, FakeEngine())

    served.load(load)
    assert seen == [Loading("one", 0.4), Loading("two", 0.4), Loading("three", 1.0)]
    assert served.loading is None


def test_what_only_looks_at_the_model_is_not_held_up_by_its_load() -> None:
    served = Served(PROMISE)
    for ask in (served.count_tokens, served.encode, served.tokens):
        with pytest.raises(NotReady, match="still being loaded"):
            ask("text")


def test_a_question_waits_for_the_model_and_is_then_answered() -> None:
    served = Served(PROMISE)
    one, answer = in_thread(lambda: served.complete("p", Sampling()).text)
    two, rows = in_thread(lambda: [text.text for _, text in served.complete_many(["p", "p"], background=True)])
    three, scores = in_thread(lambda: [row.label for row in served.score("p", ["a", "b"])])
    served.load(lambda tell: cast(Answers, FakeEngine(default="here")))
    for thread in (one, two, three):
        thread.join()
    assert (answer, rows, scores) == (["here"], [["here", "here"]], [["a", "b"]])
    assert served.calls == 0


def test_who_gives_up_while_the_model_is_loaded_waits_no_longer() -> None:
    served, cancel = Served(PROMISE), threading.Event()
    thread, came = in_thread(lambda: served.complete("p", cancel=cancel))
    cancel.set()
    thread.join(5)
    assert isinstance(came[0], NotReady)
    assert served.calls == 0


@pytest.mark.parametrize("failure", [DoesNotFit("it is too large", where="big"), RuntimeError("a stack of frames")])
def test_a_model_that_cannot_be_loaded_is_refused_to_all_who_wait_and_come(failure: Exception) -> None:
    served = Served(PROMISE)
    thread, came = in_thread(lambda: served.complete("p"))

    def load(tell: Tell) -> Answers:
        raise failure

    with pytest.raises(ModelError) as refused:
        served.load(load)
    thread.join(5)
    assert str(came[0]) == str(refused.value)
    assert "frames" not in str(refused.value)
    with pytest.raises(ModelError, match="big"):
        served.score("p", ["a"])
    assert served.wait(0)


def test_when_it_is_stopped_an_answer_may_end_and_nothing_new_is_begun() -> None:
    gate = threading.Event()
    served = ready(FakeEngine(delay=gate, default="one two"))
    stream = served.stream("p")
    answering, came = in_thread(lambda: "".join(token.text for token in stream))
    until(lambda: served.calls > 0)
    stopping, _ = in_thread(lambda: served.stop(30))
    until(lambda: served.stopping)
    with pytest.raises(NotReady, match="being stopped"):
        served.complete("p")
    gate.set()
    answering.join(5)
    stopping.join(5)
    assert came == ["one two"]


def test_an_answer_that_does_not_end_in_time_is_ended_and_told_so_with_what_there_was() -> None:
    served = ready(FakeEngine(delay=threading.Event()))
    seen: list[Any] = []
    answering, came = in_thread(lambda: seen.extend(served.stream("p")))
    until(lambda: served.calls > 0)
    served.stop(0)
    answering.join(5)
    assert isinstance(came[0], NotReady)
    assert "being stopped" in str(came[0])
    assert served.calls == 0


def test_a_batch_is_left_at_once_when_it_is_stopped_and_keeps_its_rows() -> None:
    engine = FakeEngine(delay=threading.Event())
    served = ready(engine)
    rows: list[int] = []

    def batch() -> None:
        for index, _ in served.complete_many(["p", "q"], background=True):
            rows.append(index)

    working, came = in_thread(batch)
    until(lambda: bool(engine.streams))
    served.stop(30)  # it does not wait for a batch
    working.join(5)
    assert isinstance(came[0], NotReady)


def test_who_stopped_their_own_answer_is_not_told_of_anything_else() -> None:
    served, cancel = ready(FakeEngine(delay=threading.Event())), threading.Event()
    answering, came = in_thread(lambda: served.complete("p", cancel=cancel).stop_reason)
    until(lambda: served.calls > 0)
    cancel.set()
    answering.join(5)
    assert came == ["cancelled"]


def test_a_stream_that_nobody_reads_on_counts_no_longer() -> None:
    served = ready(FakeEngine(default="one two three"))
    stream: Iterator[Any] = iter(served.stream("p"))
    next(stream)
    assert served.calls == 1
    stream.close()  # type: ignore[attr-defined]
    assert served.calls == 0


# --- the line a request leaves


def test_a_request_leaves_one_line_with_counts_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER.name)
    served = ready(FakeEngine(default="secret answer", name="m"))
    with request("run", "abc"), request("inner"):
        served.complete("a secret prompt")
        served.score("a secret prompt", ["secret", "label"])
        list(served.complete_many(["secret one", "secret two"]))
    [line] = [cast(Any, record).fields for record in caplog.records]
    assert (line["id"], line["kind"], line["model"], line["outcome"]) == ("abc", "run", "m", "ok")
    assert (line["prompts"], line["completion_tokens"], line["labels"]) == (4, 6, 2)
    assert line["prompt_tokens"] == 3 + 2 + 2
    assert line["seconds"] >= 0
    assert "secret" not in str(line)
    served.complete("p")  # of no request
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(PromptError("a secret"), "refused"), (ValueError("a secret"), "failed"), (GeneratorExit(), "cancelled")],
)
def test_the_line_says_how_a_request_ended(
    caplog: pytest.LogCaptureFixture, error: BaseException, outcome: str
) -> None:
    caplog.set_level(logging.INFO, LOGGER.name)
    with pytest.raises(type(error)), request("run"):
        raise error
    line = cast(Any, caplog.records[0]).fields
    assert line["outcome"] == outcome
    assert "secret" not in str(line)
