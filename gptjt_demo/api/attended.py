"""Work for a client, in a thread of its own, for as long as the client is there.

In: a request, and a function of a cancel flag. Out: what the function returns or yields, on the event loop, which is
never held up. A connection that is closed sets the flag. At most so many functions run at once; others wait their turn,
of which there is no more than a limit says. Does not know what the work is.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.requests import Request

from gptjt_demo.errors import TooMany

T = TypeVar("T")

Work = Callable[[threading.Event], Iterator[T]]
"""What is done in a thread, given a flag that ends it."""

AT_ONCE = 4
PATIENCE = 10
"""Seconds after which a full line is tried again."""


class GivenUp(Exception):
    """Nobody waits for the answer any more."""


class Line:
    """Who is at work, and who waits.

    Args:
        most: requests that may wait; None is no limit.
        at_once: that are at work.
        after: called in a request's thread when its work is over.
    """

    def __init__(
        self, most: int | None = None, at_once: int = AT_ONCE, after: Callable[[], object] | None = None
    ) -> None:
        self._most, self._at_once, self._after = most, at_once, after
        self._inside = 0
        self._turns = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Be at work within.

        Raises:
            TooMany: too many wait already.
        """
        waiting = self._inside - self._at_once
        if self._most is not None and waiting >= self._most:
            raise TooMany(
                f"{waiting:,} requests wait already, the limit here is {self._most:,}",
                mend=f"try again in {PATIENCE} s",
                seconds=PATIENCE,
            )
        self._inside += 1
        try:
            async with self._turns:
                yield
        finally:
            self._inside -= 1

    async def result(self, request: Request, work: Work[T]) -> T:
        """The one thing that the work yields.

        Raises:
            GivenUp: the client is gone.
        """
        async with contextlib.aclosing(self.results(request, work)) as found:
            return await anext(found)

    async def results(self, request: Request, work: Work[T]) -> AsyncGenerator[T, None]:
        """What the work yields, as it comes.

        Raises:
            GivenUp: the client is gone.
        """
        gone = asyncio.ensure_future(_disconnected(request))
        cancel = threading.Event()
        try:
            async with _attended(self.place(), gone):
                queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
                _start(work, cancel, queue, self._after)
                while True:
                    coming = asyncio.ensure_future(queue.get())
                    await asyncio.wait({coming, gone}, return_when=asyncio.FIRST_COMPLETED)
                    if not coming.done():
                        coming.cancel()
                        raise GivenUp
                    kind, value = coming.result()
                    if kind == "error":
                        raise value
                    if kind == "end":
                        return
                    yield value
        finally:
            cancel.set()
            gone.cancel()


@asynccontextmanager
async def _attended(place: Any, gone: asyncio.Future[None]) -> AsyncIterator[None]:
    """A place in the line, given up when the client goes before its turn has come."""
    entering = asyncio.ensure_future(place.__aenter__())
    await asyncio.wait({entering, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not entering.done():
        entering.cancel()
        raise GivenUp
    entering.result()
    try:
        yield
    finally:
        await place.__aexit__(None, None, None)


def _start(
    work: Work[Any],
    cancel: threading.Event,
    queue: asyncio.Queue[tuple[str, Any]],
    after: Callable[[], object] | None,
) -> None:
    """Run the work in a thread that puts what comes of it into the queue."""
    loop = asyncio.get_running_loop()

    def put(kind: str, value: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the server has been stopped, and its loop with it
            loop.call_soon_threadsafe(queue.put_nowait, (kind, value))

    def run() -> None:
        try:
            for value in work(cancel):
                put("value", value)
        except Exception as error:  # the thread's edge: whoever waits on the loop raises it
            put("error", error)
        else:
            put("end", None)
        finally:
            if after is not None:
                after()

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="api-work", daemon=True).start()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
