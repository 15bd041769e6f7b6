"""A visitor's last report, beyond a reload and the end of the program: what the page showed of it, and every row.

In: the report as HTML, and its runs. Out: both again, for whoever knows the id, which the visitor's browser alone does;
until nobody has looked at it for a day. Knows nothing of the page.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gptjt_demo.evaluation.run import Run
from gptjt_demo.tables import rowfile
from gptjt_demo.ui.folders import KEPT_SECONDS, found_again, kept_folder

MOST = 200
"""Reports that are kept; of more, those go that nobody has looked at for longest."""
_ID = re.compile(r"[A-Za-z0-9_-]{32}")
_SHOWN = "report.html"


@dataclass(frozen=True)
class Report:
    """What is kept.

    Attributes:
        shown: the report as the page showed it.
        rows: the file of every row.
    """

    shown: str
    rows: Path


def write_rows(runs: Sequence[Run], folder: Path) -> Path:
    """Every row of the runs with what came of it, as a CSV file in a folder."""
    path = folder / f"{runs[0].template}-evaluation.csv"
    columns = ("attention", *runs[0].download()[0])
    rowfile.write(path, columns, ((run.attention, *row) for run in runs for row in run.download()[1]))
    return path


class Reports:
    """All of them; safe for many visitors at once. `sweep` is to be called now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[str, tuple[Path, float]] = {}  # and when it was looked at; the latest stands last

    def keep(self, shown: str, runs: Sequence[Run], former: object) -> str:
        """Keep a report in the place of the visitor's former one.

        Args:
            shown: the report as the page shows it.
            runs: what it is of; at least one.
            former: the id of the one before, as a browser sends it.

        Returns:
            its id.

        Raises:
            TableError: the disk does not take it; the former one stays.
        """
        id = secrets.token_urlsafe(24)
        folder = kept_folder(_name(id))
        try:
            write_rows(runs, folder)
            (folder / _SHOWN).write_text(shown, encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.delete(former)
        self._hold(id, folder)
        self.sweep()
        return id

    def find(self, id: object) -> Report | None:
        """The report of that id, also where an earlier program has kept it; None where it is kept no more."""
        if not isinstance(id, str) or not _ID.fullmatch(id):
            return None
        with self._lock:
            folder, _ = self._folders.get(id) or (found_again(_name(id)), 0.0)
        if folder is None:
            return None
        try:
            report = Report((folder / _SHOWN).read_text(encoding="utf-8"), next(folder.glob("*.csv")))
            os.utime(folder)  # somebody has looked at it; a program that is started later sees that
        except (OSError, StopIteration):  # it is being deleted, or was killed while it was written
            return None
        self._hold(id, folder)
        return report

    def delete(self, id: object) -> None:
        """Delete a report; nothing where there is none."""
        if self.find(id) is not None and isinstance(id, str):
            with self._lock:
                folder, _ = self._folders.pop(id)
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Delete what nobody has looked at for long."""
        with self._lock:
            held = [*self._folders.items()]
            gone = [id for place, (id, (_, used)) in enumerate(held) if _is_over(len(held) - place, used)]
            folders = [self._folders.pop(id)[0] for id in gone]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _hold(self, id: str, folder: Path) -> None:
        with self._lock:
            self._folders.pop(id, None)
            self._folders[id] = folder, time.monotonic()


def _is_over(from_end: int, used: float) -> bool:
    return from_end > MOST or time.monotonic() - used > KEPT_SECONDS


def _name(id: str) -> str:
    """Of its folder: whoever lists folders learns no id from it."""
    return hashlib.sha256(id.encode()).hexdigest()
