"""Turns of those who ask over HTTP: who leaves, reads slowly or is cancelled keeps nobody waiting."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from starlette.requests import Request

from gptjt_demo.api.attended import GivenUp, Line, Work
from gptjt_demo.errors import TooMany


class Client:
    """Stands in for a request: it is there until it leaves."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self.left.wait()
        return {"type": "http.disconnect"}


def numbers(cancel: threading.Event) -> Iterator[int]:
    yield from range(3)


def client() -> Request:
    return cast(Request, Client())


async def read(line: Line, who: Request, work: Work[int] = numbers) -> list[int]:
    return [value async for value in line.results(who, work)]


def run(asked: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: a browser that a test before has driven keeps the loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asyncio.wait_for(asked, 20)).result()


def test_who_reads_slowly_keeps_nobody_waiting() -> None:
    async def ask() -> None:
        line = Line(at_once=1)
        async with contextlib.aclosing(line.results(client(), numbers)) as slow:
            assert await anext(slow) == 0
            assert await read(line, client()) == [0, 1, 2]

    run(ask())


def test_who_leaves_the_line_gives_up_the_turn_and_who_leaves_at_work_ends_it() -> None:
    async def ask() -> None:
        line, ended = Line(at_once=1), threading.Event()

        def until_given_up(cancel: threading.Event) -> Iterator[int]:
            cancel.wait(20)
            ended.set()
            yield 0

        first, second = Client(), Client()
        at_work = asyncio.ensure_future(read(line, cast(Request, first), until_given_up))
        waiting = asyncio.ensure_future(read(line, cast(Request, second)))
        cancelled = asyncio.ensure_future(read(line, client()))
        await asyncio.sleep(0.05)
        second.left.set()
        with pytest.raises(GivenUp):
            await waiting
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert not ended.is_set()
        first.left.set()
        with pytest.raises(GivenUp):
            await at_work
        assert await read(line, client()) == [0, 1, 2]
        assert ended.is_set()

    run(ask())


def test_a_line_is_full_only_while_it_is() -> None:
    async def ask() -> None:
        line, step = Line(most=1, at_once=1), threading.Event()

        def held(cancel: threading.Event) -> Iterator[int]:
            step.wait(20)
            yield 0

        asked = [asyncio.ensure_future(read(line, client(), held)) for _ in range(3)]
        with pytest.raises(TooMany):
            await asked[2]
        step.set()
        assert await asyncio.gather(*asked[:2]) == [[0], [0]]
        assert await read(line, client(), held) == [0]

    run(ask())


def test_what_the_work_raises_is_raised_and_each_end_is_told() -> None:
    async def ask() -> None:
        ends = threading.Semaphore(0)
        line = Line(after=ends.release)

        def fails(cancel: threading.Event) -> Iterator[int]:
            yield 0
            raise KeyError("x")

        with pytest.raises(KeyError):
            await read(line, client(), fails)
        assert await line.result(client(), numbers) == 0
        for _ in range(2):
            assert await asyncio.to_thread(ends.acquire, timeout=10)

    run(ask())
