"""Long work in a thread of its own, which can be looked at and stopped while it runs, and which session runs what.

In: a function of a cancel flag and of whom to tell of progress. Out: a `Standing` at any time. Knows nothing of what
the work is, nor of HTML.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from gptjt_demo.engine.deadline import Deadline
from gptjt_demo.engine.request_log import request
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.ui.heap import give_back

P = TypeVar("P")
P_in = TypeVar("P_in", contravariant=True)
T = TypeVar("T")

TICK = 0.2
"""Seconds between two looks: a handler that waits longer for news could not be closed in time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing(Generic[P, T]):
    """The state of a piece of work.

    Attributes:
        title: what is being done, where there are several steps.
        progress: the latest; None before the first.
        seconds: since it began, or that it took.
        stopping: somebody asked it to stop.
        finished: it has ended, in whatever way.
        result: what came of it; None while it runs and where it failed.
        error: one line for the user where it failed, or where its time was over; then there is a result as well.
    """

    title: str = ""
    progress: P | None = None
    seconds: float = 0.0
    stopping: bool = False
    finished: bool = False
    result: T | None = None
    error: str = ""


class Tell(Protocol[P_in]):
    """What work is given to tell of its progress, with a title where it has several steps."""

    def __call__(self, progress: P_in, title: str = "") -> None: ...


class Work(Generic[P, T]):
    """Work that has begun.

    Args:
        function: does it; it is given a flag that ends it early, and whom to tell of its progress.
        kind: what its line in the log calls it.
        seconds: after which the flag sets itself; None: never.
    """

    def __init__(
        self,
        function: Callable[[threading.Event, Tell[P]], T],
        kind: str = "work",
        seconds: float | None = None,
    ) -> None:
        self._function = function
        self._kind = kind
        self._seconds = seconds
        self._cancel = Deadline(seconds)
        self._changed = threading.Condition()
        self._started = time.perf_counter()
        self._standing: Standing[P, T] = Standing()
        around = contextvars.copy_context()  # whose visitor it is: a GPU that is lent by the second asks for that
        threading.Thread(target=around.run, args=(self._run,), name="playground-work", daemon=True).start()

    def stop(self) -> None:
        """Ask it to stop; it does so within a token or two. Once is enough, twice does no harm."""
        self._cancel.set()
        with self._changed:
            self._standing = replace(self._standing, stopping=True)
            self._changed.notify_all()

    @property
    def standing(self) -> Standing[P, T]:
        """Its state now."""
        with self._changed:
            return self._timed(self._standing)

    def watch(self, pace: Callable[[P | None], float] = lambda _: TICK) -> Iterator[Standing[P, T]]:
        """Its states: while there is news as often as `pace` says, else every `TICK`, and at once when it has ended.

        Args:
            pace: seconds until the next look, at most `TICK`, for the latest progress.
        """
        seen: Standing[P, T] | None = None
        while seen is None or not seen.finished:
            with self._changed:
                wait = pace(self._standing.progress)
                self._changed.wait_for(lambda: self._standing.finished, wait)
                if self._standing is seen and wait < TICK:
                    self._changed.wait(TICK - wait)
                seen = self._standing
            yield self._timed(seen)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._standing.finished, seconds)

    def _timed(self, standing: Standing[P, T]) -> Standing[P, T]:
        return standing if standing.finished else replace(standing, seconds=time.perf_counter() - self._started)

    def _tell(self, progress: P, title: str = "") -> None:
        with self._changed:
            self._standing = replace(self._standing, progress=progress, title=title)
            self._changed.notify_all()

    def _end(self, *, result: T | None = None, error: str = "") -> None:
        with self._changed:
            self._standing = replace(self._timed(self._standing), finished=True, result=result, error=error)
            self._changed.notify_all()

    def _late(self) -> str:
        if not self._cancel.passed:
            return ""
        return f"ended after {self._seconds:,.0f} s, the limit here; go on with the rest, or use the command line"

    def _run(self) -> None:
        try:
            with request(self._kind) as line:
                result = self._function(self._cancel, self._tell)
                if self._cancel.is_set():
                    line.outcome = "cancelled"
        except PlaygroundError as error:
            self._end(error=str(error))
        except Exception as error:  # the thread's edge: whatever breaks below must reach the page, not vanish here
            _log.exception("a piece of work failed")
            self._end(error=f"the run failed inside the app ({type(error).__name__}); its log says more")
        else:
            self._end(result=result, error=self._late())
        finally:
            give_back()


class Runs:
    """The work of each session, at most one; thread-safe. Sessions never see each other's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: dict[str, Work[Any, Any]] = {}
        self._stopped: set[str] = set()

    def begin(self, session: str) -> None:
        """The session has asked for work: a Stop from now on reaches it, also before the work is there to be watched
        and between its parts."""
        with self._lock:
            self._stopped.discard(session)

    def watch(
        self, session: str, work: Work[P, T], pace: Callable[[P | None], float] = lambda _: TICK
    ) -> Iterator[Standing[P, T]]:
        """`Work.watch` for a session's page. What the session ran before is stopped.

        Ends silently when the session begins something else or drops it; stops the work when nobody reads further.
        """
        self._replace(session, work)
        try:
            for standing in work.watch(pace):
                if not self._holds(session, work):
                    return
                yield standing
        finally:
            work.stop()
            with self._lock:
                if self._works.get(session) is work:
                    del self._works[session]

    def stop(self, session: str) -> None:
        """Stop the session's work, now or as soon as it is there; its watcher shows what there was."""
        with self._lock:
            self._stopped.add(session)
            work = self._works.get(session)
        if work is not None:
            work.stop()

    def stopped(self, session: str) -> bool:
        """Whether a Stop came since the session asked for work."""
        with self._lock:
            return session in self._stopped

    def drop(self, session: str) -> None:
        """Stop and forget the session's work: a watcher has nothing to show any more."""
        self._replace(session, None)

    def busy(self, session: str) -> bool:
        """Whether the session has work that is running."""
        with self._lock:
            return session in self._works

    def __len__(self) -> int:
        with self._lock:
            return len(self._works)

    def _holds(self, session: str, work: Work[Any, Any]) -> bool:
        with self._lock:
            return self._works.get(session) is work

    def _replace(self, session: str, work: Work[Any, Any] | None) -> None:
        with self._lock:
            before = self._works.pop(session, None)
            stopped = session in self._stopped
            if work is not None:
                self._works[session] = work
            else:
                self._stopped.discard(session)
        if before is not None:
            before.stop()
        if work is not None and stopped:
            work.stop()
