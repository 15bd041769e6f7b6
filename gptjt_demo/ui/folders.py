"""Folders for what visitors bring and fetch, of which nothing is left when it is a day old, and one for what lasts.

All lie in one folder of this process, gradio's uploads and copies too. It goes when the process does, but for what is
to be found again by a program that is started in its place; one that was killed is cleared up after by the next. In:
nothing, or the name of what is looked for. Out: folders, and files removed. Does not know what is in them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import gradio as gr
from gradio.processing_utils import hash_file

from gptjt_demo.settings.environment import TEMP_DIR

KEPT_SECONDS = 24 * 3600.0
"""How long what a visitor brought or fetched is kept, unless they delete it before."""
SWEEP_SECONDS = 600.0
"""Between two looks for what is older: it may lie that much longer."""

_PREFIX = "gptjt-page-"
_LASTING = "gptjt-kept-"
_LOCK = ".in-use"
_UPLOADS = "uploads"
_FETCHED = "fetched"
_KEPT = "kept"


def hold_uploads() -> None:
    """From now on gradio's files lie in this process's folder; before a page is made, as its parts remember theirs."""
    folder = _root()[0] / _UPLOADS
    folder.mkdir(exist_ok=True)
    os.environ[TEMP_DIR.name] = str(folder)  # where gradio puts uploads, and copies of what it serves


def new_folder() -> Path:
    """An empty folder, for this user's eyes only; whoever asked for it deletes it."""
    return Path(tempfile.mkdtemp(dir=_root()[0]))


def kept_folder(name: str) -> Path:
    """An empty folder that stays when the program ends, for `found_again`; whoever asked for it deletes it.

    Args:
        name: which nobody can guess; letters and digits.
    """
    folder = _root()[0] / _KEPT / name
    folder.mkdir(parents=True, mode=0o700)
    return folder


def found_again(name: str) -> Path | None:
    """The folder of that name which a program that lives no more has left here; it is this one's from now on. None
    where there is none, or it is older than may be kept."""
    root = _root()[0]
    for left in root.parent.glob(f"{_PREFIX}*/{_KEPT}/{name}"):
        with _left(left.parents[1]) as ended:
            if ended and not _is_old(left, KEPT_SECONDS):
                (root / _KEPT).mkdir(exist_ok=True)
                return left.rename(root / _KEPT / name)
    return None


def lasting_folder() -> Path:
    """A folder that outlasts the process, for this user's eyes only; whoever puts something there deletes it in time.

    Where somebody else has taken its name, it is a new one, which goes with the process.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = _root()[0].parent / f"{_LASTING}{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        return new_folder()
    folder.chmod(0o700)
    return folder


def fetched_folder() -> Path:
    """An empty folder for a file that somebody fetches now: it is swept."""
    folder = _root()[0] / _FETCHED
    folder.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def sweep(seconds: float = KEPT_SECONDS) -> None:
    """Delete uploads, copies, fetched files and what ended programs left, where they are older; what cannot be deleted
    now waits for the next time."""
    _clear_left(_root()[0].parent)
    oldest = time.time() - seconds
    for part in (_UPLOADS, _FETCHED):
        top = _root()[0] / part
        for folder, _, files in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                old = Path(folder).stat().st_mtime <= oldest  # before anything in it is deleted
                for path in (Path(folder, name) for name in files):
                    if path.lstat().st_mtime <= oldest:
                        path.unlink()
                if old and Path(folder) != top and not any(os.scandir(folder)):
                    os.rmdir(folder)


def is_upload(path: str) -> bool:
    """Whether a path is one of gradio's own files, which alone a visitor may name."""
    try:
        return Path(path).resolve().is_relative_to(Path(gr.utils.get_upload_folder()).resolve())
    except (OSError, ValueError, RuntimeError):  # no path at all, or a circle of links
        return False


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
    if is_upload(str(path)):
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another file may be beside it
            path.parent.rmdir()


@functools.cache
def _root() -> tuple[Path, IO[bytes]]:
    """The process's folder, and its lock, which is held as long as the process lives."""
    around = Path(TEMP_DIR.read() or tempfile.gettempdir())
    around.mkdir(parents=True, exist_ok=True)
    _clear_left(around)
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=around))
    lock = (root / _LOCK).open("wb")
    if _try_lock(lock):
        atexit.register(_clear, root)
    else:  # nobody could tell later whether this process lives
        atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root, lock


def _clear_left(around: Path) -> None:
    """Clear up after processes that live no more."""
    for left in around.glob(f"{_PREFIX}*"):
        with _left(left) as ended:
            if ended:
                _clear(left)


def _clear(root: Path) -> None:
    """Delete a process's folder but for what may be found again; all of it where there is nothing such."""
    for path in root.glob(f"{_KEPT}/*"):
        if _is_old(path, KEPT_SECONDS):
            shutil.rmtree(path, ignore_errors=True)
    if not any(root.glob(f"{_KEPT}/*")):
        shutil.rmtree(root, ignore_errors=True)
        return
    for path in root.iterdir():
        if path.is_dir() and path.name != _KEPT:
            shutil.rmtree(path, ignore_errors=True)


def _is_old(folder: Path, seconds: float) -> bool:
    """Whether nobody has written or looked for so long."""
    times = [path.lstat().st_mtime for path in (folder, *folder.iterdir())]
    return time.time() - max(times) > seconds


@contextlib.contextmanager
def _left(root: Path) -> Iterator[bool]:
    """Whether a folder is ours and its process lives no more; within it, nobody else clears it up."""
    try:
        ours = not root.is_symlink() and root.stat().st_uid == os.getuid()
        lock = (root / _LOCK).open("r+b") if ours else None
    except (OSError, AttributeError):  # it is gone, or this system knows no owners
        lock = None
    if lock is None:
        yield False
        return
    with lock, contextlib.suppress(OSError):  # somebody deletes it meanwhile
        yield _try_lock(lock)


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
