"""A run's log, `log.jsonl`: one line for the run, each step, each held-out loss and the end.

In: figures. Out: lines, which a run that continues from a checkpoint cuts off after that checkpoint, so that a resumed
run's log reads as an unbroken one's. Does not know what the figures mean.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gptjt_demo.batch.lock import Held, hold
from gptjt_demo.errors import PlaygroundError


class TrainingLog:
    """An open log.

    Args:
        path: of the file, which is held until it is closed or the process ends.
        bytes: how much of what is there to keep.

    Raises:
        PlaygroundError: another run is writing to the same folder.
    """

    def __init__(self, path: Path, bytes: int = 0) -> None:
        try:
            self._file = hold(path)
        except Held:
            mend = "wait for its end, or choose another folder"
            raise PlaygroundError("another run is writing to it", where=str(path.parent), mend=mend) from None
        self._file.truncate(bytes)
        self._file.seek(0, os.SEEK_END)

    def write(self, kind: str, entry: Mapping[str, Any]) -> None:
        """Add a line, which can be read at once."""
        self._file.write(json.dumps({"kind": kind, **entry}, ensure_ascii=False).encode() + b"\n")

    def sync(self) -> int:
        """Make sure that what was written survives a power cut; how many bytes that is."""
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        self._file.close()


def read(path: Path, kind: str) -> list[dict[str, Any]]:
    """A log's whole lines of one kind."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]
