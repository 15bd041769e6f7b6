"""A served page under load: many visitors at once over real HTTP, who also stop, leave, and make mistakes.

Every answer is its asker's own and whole, and when all have left, nothing is: no run, no thread, no memory. CI asks 200
times; `pytest tests/ui/test_load.py --long` asks 5,000 times.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest
import tiny
from fake_engine import FakeEngine, FakeStream
from page_client import PageClient, file
from serving import launched

from gptjt_demo.templates.libraries import Library
from gptjt_demo.ui import build_app
from gptjt_demo.ui.heap import give_back
from gptjt_demo.ui.playground.tab import RUNS_AT_ONCE
from gptjt_demo.ui.rows.grid import cells

CLIENTS = 20
WORD = re.compile(r"word\d+x\d+")
WORDS = 8
RUNS, LONG_RUNS = 200, 5_000
GROWTH_MIB = 40.0
"""What the heap may keep between its pieces: 200 runs leave about 10, and 5,000 no more than twice that."""
POOLS = ("AnyIO worker thread", "asyncio_")
"""Threads that a server's event loop keeps for the next request, so many at most; they go when it is closed."""


class Busy(FakeEngine):
    """Answers with the word that the prompt holds, many times over; breaks off where it is told to."""

    def __init__(self) -> None:
        super().__init__(self.script, delay=0.002)
        self.going_on: set[object] = set()

    @staticmethod
    def script(prompt: str) -> str:
        word = WORD.findall(prompt)[-1]
        return " ".join([word] * (300 if "LONG" in prompt else WORDS)) + f" end{word}"

    def stream(self, prompt: Any, *arguments: Any, **options: Any) -> Any:
        stream = super().stream(prompt, *arguments, **options)
        self.prompts.clear()
        self.streams.clear()
        return Watched(self, stream, "BREAK" in prompt)


class Watched:
    """A stream that the engine knows of while it is read."""

    def __init__(self, engine: Busy, stream: FakeStream, breaks: bool) -> None:
        self.stream = stream
        self.tokens = self.watched(engine, breaks)

    def watched(self, engine: Busy, breaks: bool) -> Iterator[Any]:
        engine.going_on.add(self)
        try:
            for index, token in enumerate(self.stream):
                if breaks and index == 2:
                    raise RuntimeError("scripted failure")
                yield token
        finally:
            engine.going_on.discard(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def __iter__(self) -> Iterator[Any]:
        return self.tokens

    def __next__(self) -> Any:
        return next(self.tokens)


class Visitor(PageClient):
    """Asks in many ways; its every question holds a word that no other has."""

    def __init__(self, url: str, config: dict[str, Any], number: int) -> None:
        super().__init__(url, config)
        self.site = url
        self.number = number
        self.asked = 0

    def word(self) -> str:
        self.asked += 1
        return f"word{self.number}x{self.asked}"

    def run(self, text: str) -> Generator[dict[str, Any]]:
        """Press Run, and what the server tells."""
        values = {"query": cells(["Input"], [[text]]), "setting-max_new_tokens": 600}
        joined = self.post("run", "click", values)
        assert joined.status_code == 200, joined.text
        return self.messages()

    def reads(self) -> None:
        word = self.word()
        told = str(list(self.run(word)))
        assert set(WORD.findall(told)) == {word}
        assert f"end{word}" in told

    def stops(self) -> None:
        word = self.word()
        told, begun = [], False
        for message in self.run(f"LONG {word}"):
            told.append(message)
            if message["msg"] == "process_generating" and not begun:
                begun = True
                self.post("stop", "click")
        assert set(WORD.findall(str(told))) == {word}
        assert "stopped by you" in str(told)
        assert f"end{word}" not in str(told)

    def leaves(self) -> None:
        word = self.word()
        with closing(self.run(f"LONG {word}")) as messages:
            for message in messages:
                assert set(WORD.findall(str(message))) <= {word}
                if message["msg"] == "process_generating":
                    break
        self.session = os.urandom(8).hex()  # who comes back has another tab

    def breaks(self) -> None:
        word = self.word()
        told = str(list(self.run(f"BREAK {word}")))
        assert set(WORD.findall(told)) == {word}
        assert "the run failed inside the app (RuntimeError)" in told

    def mistakes(self) -> None:
        how, said = self.call("complete", prompt=f"{self.word()} " + "x " * 3_000)
        assert how == "error"
        assert "exceed the context" in said["error"]

    def completes(self) -> None:
        word = self.word()
        how, said = self.call("complete", prompt=f"Input: {word}\nOutput:", max_new_tokens=100)
        assert how == "complete"
        assert said[0]["text"] == " ".join([word] * WORDS) + f" end{word}"

    def scores(self) -> None:
        word = self.word()
        how, said = self.call("score", prompt=f"Input: {word}\nOutput:", labels=[word, "other"])
        assert how == "complete"
        assert [row["label"] for row in said[0]] == [word, "other"]

    def uploads(self) -> None:
        word = self.word()
        path = self.upload(f"text\n{word}\n".encode())
        assert set(WORD.findall(str(self.send("batch-file", "change", {"batch-file": file(path)})))) == {word}

    def asks_as_a_program(self) -> None:
        word = self.word()
        body = {"prompt": f"Input: {word}\nOutput:", "max_tokens": 100, "temperature": 0}
        answer = self.http.post(f"{self.site}v1/completions", json=body)
        assert answer.json()["choices"][0]["text"].split() == [word] * WORDS + [f"end{word}"]

    def hangs_up(self) -> None:
        word = self.word()
        body = {"prompt": f"LONG {word}", "max_tokens": 600, "stream": True}
        with self.http.stream("POST", f"{self.site}v1/completions", json=body) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    assert set(WORD.findall(line)) <= {word}
                    break

    WAYS = (
        *(reads, stops, completes, leaves, asks_as_a_program, breaks, scores, hangs_up, mistakes, uploads),
        *(reads, completes, stops),
    )

    def asks(self, count: int) -> None:
        for turn in range(count):
            self.WAYS[(self.number + turn) % len(self.WAYS)](self)


def settled(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def threads() -> set[threading.Thread]:
    """All but those of pools."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith(POOLS)}


def left(page: Any) -> Counter[str]:
    """How many objects of ours there are, and of the page's sessions, once all that is old has been forgotten."""
    for sweep in page.sweeps:
        sweep()
    gc.collect()
    kinds = Counter(str(type(thing)) for thing in gc.get_objects())
    ours = {kind: count for kind, count in kinds.items() if re.search("gptjt_demo|fake_engine|test_load", kind)}
    return Counter({**ours, "sessions": len(page.state_holder.session_data)})


def memory() -> float:
    gc.collect()
    give_back()
    return tiny.resident_mib()


@pytest.fixture
def a_day_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever visitors have left is old."""
    monkeypatch.setattr("gptjt_demo.ui.page.CLOSED_SECONDS", -1.0)
    monkeypatch.setattr("gptjt_demo.ui.folders.KEPT_SECONDS", -1.0)


@pytest.mark.usefixtures("a_day_has_passed")
def test_visitors_at_once_each_get_their_own_answers_and_nothing_is_left(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "gptjt_demo")  # pytest keeps what is logged, and with an error all that it held
    engine, around = Busy(), {*threading.enumerate()}
    page, url = launched(engine)
    try:
        load(engine, page, url, LONG_RUNS if request.config.getoption("--long") else RUNS)
    finally:
        page.close()
    asyncio_s = POOLS[1]  # of other tests' pages, which sweep now and then
    assert settled(lambda: not {one for one in {*threading.enumerate()} - around if not one.name.startswith(asyncio_s)})


def load(engine: Busy, page: Any, url: str, runs: int) -> None:
    first = PageClient(url)
    visitors = [Visitor(url, first.config, number) for number in range(CLIENTS)]

    def wave(count: int) -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            for done in [pool.submit(visitor.asks, count) for visitor in visitors]:
                done.result()

    def nothing_goes_on() -> bool:
        health = httpx.get(f"{url}health", timeout=30).json()
        return not (engine.going_on or health["queue"] or threads() - before)

    before = threads()
    wave(1)  # every way has been gone, and the program is warm
    assert settled(nothing_goes_on)
    objects, mib = left(page), memory()
    wave(runs // CLIENTS)
    assert settled(nothing_goes_on), (engine.going_on, threads() - before)
    assert left(page) - objects == Counter()
    assert memory() - mib < GROWTH_MIB
    for visitor in [first, *visitors]:
        visitor.close()


def test_who_waits_is_told_the_place_and_the_length_of_the_line(serve: Any) -> None:
    free = threading.Event()
    url = serve(FakeEngine({"word": "answer"}, delay=free))
    first = PageClient(url)
    visitors = [Visitor(url, first.config, number) for number in range(RUNS_AT_ONCE + 3)]
    told = [visitor.run(visitor.word()) for visitor in visitors]
    places = []
    for messages in told[RUNS_AT_ONCE:]:
        waiting = next(message for message in messages if message["msg"] == "estimation")
        places.append((waiting["rank"], waiting["queue_size"]))
    free.set()
    assert [rank for rank, _ in places] == [0, 1, 2]
    assert [size for _, size in places] == [1, 2, 3]
    for messages in told:
        assert "answer" in str(list(messages))
    for visitor in [first, *visitors]:
        visitor.close()


def test_no_function_takes_several_visitors_requests_at_once() -> None:
    app = build_app(FakeEngine(), Library.open())
    assert [name for name, function in app.fns.items() if function.batch] == []
