"""Signals that ask a long job to end in order. In: nothing. Out: an event. Does not know the job."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Set by the first SIGINT or SIGTERM; the second does what it would have done."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def interrupted(*_: object) -> None:
        event.set()
        restore()

    for number in before:
        signal.signal(number, interrupted)
    try:
        yield event
    finally:
        restore()
