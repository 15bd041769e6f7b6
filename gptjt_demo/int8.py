"""Linear and embedding over int8 weights with one scale a row, for the CPU. Knows nothing of files and models.

One int8 tensor serves an embedding and the head that is tied to it. Scales are bfloat16 because the packed kernel takes
no other; they are rounded before the weights are divided by them, so that the rounding costs no accuracy. How the
products are made is in `kernels`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gptjt_demo import kernels
from gptjt_demo.checkpoint import Blockwise

ALIGNMENT = 64  # bytes; torch's own allocations have it, a tensor within a file may not


def quantize(weight: Tensor | Blockwise) -> tuple[Tensor, Tensor]:
    """A weight as int8 with a scale a row: int8 (rows, columns), bfloat16 (rows,).

    A blockwise weight is converted in place where its memory is aligned: its uint8 tensor becomes the int8 one, so that
    a model is never in memory twice.
    """
    values = weight.rows if isinstance(weight, Blockwise) else lambda start, stop: weight[start:stop].float()
    stored = weight.weight if isinstance(weight, Blockwise) else weight
    rows, columns = stored.shape
    target = torch.empty(rows, columns, dtype=torch.int8)
    if isinstance(weight, Blockwise) and stored.data_ptr() % ALIGNMENT == 0:
        target = stored.view(torch.int8)
    scale = torch.empty(rows, dtype=torch.bfloat16)
    for start, stop in kernels.chunks(rows, columns):
        chunk = values(start, stop)  # float32 (rows of the chunk, columns)
        step = (chunk.abs().amax(1) / 127).clamp_min(1e-12).bfloat16()  # (rows of the chunk,)
        target[start:stop] = (chunk / step.float()[:, None]).round_().clamp_(-127, 127)
        scale[start:stop] = step
    return target, scale


class Int8Linear(nn.Module):
    """`nn.Linear` over int8 weights; bfloat16 in and out.

    Attributes:
        weight: int8 (out, in); None once `block` has handed it to oneDNN.

    Args:
        weight: int8 (out, in).
        scale: bfloat16 (out,).
        bias: (out,), or None.
    """

    weight: Tensor | None
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)
        self._dot: kernels.Dot | None = None

    def block(self) -> None:
        """Hand a large weight over to oneDNN, where this processor profits; the module then holds no other copy."""
        if self.weight is not None and self._gains():
            self._dot = kernels.blocked(self.weight, self.scale)
            self.weight = None

    def defer(self) -> bool:
        """Leave the blocking for later, with the same results to the bit; whether there is anything to do later."""
        if self.weight is not None and self._gains():
            self._dot = kernels.unblocked(self.weight, self.scale)
        return self._dot is not None and not self.blocked

    def _gains(self) -> bool:
        return self.in_features * self.out_features >= kernels.BLOCKED and kernels.kernels().blocked

    @property
    def blocked(self) -> bool:
        """Whether oneDNN holds the weight."""
        return self.weight is None

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        out = self._product(x.reshape(-1, self.in_features))
        if self.bias is not None:
            out += self.bias
        return out.view(*x.shape[:-1], self.out_features)

    def _product(self, rows: Tensor) -> Tensor:
        if self._dot is not None:
            return kernels.integer(rows, self._dot)
        assert self.weight is not None
        has = kernels.kernels()
        if has.packed and len(rows) <= kernels.PACKED_ROWS and self.in_features % kernels.PACKED_COLUMNS == 0:
            return kernels.packed(rows, self.weight, self.scale)
        return kernels.converted(rows, self.weight, self.scale, has.converted)


class Int8Embedding(nn.Module):
    """`nn.Embedding` over int8 weights; bfloat16 out.

    Args:
        weight: int8 (vocabulary, width).
        scale: bfloat16 (vocabulary,).
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = weight.shape
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor) -> Tensor:
        """int64 (...) to (..., width)."""
        return self.weight[ids].to(self.scale.dtype) * self.scale[ids].unsqueeze(-1)
