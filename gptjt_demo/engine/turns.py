"""Whose step of the model is next: what somebody waits for goes first, and work in the background gives way to it.

In: threads that want to run a step. Out: one of them runs at a time. A step in the background is left between two
layers when another comes, and taken up again when nobody has come for `GRACE`; so that it proceeds under any load, it
has `SHARE` of the model's time all the while. Knows no model.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

GRACE = 0.05  # seconds: an answer's next token is asked for well within them
SHARE = 0.2


@dataclass(frozen=True)
class Flag:
    """What goes with a call into every step of it.

    Attributes:
        cancel: set it to end the call within a layer.
        background: whether the call gives way to those that somebody waits for.
    """

    cancel: threading.Event | None = None
    background: bool = False

    def __call__(self) -> bool:
        """Whether the call is given up."""
        return self.cancel is not None and self.cancel.is_set()


class Turns:
    """The turns of one model; a thread takes one at a time.

    Args:
        clock: seconds; another one for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._front: deque[int] = deque()  # threads that wait, the next one first
        self._back: deque[int] = deque()
        self._pausing: set[int] = set()  # those of them that want no step half done
        self._holder: int | None = None
        self._halfway = 0  # steps that were left between two layers
        self._began = 0.0
        self._last = float("-inf")  # when the last step in front ended
        self._owed = 0.0  # seconds that the background may run though others wait

    @contextmanager
    def step(self, *, background: bool = False) -> Iterator[None]:
        """Run a step. Of a kind, first come, first served."""
        with self._changed:
            self._wait(background, next_of_all=False)
        try:
            yield
        finally:
            with self._changed:
                self._leave(background)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Run no step; none is half done within it."""
        me = threading.get_ident()
        with self._changed:
            self._pausing.add(me)
            try:
                self._wait(background=False, next_of_all=False)
            finally:
                self._pausing.discard(me)
        try:
            yield
        finally:
            with self._changed:
                self._leave(background=False)

    def waiting(self, *, background: bool = False) -> int:
        """How many threads wait for a turn; of those in front, or of the background."""
        return len(self._back if background else self._front)

    def give_way(self) -> None:
        """Between two layers of a step in the background: those that wait, or have just been here, go first."""
        with self._changed:
            self._leave(background=True)
            self._halfway += 1
            try:
                self._wait(background=True, next_of_all=True)
            finally:
                self._halfway -= 1

    def _leave(self, background: bool) -> None:
        """End the turn, and count what it took."""
        if self._holder != threading.get_ident():
            return  # it was interrupted while it waited for its next layer
        now = self._clock()
        took = now - self._began
        if background:
            self._owed -= took
        else:
            self._last = now
            self._owed += took * SHARE / (1 - SHARE) if self._back else 0.0
        self._holder = None
        self._changed.notify_all()

    def _wait(self, background: bool, next_of_all: bool) -> None:
        """Until it is this thread's turn; it has it then."""
        queue, may = (self._back, self._back_may) if background else (self._front, self._front_may)
        me = threading.get_ident()
        if next_of_all:
            queue.appendleft(me)
        else:
            queue.append(me)
        try:
            while self._holder is not None or queue[0] != me or not may():
                self._changed.wait(self._until_quiet() if background else None)
            self._holder, self._began = me, self._clock()
        finally:
            queue.remove(me)

    def _front_may(self) -> bool:
        if self._halfway and self._front[0] in self._pausing:
            return False
        return not (self._back and self._owed > 0)

    def _back_may(self) -> bool:
        if self._owed > 0:
            return True
        if self._until_quiet() or (self._front and not (self._halfway and self._front[0] in self._pausing)):
            return False
        self._owed = 0.0  # what it ran while nobody else came is not held against it
        return True

    def _until_quiet(self) -> float | None:
        """Seconds until nobody has been here for `GRACE`; None when that is so."""
        left = GRACE - (self._clock() - self._last)
        return left if left > 0 else None
