"""git-lfs pointers: the few lines of text that lie in place of a large file where git-lfs was not installed.

In: a file's path. Out: whether it is one, and the error that says so. Does not know what the file should be.
"""

from __future__ import annotations

from pathlib import Path

from gptjt_demo.errors import CheckpointError

_BEGINNING = b"version https://git-lfs.github.com/spec/"


def is_pointer(path: Path) -> bool:
    """Whether a file is a git-lfs pointer; False where there is no file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING


def pointer_error(path: Path) -> CheckpointError:
    """The error that a pointer lies in the place of a file."""
    return CheckpointError(
        "this is a git-lfs pointer, and the file itself was not downloaded",
        where=str(path),
        mend="run git lfs pull in its repository, or download the model again",
    )
