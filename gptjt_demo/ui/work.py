"""A long piece of work in a thread of its own, which can be looked at and stopped while it goes on.

In: a function of a cancel flag and of whom to tell of progress. Out: a `Standing` at any time. Knows nothing of what
the work is, nor of HTML.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gptjt_demo.batch.progress import Progress, Told
from gptjt_demo.errors import PlaygroundError

T = TypeVar("T")

TICK = 0.2
"""Seconds between two looks: a handler that waits longer for news could not be closed in time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing(Generic[T]):
    """How a piece of work stands.

    Attributes:
        title: what is being done, where there are several steps.
        progress: the latest; None before the first.
        stopping: somebody asked it to stop.
        finished: it has ended, in whatever way.
        result: what came of it; None while it goes on and where it failed.
        error: one line for the user where it failed.
    """

    title: str = ""
    progress: Progress | None = None
    stopping: bool = False
    finished: bool = False
    result: T | None = None
    error: str = ""


class Work(Generic[T]):
    """Work that has begun.

    Args:
        function: does it; it is given a flag that ends it early, and whom to tell, with a title, of its progress.
    """

    def __init__(self, function: Callable[[threading.Event, Callable[[str], Told]], T]) -> None:
        self._function = function
        self._cancel = threading.Event()
        self._changed = threading.Condition()
        self._standing: Standing[T] = Standing()
        threading.Thread(target=self._run, name="playground-work", daemon=True).start()

    def stop(self) -> None:
        """Ask it to stop; it does so within a token or two."""
        self._cancel.set()
        self._publish(stopping=True)

    @property
    def standing(self) -> Standing[T]:
        """How it stands now."""
        with self._changed:
            return self._standing

    def watch(self) -> Iterator[Standing[T]]:
        """How it stands, every `TICK` and at once when it has ended."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._standing.finished, TICK)
                now = self._standing
            yield now
            if now.finished:
                return

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it has come."""
        with self._changed:
            return self._changed.wait_for(lambda: self._standing.finished, seconds)

    def _publish(self, **changes: object) -> None:
        with self._changed:
            self._standing = replace(self._standing, **changes)  # type: ignore[arg-type]
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            result = self._function(
                self._cancel, lambda title: lambda progress: self._publish(title=title, progress=progress)
            )
        except PlaygroundError as error:
            self._publish(finished=True, error=str(error))
        except Exception as error:  # the thread's edge: whatever breaks below must reach the page, not vanish here
            _log.exception("a piece of work failed")
            self._publish(
                finished=True, error=f"the run failed inside the app ({type(error).__name__}); its log says more"
            )
        else:
            self._publish(finished=True, result=result)
