"""The rows of a run that are answered so far, in the input's order: while it runs, after a stop, and at its end.

In: the source table and the run's output name. Out: an `AnsweredRows`, which looks at the files on the disk each
time it is asked, and which any thread may use while the run is in another::

    rows = AnsweredRows(table, "out.csv", labels=True)
    rows.counts()                              # Counts(answered=64, total=300, errors=1, flagged=0)
    rows.preview(20)                           # the first 20 answered rows, each with its number in the file
    rows.write("so-far.xlsx")                  # the answered rows alone
    rows.write("all.csv", unanswered=True)     # every row; those without a reply say "not answered" in the error column

An engine finishes rows in its own order, so the output, which grows by an unbroken run from the first row, lags behind;
the journal has every reply. Its columns are the output's. Does not know the engine, nor whether the run still runs.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from gptjt_demo.batch.journal import entry_of, journal_of
from gptjt_demo.batch.question import Reply, reply_cells, reply_columns
from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.sheet import Row, unique_names
from gptjt_demo.tables.table import Table, read

NOT_ANSWERED = "not answered"
"""What stands in the error column of a row that has no reply yet."""


@dataclass(frozen=True)
class Counts:
    """How many rows are answered, of how many that were asked for; those with an error or a flag are among them."""

    answered: int
    total: int
    errors: int
    flagged: int


class AnsweredRows:
    """What a run has answered.

    Args:
        source: the run's table.
        target: the run's output.
        labels: whether the run picks labels.
        limit: the run's limit of rows.
        shares: the labels whose shares the run writes too.
    """

    def __init__(
        self,
        source: Table,
        target: Path | str,
        *,
        labels: bool = False,
        limit: int | None = None,
        shares: Sequence[str] = (),
    ) -> None:
        self.columns: Row = unique_names((*source.columns, *reply_columns(labels, shares)))
        self._source, self._target, self._labels, self._shares = source, Path(target), labels, shares
        self._total = min(len(source), limit or len(source))
        self._lock = threading.Lock()
        self._forget()

    def counts(self) -> Counts:
        """How many there are now."""
        with self._lock:
            self._look()
            answered = self._total - self._offsets.count(-1)
            return Counts(answered, self._total, sum(self._failed), sum(self._marked))

    @property
    def whole(self) -> bool:
        """Whether the run has come to its end, and its output holds every row."""
        with self._lock:
            self._look()
            return self._finished

    def preview(self, count: int) -> list[tuple[int, Row]]:
        """The first rows that are answered, each with its number in the file, from 1."""
        return [(index + 1, row) for index, row in islice(self._rows(unanswered=False), count)]

    def __iter__(self) -> Iterator[Row]:
        return (row for _, row in self._rows(unanswered=False))

    def write(self, path: Path | str, *, unanswered: bool = False) -> Counts:
        """Write them into a file of their own, which may stand in any format, and is there complete or not at all. An
        answer that the format cannot hold is left out, and its row's error says so.

        Args:
            path: .csv, .tsv, .jsonl or .xlsx.
            unanswered: write the rows without a reply too, with `NOT_ANSWERED` in their error column.

        Raises:
            TableError: no row is answered yet, or the format cannot hold a cell of the source.
        """
        counts = self.counts()
        if not counts.answered:
            raise TableError("no row is answered yet", where=Path(path).name, mend="wait for the first one")
        format = rowfile.format_of(Path(path))
        rows = (self._holdable(row, format) for _, row in self._rows(unanswered=unanswered))
        rowfile.write(Path(path), self.columns, rows)
        return counts

    def _holdable(self, row: Row, format: str) -> Row:
        own = len(self._source.columns)
        reasons = [rowfile.unholdable(format, cell) for cell in row[own:]]
        if not any(reasons):
            return row
        *kept, error = ("" if reason else cell for reason, cell in zip(reasons, row[own:], strict=True))
        return (*row[:own], *kept, error or f"the answer cannot be kept: {next(filter(None, reasons))}")

    def _rows(self, *, unanswered: bool) -> Iterator[tuple[int, Row]]:
        with self._lock:
            self._look()
            offsets, finished = array("q", self._offsets), self._finished
        if finished:
            width = len(self.columns) - len(self._source.columns)
            rows = zip(islice(self._source, self._total), read(self._target), strict=False)
            yield from enumerate((*row, *written[-width:]) for row, written in rows)
            return
        blank = reply_cells(Reply(error=NOT_ANSWERED), self._labels, self._shares)
        try:
            journal = journal_of(self._target).open("rb")
        except FileNotFoundError:  # the run came to its end just now, or has not begun
            if self.counts().answered:
                yield from self._rows(unanswered=unanswered)
            return
        with journal:
            for index, (row, byte) in enumerate(zip(self._source, offsets, strict=False)):
                if byte >= 0:
                    journal.seek(byte)
                    if found := entry_of(journal.readline()):
                        yield index, (*row, *reply_cells(found[1], self._labels, self._shares))
                elif unanswered:
                    yield index, (*row, *blank)

    def _forget(self) -> None:
        self._offsets = array("q", [-1]) * self._total  # the byte of the journal where a row's reply stands
        self._failed, self._marked = bytearray(self._total), bytearray(self._total)
        self._byte, self._head, self._finished = 0, b"", False

    def _look(self) -> None:
        """Read on in the journal from where the last look ended; at a run's end its output has every row."""
        try:
            with journal_of(self._target).open("rb") as file:
                if (head := file.readline()) != self._head:  # another run, which names itself in its first line
                    self._forget()
                    self._head = head
                self._read_on(file)
        except FileNotFoundError:
            if not self._finished:
                self._forget()
                self._end()

    def _read_on(self, file: IO[bytes]) -> None:
        file.seek(self._byte)
        for line in file:
            if not line.endswith(b"\n"):  # it is being written
                return
            if self._byte and (found := entry_of(line)):
                index, reply = found
                if 0 <= index < self._total:
                    self._offsets[index] = self._byte
                    self._failed[index], self._marked[index] = bool(reply.error), bool(reply.check)
            self._byte += len(line)

    def _end(self) -> None:
        try:
            found = read(self._target)
        except TableError:
            return
        if found.columns != self.columns or len(found) != self._total:
            return
        for index, row in enumerate(found):
            self._offsets[index] = 0
            self._failed[index], self._marked[index] = bool(row[-1]), bool(row[-2])
        self._finished = True
