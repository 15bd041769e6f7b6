"""Attention in bfloat16: exact but for its rounding, and hidden columns stay hidden."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from gptjt_demo.engine import cpu_attention

WORST = torch.finfo(torch.bfloat16).min


def drawn(new: int = 70, columns: int = 90, key_heads: int = 6, batch: int = 2, width: int = 16) -> Any:
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(batch, 6, new, width, generator=generator).bfloat16() * 3
    key, value = (torch.randn(batch, key_heads, columns, width, generator=generator).bfloat16() for _ in range(2))
    keep = torch.rand(batch, 1, new, columns, generator=generator) < 0.7
    keep[..., 0] = True  # no row without a column
    return query, key, value, torch.zeros(keep.shape, dtype=torch.bfloat16).masked_fill(~keep, WORST)


def torch_s_own(query: Any, key: Any, value: Any, mask: Any) -> Any:
    out = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, enable_gqa=True)
    return out.transpose(1, 2)


def error(found: Any, exact: Any) -> Any:
    return float((found.double() - exact).norm() / exact.norm())


@pytest.mark.parametrize("piece", [1, cpu_attention.PIECE])
@pytest.mark.parametrize("key_heads", [6, 3, 1])
@pytest.mark.parametrize("new", [1, 5, 70])
def test_its_error_is_that_of_bfloat16_as_torch_s_own_is(
    new: int, key_heads: int, piece: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_attention, "PIECE", piece)
    query, key, value, mask = drawn(new, key_heads=key_heads)
    exact = torch_s_own(query.double(), key.double(), value.double(), mask.double())
    own = torch_s_own(query, key, value, mask)
    found = cpu_attention.attend(query, key, value, mask, query.shape[-1] ** -0.5)
    assert found.shape == own.shape
    assert error(own, exact) < 2**-8
    assert error(found, exact) < 2**-8


@pytest.mark.parametrize("new", [1, 70])
def test_a_bool_mask_hides_what_an_additive_one_does_and_none_hides_nothing(new: int) -> None:
    query, key, value, mask = drawn(new)
    found = cpu_attention.attend(query, key, value, mask == 0, 0.25)
    assert torch.equal(found, cpu_attention.attend(query, key, value, mask, 0.25))
    everything = torch.zeros_like(mask)
    found = cpu_attention.attend(query, key, value, None, 0.25)
    assert torch.equal(found, cpu_attention.attend(query, key, value, everything, 0.25))


@pytest.mark.parametrize("new", [1, 70])
def test_hidden_columns_change_nothing(new: int) -> None:
    query, key, value, mask = drawn(new)
    before = cpu_attention.attend(query, key, value, mask, 0.25)
    hidden = (mask < 0).all(dim=2)[:, 0] | (torch.arange(key.shape[2]) > 60)  # (batch, columns)
    mask = mask.masked_fill(hidden[:, None, None], WORST)
    expected = cpu_attention.attend(query, key, value, mask, 0.25)
    assert not torch.equal(before, expected)
    key, value = (t.masked_fill(hidden[:, None, :, None], 7.0) for t in (key, value))
    assert torch.equal(cpu_attention.attend(query, key, value, mask, 0.25), expected)


@pytest.mark.parametrize(
    ("new", "dtype", "masked", "suits"),
    [
        (1, torch.bfloat16, True, True),
        (1, torch.bfloat16, False, True),
        (2, torch.bfloat16, True, False),
        (cpu_attention.MANY, torch.bfloat16, True, True),
        (cpu_attention.MANY, torch.bfloat16, False, False),  # it would be causal
        (1, torch.float32, True, False),
    ],
)
def test_it_is_for_one_or_many_masked_tokens_in_bfloat16(new: Any, dtype: Any, masked: bool, suits: bool) -> None:
    mask = torch.zeros(1, 1, new, new, dtype=dtype) if masked else None
    assert cpu_attention.suits(torch.zeros(1, 4, new, 8, dtype=dtype), mask) is suits
