"""Figures in words: what the paired test says, and nothing more than it says."""

from __future__ import annotations

import pytest

from gptjt_demo.evaluation.metrics import paired
from gptjt_demo.evaluation.report import p_value, paired_sentence


@pytest.mark.parametrize(
    ("only_first", "only_second", "words"),
    [
        (0, 0, "the two are right on the same rows."),
        (3, 3, "neither is better (McNemar's exact test, p = 1.00)."),
        (1, 4, "B is ahead, but chance alone could do as much (McNemar's exact test, p = 0.38)."),
        (0, 6, "B is better, by 60.0 % of the rows (McNemar's exact test, p = 0.031)."),
        (10, 0, "A is better, by 100.0 % of the rows (McNemar's exact test, p = 0.002)."),
        (12, 0, "A is better, by 100.0 % of the rows (McNemar's exact test, p < 0.001)."),
    ],
)
def test_the_sentence_claims_what_the_test_does(only_first: int, only_second: int, words: str) -> None:
    same = max(0, 10 - only_first - only_second)
    first = [True] * only_first + [False] * only_second + [True] * same
    second = [False] * only_first + [True] * only_second + [True] * same
    sentence = paired_sentence(paired(first, second), "A", "B")
    assert sentence.endswith(words)
    assert f"{only_first} {'is' if only_first == 1 else 'are'} right only with A" in sentence
    assert sentence.count(str(len(first))) >= 1


@pytest.mark.parametrize(("p", "words"), [(1.0, "1.00"), (0.1, "0.10"), (0.0312, "0.031"), (0.0004, "< 0.001")])
def test_a_p_value_is_never_zero(p: float, words: str) -> None:
    assert p_value(p) == words
