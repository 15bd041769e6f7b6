"""The threads that help with a step. They sleep between steps, and a step does not wait for one that is late.

In: the arguments of `step.work`. Out: nothing; the step is done. One step has their help at a time: another one that
runs meanwhile does its work alone.
"""

from __future__ import annotations

import functools
import os
import queue
import threading
from collections.abc import Callable
from typing import Any

Work = Callable[[], None]


class Team:
    """Threads beside the caller's.

    Args:
        helpers: how many.
    """

    def __init__(self, helpers: int) -> None:
        self.helpers = helpers
        self.free = threading.Lock()  # held by the step that has their help
        self._jobs: list[queue.SimpleQueue[Work]] = [queue.SimpleQueue() for _ in range(helpers)]
        for number, jobs in enumerate(self._jobs):
            threading.Thread(target=_serve, args=(jobs,), name=f"step-{number + 1}", daemon=True).start()

    def call(self, jobs: list[Work]) -> None:
        """Give each helper a piece of work that ends by itself."""
        for own, job in zip(self._jobs, jobs, strict=True):
            own.put(job)


def _serve(jobs: queue.SimpleQueue[Work]) -> None:
    while True:
        job: Any = jobs.get()
        job()
        del job  # nothing of a step is held on to until the next


@functools.cache
def _team(_process: int, helpers: int) -> Team:
    return Team(helpers)


def team(threads: int) -> Team:
    """The process's helpers, for so many threads in all; a fork has its own."""
    return _team(os.getpid(), max(0, threads - 1))
