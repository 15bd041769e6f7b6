"""The layouts: told apart by the type of a weight, with the tensors beside it of the shapes that are stored."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from bitsandbytes.functional import quantize_blockwise

from gptjt_demo.models.int8.linear import quantize
from gptjt_demo.models.layout import FLOAT, HIVEMIND, INT8, LAYOUTS, PARTS, Blockwise, RowWise, layout_of, rows, stored

SHAPE = (96, 130)  # three blocks of 4096 values, and a part of one


def tensors(layout: Any) -> Any:
    """What is stored of a weight, and the weight as it is read."""
    torch.manual_seed(0)
    values = torch.randn(SHAPE)
    if layout is HIVEMIND:
        weight, state = quantize_blockwise(values, blocksize=4096)
        parts = {"weight": weight.view(SHAPE), "absmax": state.absmax, "code": state.code}
        return parts, Blockwise(*parts.values()), values
    if layout is INT8:
        parts = dict(zip(("weight", "scale"), quantize(values), strict=True))
        return parts, RowWise(*parts.values()), values
    return {"weight": values}, values, values


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_what_is_stored_has_the_types_and_shapes_that_the_layout_says(layout: Any) -> None:
    parts, _, _ = tensors(layout)
    assert {name: (part.dtype, tuple(part.shape)) for name, part in parts.items()} == layout.parts(SHAPE)
    assert parts.keys() <= set(PARTS)
    assert layout.scales in (*parts, "")
    assert layout_of(parts["weight"]) is layout


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_some_rows_are_those_of_the_whole(layout: Any) -> None:
    _, weight, values = tensors(layout)
    whole = rows(weight, 0, len(stored(weight)))
    assert float((whole - values).norm() / values.norm()) < 0.02
    for start, stop in ((0, 1), (31, 33), (95, 96), (7, 90)):
        assert torch.equal(rows(weight, start, stop), whole[start:stop])


def test_rows_that_are_converted_together_share_no_scale_with_others() -> None:
    for columns in (1, 32, 130, 4096, 6144):
        assert HIVEMIND.whole_rows(columns) * columns % 4096 == 0
    assert (HIVEMIND.whole_rows(4096), HIVEMIND.whole_rows(32), INT8.whole_rows(130)) == (1, 128, 1)


def test_every_float_is_one_layout_and_other_types_are_none() -> None:
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        assert layout_of(torch.zeros(1, dtype=dtype)) is FLOAT
    assert layout_of(torch.zeros(1, dtype=torch.int32)) is None
