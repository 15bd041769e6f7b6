"""Linear and embedding over int8 weights with one scale a row, for the CPU. Knows nothing of files and models.

One int8 tensor serves an embedding and the head that is tied to it. Scales are bfloat16 because the kernel takes no
other; they are rounded before the weights are divided by them, so that the rounding costs no accuracy.

Two ways to multiply, by the number of rows; milliseconds on two cores with AVX-512 for a 4096 by 4096 weight:
torch's `_weight_int8pack_mm`, which reads the int8 weights themselves, takes 0.8 at 1 row, 2.3 at 8, 4.0 at 16 and 42
at 160; turning the weight into bfloat16, a chunk that stays in the cache at a time, takes 3.6 at 8, 3.8 at 16 and 15 at
160.
The packed kernel reads 16 columns at a time from aligned memory and checks neither: on other widths it returns numbers
from beside the weight or ends the process (seen on torch 2.13). So it is used on weights that fit it alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from gptjt_demo.checkpoint import Blockwise

PACKED_ROWS = 12  # up to here the packed kernel is the faster one
PACKED_COLUMNS = 16  # it reads this many at a time
ALIGNMENT = 64  # bytes; torch's own allocations have it, a tensor within a file may not
CHUNK = 1 << 21  # values converted at a time: 4 MiB in bfloat16, which stays in the cache


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
    for start, stop in _chunks(rows, columns):
        chunk = values(start, stop)  # float32 (rows of the chunk, columns)
        step = (chunk.abs().amax(1) / 127).clamp_min(1e-12).bfloat16()  # (rows of the chunk,)
        target[start:stop] = (chunk / step.float()[:, None]).round_().clamp_(-127, 127)
        scale[start:stop] = step
    return target, scale


def _chunks(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    size = max(1, CHUNK // columns)
    for start in range(0, rows, size):
        yield start, min(start + size, rows)


class Int8Linear(nn.Module):
    """`nn.Linear` over int8 weights; bfloat16 in and out.

    Args:
        weight: int8 (out, in).
        scale: bfloat16 (out,).
        bias: (out,), or None.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        rows = x.reshape(-1, self.in_features)  # (rows, in)
        if len(rows) <= PACKED_ROWS and self.in_features % PACKED_COLUMNS == 0:
            out = torch._weight_int8pack_mm(rows, self.weight, self.scale)
        else:
            out = rows.new_empty(rows.shape[0], self.out_features)
            for start, stop in _chunks(self.out_features, self.in_features):
                part = functional.linear(rows, self.weight[start:stop].to(rows.dtype))
                torch.mul(part, self.scale[start:stop], out=out[:, start:stop])
        if self.bias is not None:
            out += self.bias
        return out.view(*x.shape[:-1], self.out_features)


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
