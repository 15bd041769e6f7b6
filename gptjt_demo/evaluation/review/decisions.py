"""What a person decided, kept at once: a file with a line for each decision, which no kill shortens.

In: a row's index and its answer. Out: what holds now of each row. When `take` or `undo` returns, the line is on the
disk. A last line that a kill cut off is dropped when the file is opened again; a damaged line costs itself alone. One
process holds the file at a time. Does not know what rows hold.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from gptjt_demo.batch.lock import Held, hold
from gptjt_demo.errors import TableError

How = Literal["accept", "label", "edit"]


@dataclass(frozen=True)
class Decision:
    """One of them.

    Attributes:
        n: its number, from 1.
        row: the row's index in the file.
        answer: what holds from now on.
        how: the model's answer was accepted, a label was taken, or text was written.
        at: when, in seconds since 1970.
    """

    n: int
    row: int
    answer: str
    how: How
    at: float


class Decisions:
    """The decisions of one review; thread-safe.

    Attributes:
        damaged: lines that could not be read.

    Args:
        path: made if it is not there.

    Raises:
        TableError: another process holds it, or it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._where = path.name
        self._lock = threading.Lock()
        self._taken: dict[int, Decision] = {}  # by number, without those that were undone
        self._now: dict[int, Decision] = {}
        self._gold: dict[int, None] = {}
        self._last = 0
        self.damaged = 0
        try:
            self._file = hold(path)
            self._read()
            _sync_folder(path.parent)
        except Held:
            mend = "close it there, or wait for its end"
            raise TableError("another process holds this review", where=self._where, mend=mend) from None
        except OSError as error:
            raise self._refused(error) from None

    def __len__(self) -> int:
        """Rows that are decided."""
        return len(self._now)

    @property
    def now(self) -> Mapping[int, Decision]:
        """What holds of each row that was decided, by its index."""
        with self._lock:
            return dict(self._now)

    @property
    def gold(self) -> tuple[int, ...]:
        """Rows whose answer was kept as a right one, in that order."""
        with self._lock:
            return tuple(row for row in self._gold if row in self._now)

    @property
    def latest(self) -> Decision | None:
        """The decision that `undo` takes back."""
        with self._lock:
            return next(reversed(self._taken.values()), None)

    def of(self, row: int) -> Decision | None:
        """What holds of a row."""
        with self._lock:
            return self._now.get(row)

    def take(self, row: int, answer: str, how: How) -> Decision:
        """Decide a row, again or for the first time.

        Raises:
            TableError: the disk does not take it; then nothing has changed.
        """
        with self._lock:
            decision = Decision(self._last + 1, row, answer, how, round(time.time(), 3))
            self._add(asdict(decision))
            self._take(decision)
            return decision

    def undo(self) -> Decision | None:
        """Take back the latest decision: it; None where there is none.

        Raises:
            TableError: the disk does not take it; then nothing has changed.
        """
        with self._lock:
            latest = next(reversed(self._taken.values()), None)
            if latest is not None:
                self._add({"undo": latest.n})
                self._undo(latest.n)
            return latest

    def keep_as_gold(self, row: int, on: bool = True) -> None:
        """Say that a row's answer is to be kept as a right one, or no longer.

        Raises:
            TableError: the disk does not take it.
        """
        with self._lock:
            self._add({"gold": row, "on": on})
            self._mark(row, on)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    # --- inner; the lock is held, or nobody else knows this object yet

    def _read(self) -> None:
        data = self._file.read()
        end = data.rfind(b"\n") + 1
        for line in data[:end].splitlines():
            try:
                self._play(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self.damaged += 1
        if end < len(data):
            self._file.truncate(end)  # a decision whose line was never whole was never shown as taken
        self._file.seek(end)

    def _play(self, entry: dict[str, Any]) -> None:
        if "undo" in entry:
            self._undo(entry["undo"])
        elif "gold" in entry:
            if type(entry["gold"]) is not int:
                raise ValueError
            self._mark(entry["gold"], entry["on"] is True)
        else:
            found = Decision(**{field.name: entry[field.name] for field in fields(Decision)})
            if type(found.n) is not int or type(found.row) is not int or not isinstance(found.answer, str):
                raise ValueError
            if found.how not in get_args(How):
                raise ValueError
            self._take(found)

    def _take(self, decision: Decision) -> None:
        self._last = max(self._last, decision.n)
        self._taken[decision.n] = decision
        self._now[decision.row] = decision

    def _undo(self, n: int) -> None:
        gone = self._taken.pop(n)
        before = [each for each in self._taken.values() if each.row == gone.row]
        if before:
            self._now[gone.row] = before[-1]
        else:
            del self._now[gone.row]

    def _mark(self, row: int, on: bool) -> None:
        self._gold.pop(row, None)
        if on:
            self._gold[row] = None

    def _add(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        end = self._file.tell()
        try:
            view = memoryview(line)
            while view:
                view = view[self._file.write(view) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(end)  # no half of a line stays for the next one to be added to
            self._file.seek(end)
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> TableError:
        return TableError(f"cannot be written ({error.strerror or error})", where=self._where)


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk too."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
