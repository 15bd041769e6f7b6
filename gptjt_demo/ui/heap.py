"""Memory that a run has freed goes back to the system.

glibc keeps what is freed in the arena of the thread that asked for it, for that thread's next wish. On the page each
run is a thread of its own and asks for other sizes, so what is kept grows with the visitors and serves nobody. In and
out: nothing. Where the C library has no such call, nothing is done.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable


def give_back() -> None:
    """Return all that is free in whole pages; some milliseconds."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):  # a C library of another make
        return None
    return trim
