"""What a model must never be trained on, because it is measured on it: prompts' cases and labelled samples.

In: templates and files of rows. Out: an answer to "does this text hold one of them?". Texts are compared by their
words: case, punctuation and spacing do not matter. Does not know where training text comes from.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from functools import cache

from gptjt_demo.evaluation import samples
from gptjt_demo.templates.libraries import Library

# Texts that are long enough to be recognised by themselves. A shorter one, such as "twelve metres", is a common
# phrase: only together with its answer it is a case.
LONG_WORDS, LONG_CHARACTERS = 3, 12
# Of these the inputs are names that any text may hold, however long: what is withheld is the fact.
FACTS = ("currency",)
ALSO_CALLED = {
    "Czechia": ("Czech Republic",),
    "Netherlands": ("Holland",),
    "South Korea": ("Republic of Korea",),
    "Turkey": ("Türkiye",),
    "United Arab Emirates": ("Emirates", "UAE"),
    "United Kingdom": ("Great Britain", "UK", "U.K."),
    "United States": ("America", "US", "U.S.", "USA", "U.S.A."),
    "Vietnam": ("Viet Nam",),
}

Words = tuple[str, ...]


class Withheld:
    """Cases that may not occur.

    Args:
        texts: each may not occur within any text.
        pairs: (input, output): no row may have both in it, on whichever of its sides.
    """

    def __init__(self, texts: Iterable[str] = (), pairs: Iterable[tuple[str, str]] = ()) -> None:
        # By their first two words, as thousands of texts of thousands of words are looked through.
        self._texts: dict[Words, set[Words]] = {}
        for text in texts:
            if found := words(text):
                self._texts.setdefault(found[:2], set()).add(found)
        self._pairs: dict[Words, set[Words]] = {}
        for given, answer in pairs:
            if (key := words(given)) and (found := words(answer)):
                self._pairs.setdefault(key, set()).add(found)
        self._longest = max(map(len, self._pairs), default=0)

    def holds(self, text: str) -> bool:
        """Whether a withheld text occurs in this one, as whole words."""
        found = words(text)
        return any(
            found[i : i + len(each)] == each
            for i in range(len(found))
            for start in (found[i : i + 2], found[i : i + 1])
            for each in self._texts.get(start, ())
        )

    def holds_row(self, given: str, answer: str) -> bool:
        """Whether a row has a withheld text in it, or a withheld pair in either direction."""
        return self.holds(given) or self.holds(answer) or self._pair(given, answer) or self._pair(answer, given)

    def _pair(self, given: str, answer: str) -> bool:
        found, said = words(given), set(words(answer))
        return any(
            # "Rupee" tells as much as "Indian Rupee (INR)", but "Indian" is another fact.
            right[-1] in said and (said <= set(right) or said >= set(right))
            for length in range(1, self._longest + 1)
            for i in range(len(found) - length + 1)
            for right in self._pairs.get(found[i : i + length], ())
        )


def words(text: str) -> Words:
    """A text as it is compared: its words and numbers, in lower case."""
    return tuple(re.findall(r"[^\W_]+", text.casefold()))


@cache
def measured() -> Withheld:
    """All cases of the shipped templates (examples, sample queries, checks) and all rows of the labelled samples."""
    texts: list[str] = []
    pairs: list[tuple[str, str]] = []
    for task, inputs, output in _cases():
        if task not in FACTS:
            parts = [part for given in inputs for part in (given, *_sentences(given))]
            texts += [part for part in (*parts, output) if _is_long(part)]
        called = [name for given in inputs for name in (given, *ALSO_CALLED.get(given, ()))]
        pairs += [(given, output) for given in called if task in FACTS or not _is_long(given)]
    return Withheld(texts, pairs)


def _cases() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(task, inputs, output) of every case; the output is empty where it is one of a few labels, or not known."""
    for template in Library.open():
        for row in (*template.examples, *template.checks):
            yield template.name, tuple(row.inputs.values()), "" if template.labels else row.output
        yield template.name, tuple(template.query.values()), _ANSWERS.get(template.name, "")
    for name in samples.names():
        labelled = bool(Library.open()[name].labels)
        with samples.path(name).open(encoding="utf-8", newline="") as file:
            for given, right in list(csv.reader(file))[1:]:
                yield name, (given,), "" if labelled else right


_ANSWERS = {"currency": "Indian Rupee"}  # of a sample query, which has none in its template


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+", text) if len(words(part)) > LONG_WORDS]


def _is_long(text: str) -> bool:
    found = words(text)
    return len(found) >= LONG_WORDS or len(" ".join(found)) >= LONG_CHARACTERS
