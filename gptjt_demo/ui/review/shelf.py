"""Where reviews are kept: on the disk, under a key that the visitor's browser alone has, beyond the end of the process.

In: a key and a table. Out: a `Review`, found again only by that key: after a reload, a closed tab, a killed server. A
visitor may have several, one for each file; the one that was used last is found. Old ones are deleted. Does not know
what a page shows.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gptjt_demo.errors import TableError
from gptjt_demo.evaluation.review.carried import carry, is_same_file
from gptjt_demo.evaluation.review.review import ABOUT, Review
from gptjt_demo.tables.table import Table
from gptjt_demo.ui.folders import lasting_folder

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a review is kept after it was last looked at."""
MOST = 1_000  # visitors; of more, those go who were away longest
TURNS = 64
OPEN = 64  # reviews that are open at once; others are opened when they are asked for
_KEY = range(32, 101)  # characters


def new_key() -> str:
    """A key that nobody can guess."""
    return secrets.token_urlsafe(24)


class Shelf:
    """All reviews; safe for many visitors at once.

    Args:
        folder: where they are kept; by default the one that outlasts the process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(TURNS)]
        self._open: dict[Path, Review] = {}  # the one that was used last stands last

    def find(self, key: object) -> Review | None:
        """The review that the visitor with that key used last; None where there is none.

        Raises:
            TableError: another process has it open.
        """
        if not isinstance(key, str) or len(key) not in _KEY:
            return None
        with self._turn(key):
            return self._latest(key)

    def begin(self, key: str, table: Table, **more: Any) -> Review:
        """A review of a table; the same file is gone on with, and one with more rows takes over what was decided.

        Args:
            key: the visitor's.
            table: what is reviewed.
            more: see `Review.begin`.

        Raises:
            TableError: it has no answers, or the disk does not take it.
        """
        with self._turn(key):
            folder = self._place(key) / table.digest()[:32]
            if (folder / ABOUT).is_file():
                return self._opened(folder)
            shutil.rmtree(folder, ignore_errors=True)  # a kill left the beginning of one
            earlier = self._earlier(key, table)
            review = self._opened(folder, Review.begin(folder, table, **more))
            if earlier is not None:
                carry(earlier, review)
            return review

    def delete(self, key: object) -> None:
        """Delete all reviews of the visitor with that key, at once."""
        if isinstance(key, str):
            with self._turn(key):
                self._remove(self._place(key))

    def sweep(self) -> None:
        """Delete reviews that nobody has looked at for long, and the oldest where there are too many."""
        with contextlib.suppress(OSError):
            visitors = sorted((each.stat().st_mtime, each) for each in self._top().iterdir())
            for place, (used, folder) in enumerate(visitors):
                if place < len(visitors) - MOST or time.time() - used > KEPT_SECONDS:
                    self._remove(folder)

    def close(self) -> None:
        """Let go of all of them; they stay on the disk."""
        with self._lock:
            for review in self._open.values():
                review.close()
            self._open.clear()

    # --- inner; a visitor's turn is held by whoever asks for their reviews

    def _latest(self, key: str) -> Review | None:
        found = [folder for folder in self._of(key) if (folder / ABOUT).is_file()]
        return self._opened(max(found, key=lambda folder: folder.stat().st_mtime_ns)) if found else None

    def _earlier(self, key: str, table: Table) -> Review | None:
        """The visitor's latest review, where it is of the same file; one that cannot be opened is none."""
        with contextlib.suppress(TableError):
            found = self._latest(key)
            return found if found is not None and is_same_file(found, table.path.stem, table.columns) else None
        return None

    def _turn(self, key: str) -> threading.Lock:
        """Held while a visitor's review is opened: of a large file that takes seconds, and others need not wait."""
        return self._turns[hash(key) % TURNS]

    def _top(self) -> Path:
        if self._folder is None:
            self._folder = lasting_folder()
        return self._folder

    def _place(self, key: str) -> Path:
        """The visitor's folder: who reads the disk's names learns no key by them."""
        return self._top() / hashlib.sha256(key.encode()).hexdigest()

    def _of(self, key: str) -> Iterator[Path]:
        place = self._place(key)
        return place.iterdir() if place.is_dir() else iter(())

    def _opened(self, folder: Path, begun: Review | None = None) -> Review:
        with self._lock:
            known = self._open.pop(folder, None) if begun is None else begun
        review = known if known is not None else Review(folder)
        for path in (folder, folder.parent):
            os.utime(path)
        with self._lock:
            self._open[folder] = review
            while len(self._open) > OPEN:
                self._open.pop(next(iter(self._open))).close()
        return review

    def _remove(self, place: Path) -> None:
        with self._lock:
            for folder in [each for each in self._open if each.is_relative_to(place)]:
                self._open.pop(folder).close()
        shutil.rmtree(place, ignore_errors=True)
