"""Reading an answer: which label it is, whether it equals the right one, and whether it passes a template's check.

In: an answer, with its labels or its query. Out: a label, a yes or no, or one line that says what is wrong.
Never raises on an answer, and never changes one; knows nothing of templates or models.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gptjt_demo.likeness import lower, normalised, seen, trimmed

__all__ = ["Check", "match_label", "normalised", "same_answer", "verdict"]


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
    one, other = trimmed(gold), trimmed(answer)
    return lower(one) == lower(other) or one.upper() == other or one == other.upper()


def _folded(text: str) -> str:
    return lower(seen(text))
