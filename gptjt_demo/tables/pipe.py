"""A pipe as a file of rows: `-`, `/dev/stdin`, `<(…)`; it can be read once, so it is copied to a private file first.

In: a path. Out: a path that can be read as often as is wanted; the copy lives as long as that path. Where the system
opens a file anew by its number (Linux), the copy stands in no folder, so that a killed process leaves nothing behind
either; elsewhere its folder is deleted with the path, and when the process ends. Does not know formats.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO

from gptjt_demo.errors import TableError

STANDARD_INPUT = "-"
_NUMBERED = Path("/proc/self/fd")


class _Copy(type(Path())):  # type: ignore[misc]  # Path itself is made as the system's own kind of path
    """The path of a copy, which messages call by what it was copied from."""

    title = "pipe"

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.title


def is_pipe(path: Path) -> bool:
    """Whether it can be read only once: a pipe, a terminal, a socket, or `-`."""
    if str(path) == STANDARD_INPUT:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:  # opening it will say so
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def spooled(path: Path) -> Path:
    """A copy of what comes through the pipe, for this user's eyes only.

    Raises:
        TableError: nothing came, or there is no room for it.
    """
    try:
        with _source(path) as source:
            copy, target = private_file("standard input" if _is_standard_input(path) else "pipe")
            shutil.copyfileobj(source, target)
        target.flush()
        if not copy.stat().st_size:
            raise TableError("nothing came through the pipe", where=str(path), mend="check the command before it")
    except OSError as error:
        raise TableError(f"a pipe that cannot be read ({error.strerror or error})", where=str(path)) from None
    return copy


def private_file(title: str) -> tuple[Path, IO[bytes]]:
    """An empty file for this user's eyes only, open for writing, that is gone with its path.

    Args:
        title: what messages call it.
    """
    if _NUMBERED.is_dir():
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # it stays open
        copy = _Copy(_NUMBERED / str(file.fileno()))
        weakref.finalize(copy, file.close)
    else:
        folder = tempfile.TemporaryDirectory(prefix="gptjt-pipe-", ignore_cleanup_errors=True)
        copy = _Copy(folder.name, title)
        weakref.finalize(copy, folder.cleanup)
        file = copy.open("wb")
    copy.title = title
    return copy, file


def _source(path: Path) -> IO[bytes]:
    if str(path) == STANDARD_INPUT:
        if sys.stdin is None:
            raise TableError("standard input is closed", where=str(path), mend="give a file, or a command before it")
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    return path.open("rb")


def _is_standard_input(path: Path) -> bool:
    return str(path) in (STANDARD_INPUT, "/dev/stdin", "/proc/self/fd/0", "/dev/fd/0")
