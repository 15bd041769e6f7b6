"""Which column is which input: by name, never by chance."""

from __future__ import annotations

import re

import pytest

from gptjt_demo.batch.columns import asked_gold, asked_inputs, fitting_gold, guess_inputs
from gptjt_demo.errors import SettingError
from gptjt_demo.templates.template import Input, Template

ONE = Template(name="one", title="One", inputs=(Input(name="tweet", cue="Tweet:"),), output_cue="Label")
TWO = Template(name="two", title="Two", inputs=(Input(name="a", cue="First"), Input(name="b", cue="Second")))


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["id", "Tweet", "Label"], "Tweet"),
        (["id", "TEXT"], "TEXT"),
        (["anything"], "anything"),
        (["id", "other"], None),
    ],
)
def test_the_only_input_is_found_by_its_name_a_usual_one_or_alone(columns: list[str], found: str | None) -> None:
    assert guess_inputs(ONE, columns).get("tweet") == found


def test_several_inputs_are_found_by_name_or_cue_and_no_column_is_taken_twice() -> None:
    assert guess_inputs(TWO, ["second", "A", "text"]) == {"a": "A", "b": "second"}
    assert guess_inputs(TWO, ["text"]) == {}


def test_right_answers_are_not_taken_for_an_input() -> None:
    assert fitting_gold(ONE, ["tweet", "label"]) == ["label"]
    assert fitting_gold(ONE, ["tweet", "Gold"]) == ["Gold"]
    assert fitting_gold(ONE, ["tweet", "n"]) == []
    assert guess_inputs(ONE, ["text", "x"], gold="text") == {"tweet": "x"}


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (["tweet", "output", "label"], "'output', 'label'"),
        (["tweet", "Label", "label"], "'Label', 'label'"),
        (["tweet", "label", "label (2)"], "'label', 'label (2)'"),
        (["tweet", "gold", "category", "x"], "'gold', 'category'"),
    ],
)
def test_of_two_columns_that_could_hold_the_right_answers_the_user_is_asked(columns: list[str], named: str) -> None:
    with pytest.raises(SettingError, match=re.escape(f"-o: the columns {named} could all hold the right answers")):
        asked_gold(ONE, None, columns, where="-o")
    assert asked_gold(ONE, columns[1], columns, where="-o") == columns[1]


@pytest.mark.parametrize(
    ("columns", "named"),
    [(["text", "sentence"], "'text', 'sentence'"), (["Tweet", "tweet", "text"], "'Tweet', 'tweet'")],
)
def test_of_two_columns_that_fit_an_input_the_user_is_asked(columns: list[str], named: str) -> None:
    assert guess_inputs(ONE, columns) == {}
    with pytest.raises(SettingError, match=f"-c: the columns {named} could all be the input 'tweet'; give COLUMN"):
        asked_inputs(ONE, [], columns, where="-c")


def test_the_input_s_own_name_is_no_guess() -> None:
    assert guess_inputs(ONE, ["text", "tweet", "comment"]) == {"tweet": "tweet"}


def test_the_right_answers_are_not_a_column_that_is_taken() -> None:
    assert fitting_gold(ONE, ["answer", "label"], taken=["answer"]) == ["label"]
    assert guess_inputs(ONE, ["answer", "label"], gold="label") == {"tweet": "answer"}


@pytest.mark.parametrize("name", [" tweet", "\u00a0Tweet", "\ufefftweet", "tw\u00adeet:", "tweet\u200b"])
def test_names_are_compared_by_what_is_seen_of_them(name: str) -> None:
    assert guess_inputs(ONE, ["id", name, "x"]) == {"tweet": name}


def test_columns_that_are_named_to_the_user_stand_in_quotes() -> None:
    with pytest.raises(SettingError, match="the columns are 'a ', 'b'"):
        asked_inputs(ONE, [], ["a ", "b"], where="-c")
    with pytest.raises(SettingError, match="choose one of 'a ', 'b'"):
        asked_gold(ONE, None, ["a ", "b"], where="-o")


def test_a_column_whose_name_has_an_equals_sign_is_a_column() -> None:
    assert asked_inputs(ONE, ["a=b"], ["a=b"], where="-c") == {"tweet": "a=b"}
    assert asked_inputs(ONE, ["tweet=x"], ["x"], where="-c") == {"tweet": "x"}


def test_an_input_given_twice_is_refused() -> None:
    with pytest.raises(SettingError, match="given twice"):
        asked_inputs(TWO, ["a=x", "a=y"], ["x", "y"], where="-c")
