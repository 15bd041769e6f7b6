"""The layouts that a checkpoint may hold a model in: what a weight is stored as, under which names.

Every linear and embedding NAME is held in one of these; everything else (norms, biases) is float.
- hivemind: `NAME.weight` (uint8, the weight's shape), `NAME.absmax` (float32, one a block of 4096 values of the
  flattened weight) and `NAME.code` (float32, 256 values); a value is `code[weight] * absmax`. It is what
  `bitsandbytes.functional.quantize_blockwise(w, blocksize=4096)` makes.
- int8: `NAME.weight` (int8, the weight's shape) and `NAME.scale` (bfloat16, one a row); a value is `weight * scale`.
  It is what `int8.linear.quantize` makes and the CPU runs on, so nothing is left to be done at load.
- float: `NAME.weight` in any floating type.

In: tensors, or their types and shapes. Out: weights whose rows can be read as floats. Does not know files and models.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Shape = tuple[int, ...]
Form = tuple[torch.dtype, Shape]

BLOCK = 4096  # values that share a scale in the hivemind layout
CODES = 256  # values that a uint8 can stand for
ALIGNMENT = 64  # bytes; an 8-bit weight that begins at a multiple of it can be run on as it lies in a file


@dataclass(frozen=True)
class Blockwise:
    """A weight in the hivemind layout."""

    weight: Tensor  # uint8 (rows, columns)
    absmax: Tensor  # float32 (blocks,)
    code: Tensor  # float32 (256,)

    def rows(self, start: int, stop: int) -> Tensor:
        """Rows of the weight as float32 (stop - start, columns), equal to `dequantize_blockwise` to the bit."""
        columns = self.weight.shape[1]
        first, last = start * columns, stop * columns
        blocks = torch.arange(first // BLOCK, -(-last // BLOCK))
        scale = self.absmax[blocks].repeat_interleave(BLOCK)  # (values of whole blocks,)
        scale = scale[first - int(blocks[0]) * BLOCK :][: last - first].view(stop - start, columns)
        # `index_select` is many times as fast as indexing here.
        return self.code.index_select(0, self.weight[start:stop].flatten().int()).view(stop - start, columns) * scale


@dataclass(frozen=True)
class RowWise:
    """A weight in the int8 layout."""

    weight: Tensor  # int8 (rows, columns)
    scale: Tensor  # bfloat16 (rows,)

    def rows(self, start: int, stop: int) -> Tensor:
        """Rows of the weight as float32 (stop - start, columns)."""
        return self.weight[start:stop].float() * self.scale[start:stop].float()[:, None]


Weight = Tensor | Blockwise | RowWise  # of a linear or an embedding, as it is stored


def stored(weight: Weight) -> Tensor:
    """The tensor `NAME.weight` (rows, columns)."""
    return weight if isinstance(weight, Tensor) else weight.weight


def rows(weight: Weight, start: int, stop: int) -> Tensor:
    """Rows of a weight as floats (stop - start, columns): float32, or the type in which it is stored."""
    return weight[start:stop] if isinstance(weight, Tensor) else weight.rows(start, stop)


@dataclass(frozen=True)
class Layout:
    """One of the layouts.

    Attributes:
        name: what commands call it.
        report: what a load report says of it.
        dtype: the type of `NAME.weight`; None where it may be any floating type.
        scales: the tensor beside it that holds its scales, as in `NAME.absmax`; "" where there is none.
        companions: type and shape of all that is stored beside a weight of a shape, by the last part of its name.
        whole_rows: how many rows of so many columns share no scale with others.
    """

    name: str
    report: str
    dtype: torch.dtype | None
    scales: str
    companions: Callable[[Shape], dict[str, Form]]
    whole_rows: Callable[[int], int]

    def parts(self, shape: Shape, dtype: torch.dtype = torch.float32) -> dict[str, Form]:
        """Type and shape of all tensors of a weight; `dtype` is its own where the layout leaves that open."""
        return {"weight": (self.dtype or dtype, shape)} | self.companions(shape)


HIVEMIND = Layout(
    "hivemind",
    "hivemind 8-bit",
    torch.uint8,
    "absmax",
    lambda shape: {"absmax": (torch.float32, (-(-math.prod(shape) // BLOCK),)), "code": (torch.float32, (CODES,))},
    lambda columns: BLOCK // math.gcd(BLOCK, columns),
)
INT8 = Layout(
    "int8", "int8, mapped", torch.int8, "scale", lambda shape: {"scale": (torch.bfloat16, shape[:1])}, lambda _: 1
)
FLOAT = Layout("float", "made 8-bit at load", None, "", lambda _: {}, lambda _: 1)

LAYOUTS = (HIVEMIND, INT8, FLOAT)
PARTS = ("weight", "absmax", "code", "scale")  # the last parts of the names of a weight's tensors, in all layouts


def layout_of(weight: Tensor) -> Layout | None:
    """The layout of a tensor `NAME.weight`, by its type; None where it is of none."""
    if weight.is_floating_point():
        return FLOAT
    return next((layout for layout in LAYOUTS if layout.dtype == weight.dtype), None)
