"""Folders for what visitors bring and fetch, of which nothing is left when the program has ended.

All lie in one folder of this process, which goes when the process does; one that was killed is cleared up after by the
next. In: nothing. Out: new folders, and gradio's own copies of a file removed. Does not know what is in them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

import gradio as gr
from gradio.processing_utils import hash_file

_PREFIX = "gptjt-page-"
_LOCK = ".in-use"


def new_folder() -> Path:
    """An empty folder, for this user's eyes only."""
    return Path(tempfile.mkdtemp(dir=_root()[0]))


def remove_served(path: Path, cache: str) -> None:
    """Delete the copy of a file that gradio made to serve it.

    Args:
        path: the file that was served; it is still there.
        cache: the folder of gradio's copies.
    """
    if path.is_file():
        shutil.rmtree(Path(cache) / hash_file(path), ignore_errors=True)


def remove_upload(path: Path) -> None:
    """Delete a file that a visitor uploaded; nothing where it is not an upload."""
    uploads = Path(gr.utils.get_upload_folder()).resolve()
    if path.resolve().is_relative_to(uploads):
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another file may be beside it
            path.parent.rmdir()


@functools.cache
def _root() -> tuple[Path, IO[bytes]]:
    """The process's folder, and its lock, which is held as long as the process lives."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _clear(left)
    root = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = (root / _LOCK).open("wb")
    _try_lock(lock)
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root, lock


def _clear(left: Path) -> None:
    """Delete another process's folder, if it is ours and its process lives no more."""
    try:
        if left.is_symlink() or left.stat().st_uid != os.getuid():
            return
        with (left / _LOCK).open("r+b") as lock:
            if _try_lock(lock):
                shutil.rmtree(left, ignore_errors=True)
    except (OSError, AttributeError):  # it is gone, or this system knows no owners
        return


def _try_lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed; whether nobody else had it. Systems without such locks: never."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
