"""SIGTERM as an end in order: what is open is closed and a last line is said, as after Ctrl-C; then the program ends.

In: nothing. Out: `Ended`, raised where the main thread is. Does not know what is ended.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Ended(KeyboardInterrupt):
    """The program is asked from outside to end."""


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Within it SIGTERM raises `Ended`; past it the signal does what it does anywhere. A handler that stands stays."""
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second one ends it at once
        raise Ended

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Ended:
        os.kill(os.getpid(), signal.SIGTERM)  # who sent it is told that it ended by it
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
