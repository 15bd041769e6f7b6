"""Linear and embedding over int8 weights with one scale a row, for the CPU. Knows nothing of files and models.

One int8 tensor serves an embedding and the head that is tied to it. Scales are bfloat16 because the packed kernel takes
no other; they are rounded before the weights are divided by them, so that the rounding costs no accuracy. How the
products are made is in `kernels`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gptjt_demo.models import layout
from gptjt_demo.models.int8 import kernels
from gptjt_demo.models.layout import ALIGNMENT, Blockwise, Weight, stored


def quantize(weight: Weight, planes: int = 1) -> tuple[Tensor, Tensor]:
    """A weight as int8 with a scale a row: int8 (planes * rows, columns), bfloat16 (planes * rows,).

    A second plane holds, below the first, the 254th parts of what the first one's rounding left: 15 bits in all.
    One plane of an aligned blockwise weight is made in place: its uint8 tensor becomes the int8 one, so that a model is
    never in memory twice.
    """
    rows, columns = stored(weight).shape
    if planes == 1 and isinstance(weight, Blockwise) and weight.weight.data_ptr() % ALIGNMENT == 0:
        target = weight.weight.view(torch.int8)
    else:
        target = torch.empty(planes * rows, columns, dtype=torch.int8)
    scale = torch.empty(planes * rows, dtype=torch.bfloat16)
    for start, stop in kernels.chunks(rows, columns):
        left = layout.rows(weight, start, stop).float()  # (rows of the chunk, columns)
        step = (left.abs().amax(1) / 127).clamp_min(1e-12).bfloat16()  # (rows of the chunk,)
        for plane in range(0, planes * rows, rows):
            units = step.float()[:, None]
            rounded = (left / units).round_().clamp_(-127, 127)
            target[plane + start : plane + stop], scale[plane + start : plane + stop] = rounded, step
            if planes > 1:
                left, step = left - rounded * units, (units.squeeze(1) / 254).bfloat16()
    return target, scale


class Int8Linear(nn.Module):
    """`nn.Linear` over int8 weights, in and out in the type of its input.

    Attributes:
        weight: int8 (planes * out, in); None once `block` has handed it to oneDNN.

    Args:
        weight: int8 (planes * out, in).
        scale: bfloat16 (planes * out,).
        bias: (out,), or None.
        planes: 1, or 2 where the weight has a second one; then activations have 15 bits too, however many their rows.
    """

    weight: Tensor | None
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None = None, planes: int = 1) -> None:
        super().__init__()
        self.planes = planes
        self.out_features, self.in_features = weight.shape[0] // planes, weight.shape[1]
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)
        self._dot: kernels.Dot | None = None

    def block(self) -> None:
        """Hand the weight over to oneDNN, where this processor profits; the module then holds no other copy."""
        if self.weight is not None and self.gains:
            self._dot = kernels.blocked(self.weight, self.scale)
            self.weight = None

    def defer(self) -> None:
        """Leave `block` for later; until then results are the same, to the bit, only slower."""
        if self.weight is not None and self.gains:
            self._dot = kernels.unblocked(self.weight, self.scale)

    @property
    def gains(self) -> bool:
        """Whether oneDNN multiplies it faster."""
        large = self.in_features * self.out_features >= kernels.BLOCKED
        return (large or self.planes > 1) and kernels.kernels().blocked

    @property
    def blocked(self) -> bool:
        """Whether oneDNN holds the weight."""
        return self.weight is None

    @property
    def weights(self) -> list[Tensor]:
        """Its weight, until oneDNN holds it."""
        return [] if self.weight is None else [self.weight]

    @property
    def deferred(self) -> bool:
        """Whether `block` is still to come."""
        return self._dot is not None and not self.blocked

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        out = self._product(x.reshape(-1, self.in_features))
        if self.bias is not None:
            out += self.bias
        return out.view(*x.shape[:-1], self.out_features)

    def _product(self, rows: Tensor) -> Tensor:
        if self._dot is not None:
            return kernels.integer(rows, self._dot, self.planes)
        assert self.weight is not None
        has = kernels.kernels()
        if self.planes > 1:
            return kernels.converted(rows, self.weight, self.scale, torch.float32, self.planes)
        packs = has.packed and rows.dtype == torch.bfloat16 and self.in_features % kernels.PACKED_COLUMNS == 0
        if packs and len(rows) <= kernels.PACKED_ROWS:
            return kernels.packed(rows, self.weight, self.scale)
        return kernels.converted(rows, self.weight, self.scale, has.converted)


class Int8Embedding(nn.Module):
    """`nn.Embedding` over int8 weights.

    Args:
        weight: int8 (planes * vocabulary, width).
        scale: bfloat16 (planes * vocabulary,).
        dtype: what comes out.
        planes: as of `Int8Linear`.
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor, scale: Tensor, dtype: torch.dtype = torch.bfloat16, planes: int = 1) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = weight.shape[0] // planes, weight.shape[1]
        self.dtype, self.planes = dtype, planes
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """int64 (...) to (..., width)."""
        out = self._plane(ids)
        for plane in range(1, self.planes):
            out += self._plane(ids + plane * self.num_embeddings)
        return out

    def _plane(self, rows: Tensor) -> Tensor:
        return self.weight[rows].to(self.dtype) * self.scale[rows].to(self.dtype).unsqueeze(-1)
