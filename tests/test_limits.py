"""What a server does for one visitor: limits on a Space, none on a machine of one's own, each a checked variable."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from gptjt_demo.errors import SettingError
from gptjt_demo.settings import ON_A_SPACE, VARIABLES, Limits

SPACE = {"SPACE_ID": "somebody/some-space"}


def test_a_space_has_every_limit_and_a_machine_of_ones_own_has_none() -> None:
    assert Limits.read(SPACE) == ON_A_SPACE
    assert Limits.read({}) == Limits()
    assert {getattr(Limits(), field.name) for field in fields(Limits)} == {None}
    assert all(getattr(ON_A_SPACE, field.name) > 0 for field in fields(Limits))


@pytest.mark.parametrize("name", VARIABLES)
def test_each_limit_is_set_by_its_variable_and_lifted_with_none(name: str) -> None:
    assert Limits.read({VARIABLES[name]: "7"}) == replace(Limits(), **{name: 7})
    assert Limits.read({**SPACE, VARIABLES[name]: " 7 "}) == replace(ON_A_SPACE, **{name: 7})
    assert Limits.read({**SPACE, VARIABLES[name]: "None"}) == replace(ON_A_SPACE, **{name: None})
    assert Limits.read({**SPACE, VARIABLES[name]: ""}) == ON_A_SPACE


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e3", "ten", "1 000", "٣", "9" * 40, "inf", "nan"])
def test_a_variable_that_is_no_limit_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(SettingError, match=r"GPTJT_MAX_ROWS: .* is no limit; give a whole number from 1, or none"):
        Limits.read({"GPTJT_MAX_ROWS": text})
