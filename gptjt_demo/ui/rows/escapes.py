"""White space as people type it in a one-line field: a line feed as `\\n`, a tab as `\\t`, a backslash as `\\\\`."""

from __future__ import annotations

import re

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_WRITTEN = {written: text for text, written in _ESCAPES.items()}


def escaped(text: str) -> str:
    """The text as it is typed."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def unescaped(typed: str) -> str:
    """What was typed as the text it means; a backslash before any other letter is a backslash."""
    return re.sub(r"\\[\\nt]", lambda found: _WRITTEN[found.group()], typed)
