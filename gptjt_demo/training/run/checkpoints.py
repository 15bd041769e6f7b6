"""A run's checkpoints: folders that are there whole or not at all, the last two of them.

In: what writes a checkpoint's files. Out: the newest whole checkpoint. A process that is killed while it writes leaves
a `.part` folder, which the next one removes. Does not know what is in a checkpoint.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

KEPT = 2

_NAME = re.compile(r"step-(\d{8})")


class Checkpoints:
    """The checkpoints under a folder.

    Args:
        folder: made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self) -> Path | None:
        """The newest whole checkpoint."""
        return max(self._whole(), default=None)

    def write(self, step: int, fill: Callable[[Path], None], *, leads: bool = True, wait: Callable[[], None]) -> Path:
        """Write a checkpoint.

        Args:
            step: the last one done.
            fill: writes its files into the folder that it is given; every process of a launch calls it.
            leads: whether this process makes and moves folders.
            wait: returns when all processes have come to it.

        Returns:
            the folder; when it is returned, the checkpoint survives a kill and a power cut.
        """
        target = self.folder / f"step-{step:08d}"
        part = self.folder / f".{target.name}.part"
        if leads:
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in self.folder.glob(".*.part"):
                shutil.rmtree(old)
            part.mkdir()
        wait()
        fill(part)
        wait()
        if leads:
            for path in [*part.rglob("*"), part]:
                _sync(path)
            if target.exists():  # an earlier run came this far and was continued from before it
                shutil.rmtree(target)
            part.rename(target)
            _sync(self.folder)
            for old in sorted(self._whole())[:-KEPT]:
                shutil.rmtree(old)
        wait()
        return target

    def _whole(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
