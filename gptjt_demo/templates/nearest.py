"""The examples that are most like a query, by the words and parts of words that they share (TF-IDF).

In: the texts of examples, the query's, how many are wanted. Out: their numbers, the most alike last, next to the
answer. The same texts give the same numbers, whatever else was asked before. Knows nothing of templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

_DIGITS = 9  # of a likeness; what differs less is alike, and the order of the examples decides


def nearest(texts: Sequence[str], query: str, count: int) -> list[int]:
    """The numbers of the texts that are most like a query, the most alike last.

    Args:
        texts: to choose from; all of them decide what a rare word is.
        query: what they are compared with.
        count: how many. Of texts that are as alike the earlier ones are taken, and stand further back.
    """
    likeness = _likenesses(tuple(texts), query)
    ranked = sorted(range(len(texts)), key=lambda number: (-likeness[number], number))
    return ranked[:count][::-1]


def _likenesses(texts: tuple[str, ...], query: str) -> list[float]:
    """The cosine of each text and the query, 0 to 1."""
    index = _index(texts)
    if index is None:
        return [0.0] * len(texts)
    vectorizer, vectors = index
    found = (vectors @ vectorizer.transform([query]).T).toarray()[:, 0]
    return [round(float(value), _DIGITS) for value in found]


@lru_cache(maxsize=16)
def _index(texts: tuple[str, ...]) -> tuple[Any, Any] | None:
    """What the texts have in them, a row of weights each; None where there is nothing in any of them."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # not for templates that show all examples

    # Parts of words: they need no list of a language's endings, and find likeness where words are not parted at all.
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    try:
        return vectorizer, vectorizer.fit_transform(texts)
    except ValueError:  # no text has two characters in a row
        return None
