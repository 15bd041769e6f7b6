from __future__ import annotations

from typing import Any

import pytest
import torch

from gptjt_demo.engine.sampling import choose
from gptjt_demo.errors import SettingError, TemplateError
from gptjt_demo.settings import COLDEST, Sampling
from gptjt_demo.templates.template import Template

LOGITS = torch.tensor([1.0, 3.0, 2.0, float("-inf"), 0.0])


def draws(count: int = 400, **settings: Any) -> Any:
    sampling, generator = Sampling(**settings), torch.Generator().manual_seed(1)
    return [choose(LOGITS, sampling, generator) for _ in range(count)]


def test_temperature_zero_is_greedy() -> None:
    assert set(draws(temperature=0)) == {1}


def test_top_k_one_and_top_p_zero_are_the_likeliest_token() -> None:
    assert set(draws(temperature=5, top_k=1)) == {1}
    assert set(draws(temperature=5, top_p=0)) == {1}


def test_top_k_zero_and_top_p_one_are_off() -> None:
    assert set(draws(temperature=3, top_k=0, top_p=1)) == {0, 1, 2, 4}


def test_top_k_keeps_the_k_likeliest() -> None:
    assert set(draws(temperature=5, top_k=2)) == {1, 2}
    assert set(draws(temperature=5, top_k=999)) == {0, 1, 2, 4}


def test_top_p_keeps_tokens_until_their_sum_reaches_it() -> None:
    share = LOGITS.softmax(-1)
    assert set(draws(temperature=1, top_p=float(share[1]) + 0.01)) == {1, 2}
    assert set(draws(temperature=1, top_p=float(share[1]) - 0.01)) == {1}


def test_a_token_of_no_probability_is_never_chosen() -> None:
    assert 3 not in draws(temperature=5, count=2000)


def test_frequencies_follow_the_softmax_at_the_temperature() -> None:
    chosen = torch.tensor(draws(count=20000, temperature=2.0)).bincount(minlength=5) / 20000
    assert torch.allclose(chosen, (LOGITS / 2).softmax(-1), atol=0.02)


def test_a_seed_gives_the_same_choices_again() -> None:
    assert draws(temperature=2) == draws(temperature=2)


@pytest.mark.parametrize("value", [16, 16.0, "16", "16.0"])
def test_a_whole_number_in_any_form_is_that_number(value: int | float | str) -> None:
    assert Sampling(max_new_tokens=value).max_new_tokens == 16


@pytest.mark.parametrize(
    "settings",
    [
        {"max_new_tokens": 16.5},
        {"max_new_tokens": 0},
        {"max_new_tokens": True},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_p": 1.01},
        {"top_p": -0.01},
        {"top_k": -1},
        {"seed": -1},
        {"seed": 2**32},
        {"stop": [""]},
        {"heat": 1},
    ],
)
def test_a_setting_out_of_its_range_is_refused(settings: Any) -> None:
    (name,) = settings
    for make in (lambda given: Sampling(**given), Sampling.read):
        with pytest.raises(SettingError) as refused:
            make(settings)
        assert str(refused.value).startswith(f"{name}: ")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_seed_is_none(blank: str | None) -> None:
    assert Sampling(seed=blank).seed is None


@pytest.mark.parametrize("temperature", [5e-324, 1e-300, 1e-40, 1e-38, 1e-10, COLDEST / 2])
def test_a_temperature_that_leaves_no_rival_is_greedy(temperature: Any) -> None:
    assert Sampling(temperature=temperature).greedy
    assert set(draws(count=20, temperature=temperature)) == {1}


@pytest.mark.parametrize("temperature", [COLDEST, 2e-5, 1e-3])
def test_the_coldest_temperature_that_is_drawn_at_makes_no_nan(temperature: Any) -> None:
    assert not Sampling(temperature=temperature).greedy
    assert set(draws(count=20, temperature=temperature)) == {1}


def test_as_a_field_of_another_model_a_setting_keeps_its_path() -> None:
    with pytest.raises(TemplateError, match=r"generation\.temperature"):
        Template(name="a", title="A", generation={"temperature": float("nan")})
