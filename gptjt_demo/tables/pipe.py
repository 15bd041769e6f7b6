"""A pipe as a file of rows: `-`, `/dev/stdin`, `<(…)`; it can be read once, so it is copied to a private file first.

In: a path. Out: a path that can be read as often as is wanted, and the folder that holds it, which is deleted with
whoever keeps it, and when the process ends. Does not know formats.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO

from gptjt_demo.errors import TableError

STANDARD_INPUT = "-"


def is_pipe(path: Path) -> bool:
    """Whether it can be read only once: a pipe, a terminal, a socket, or `-`."""
    if str(path) == STANDARD_INPUT:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:  # whoever opens it will say so
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def spooled(path: Path) -> tuple[Path, tempfile.TemporaryDirectory[str]]:
    """A copy of what comes through the pipe, for this user's eyes only.

    Raises:
        TableError: nothing came, or there is no room for it.
    """
    folder = tempfile.TemporaryDirectory(prefix="gptjt-pipe-", ignore_cleanup_errors=True)
    copy = Path(folder.name) / ("standard input" if _is_standard_input(path) else "pipe")
    try:
        with _source(path) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        if not copy.stat().st_size:
            raise TableError("nothing came through the pipe", where=str(path), mend="check the command before it")
    except BaseException as error:
        folder.cleanup()
        if isinstance(error, OSError):
            raise TableError(f"a pipe that cannot be read ({error.strerror or error})", where=str(path)) from None
        raise
    return copy, folder


def _source(path: Path) -> IO[bytes]:
    if str(path) == STANDARD_INPUT:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    return path.open("rb")


def _is_standard_input(path: Path) -> bool:
    return str(path) in (STANDARD_INPUT, "/dev/stdin", "/proc/self/fd/0", "/dev/fd/0")
