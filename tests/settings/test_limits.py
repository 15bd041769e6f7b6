"""What a server does for one visitor: limits on a Space, none on a machine of one's own, each a checked variable."""

from __future__ import annotations

from dataclasses import asdict, fields, replace

import pytest

from gptjt_demo.errors import SettingError
from gptjt_demo.settings import Limits
from gptjt_demo.settings.environment import LIMITS, check

NAMES = [field.name for field in fields(Limits)]


@pytest.fixture(autouse=True)
def _blank(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACE_ID", *(variable.name for variable in LIMITS.values())):
        monkeypatch.delenv(name, raising=False)


def test_a_space_has_every_limit_and_a_machine_of_ones_own_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(asdict(Limits.read()).values()) == {None}
    monkeypatch.setenv("SPACE_ID", "somebody/some-space")
    assert all(value and value > 0 for value in asdict(Limits.read()).values())


@pytest.mark.parametrize("name", NAMES)
def test_each_limit_is_set_by_its_variable_and_lifted_with_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(LIMITS[name].name, " 7 ")
    assert Limits.read() == replace(Limits(), **{name: 7})
    monkeypatch.setenv("SPACE_ID", "somebody/some-space")
    assert getattr(Limits.read(), name) == 7
    monkeypatch.setenv(LIMITS[name].name, "None")
    assert [other for other in NAMES if getattr(Limits.read(), other) is None] == [name]
    check()


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e3", "ten", "1 000", "٣", "²", "9" * 40, "9" * 900, "inf", "nan"])
def test_what_is_no_limit_is_refused_by_its_variable(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GPTJT_MAX_ROWS", text)
    with pytest.raises(SettingError, match=r"GPTJT_MAX_ROWS: .* does not fit; give a whole number from 1, or none"):
        Limits.read()
