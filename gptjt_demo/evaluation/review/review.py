"""One person's review of a file of answers, in a folder of its own: begun, opened again, decided row by row.

In: a table, then decisions. Out: the queue, any row at once, what is known of the file, and the file back. The folder
has a copy of the rows (`rows.jsonl`), what the review is about (`about.json`) and the decisions (`decisions.jsonl`);
whoever opens it again, after a kill too, finds all of it. Does not know pages, nor whose review it is.
"""

from __future__ import annotations

import json
import os
import threading
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from gptjt_demo.errors import TableError
from gptjt_demo.evaluation.review.answers import MOST_LABELS, Answer, AnswerColumns, guessed_gold, labels_of
from gptjt_demo.evaluation.review.arrangement import Arrangement
from gptjt_demo.evaluation.review.decisions import Decision, Decisions, How
from gptjt_demo.evaluation.review.queue import reason
from gptjt_demo.evaluation.review.reviewed import reviewed_columns, reviewed_rows
from gptjt_demo.evaluation.review.risk import TARGETS, Risk
from gptjt_demo.evaluation.review.so_far import SoFar
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.sheet import Row, unique_names
from gptjt_demo.tables.table import Table

ROWS, ABOUT, DECISIONS = "rows.jsonl", "about.json", "decisions.jsonl"


@dataclass(frozen=True)
class About:
    """What a review is of.

    Attributes:
        name: the file's, without its ending.
        columns: the file's.
        labels: that may be taken; empty for free text.
        inputs: for each of the prompt's inputs the file's column, where it is known.
        template: the prompt's name, where it is known.
        gold: the column of right answers, if there is one.
        target: the part of the rows that is to be right.
    """

    name: str
    columns: Row
    labels: Row = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    gold: str | None = None
    target: float = TARGETS[1]


class Review:
    """A review that is open; thread-safe. Close it, or the next process cannot open it.

    Attributes:
        about: what it is of.
        columns: which of the file's columns hold what.
        arranged: its rows in order.
        decisions: what was decided here.

    Raises:
        TableError: there is none in the folder, it is damaged, or another process has it open.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        try:
            entries = json.loads((folder / ABOUT).read_text("utf-8"))
            self.about = About(**{**entries, **{name: tuple(entries[name]) for name in ("columns", "labels")}})
            self._file = (folder / ROWS).open("rb")
        except (OSError, ValueError, TypeError, KeyError):
            raise TableError("no review is kept here", where=folder.name) from None
        try:
            self._codec = rowfile.Codec("jsonl", self.about.columns)
            self._offsets = array("q", [0])
            for line in self._file:
                self._offsets.append(self._offsets[-1] + len(line))
            self._arrange()
            self.decisions = Decisions(folder / DECISIONS)
        except BaseException:
            self._file.close()
            raise

    @classmethod
    def begin(
        cls,
        folder: Path,
        table: Table,
        *,
        labels: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
        template: str = "",
    ) -> Review:
        """Begin a review of a table.

        Args:
            folder: made if it is not there.
            table: what `batch` wrote, or a review.
            labels: that may be taken; without, those that the file names.
            inputs: for each of the prompt's inputs the table's column.
            template: the prompt's name.

        Raises:
            TableError: the table has no column of answers, or the disk does not take it.
        """
        found = AnswerColumns.of(table.columns, where=table.path.name)
        names = tuple(labels) or labels_of(found.answer_of(index, row) for index, row in enumerate(table))
        names = names[:MOST_LABELS]
        gold = guessed_gold(table, found, names)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TableError(f"cannot be written ({error.strerror or error})", where=folder.name) from None
        rowfile.write(folder / ROWS, table.columns, table)
        _write(folder / ABOUT, About(table.path.stem, table.columns, names, dict(inputs or {}), template, gold))
        return cls(folder)

    def close(self) -> None:
        """Let go of its files."""
        self.decisions.close()
        self._file.close()

    # --- rows

    def __len__(self) -> int:
        """Rows of the file."""
        return len(self._offsets) - 1

    def row(self, index: int) -> Row:
        """The cells of a row."""
        with self._lock:
            self._file.seek(self._offsets[index])
            line = self._file.readline()
        return self._cells(line)

    def rows(self) -> Iterator[Row]:
        """All of them, in the file's order."""
        with (self.folder / ROWS).open("rb") as file:
            yield from map(self._cells, file)

    def answer(self, index: int) -> Answer:
        """What the model said of a row."""
        return self.columns.answer_of(index, self.row(index))

    def why(self, index: int) -> str:
        """Why a row is where it is in the queue."""
        like = self.arranged.like.get(index)
        return reason(self.answer(index), None if like is None else like + 1)

    def inputs(self, index: int) -> dict[str, str]:
        """What the prompt was given of a row, by the inputs' names; nothing where that is not known."""
        row, names = self.row(index), self.about.columns
        return {name: str(row[names.index(column)]) for name, column in self.about.inputs.items() if column in names}

    def others(self, index: int) -> dict[str, str]:
        """The other cells that were in the file before the model was asked, by their columns."""
        row, names = self.row(index), self.about.columns
        given = set(self.about.inputs.values())
        return {names[column]: str(row[column]) for column in self.columns.own if names[column] not in given}

    # --- the queue

    @property
    def order(self) -> Sequence[int]:
        """The rows to look at, by their indices."""
        return self.arranged.order

    def place(self, index: int) -> int | None:
        """Where in the queue a row is, from 0; None where it is not asked about."""
        return self.arranged.place.get(index)

    def following(self, place: int = -1) -> int | None:
        """The next row behind a place of the queue that is not decided, else the first such; None where all are."""
        now = self.all_decided()
        rows = (*self.order[place + 1 :], *self.order[: place + 1])
        return next((row for row in rows if row not in now), None)

    @property
    def looked(self) -> int:
        """Rows of the queue that are decided."""
        return sum(row in self.arranged.place for row in self.all_decided())

    # --- decisions

    def take(self, index: int, answer: str, how: How) -> Decision:
        """Decide a row; it is kept when this returns.

        Raises:
            TableError: there is no such row, or the disk does not take it.
        """
        if not 0 <= index < len(self):
            raise TableError(f"no row {index + 1:,}", where=self.about.name)
        return self.decisions.take(index, answer, how)

    def decided(self, index: int) -> str | None:
        """The answer that a person settled, in this review or one before."""
        decision = self.decisions.of(index)
        return decision.answer if decision else self.arranged.before.get(index)

    def all_decided(self) -> dict[int, str]:
        """All of them, by their rows."""
        return {**self.arranged.before, **{row: found.answer for row, found in self.decisions.now.items()}}

    # --- what is known

    def learn(self, gold: str | None, target: float) -> None:
        """Take another column of right answers, or none, and another aim.

        Raises:
            SettingError: there is no such column, or it is the model's.
            TableError: the disk does not take it.
        """
        AnswerColumns.of(self.about.columns, gold=gold, where=self.about.name)
        before, self.about = self.about, replace(self.about, gold=gold, target=target)
        _write(self.folder / ABOUT, self.about)
        if gold != before.gold:
            self._arrange()

    @property
    def risk(self) -> Risk | None:
        """What the right answers say about the rest; None without any, or where nothing says how sure the model is."""
        return self.arranged.risk(self.about.target)

    def so_far(self) -> SoFar:
        """What the rows say that were looked at."""
        now = self.decisions.now
        here = {row: found.answer != self.answer(row).text for row, found in now.items()}
        before = {row: row not in self.arranged.kept for row in self.arranged.before}
        return self.arranged.so_far({**before, **here})

    # --- the file back

    def write(self, path: Path) -> None:
        """The file, with what was decided, in the format that the name says; it is there complete or not at all.

        Raises:
            TableError: the format cannot hold a cell, or the disk does not take it.
        """
        known = len(self.order) < len(self)  # rows that have a right answer were not asked about
        rows = reviewed_rows(self.rows(), self.columns, self.all_decided(), known=known)
        rowfile.write(path, reviewed_columns(self.about.columns, self.columns), rows)

    def write_gold(self, path: Path) -> None:
        """The rows that were kept as right ones: the file's own columns, and `gold`.

        Raises:
            TableError: there are none, or as `write`.
        """
        kept = self.decisions.gold
        if not kept:
            raise TableError("no row is kept as a gold row yet", where=path.name, mend="keep one first")
        names = unique_names((*(self.about.columns[column] for column in self.columns.own), "gold"))
        rows = (
            (*(self.row(index)[column] for column in self.columns.own), self.decided(index) or "") for index in kept
        )
        rowfile.write(path, names, rows)

    # --- inner

    def _arrange(self) -> None:
        about = self.about
        self.columns = AnswerColumns.of(about.columns, gold=about.gold, where=about.name)
        shown = [about.columns.index(name) for name in about.inputs.values() if name in about.columns]
        self.arranged = Arrangement(self.rows(), self.columns, shown)

    def _cells(self, line: bytes) -> Row:
        cells = self._codec.cells(line)
        if cells is None:
            raise TableError("the kept rows are damaged", where=self.about.name, mend="open the file again")
        return tuple(cells)


def _write(path: Path, about: About) -> None:
    """Replace a small file; it is there as it was or as it is to be."""
    draft = path.with_name(path.name + ".tmp")
    try:
        with draft.open("w", encoding="utf-8") as file:
            json.dump(asdict(about), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise TableError(f"cannot be written ({error.strerror or error})", where=path.name) from None
