"""How far a job over many rows is: counts, the newest rows' speed, the time left; and how a person says such numbers.

Does not know how it is shown.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

SAMPLE_SECONDS = 0.2  # between two points that the rate is measured at
RATE_SECONDS = 30.0  # that the rate is measured over


@dataclass(frozen=True)
class Progress:
    """A report. `rate` is rows a second, lately; `seconds_left` is None until there is one."""

    done: int
    total: int
    errors: int
    rate: float
    seconds_left: float | None


Told = Callable[[Progress], None]


class Meter:
    """Counts finished rows and tells of each, in the thread that counts.

    Of each, and not a few times a second: rows come in groups with long waits between, and the last row of a group
    would not be told of until the next one.
    """

    def __init__(self, total: int, told: Told | None, *, done: int = 0, errors: int = 0) -> None:
        self._total, self._told, self._done, self._errors = total, told, done, errors
        self._lately: deque[tuple[float, int]] = deque([(time.monotonic(), done)])
        self.tell()

    def count(self, failed: bool) -> None:
        """One more row is finished."""
        self._done += 1
        self._errors += failed
        self.tell()

    def tell(self) -> None:
        """Report now."""
        now = time.monotonic()
        if now - self._lately[-1][0] >= SAMPLE_SECONDS:
            self._lately.append((now, self._done))
        while now - self._lately[0][0] > RATE_SECONDS and len(self._lately) > 2:
            self._lately.popleft()
        then, done = self._lately[0]
        rate = (self._done - done) / (now - then) if now > then else 0.0
        left = (self._total - self._done) / rate if rate else None
        if self._told is not None:
            self._told(Progress(self._done, self._total, self._errors, rate, left))


def duration(seconds: float) -> str:
    """Seconds as a person says them: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60:,} h {minutes % 60} min"


def count(number: int, noun: str) -> str:
    """1 error, 2 errors."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
