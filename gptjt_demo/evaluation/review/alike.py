"""Which texts are near-duplicates: those that share most of their words.

In: texts. Out: for each the number of its group. Words are compared as answers are, numbers all count as one, and order
does not count. Texts of one group share at least `ALIKE` of the words of both with its first text. Does not know what
the texts are.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from gptjt_demo.templates.answer_check import normalised

ALIKE = 0.7
_SEEN = 10  # groups with a word in common that are looked at, so that a file of one kind of text takes no hours
_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")

Words = frozenset[str]


def groups(texts: Iterable[str]) -> list[int]:
    """A number for each text, equal for near-duplicates."""
    sets = [_words(text) for text in texts]
    often = Counter(word for words in set(sets) for word in words)
    of: dict[Words, int] = {}
    firsts: list[Words] = []
    having: dict[str, list[int]] = defaultdict(list)
    for words in sets:
        if words in of:
            continue
        # Two sets that share so much have a word in common among the rarest few of each.
        rarest = sorted(words, key=lambda word: (often[word], word))[: len(words) - int(ALIKE * len(words)) + 1]
        near = {group for word in rarest for group in having[word][-_SEEN:]}
        found = next((group for group in sorted(near) if _shared(words, firsts[group]) >= ALIKE), None)
        if found is None:
            found = len(firsts)
            firsts.append(words)
            for word in rarest:
                having[word].append(found)
        of[words] = found
    return [of[words] for words in sets]


def _words(text: str) -> Words:
    found = frozenset(_WORD.findall(_DIGITS.sub("0", normalised(text))))
    return found or frozenset([text])


def _shared(one: Words, other: Words) -> float:
    """The part of the words of both that both have; 0 where their numbers of words say that it is too small."""
    if min(len(one), len(other)) < ALIKE * max(len(one), len(other)):
        return 0.0
    both = len(one & other)
    return both / (len(one) + len(other) - both)
