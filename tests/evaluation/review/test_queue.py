"""The order of a review: what needs eyes first, near-duplicates apart, and the reason of each row."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from gptjt_demo.evaluation.review.alike import groups
from gptjt_demo.evaluation.review.answers import Answer
from gptjt_demo.evaluation.review.queue import APART, queue, reason


def answer(index: int, first: float, second: float, **more: str) -> Answer:
    return Answer(index, "joy", first, "fear", {"joy": first, "fear": second, "anger": 1 - first - second}, **more)


def ordered(answers: list[Answer], texts: list[str] | None = None) -> list[int]:
    return queue([each.sureness for each in answers], groups(texts or [f"{n}" * 3 + chr(97 + n) for n in range(99)]))


def test_errors_come_first_then_failed_checks_then_the_smallest_margin() -> None:
    answers = [
        answer(0, 0.90, 0.05),
        answer(1, 0.40, 0.38),
        answer(2, 0.45, 0.20),  # less sure than row 4, and yet its first two labels are farther apart
        answer(3, 0.99, 0.01, check="2 fields, expected 3"),
        answer(4, 0.50, 0.49),
        Answer(5, "", error="the cell is blank"),
        Answer(6, " "),
    ]
    words = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu"]
    assert ordered(answers, words) == [5, 6, 3, 4, 1, 2, 0]


def test_without_all_shares_the_least_confident_comes_first() -> None:
    answers = [Answer(n, "joy", part, "fear") for n, part in enumerate((0.9, 0.45, 0.4, 0.6))]
    assert ordered(answers, ["ant", "bee", "cat", "dog"]) == [2, 1, 3, 0]


def test_rows_that_are_equally_sure_stay_in_the_file_s_order() -> None:
    assert ordered([answer(n, 0.5, 0.3) for n in range(20)]) == list(range(20))


def test_near_duplicates_are_spread_and_no_row_is_lost_or_doubled() -> None:
    draw = random.Random(0)
    texts = [
        f"Your parcel {n} is late again, please call us today"
        if n % 3
        else " ".join("".join(draw.choices("abcdefgh", k=6)) for _ in range(5))
        for n in range(90)
    ]
    answers = [answer(n, 0.5 + n / 400, 0.4 - n / 400) for n in range(90)]
    found = groups(texts)
    order = ordered(answers, texts)
    assert sorted(order) == list(range(90))
    late = [place for place, row in enumerate(order) if row % 3]
    assert len({found[row] for row in range(90) if row % 3}) == 1
    # As long as other rows are left, parcels stand apart; then nothing else is there to stand between.
    others = [place for place, row in enumerate(order) if not row % 3]
    apart = [b - a for a, b in pairwise(late) if b <= others[-1]]
    assert apart
    assert min(apart) >= APART
    assert [row for row in order if row % 3] == sorted(row for row in order if row % 3)  # the least sure first, still


def test_near_duplicates_differ_by_case_numbers_marks_order_or_a_word_in_many() -> None:
    same = [
        "Where is my order 1234? I have waited for two weeks now.",
        "where is my order 98765, I have waited for two weeks now",
        "I have waited for two weeks now... WHERE is my order 1?",
        "Where is my order 1234? I have waited for three weeks now!",
    ]
    others = ["The soup was cold and the waiter rude.", "", "Where is the station?"]
    found = groups([*same, *others])
    assert len(set(found[:4])) == 1
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Answer(0, "", error="the cell is blank."), "It could not be answered: the cell is blank."),
        (Answer(0, "a,b", check="2 fields, expected 3"), "It failed the template’s check: 2 fields, expected 3."),
        (answer(0, 0.41, 0.39), "Two labels are close: “joy” 41 %, “fear” 39 %."),
        (answer(0, 0.9, 0.05), "“joy” 90 %, “fear” 5 %. The least sure rows come first."),
        (Answer(0, "joy", 0.55, "fear"), "The model is 55 % sure of “joy”, with “fear” next."),
        (Answer(0, "Paris"), "Nothing says how sure the model was; it stands in the file’s order."),
        (Answer(0, ""), "The answer is blank."),
    ],
)
def test_the_reason_of_a_row_is_said(given: Answer, said: str) -> None:
    assert reason(given) == said
    assert reason(given, 12) == f"{said} It reads like row 12, which came before."
