"""The mistakes a user can make, as exceptions; nothing here knows how they are shown.

    PlaygroundError
    ├── TemplateError     a template, its file, or a prompt that does not parse
    ├── SettingError      a setting out of its range (temperature, top_p, attention, ...)
    ├── PromptError       a prompt or label that the model cannot be given
    │   └── PromptTooLong   ... because it and its answer exceed the context
    ├── ModelError        a model that is unknown, absent or cannot be run here
    │   ├── CheckpointError   ... because its file is damaged or incomplete
    │   ├── DoesNotFit        ... because the machine's memory is too small
    │   └── NotReady          ... because it is still being loaded, or the program is being stopped
    ├── TableError        a file of rows that cannot be read or written
    ├── LinkError         a shared link that is cut, altered or too new
    └── LimitError        more than this server does for one visitor
        ├── TooLarge        ... a prompt, rows or a file: less will do
        ├── TooMany         ... requests, or a queue that is full: later will do
        └── TookTooLong     ... an answer that was ended: less to read or to write will do

Every message is one line: where, what, and how to mend it; `nearest` is the hint for a name that nobody knows.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

LONGEST = 1000  # characters of a part of a message; what is longer is somebody's text, and cut


class PlaygroundError(Exception):
    """A user's mistake. `str()` is one line: ``where: what; mend``.

    Args:
        what: what is wrong, without a final full stop.
        where: the file, line, field or argument that it is about.
        mend: what to do about it.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "") -> None:
        self.what, self.where, self.mend = map(_one_line, (what, where, mend))
        super().__init__(what)

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        mend = f"; {self.mend}" if self.mend else ""
        return f"{where}{self.what}{mend}"


def _one_line(text: str) -> str:
    """Text that any screen shows on one line: no line ends, no control characters, no halves of characters, no end."""
    line = " ".join(text.split())
    line = "".join(c if unicodedata.category(c) not in ("Cc", "Cs") else repr(c)[1:-1] for c in line)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


class TemplateError(PlaygroundError):
    """A template, its file, or a raw prompt is not valid."""


class SettingError(PlaygroundError):
    """A setting is out of its range."""


class PromptError(PlaygroundError):
    """The model cannot be given this prompt or these labels."""


class PromptTooLong(PromptError):
    """The prompt and the room for its answer exceed the model's context."""


class ModelError(PlaygroundError):
    """The model is unknown, absent, or cannot be run on this machine."""


class CheckpointError(ModelError):
    """A checkpoint's file is damaged or lacks a tensor."""


class DoesNotFit(ModelError):
    """The model needs more memory than there is."""


class NotReady(ModelError):
    """The model is still being loaded, or the program is being stopped: what was asked may be asked again."""


class TableError(PlaygroundError):
    """A file of rows cannot be read or written."""


class LinkError(PlaygroundError):
    """A shared link is cut, altered, or from a newer version."""


class LimitError(PlaygroundError):
    """It is more than this server does for one visitor."""


class TooLarge(LimitError):
    """A prompt, a number of rows, or a file is over the server's limit."""


class TooMany(LimitError):
    """Too many requests, by one visitor in a minute or by all that wait.

    Args:
        what, where, mend: as of every mistake.
        seconds: after which another try may succeed.
    """

    def __init__(self, what: str, *, where: str = "", mend: str = "", seconds: int = 1) -> None:
        super().__init__(what, where=where, mend=mend)
        self.seconds = seconds


class TookTooLong(LimitError):
    """A run was ended, because it took longer than the server allows."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not among the known ones."""
    names = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), names, n=1)
    return f"did you mean {names[close[0]]!r}?" if close else f"known: {', '.join(names.values()) or 'none'}"
