"""When two texts read alike: without case, surrounding quotes, final punctuation, and what nobody sees.

In: an answer, a label. Out: the form in which they are compared. One rule for all: it decides which label an answer is,
and which labels cannot stand beside each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_QUOTES = "\"'`´‘’‚“”„«»‹› "
_FINAL = ".!?,;:。、…"

# Soft hyphen, zero-width and direction marks, byte-order mark, variation selectors and the like. The two joiners make
# other signs in emoji and in scripts that join their letters, so there they stay.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
    "|(?<![\u0590-\u1fff\u2190-\U0010ffff])[\u200c\u200d]|[\u200c\u200d]$"
)


def normalised(answer: str) -> str:
    """The form in which answers are compared: without case, surrounding quotes, final punctuation and the unseen.

    An answer that is nothing but such signs stays as it is: no text normalises to nothing.
    """
    return lower(trimmed(answer))


def first_alike(texts: Sequence[str]) -> tuple[int, int] | None:
    """Indices of the first two texts that read alike, the earlier one first; None if all differ."""
    first: dict[str, int] = {}
    for index, text in enumerate(texts):
        before = first.setdefault(normalised(text), index)
        if before != index:
            return before, index
    return None


def trimmed(text: str) -> str:
    """What is seen of a text, without surrounding quotes and final punctuation; of nothing but such signs, all."""
    whole = seen(text)
    return whole.lstrip(_QUOTES).rstrip(_QUOTES + _FINAL) or whole or text.strip() or text


def lower(text: str) -> str:
    """Without case, a letter for a letter: `ß` stays one."""
    if text.isascii():
        return text.lower()
    return "".join(fold if len(fold := letter.casefold()) == 1 else letter.lower() for letter in text)


def seen(text: str) -> str:
    """What is seen of a text: accents as one letter with theirs, forms of another width as the usual ones, blanks of
    any kind as one, and no invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", "".join(map(_usual_width, _INVISIBLE.sub("", text))))
    return " ".join(text.split())


def _usual_width(character: str) -> str:
    kind, _, code = unicodedata.decomposition(character).partition(" ")
    return chr(int(code, 16)) if kind in ("<wide>", "<narrow>") else character
