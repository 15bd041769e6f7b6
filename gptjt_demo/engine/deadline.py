"""A cancel flag that also sets itself after some time: what ends a run that takes longer than a server allows.

In: seconds, and another flag that counts as well. Out: a `threading.Event`, asked like any other; no thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_LOOK = 0.02  # seconds between two looks of somebody who waits for it


class Deadline(threading.Event):
    """A flag that is set by hand, by another flag, or by time.

    Args:
        seconds: until it sets itself; None is never.
        cancel: another flag; when that one is set, so is this.
        clock: seconds; another one for tests.
    """

    def __init__(
        self,
        seconds: float | None,
        cancel: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._cancel = cancel
        self._end = None if seconds is None else clock() + seconds
        self._passed = False

    @property
    def passed(self) -> bool:
        """Whether somebody who looked was told that its time is over, and nobody had set it before."""
        return self._passed

    def is_set(self) -> bool:
        """Whether it is set, by whatever."""
        if super().is_set():
            return True
        if self._cancel is not None and self._cancel.is_set():
            self.set()
        elif self._end is not None and self._clock() >= self._end:
            self._passed = True
            self.set()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or so many seconds; whether it is set."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = _LOOK if until is None else until - time.monotonic()
            if left <= 0:
                return False
            super().wait(min(left, _LOOK))
        return True
