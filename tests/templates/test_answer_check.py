"""Answers: a label is matched whole or not at all, and a check says what is wrong in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gptjt_demo.templates.answer_check import Check, match_label, normalised, same_answer, verdict

HATE = ("hate speech", "not hate speech")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("Not hate speech.", "not hate speech"),
        (" “Hate  speech”!\n", "hate speech"),
        ("ＨＡＴＥ speech", "hate speech"),
        ("unsure", None),
        ("not", None),
        ("this is hate speech", None),
        ("hate speech, not hate speech", None),
        ("", None),
    ],
)
def test_a_label_is_matched_whole_or_not_at_all(answer: str, label: str | None) -> None:
    assert match_label(answer, HATE) == label
    assert match_label(answer, HATE[::-1]) == label


@given(st.text(min_size=1).filter(str.strip))
def test_every_label_matches_itself_and_none_becomes_nothing(label: str) -> None:
    assert normalised(label)
    assert match_label(label, [label]) == label


@pytest.mark.parametrize("label", ["!", "?", "...", '"', "'?'"])
def test_labels_of_punctuation_stay_apart(label: str) -> None:
    assert match_label(label, ["!", "?", "...", '"', "'?'"]) == label


def test_labels_that_differ_in_case_only_match_as_typed_or_not_at_all() -> None:
    assert match_label("us", ["US", "us"]) == "us"
    assert match_label("Us", ["US", "us"]) is None


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        (" Joy.", "joy", True),
        ("A", "B", False),
        ("!", "?", False),
        ("Straße", "STRASSE", True),
        ("x", "", False),
        ("3.5", "35", False),
    ],
)
def test_answers_are_compared_without_case_and_final_punctuation(gold: str, answer: str, right: bool) -> None:
    assert same_answer(gold, answer) is same_answer(answer, gold) is right


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("x²", "x2"),
        ("①", "1"),
        ("Straße", "Strasse"),
        ("ﬁt", "fit"),
        ("½", "1/2"),
        ("H₂O", "H2O"),
        ("№ 5", "No 5"),
        ("ªb", "ab"),
        ("👨\u200d👩", "👨👩"),
        ("resume", "résumé"),
    ],
)
def test_letters_and_figures_are_compared_as_they_stand(gold: str, answer: str) -> None:
    assert not same_answer(gold, answer)
    assert not same_answer(answer, gold)
    assert match_label(answer, [gold]) is None
    assert match_label(answer, [gold, answer]) == answer


@pytest.mark.parametrize("sign", ["\u200b", "\u00ad", "\ufeff", "\u2060", "\u200e", "\u200d", "\u202a", "\ufe0f"])
def test_what_is_not_seen_is_no_difference(sign: str) -> None:
    for gold in (f"{sign}joy", f"j{sign}oy", f"joy{sign}", f"joy{sign}.", f'"{sign}joy"'):
        assert same_answer(gold, "Joy")
        assert match_label(gold, ["joy", "fear"]) == "joy"
        assert match_label("joy", [gold, "fear"]) == gold
    assert normalised(sign)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("ＡＢＣ１", "abc1"),
        ("ｶﾞ", "ガ"),
        ("e\u0301t\u00e9", "ÉTÉ"),
        ("New\u00a0York", "new  york"),
        ("ΟΔΟΣ", "οδος"),
        ("Joy…", "joy"),
        ("Ångström", "ÅNGSTRÖM"),
    ],
)
def test_width_case_and_blanks_are_no_difference(gold: str, answer: str) -> None:
    assert same_answer(gold, answer)
    assert same_answer(answer, gold)
    assert normalised(gold) == normalised(answer)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("Jane Doe,jane@example.com,520-382-2435", None),
        ('"Doe, Jane",jane@example.com,520', None),
        ('"a\nb",c,d\n', None),
        ("Doe, Jane,jane@example.com,520", "4 fields, expected 3"),
        ("Jane", "1 field, expected 3"),
        ("", "0 fields, expected 3"),
        ("a,b,c\nd,e,f", "2 records, expected 1"),
        ('"a,b,c', "not a CSV record: unexpected end of data"),
    ],
)
def test_columns_are_counted_as_csv(answer: str, problem: str | None) -> None:
    assert verdict(Check(columns=3), answer, "") == problem


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("Ana Li, the UN", None),
        ("ana li, U.S.", None),
        ("Ana, 東京.", None),
        ("", None),
        ("Li, Paris, Rome", "not in the input: Paris, Rome"),
        ("banan", "not in the input: banan"),
    ],
)
def test_items_that_the_input_does_not_hold_are_named(answer: str, problem: str | None) -> None:
    assert (
        verdict(Check(from_input=True), answer, {"a": "Ana Li likes bananas;", "b": "the UN, the U.S., 私は東京にいる"})
        == problem
    )


@given(st.text(), st.text())
def test_no_answer_makes_a_check_fail(answer: str, query: str) -> None:
    for check in (None, Check(columns=2), Check(from_input=True), Check(columns=1, from_input=True)):
        problem = verdict(check, answer, query)
        assert problem is None or problem


def test_a_check_checks_something() -> None:
    with pytest.raises(ValidationError):
        Check()
