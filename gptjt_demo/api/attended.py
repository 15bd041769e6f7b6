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
from collections.abc import AsyncGenerator, Callable, Iterator
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

    async def _enter(self, gone: asyncio.Future[None]) -> None:
        """Wait for a turn, as long as the client does.

        Raises:
            TooMany: too many wait already.
            GivenUp: the client is gone.
        """
        waiting = self._inside - self._at_once
        if self._most is not None and waiting >= self._most:
            raise TooMany(
                f"{waiting:,} requests wait already, the limit here is {self._most:,}",
                mend=f"try again in {PATIENCE} s",
                seconds=PATIENCE,
            )
        self._inside += 1
        turn: asyncio.Future[Any] = asyncio.ensure_future(self._turns.acquire())
        either: set[asyncio.Future[Any]] = {turn, gone}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                raise GivenUp
        except BaseException:  # a server that is stopped cancels who waits, too
            self._inside -= 1
            if not turn.cancel():  # it had come
                self._turns.release()
            raise

    def _leave(self) -> None:
        self._inside -= 1
        self._turns.release()

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
            await self._enter(gone)
            queue = self._start(work, cancel)
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

    def _start(self, work: Work[Any], cancel: threading.Event) -> asyncio.Queue[tuple[str, Any]]:
        """Run the work in a thread that puts what comes of it into a queue. Its turn ends with it: who reads slowly
        keeps nobody waiting."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

        def on_loop(call: Callable[..., object], *values: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the server has been stopped, and its loop with it
                loop.call_soon_threadsafe(call, *values)

        def run() -> None:
            try:
                for value in work(cancel):
                    on_loop(queue.put_nowait, ("value", value))
            except Exception as error:  # the thread's edge: whoever waits on the loop raises it
                on_loop(queue.put_nowait, ("error", error))
            else:
                on_loop(queue.put_nowait, ("end", None))
            finally:
                on_loop(self._leave)
                if self._after is not None:
                    self._after()

        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(run,), name="api-work", daemon=True).start()
        return queue


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
