from __future__ import annotations

from typing import Any

import pytest
import torch
from bitsandbytes.functional import dequantize_blockwise, quantize_blockwise
from torch import nn

from gptjt_demo.models.int8.linear import Int8Embedding, Int8Linear, quantize
from gptjt_demo.models.layout import Blockwise


def blockwise(rows: int, columns: int, seed: int = 0) -> Any:
    """A random weight in the hivemind layout, made by bitsandbytes, and what bitsandbytes reads back."""
    weight = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 0.02
    quantized, state = quantize_blockwise(weight, blocksize=4096)
    expected = dequantize_blockwise(quantized, state).reshape(rows, columns)
    return Blockwise(quantized.reshape(rows, columns), state.absmax.float(), state.code.float()), expected


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual.float() - expected.float()).norm() / expected.float().norm())


@pytest.mark.parametrize(("rows", "columns"), [(48, 576), (3, 4096), (5, 100), (1, 5000)])
def test_blockwise_rows_equal_bitsandbytes_to_the_bit(rows: int, columns: int) -> None:
    weight, expected = blockwise(rows, columns)
    assert torch.equal(weight.rows(0, rows), expected)
    for start in range(rows):
        assert torch.equal(weight.rows(start, start + 1), expected[start : start + 1])


@pytest.mark.parametrize(("rows", "columns"), [(48, 576), (64, 4096), (5, 100)])
def test_row_wise_int8_of_a_blockwise_weight_stays_within_two_percent(rows: int, columns: int) -> None:
    weight, expected = blockwise(rows, columns)
    original = torch.randn(rows, columns, generator=torch.Generator().manual_seed(0)) * 0.02
    packed, scale = quantize(weight)
    restored = packed.float() * scale.float()[:, None]
    assert relative_error(restored, expected) < 0.01
    assert relative_error(restored, original) < 0.02


def test_a_row_of_zeros_stays_zero() -> None:
    packed, scale = quantize(torch.zeros(2, 32))
    assert not packed.any()
    assert torch.isfinite(scale).all()


def test_an_aligned_blockwise_weight_is_converted_in_its_own_memory() -> None:
    weight, _ = blockwise(48, 576)
    assert quantize(weight)[0].data_ptr() == weight.weight.data_ptr()


def test_a_misaligned_blockwise_weight_is_moved_to_memory_that_the_kernel_can_read() -> None:
    weight, expected = blockwise(48, 576)
    storage = torch.empty(48 * 576 + 64, dtype=torch.uint8)
    shift = (8 - storage.data_ptr()) % 64
    view = storage[shift : shift + 48 * 576].view(48, 576)
    view.copy_(weight.weight)
    packed, scale = quantize(Blockwise(view, weight.absmax, weight.code))
    assert packed.data_ptr() % 64 == 0
    assert relative_error(packed.float() * scale.float()[:, None], expected) < 0.01


# 40 and 100 columns are no multiple of 16, where torch's packed kernel reads beside the weight.
@pytest.mark.parametrize("columns", [576, 4096, 40, 100])
@pytest.mark.parametrize("rows", [1, 2, 8, 9, 200])
@pytest.mark.parametrize("bias", [False, True])
def test_int8_linear_equals_the_float_one_on_the_same_weights(columns: int, rows: int, bias: bool) -> None:
    torch.manual_seed(0)
    packed, scale = quantize(torch.randn(48, columns) * 0.02)
    offset = torch.randn(48).bfloat16() if bias else None
    linear = Int8Linear(packed, scale, offset)
    reference = nn.Linear(columns, 48, bias=bias)
    reference.weight.data = packed.float() * scale.float()[:, None]
    if offset is not None:
        reference.bias.data = offset.float()
    x = torch.randn(2, rows, columns).bfloat16()  # 16 rows in all are the most that the packed kernel gets
    assert linear(x).shape == (*x.shape[:-1], 48)
    assert linear(x).dtype == torch.bfloat16
    assert relative_error(linear(x), reference(x.float())) < 0.006


@pytest.mark.parametrize("columns", [576, 100])
@pytest.mark.parametrize("rows", [1, 17, 200])
@pytest.mark.parametrize("blocked", [False, True])
def test_two_planes_lose_next_to_nothing_of_a_weight_and_its_activations(
    columns: int, rows: int, blocked: bool
) -> None:
    weight = torch.randn(48, columns, generator=torch.Generator().manual_seed(0)) * 0.02
    linear = Int8Linear(*quantize(weight, planes=2), torch.ones(48), planes=2)
    if blocked:
        linear.block()
    x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(1))
    assert linear(x).dtype == torch.float32
    assert relative_error(linear(x), nn.functional.linear(x, weight, torch.ones(48))) < 1e-4


def test_two_planes_of_an_embedding_give_its_rows() -> None:
    weight = torch.randn(10, 32)
    ids = torch.tensor([[3, 3], [9, 0]])
    found = Int8Embedding(*quantize(weight, planes=2), dtype=torch.float32, planes=2)(ids)
    assert relative_error(found, weight[ids]) < 1e-4


def test_a_blockwise_weight_is_not_overwritten_by_its_two_planes() -> None:
    weight, expected = blockwise(48, 576)
    planes, scale = quantize(weight, planes=2)
    assert torch.equal(weight.rows(0, 48), expected)
    restored = (planes.float() * scale.float()[:, None]).view(2, 48, 576).sum(0)
    assert relative_error(restored, expected) < 1e-4


def test_int8_embedding_is_the_row_of_the_weight() -> None:
    packed, scale = quantize(torch.randn(10, 32))
    ids = torch.tensor([[3, 3], [9, 0]])
    expected = (packed.float() * scale.float()[:, None])[ids]
    assert relative_error(Int8Embedding(packed, scale)(ids), expected) < 0.004
