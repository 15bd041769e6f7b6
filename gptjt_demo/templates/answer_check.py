"""Reading an answer: which label it is, whether it equals the right one, and whether it passes a template's check.

In: an answer, with its labels or its query. Out: a label, a yes or no, or one line that says what is wrong.
Never raises on an answer, and never changes one; knows nothing of templates or models.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field, model_validator

_QUOTES = "\"'`´‘’‚“”„«»‹› "
_FINAL = ".!?,;:。、…"

# Soft hyphen, zero-width and direction marks, byte-order mark, variation selectors and the like. The two joiners make
# other signs in emoji and in scripts that join their letters, so there they stay.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
    "|(?<![\u0590-\u1fff\u2190-\U0010ffff])[\u200c\u200d]|[\u200c\u200d]$"
)


class Check(BaseModel):
    """What every answer of a template must look like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: int | None = Field(
        None, ge=1, le=100, description="The answer is one CSV record with exactly this many fields."
    )
    from_input: bool = Field(
        False, description="The answer is a comma-separated list, and each of its items occurs in the input."
    )

    @model_validator(mode="after")
    def _something(self) -> Check:
        if self.columns is None and not self.from_input:
            raise ValueError("give columns or from_input, or leave check out")
        return self


def verdict(check: Check | None, answer: str, query: str | Mapping[str, str]) -> str | None:
    """What is wrong with an answer, in one line; None if nothing is, or there is no check.

    Args:
        check: the template's check.
        answer: the model's text.
        query: the input's value, or all inputs' values by name.
    """
    if check is None:
        return None
    if check.columns is not None and (problem := _columns(answer, check.columns)):
        return problem
    if check.from_input:
        given = query if isinstance(query, str) else "\n".join(query.values())
        return _from_input(answer, given)
    return None


def _columns(answer: str, expected: int) -> str | None:
    try:
        records = list(csv.reader(io.StringIO(answer.strip(), newline=""), strict=True)) or [[]]
    except csv.Error as error:
        return f"not a CSV record: {error}"
    if len(records) != 1:
        return f"{len(records)} records, expected 1"
    found = len(records[0])
    return None if found == expected else f"{found} field{'s' if found != 1 else ''}, expected {expected}"


def _from_input(answer: str, given: str) -> str | None:
    text = _folded(given)
    items = [" ".join(item.split()) for item in answer.split(",")]
    missing = [item for item in items if item and not _occurs(normalised(item), text)]
    return f"not in the input: {', '.join(missing)}" if missing else None


def _occurs(item: str, text: str) -> bool:
    """Whole words only, "Ana" is not in "banana"; but scripts without case do not always part their words."""
    before = r"(?<!\w)" if _parts_words(item[0]) else ""
    after = r"(?!\w)" if _parts_words(item[-1]) else ""
    return re.search(before + re.escape(item) + after, text) is not None


def _parts_words(character: str) -> bool:
    return character.isdigit() or character.lower() != character.upper()


def normalised(answer: str) -> str:
    """The form in which answers are compared: without case, surrounding quotes, final punctuation and the unseen.

    An answer that is nothing but such signs stays as it is: no text normalises to nothing.
    """
    return _lower(_trimmed(answer))


def match_label(answer: str, labels: Iterable[str]) -> str | None:
    """The label that an answer is, or None; never one that is merely a part of it, or the other way round."""
    alike = [label for label in labels if same_answer(label, answer)]
    exact = [label for label in alike if label == answer.strip()]
    return exact[0] if exact else alike[0] if len(alike) == 1 else None


def same_answer(gold: str, answer: str) -> bool:
    """Whether an answer is the right one, but for case, surrounding quotes, final punctuation, and what is not seen.

    Letters are compared as they stand: `x²` is not `x2`, and `Straße` is not `Strasse`, though both are `STRASSE` in
    capitals.
    """
    one, other = _trimmed(gold), _trimmed(answer)
    return _lower(one) == _lower(other) or one.upper() == other or one == other.upper()


def _trimmed(text: str) -> str:
    seen = _seen(text)
    return seen.lstrip(_QUOTES).rstrip(_QUOTES + _FINAL) or seen or text.strip() or text


def _folded(text: str) -> str:
    return _lower(_seen(text))


def _lower(text: str) -> str:
    """Without case, a letter for a letter: `ß` stays one."""
    if text.isascii():
        return text.lower()
    return "".join(fold if len(fold := letter.casefold()) == 1 else letter.lower() for letter in text)


def _seen(text: str) -> str:
    """What is seen of a text: accents as one letter with theirs, forms of another width as the usual ones, blanks of
    any kind as one, and no invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", "".join(map(_usual_width, _INVISIBLE.sub("", text))))
    return " ".join(text.split())


def _usual_width(character: str) -> str:
    kind, _, code = unicodedata.decomposition(character).partition(" ")
    return chr(int(code, 16)) if kind in ("<wide>", "<narrow>") else character
