"""Figures: from gold and predicted texts to accuracy, F1, a confusion matrix, and a test of two runs.

In: texts that are compared as they stand, so normalise them first. Out: numbers. pandas, scikit-learn and scipy are
loaded when a figure is asked for. Knows nothing of models, templates or files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True)
class LabelFigures:
    """One label's precision, recall and F1, 0 to 1 (0 where there is nothing to divide by), and its gold rows."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class SetFigures:
    """Precision, recall and F1 over the items of all rows together (micro-averaged), 0 to 1."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Paired:
    """Two runs over the same rows, and McNemar's exact test on the rows where one is right and the other wrong.

    `difference` is the second's accuracy less the first's; `p_value` the probability of a difference at least this
    large, either way, if the two were equally good.
    """

    n: int
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    difference: float
    p_value: float


@dataclass(frozen=True)
class Bin:
    """Rows whose confidence lies between `low` and `high`: how many, their mean confidence, and the part of them that
    is right; both are 0 where there is no row."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """How far confidences are what they say, in bins of one width.

    `error` is the expected calibration error: the bins' distances between mean confidence and accuracy, each weighted
    with its part of the rows; 0 to 1 (Naeini et al. 2015).
    """

    n: int
    error: float
    bins: tuple[Bin, ...]


def interval(right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion; 0 to 1 where there are no rows."""
    if not n:
        return 0.0, 1.0
    from scipy.stats import binomtest

    found = binomtest(right, n).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def label_figures(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> list[LabelFigures]:
    """Figures of each of the labels, in their order."""
    if not gold or not labels:
        return [LabelFigures(label, 0.0, 0.0, 0.0, 0) for label in labels]
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(gold, predicted, labels=list(labels), zero_division=0)
    return [
        LabelFigures(label, float(precision), float(recall), float(f1), int(support))
        for label, precision, recall, f1, support in zip(labels, *columns, strict=True)
    ]


def confusion(
    gold: Sequence[str], predicted: Sequence[str], rows: Sequence[str], columns: Sequence[str]
) -> list[list[int]]:
    """How many rows of each gold text (down) have each predicted text (across)."""
    if not gold or not rows:
        return [[0] * len(columns) for _ in rows]
    import pandas

    # As objects, because pandas' own strings are Arrow's, which hold no half of a surrogate pair.
    pairs = (pandas.Series(list(texts), dtype=object) for texts in (gold, predicted))
    counts = pandas.crosstab(*pairs).reindex(index=list(rows), columns=list(columns), fill_value=0)
    return [[int(count) for count in row] for row in counts.to_numpy()]


def set_figures(gold: Sequence[AbstractSet[str]], predicted: Sequence[AbstractSet[str]]) -> SetFigures:
    """Figures of lists whose order does not count, a set of items for every row."""
    hits = sum(len(wanted & found) for wanted, found in zip(gold, predicted, strict=True))
    wanted, found = sum(map(len, gold)), sum(map(len, predicted))
    if not wanted and not found:
        return SetFigures(1.0, 1.0, 1.0)
    return SetFigures(
        precision=hits / found if found else 0.0,
        recall=hits / wanted if wanted else 0.0,
        f1=2 * hits / (wanted + found),
    )


def reliability(pairs: Sequence[tuple[float, bool]], bins: int = 10) -> Reliability:
    """Confidences against what came true.

    Args:
        pairs: of each row its confidence, 0 to 1, and whether it is right.
        bins: of one width; a confidence on an edge is in the upper one, 1 in the last.
    """
    rows: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, hit in pairs:
        rows[min(int(confidence * bins), bins - 1)].append((confidence, hit))
    found = tuple(
        Bin(
            low=index / bins,
            high=(index + 1) / bins,
            n=len(each),
            confidence=math.fsum(confidence for confidence, _ in each) / len(each) if each else 0.0,
            accuracy=sum(hit for _, hit in each) / len(each) if each else 0.0,
        )
        for index, each in enumerate(rows)
    )
    n = len(pairs)
    error = math.fsum(each.n * abs(each.accuracy - each.confidence) for each in found) / n if n else 0.0
    return Reliability(n, error, found)


def paired(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Compare two runs by which rows each has right; the same rows in the same order, at least one."""
    from scipy.stats import binomtest

    pairs = list(zip(first, second, strict=True))
    only_first, only_second = pairs.count((True, False)), pairs.count((False, True))
    differing = only_first + only_second
    return Paired(
        n=len(pairs),
        both_right=pairs.count((True, True)),
        only_first=only_first,
        only_second=only_second,
        both_wrong=pairs.count((False, False)),
        difference=(only_second - only_first) / len(pairs),
        p_value=float(binomtest(only_first, differing).pvalue) if differing else 1.0,
    )
