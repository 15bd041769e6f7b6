"""A run's output and the files beside it: whose names they may have, what is in them already, and how they grow.

In: the output's name, the source table, a run's identity, replies. Out: the growing file, and where a run begins.
Beside `OUT` stand `OUT.run`, the journal, and `OUT.part.jsonl` where the output cannot grow by a row: of a workbook,
and where a reply is known only when all are there. It is turned into the output at the end by way of `OUT.tmp`; none of
them may be the input or somebody else's. What a resumed run finds written is compared with the input and the journal,
row by row and column by column, before a byte is changed. Does not know how rows are answered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from gptjt_demo.batch.journal import SOURCE, Identity, Journal, damage, is_finishing, is_journal, journal_of
from gptjt_demo.batch.question import Reply, reply_cells, reply_columns
from gptjt_demo.engine.calibration import Shares, mean_shares
from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.sheet import Row, unique_names
from gptjt_demo.tables.table import Table, read
from gptjt_demo.tables.written import Written, compared

_TAKEN = "it is there already, and no run wrote it"
_MOVE = "move it, or choose another name for the output"

Settled = Callable[[Row, Reply, Shares], Reply]
"""A row, its reply and the labels' mean shares over all rows: the reply as it is to stand in the output."""


@dataclass(frozen=True)
class Start:
    """Where a run begins: rows that are written, and replies that are known beyond them.

    Attributes:
        complete: the output had every row already, so who answered them is not known.
    """

    written: int = 0
    errors: int = 0
    flagged: int = 0
    known: Mapping[int, Reply] = field(default_factory=dict)
    complete: bool = False


def part_of(target: Path, *, later: bool = False) -> Path:
    """The file that grows, row by row. `later`: the output's rows are known only when all are there."""
    beside = later or rowfile.format_of(target) == "xlsx"
    return target.with_name(target.name + ".part.jsonl") if beside else target


def place_of(target: Path) -> Path:
    """Where a run to that name writes: what a link leads to, so that runs to one file have one journal. A link that
    leads round in a circle stays one."""
    return Path(os.path.realpath(target)) if target.is_symlink() else target


def check_target(
    source: Path, target: Path, *, resume: bool = False, overwrite: bool = False, later: bool = False
) -> None:
    """Refuse names that a run may not write to. Nothing is opened for writing; a run does it itself, but a caller who
    wants to know before a model is loaded asks here.

    Args:
        source: the file that is read.
        target: the output.
        resume, overwrite: as of the run.
        later: see `part_of`.

    Raises:
        TableError: the output or a file beside it is the input, somebody else's, or there already; or it has no folder.
    """
    if target.is_symlink() and not target.exists():
        raise TableError("a link that leads nowhere", where=target.name, mend="name a file")
    if target.exists() and not target.is_file():
        what = "it is a folder" if target.is_dir() else "it is a pipe or a device"
        raise TableError(what, where=target.name, mend="name a file")
    rowfile.format_of(target)
    journal, part, draft = journal_of(target), part_of(target, later=later), rowfile.draft_of(target)
    beside = part != target
    for path in (target, journal, *((part, draft) if beside else ())):
        if path.exists() and source.exists() and path.samefile(source):
            what = "the output would replace the input" if path == target else "the run would write over the input"
            raise TableError(what, where=path.name, mend="choose another name for the output")
    if not target.parent.is_dir():
        raise TableError(f"cannot be written: there is no folder {target.parent}", where=target.name, mend="make it")
    begun = is_journal(journal)
    if os.path.lexists(journal) and not begun:  # a link to nothing bears the name too
        raise TableError(_TAKEN, where=journal.name, mend=_MOVE)
    if begun and resume and not overwrite and (what := damage(journal)):
        raise TableError(what, where=journal.name, mend="resume and overwrite together ask for that row again")
    if beside and os.path.lexists(part) and not (begun and part.is_file()):
        raise TableError(_TAKEN, where=part.name, mend=_MOVE)
    if beside and os.path.lexists(draft) and not (begun and draft.is_file() and is_finishing(journal)):
        raise TableError(_TAKEN, where=draft.name, mend=_MOVE)
    if (target.exists() or begun) and not resume and not overwrite:
        mend = "overwrite it, or choose another name"
        what = "it is there already" if target.exists() else "an unfinished run to it is there"
        raise TableError(what, where=target.name, mend=f"resume it, {mend}" if begun else mend)


class Output:
    """The growing file and its journal. Only the first of a group of processes opens them; others write nowhere.

    Args:
        target: the output.
        table: the source.
        total: rows that are asked for.
        labels: whether the run picks labels.
        later: see `part_of`.
        shares: the labels whose shares are written too.
    """

    def __init__(
        self,
        target: Path,
        table: Table,
        total: int,
        *,
        labels: bool,
        later: bool = False,
        shares: Sequence[str] = (),
    ) -> None:
        self.part = part_of(target, later=later)
        self._later = later
        self._target, self._table, self._total = target, table, total
        self._labels, self._shares = labels, shares
        self._columns = unique_names((*table.columns, *reply_columns(labels, shares)))
        self._codec = rowfile.Codec(rowfile.format_of(self.part), self._columns)
        self._journal: Journal | None = None
        self._file: rowfile.AppendOnly | None = None

    def open(self, identity: Identity, *, resume: bool, overwrite: bool) -> Start:
        """Begin, or continue.

        Raises:
            TableError: as `check_target`; another run is writing; the format cannot hold a cell of the source; or what
                is written is not the input's.
        """
        check_target(self._table.path, self._target, resume=resume, overwrite=overwrite, later=self._later)
        self.refuse_unholdable()
        self._journal = Journal(journal_of(self._target), self._target.name)
        if resume and self._journal.begun:
            return self._resume(identity, self._journal, redo=overwrite)
        if resume and self._target.exists():
            difference = self._difference()
            if isinstance(difference, Start):
                return difference
            if not overwrite:
                raise self._foreign(difference)
        elif resume and not overwrite and self.part.exists() and self.part.stat().st_size:
            mend = "overwrite it, or choose another name"
            raise TableError("no journal says which run wrote it", where=self.part.name, mend=mend)
        self.part.unlink(missing_ok=True)  # before the journal begins, or a resumed run would take it for its own
        self._journal.begin(identity)
        self._begin()
        return Start()

    def refuse_unholdable(self) -> None:
        """Refuse an output whose format cannot hold the source, before anything is opened.

        Raises:
            TableError: a cell of the source is too long for it, or there are too many rows or columns.
        """
        rows = islice(self._table, self._total)
        rowfile.refuse_unholdable(self._target, self._columns, rows, self._total)

    def refuse_foreign(self) -> None:
        """Refuse to continue an output that no run of this input wrote, before anything is opened.

        Raises:
            TableError: it has no journal, and other rows than the input's.
        """
        if self._target.exists() and not is_journal(journal_of(self._target)):
            difference = self._difference()
            if not isinstance(difference, Start):
                raise self._foreign(difference)

    def _foreign(self, difference: str) -> TableError:
        what = f"no unfinished run wrote it, so there is nothing to resume ({difference})"
        return TableError(what, where=self._target.name, mend="choose another name, or overwrite it")

    def _difference(self) -> Start | str:
        """Of an output without a journal: where a run begins for which nothing is left to do; or why it is not one."""
        try:
            found = read(self._target)
        except TableError as error:
            return error.what
        if found.columns != self._columns:
            return "its columns are others"
        errors = flagged = 0
        for index, (source, row) in enumerate(zip(islice(self._table, self._total), found, strict=False)):
            for name, wanted, cell in zip(self._columns, source, row, strict=False):
                if wanted != cell:
                    return f"row {index + 1:,} differs from the input's in the column {name!r}"
            errors, flagged = errors + bool(row[-1]), flagged + bool(row[-2])
        if len(found) != self._total:
            return f"it has {len(found):,} rows, not {self._total:,}"
        return Start(self._total, errors, flagged, complete=True)

    def _begin(self) -> None:
        self._file = rowfile.AppendOnly(self.part)
        self._file.write(self._codec.header())

    def _resume(self, identity: Identity, journal: Journal, *, redo: bool) -> Start:
        if redo and journal.differing(identity) == [SOURCE]:
            return self._resume_changed(identity, journal)
        offsets = {index: byte for index, byte in journal.resume(identity).items() if index < self._total}
        if self.part != self._target:
            rowfile.draft_of(self._target).unlink(missing_ok=True)
        replies = (journal.reply_at(offsets[index]) if index in offsets else None for index in range(self._total))
        found = compared(self.part, self._codec, self._expected(replies), sure=True)
        if found.difference and not redo:
            raise TableError(
                found.difference,
                where=self.part.name,
                mend="put it back, or resume and overwrite together to redo it from there",
            )
        if found.difference and found.end is not None:
            offsets.pop(found.rows, None)  # which of the two was edited is not known
        # A row that is written and has no reply could not be settled at the end: it is asked for, and all are written.
        lost = self._later and any(index not in offsets for index in range(found.rows))
        begun = 0 if lost else found.rows
        known = {index: journal.reply_at(byte) for index, byte in offsets.items() if index >= begun}
        return self._anew(known) if lost else self._behind(found, known)

    def _resume_changed(self, identity: Identity, journal: Journal) -> Start:
        """Go on though the source is another than it was: its first rows are kept as far as they are written alike. Of
        the replies that the journal has beyond them, nothing says to which rows they were; where rows are settled at
        the end, nothing does of any."""
        if self.part != self._target:
            rowfile.draft_of(self._target).unlink(missing_ok=True)
        found = compared(self.part, self._codec, ((row, None) for row in self._table))
        start = self._anew({}) if self._later else self._behind(found, {})
        journal.begin(identity)
        return start

    def _anew(self, known: Mapping[int, Reply]) -> Start:
        self._begin()
        return Start(known=known)

    def _behind(self, found: Written, known: Mapping[int, Reply]) -> Start:
        """Go on behind what is right of the file that grows."""
        if found.end is None:
            self._begin()
            return Start(known=known)
        with self.part.open("r+b") as file:
            file.truncate(found.end)
        self._file = rowfile.AppendOnly(self.part, append=True)
        return Start(found.rows, found.filled[-1], found.filled[-2], known)

    def _expected(self, replies: Iterator[Reply | None]) -> Iterator[tuple[Row, Row | None]]:
        for row, reply in zip(self._table, replies, strict=False):
            yield row, None if reply is None else self._cells(reply)

    def record(self, index: int, reply: Reply) -> None:
        """Keep a reply that may not be due yet."""
        if self._journal is not None:
            self._journal.record(index, reply)

    def write(self, row: Row, reply: Reply) -> None:
        """Add the next row."""
        if self._file is not None:
            self._file.write(self._codec.row((*row, *self._cells(reply))))

    def refuse_changed(self, identity: Identity) -> None:
        """Refuse to end a run whose source is not what it was: answers may stand beside rows that they were not to.

        Raises:
            TableError: it changed while the run went on.
        """
        try:
            changed = self._journal is not None and self._table.digest() != identity[SOURCE]
        except OSError:  # it is gone; what was read of it was the file that was opened at the beginning
            return
        if changed:
            mend = "put it back and resume, or resume and overwrite together to redo the rows that changed"
            raise TableError("it changed while it was answered", where=self._table.path.name, mend=mend)

    def finish(self, settled: Settled | None = None) -> Path:
        """The output is complete.

        Args:
            settled: of an output whose rows are known only now, what each reply becomes.
        """
        if self._file is None or self._journal is None:
            return self._target
        self._file.close()
        self._file = None
        if self.part != self._target:
            self._journal.finishing()
            try:
                rows = self._settled(self._journal, settled) if settled else read(self.part)
                rowfile.write(self._target, self._columns, rows)
            except TableError as error:
                mend = f"all rows are in {self.part.name}"
                raise TableError(error.what, where=error.where, mend=mend) from None
            self.part.unlink()
        self._journal.close(delete=True)
        self._journal = None
        return self._target

    def _settled(self, journal: Journal, settled: Settled) -> Iterator[Row]:
        shares = [reply.shares for reply in journal.replies(self._total) if reply.shares]
        mean = mean_shares(shares) if shares else ()
        for row, reply in zip(self._table, journal.replies(self._total), strict=False):
            yield (*row, *self._cells(settled(row, reply, mean)))

    def _cells(self, reply: Reply) -> Row:
        return reply_cells(reply, self._labels, self._shares)

    def close(self) -> None:
        """Sync, and let go of all files."""
        for file in (self._file, self._journal):
            if file is not None:
                file.close()
        self._file = self._journal = None
