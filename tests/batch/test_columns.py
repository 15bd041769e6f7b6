"""Which column is which input: by name, never by chance."""

from __future__ import annotations

import pytest

from gptjt_demo.batch.columns import asked_inputs, guess_gold, guess_inputs
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
    assert guess_gold(ONE, ["tweet", "label"]) == "label"
    assert guess_gold(ONE, ["tweet", "Gold"]) == "Gold"
    assert guess_gold(ONE, ["tweet", "n"]) is None
    assert guess_inputs(ONE, ["text", "x"], gold="text") == {"tweet": "x"}


def test_a_column_whose_name_has_an_equals_sign_is_a_column() -> None:
    assert asked_inputs(ONE, ["a=b"], ["a=b"], where="-c") == {"tweet": "a=b"}
    assert asked_inputs(ONE, ["tweet=x"], ["x"], where="-c") == {"tweet": "x"}


def test_an_input_given_twice_is_refused() -> None:
    with pytest.raises(SettingError, match="given twice"):
        asked_inputs(TWO, ["a=x", "a=y"], ["x", "y"], where="-c")
