"""Attention in bfloat16: exact but for its rounding, and hidden columns stay hidden."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from gptjt_demo import prefill_attention


def drawn(batch=2, heads=5, new=70, columns=90, width=16):
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(batch, heads, new, width, generator=generator).bfloat16() * 3
    key, value = (torch.randn(batch, heads, columns, width, generator=generator).bfloat16() for _ in range(2))
    keep = torch.rand(batch, 1, new, columns, generator=generator) < 0.7
    keep[..., 0] = True  # no row without a column
    mask = torch.zeros(keep.shape, dtype=torch.bfloat16).masked_fill(~keep, torch.finfo(torch.bfloat16).min)
    return query, key, value, mask


def error(found, exact):
    return float((found.double() - exact).norm() / exact.norm())


def test_its_error_is_that_of_bfloat16_as_torch_s_own_is():
    query, key, value, mask = drawn()
    exact = functional.scaled_dot_product_attention(
        query.double(), key.double(), value.double(), attn_mask=mask.double()
    ).transpose(1, 2)
    own = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)
    found = prefill_attention.attend(query, key, value, mask, query.shape[-1] ** -0.5)
    assert found.shape == own.shape
    assert error(own, exact) < 2**-8
    assert error(found, exact) < 2**-8


def test_hidden_columns_change_nothing():
    query, key, value, mask = drawn()
    before = prefill_attention.attend(query, key, value, mask, 0.25)
    hidden = (mask < 0).all(dim=2)[:, 0] | (torch.arange(key.shape[2]) > 60)  # (batch, columns)
    mask = mask.masked_fill(hidden[:, None, None], torch.finfo(mask.dtype).min)
    expected = prefill_attention.attend(query, key, value, mask, 0.25)
    assert not torch.equal(before, expected)
    key, value = (t.masked_fill(hidden[:, None, :, None], 7.0) for t in (key, value))
    assert torch.equal(prefill_attention.attend(query, key, value, mask, 0.25), expected)


@pytest.mark.parametrize(
    ("change", "suits"),
    [
        ({}, True),
        ({"new": prefill_attention.TOKENS - 1}, False),
        ({"dtype": torch.float32}, False),
        ({"key_heads": 1}, False),
        ({"masked": False}, False),
    ],
)
def test_it_is_for_long_masked_bfloat16_of_as_many_key_heads(change, suits):
    new, heads = change.get("new", prefill_attention.TOKENS), change.get("key_heads", 4)
    dtype = change.get("dtype", torch.bfloat16)
    query, key = torch.zeros(1, 4, new, 8, dtype=dtype), torch.zeros(1, heads, new, 8, dtype=dtype)
    mask = torch.zeros(1, 1, new, new, dtype=dtype) if change.get("masked", True) else None
    assert prefill_attention.suits(query, key, mask) is suits
