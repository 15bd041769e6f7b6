"""A search's journal, `NEW.yaml.run`: every reply as soon as it is there, so that a killed search loses none.

It is a batch's journal with other places in it: a number for each row asked with certain examples. Replies stay good
for another seed, another number of examples and a larger budget; for another file, model or prompt they do not, and
the journal is refused. In: where the new template will stand. Out: replies of before. Knows nothing of the search.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from gptjt_demo.batch.journal import Identity, Journal, is_journal, journal_of, source_of
from gptjt_demo.batch.question import Question, Reply
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.tables.table import Table

_NOT_ASKED = {
    "name",
    "title",
    "description",
    "query",
    "licence",
    "source",
    "notice",
    "checks",
    "examples",
    "nearest_examples",
}
"""What of a template does not tell one search's replies from another's."""


def identity_of(question: Question, table: Table, columns: Mapping[str, str], gold: str) -> Identity:
    """What a search must have in common with the one that it goes on with."""
    template = question.template.model_dump(mode="json", exclude=_NOT_ASKED)
    return {
        **source_of(table),
        "template": hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest(),
        "columns": json.dumps(dict(columns), sort_keys=True),
        "right answers": gold,
        "labels": str(question.labels),
        "rule": question.rule,
        "attention": question.mode,
        "model": question.engine.name,
    }


def check_journal(target: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse a target beside which a journal cannot be kept, while nothing is lost yet.

    Raises:
        SettingError: a search to it was cut off, and nobody said what is to become of it.
        TableError: another file has the journal's name.
    """
    path = journal_of(target)
    if not path.exists():
        return
    if not is_journal(path):
        raise TableError(
            "there is a file of this name, and it is no journal", where=str(path), mend="choose another output"
        )
    if not (resume or overwrite):
        raise SettingError("a search to it was cut off", where=str(target), mend="resume it, or overwrite it")


class JournalKept:
    """Replies in a journal.

    Args:
        target: where the new template will stand; the journal stands beside it.
        identity: see `identity_of`.
        resume: go on with what is there; else it begins afresh.

    Raises:
        TableError: another search is writing it, it cannot be written, or it is of another search.
    """

    def __init__(self, target: Path, identity: Identity, *, resume: bool) -> None:
        self._journal = Journal(journal_of(target), str(target))
        self._bytes: dict[int, int] = {}
        self._added = 0
        try:
            if not (resume and self._journal.begun):
                self._journal.begin(identity)
                return
            if differing := self._journal.differing(identity):
                what = f"its search was another: {', '.join(differing)} differ{'s' if len(differing) == 1 else ''}"
                raise TableError(what, where=str(target), mend="resume with what it was begun with, or overwrite it")
            self._bytes = self._journal.resume(identity)
        except BaseException:
            self._journal.close()
            raise

    def __len__(self) -> int:
        return len(self._bytes) + self._added

    def get(self, place: int) -> Reply | None:
        """The reply of that place, if it was there at the beginning."""
        byte = self._bytes.get(place)
        return None if byte is None else self._journal.reply_at(byte)

    def record(self, place: int, reply: Reply) -> None:
        """Keep one; when it returns, a kill does not lose it."""
        self._journal.record(place, reply)
        self._added += 1

    def close(self, *, delete: bool = False) -> None:
        """Let go of it; `delete` where the search is over."""
        self._journal.close(delete=delete)
