"""A run's journal, `OUT.run`: which run it is, and every reply as soon as it is there.

An output is written in the rows' order, but an engine finishes rows in its own; what is finished and not yet due is in
the journal, so that a killed run loses nothing. It exists only while a run is unfinished. In: a run's identity and
replies. Out: the replies of a run that was cut off, if it is the same run. Does not know the output's format.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from gptjt_demo.batch.question import Reply
from gptjt_demo.errors import TableError
from gptjt_demo.tables.rowfile import AppendOnly

Identity = Mapping[str, str]


def journal_of(target: Path) -> Path:
    """Where the journal of an output stands."""
    return target.with_name(target.name + ".run")


class Journal:
    """An open journal; `record` returns when a killed process no longer loses the reply."""

    def __init__(self, file: AppendOnly) -> None:
        self._file = file

    @classmethod
    def begin(cls, path: Path, identity: Identity) -> Journal:
        """A new journal, instead of any that is there."""
        file = AppendOnly(path)
        file.write(_line({"begun": secrets.token_hex(8), **identity}))
        return cls(file)

    def record(self, place: int, reply: Reply) -> None:
        """Keep the reply to the row at `place`."""
        self._file.write(_line({"place": place, **asdict(reply)}))

    def close(self) -> None:
        """Sync and close."""
        self._file.close()

    @classmethod
    def resume(cls, path: Path, identity: Identity, first: int, where: str) -> tuple[Journal, dict[int, Reply]]:
        """The journal, to be continued, and its replies to rows from `first` on.

        Raises:
            TableError: it is of another run; the message says what differs.
        """
        replies: dict[int, Reply] = {}
        with path.open("r+b") as file:
            head = file.readline()
            if not head.endswith(b"\n"):  # killed before it began
                return cls.begin(path, identity), {}
            found = json.loads(head)
            differing = [name for name in identity if found.get(name) != identity[name]]
            if differing:
                raise TableError(
                    f"its run was another: {', '.join(differing)} differ{'s' if len(differing) == 1 else ''}",
                    where=where,
                    mend="resume with what it was begun with, or choose another name",
                )
            end = len(head)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                end += len(line)
                entry = json.loads(line)
                place = entry.pop("place")
                if place >= first:
                    replies[place] = Reply(**{**entry, "shares": tuple(entry["shares"])})
            file.truncate(end)
        return cls(AppendOnly(path, append=True)), replies


def entry_of(line: bytes) -> tuple[int, Reply] | None:
    """The place and the reply that a line of a journal holds; None where it holds none."""
    try:
        entry = json.loads(line)
        place = entry.pop("place")
        reply = Reply(**{**entry, "shares": tuple(entry["shares"])})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (place, reply) if type(place) is int else None


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"
