"""A run's journal, `OUT.run`: which run it is, and every reply as soon as it is there.

An output is written in the rows' order, but an engine finishes rows in its own; what is finished and not yet due is in
the journal, so that a killed run loses nothing. It exists only while a run is unfinished, and is held (see `lock`)
while the run lives. In: a run's identity and replies. Out: the replies of a run that was cut off, if it is the same
run. Does not know the output's format.
"""

from __future__ import annotations

import json
import os
import secrets
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import IO

from gptjt_demo.batch.lock import Held, hold
from gptjt_demo.batch.question import Reply
from gptjt_demo.errors import TableError
from gptjt_demo.tables.rowfile import AppendOnly
from gptjt_demo.tables.table import Table

Identity = Mapping[str, str]

SOURCE = "source file"
"""What an identity names the source's digest by."""

_BEGIN = b'{"begun": '
_KEPT = tuple(field.name for field in fields(Reply) if field.name != "scores")
_FINISHING = b'{"finishing": true}\n'


def source_of(table: Table) -> Identity:
    """What of a table tells the rows of one run from another's: its bytes, and how they were read."""
    return {SOURCE: table.digest(), **({"reading of quotation marks": "plain"} if table.plain_quotes else {})}


def journal_of(target: Path) -> Path:
    """Where the journal of an output stands."""
    return target.with_name(target.name + ".run")


def is_journal(path: Path) -> bool:
    """Whether a file is a run's journal, or the beginning of one; an empty file is somebody else's."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.readline(1 << 20)
    if not head.endswith(b"\n"):  # killed before it began
        return bool(head) and _BEGIN.startswith(head[: len(_BEGIN)])
    return bool(_head(head))


def damage(path: Path) -> str:
    """Which line of a journal is damaged, in words; empty where none is. A last line that is cut off is no damage."""
    with path.open("rb") as file:
        next(file, b"")
        for number, line in enumerate(file, 2):
            if line.endswith(b"\n") and line != _FINISHING and not entry_of(line):
                return f"line {number:,} is damaged"
    return ""


def is_finishing(path: Path) -> bool:
    """Whether all replies of its run are there and the output was being made of them."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(_FINISHING)))
        return file.read() == _FINISHING


class Journal:
    """A held journal; `record` returns when a killed process no longer loses the reply.

    Args:
        path: made if it is not there.
        where: the output's name, for messages.

    Raises:
        TableError: another run holds it, or it cannot be opened.
    """

    def __init__(self, path: Path, where: str) -> None:
        self._path, self._where = path, where
        try:
            self._held: IO[bytes] = hold(path)
            self._made = not path.stat().st_size
            if self._made:
                self._say_whose()
        except Held:
            mend = "wait for its end, or choose another name"
            raise TableError("another run is writing it", where=where, mend=mend) from None
        except OSError as error:
            raise TableError(f"cannot be written ({error.strerror or error})", where=where) from None
        self._file: AppendOnly | None = None

    @property
    def begun(self) -> bool:
        """Whether it says which run it is of: a process may be killed before it does."""
        with self._path.open("rb") as file:
            return bool(_head(file.readline()))

    def differing(self, identity: Identity) -> list[str]:
        """What of a run's identity is not what it was begun with."""
        with self._path.open("rb") as file:
            begun = _head(file.readline())
        names = [*identity, *(name for name in begun if name not in identity and name != "begun")]
        return [name for name in names if begun.get(name) != identity.get(name)]

    def begin(self, identity: Identity) -> None:
        """Begin it, instead of whatever is in it."""
        self._held.seek(0)
        self._held.write(_BEGIN)
        self._held.truncate()
        self._file = AppendOnly(self._path, append=True)
        self._file.write(_line({"begun": secrets.token_hex(8), **identity}).removeprefix(_BEGIN))

    def resume(self, identity: Identity) -> dict[int, int]:
        """Continue it: for each row that has a reply, the byte where that stands. Damaged lines are passed over.

        Raises:
            TableError: it is of another run, and the message says what differs.
        """
        if differing := self.differing(identity):
            mend = "resume with what it was begun with, or choose another name"
            if differing == [SOURCE]:
                mend += ", or resume and overwrite together to redo the rows that changed"
            what = f"its run was another: {', '.join(differing)} differ{'s' if len(differing) == 1 else ''}"
            raise TableError(what, where=self._where, mend=mend)
        found: dict[int, int] = {}
        with self._path.open("rb") as file:
            end = len(file.readline())
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if entry := entry_of(line):
                    found[entry[0]] = end
                end += len(line)
        self._held.truncate(end)
        self._file = AppendOnly(self._path, append=True)
        return found

    def reply_at(self, byte: int) -> Reply:
        """The reply that `resume` found there."""
        with self._path.open("rb") as file:
            file.seek(byte)
            entry = entry_of(file.readline())
        assert entry is not None  # nobody else writes while it is held
        return entry[1]

    def replies(self, total: int) -> Iterator[Reply]:
        """The replies of the first rows in the rows' order, all of which are there."""
        offsets = array("q", [-1]) * total
        with self._path.open("rb") as file:
            end = 0
            for line in file:
                if (entry := entry_of(line)) and entry[0] < total:
                    offsets[entry[0]] = end
                end += len(line)
            for byte in offsets:
                file.seek(byte)
                found = entry_of(file.readline())
                assert found is not None  # it is written before its row is
                yield found[1]

    def record(self, index: int, reply: Reply) -> None:
        """Keep the reply to the row of that index."""
        self._add(_line({"place": index, **{name: getattr(reply, name) for name in _KEPT}}))

    def finishing(self) -> None:
        """Say that the output is being made of the replies."""
        self._add(_FINISHING)

    def close(self, *, delete: bool = False) -> None:
        """Sync, and let go; one that was made here, and whose run never began, is deleted too."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if delete or (self._made and os.fstat(self._held.fileno()).st_size == len(_BEGIN)):
            self._path.unlink(missing_ok=True)
        self._held.close()

    def _say_whose(self) -> None:
        """From here on an empty file is known as a run's, whenever that is killed."""
        try:
            self._held.write(_BEGIN)
        except OSError:
            self._path.unlink()
            self._held.close()
            raise

    def _add(self, line: bytes) -> None:
        if self._file is not None:
            self._file.write(line)


def entry_of(line: bytes) -> tuple[int, Reply] | None:
    """The index of a row and the reply that a line of a journal holds; None where it holds none."""
    try:
        entry = json.loads(line)
        index = entry.pop("place")
        reply = Reply(**{**entry, "shares": tuple(entry["shares"])})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    whole = all(isinstance(text, str) for text in (reply.text, reply.runner_up, reply.check, reply.error))
    return (index, reply) if type(index) is int and index >= 0 and whole else None


def _head(line: bytes) -> dict[str, object]:
    """A run's identity as its journal begins with it; nothing where it is no journal's beginning."""
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return head if isinstance(head, dict) and {SOURCE, "template", "model"} <= set(head) else {}


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"
