"""A file that one process at a time may hold, and that is free again when its holder ends, in whatever way.

In: a path. Out: the file, open and held. The lock is the system's (`flock`), so a killed process leaves none behind.
Where a system has none (Windows, some network drives) the file is opened all the same, and nothing keeps a second
process away. Does not know what the file is for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Held(Exception):
    """Another process, or another part of this one, holds the file."""


def hold(path: Path) -> IO[bytes]:
    """The file, made if it is not there, unbuffered, and held until it is closed.

    Raises:
        Held: somebody else holds it.
        OSError: it cannot be opened.
    """
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        try:
            _lock(file)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
        except FileNotFoundError:  # its holder deleted it between our two steps
            pass
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: IO[bytes]) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Held from None
    except OSError:  # a drive without locks
        return
