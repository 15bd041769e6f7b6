"""Products of activations with int8 weights on the CPU: which kernels this processor has, and which is taken when.

In: activations (rows, in), int8 weights (out, in) with a scale a row. Out: (rows, out) in the activations' type. Knows
nothing of modules and models.

Milliseconds for a 4096 by 4096 weight that is not in the cache, two cores with AVX-512 VNNI (it takes 0.37 to be read
once, and its bfloat16 twin 1.1 to be multiplied by one row):

    rows                                       1     4     8    32   160   512
    `_weight_int8pack_mm`                   0.54  0.66   1.3   4.4
    `_int_mm`, int8 activations             0.47   1.0   1.0   1.4   3.8   9.8
    bfloat16, converted by chunks            1.7   2.0   2.1   3.4   6.9    22
    oneDNN's blocked weight, int8 rows      0.40  0.42  0.50   0.8   3.1   9.5

So a large weight is kept in oneDNN's blocked layout alone, and a row goes through it twice: as int8, and as what the
rounding left, in int8 too. Those 15 bits are more than bfloat16 carries, so this is a weight-only product, and 16 rows
cost little more than one. Above `FINE_ROWS` rows, where arithmetic is the bound and no longer memory, one int8 row must
do; columns above LLM.int8()'s threshold (Dettmers et al. 2022) stay out of the rounding there. Sums of int8 products
are exact integers: up to `FINE_ROWS`, a row's result does not depend on the rows beside it, so decoding, drafts and
labels agree to the bit. (torchao's dynamic int8 linear is `_int_mm` with the rows on the other side: 1.0 to 2 times its
time.)

Small weights are bound by calls: `packed` takes 0.007 at 576 by 576, where the two passes take 0.054. It reads 16
columns at a time from aligned memory and checks neither: on other widths it returns numbers from beside the weight or
ends the process (seen on torch 2.13). Processors before VNNI saturate int8 sums: each kernel is tried once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from gptjt_demo.models.compiled.processor import asked_way

PACKED_ROWS = 16  # up to here `packed` is faster than `converted`
PACKED_COLUMNS = 16  # it reads this many at a time
FINE_ROWS = 48  # up to here activations are multiplied in 15 bits
OUTLIER = 6.0  # LLM.int8(): columns with an activation above it are not rounded to 8 bits
OUTLIER_SHARE = 1 / 16  # of the columns; where more of them are outliers, activations take 15 bits
BLOCKED = 1 << 22  # values of a weight from which oneDNN's layout pays
CHUNK = 1 << 21  # values converted at a time: 4 MiB in bfloat16, which stays in the cache
PIECE = 1 << 18  # values of activations rounded, or of sums scaled, at a time: 1 MiB in float32

# int8 (rows, in) to (rows, out) in a type: exact integer sums, times the weight's scales.
Dot = Callable[[Tensor, torch.dtype], Tensor]


@dataclass(frozen=True)
class Kernels:
    """What this processor multiplies with.

    Attributes:
        blocked: oneDNN's blocked int8 weights are fast here, and exact.
        packed: `_weight_int8pack_mm` is there, and right.
        converted: the type that weights are converted to: bfloat16 where the processor multiplies it.
    """

    blocked: bool
    packed: bool
    converted: torch.dtype

    def report(self, small: bool) -> str:
        """One line for people, of a small model or another."""
        name = str(self.converted).removeprefix("torch.")
        if small:
            how = "multiplied by oneDNN" if self.blocked else "converted to float32"
            return f"weights in two int8 planes, {how}, float32 between"
        if self.blocked:
            return (
                f"int8 weights, the large ones in oneDNN's layout with activations in 15 bits (above {FINE_ROWS} rows "
                f"in 8, outlier columns apart), {name} between"
            )
        few = f" as they are up to {PACKED_ROWS} rows, above that" if self.packed else ""
        return f"int8 weights{few} converted to {name} (no fast int8 products on this processor)"


def capabilities() -> dict[str, Any]:
    """What this processor has, by torch's names; a torch that does not tell all of it is asked for what counts here."""
    told = getattr(torch.cpu, "get_capabilities", None)
    if told is not None:
        return dict(told())
    asked = {"avx2": "avx2", "avx512_f": "avx512", "avx512_vnni": "vnni", "avx512_bf16": "avx512_bf16"}
    return {name: bool(getattr(torch.cpu, f"_is_{word}_supported")()) for name, word in asked.items()}


@functools.cache
def kernels() -> Kernels:
    """What this processor has, found out once: a kernel counts when it is fast here and its sums are right."""
    has = {} if asked_way() == "avx2" else capabilities()
    fast = bool(has.get("avx512_vnni") or has.get("amx_int8"))
    weight = torch.tensor([127, -127], dtype=torch.int8).repeat(64, 32)  # (64, 64), which saturates where it can
    rows, ones = weight[:4], torch.ones(64, dtype=torch.bfloat16)
    return Kernels(
        blocked=fast
        and _right(lambda: blocked(weight, ones)(rows, torch.float32))
        and _right(lambda: unblocked(weight, ones)(rows, torch.float32)),
        packed=_right(lambda: packed(rows.bfloat16(), weight, ones)),
        converted=torch.bfloat16 if has and torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32,
    )


def _right(product: Callable[[], Tensor]) -> bool:
    try:
        found = product()
    except (AttributeError, NotImplementedError, RuntimeError):  # this build of torch has no such kernel
        return False
    return torch.equal(found, torch.full_like(found, 64 * 127**2))


def blocked(weight: Tensor, scale: Tensor) -> Dot:
    """Exact products with a weight of which oneDNN keeps a copy in its own layout; the plain one is needed no more.

    Args:
        weight: int8 (out, in).
        scale: (out,).
    """
    copy = torch.ops.onednn.qlinear_prepack(weight, None)
    scales, zeros = scale.float(), torch.zeros(len(weight), dtype=torch.long)

    def dot(rows: Tensor, dtype: torch.dtype) -> Tensor:
        # oneDNN's fast kernel wants uint8 with a zero point; signed activations end in its reference code.
        unsigned = rows.view(torch.uint8).bitwise_xor(128)
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            unsigned, 1.0, 128, copy, scales, zeros, None, 1.0, 0, dtype, "none", [], ""
        )
        return out

    return dot


def unblocked(weight: Tensor, scale: Tensor) -> Dot:
    """The products of `blocked`, to the bit, with the plain weight: at once, but up to twice as slow."""
    scales = scale.float()[:, None]  # (out, 1)

    def dot(rows: Tensor, dtype: torch.dtype) -> Tensor:
        out = torch.empty(len(rows), len(weight), dtype=dtype)
        for start, stop in chunks(*weight.shape):
            sums = torch._int_mm(weight[start:stop], rows.t())  # int32 (chunk, rows); faster than the other way round
            out[:, start:stop] = torch.mul(sums, scales[start:stop]).t()
        return out

    return dot


def packed(rows: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """Few rows with a weight as it is: bfloat16 (rows, in) to (rows, out)."""
    return torch._weight_int8pack_mm(rows, weight, scale)


def converted(rows: Tensor, weight: Tensor, scale: Tensor, dtype: torch.dtype, planes: int = 1) -> Tensor:
    """Any rows on any processor: the weight is converted, a chunk at a time."""
    out = rows.new_zeros(len(rows), len(weight) // planes)
    left = rows.to(dtype)
    for plane in range(0, len(weight), out.shape[1]):
        for start, stop in chunks(out.shape[1], weight.shape[1]):
            part = functional.linear(left, weight[plane + start : plane + stop].to(dtype))
            out[:, start:stop] += part * scale[plane + start : plane + stop]
    return out


def integer(rows: Tensor, dot: Dot, planes: int = 1) -> Tensor:
    """Rows through exact products: in 15 bits when they are few, else in 8 with outlier columns apart.

    Args:
        rows: (rows, in).
        dot: gives (rows, planes * out).
        planes: of the weight. Where there are two, activations always take 15 bits.
    """
    if planes > 1 or len(rows) <= FINE_ROWS:
        return _fine(rows, dot, planes)
    largest = [part.abs().amax(0) for (part,) in _pieces(rows.shape[1], rows)]
    loud = (torch.stack(largest).amax(0) > OUTLIER).nonzero().squeeze(1)  # (outlier columns,)
    return _fine(rows, dot) if len(loud) > OUTLIER_SHARE * rows.shape[1] else _coarse(rows, loud, dot)


def _fine(rows: Tensor, dot: Dot, planes: int = 1) -> Tensor:
    """Each row as two of int8: its rounding, and the 254th parts of what that left."""
    steps, highs, lows = [], [], []
    for (part,) in _pieces(rows.shape[1], rows):
        steps.append(_steps(part))
        exact = part / steps[-1]  # float32 (rows of the piece, in), within 127
        high = exact.round()
        lows.append(exact.sub_(high).mul_(254).round_().to(torch.int8))
        highs.append(high.to(torch.int8))
    high, low = dot(torch.cat(highs + lows), torch.float32).chunk(2)  # (rows, planes * out) each
    step = torch.cat(steps)  # (rows, 1)
    out = rows.new_empty(len(rows), high.shape[1] // planes)
    for first, second, unit, target in _pieces(high.shape[1], high, low, step, out):
        sums = first.add_(second, alpha=1 / 254)
        if planes > 1:
            coarse, finer = sums.chunk(2, dim=1)
            sums = coarse.add_(finer)
        torch.mul(sums, unit, out=target)
    return out


def _coarse(rows: Tensor, loud: Tensor, dot: Dot) -> Tensor:
    """Each row as one of int8, without its outlier columns; those are multiplied as they are.

    The outliers' weights are asked for as products with unit rows: columns cannot be taken out of a blocked weight.

    Args:
        rows: (rows, in).
        loud: the outlier columns.
        dot: gives (rows, out).
    """
    steps, codes = [], []
    for (part,) in _pieces(rows.shape[1], rows):
        quiet = part.index_fill(1, loud, 0) if len(loud) else part
        steps.append(_steps(quiet))
        codes.append((quiet / steps[-1]).round_().to(torch.int8))
    step = torch.cat(steps)  # (rows, 1)
    units = functional.one_hot(loud, rows.shape[1]).to(torch.int8)  # (outliers, in)
    # Not in float32: at 512 rows writing that takes a fifth of the time.
    sums = dot(torch.cat([*codes, units]), rows.dtype)
    out, columns = sums[: len(rows)], sums[len(rows) :].float()  # (rows, out), (outliers, out)
    apart = rows[:, loud].float()  # (rows, outliers)
    for part, unit, given in _pieces(out.shape[1], out, step, apart):
        if len(loud):
            part.copy_((part * unit).addmm_(given, columns))
        else:
            part.mul_(unit)
    return out


def _steps(rows: Tensor) -> Tensor:
    """A row's magnitude as int8 steps: float32 (rows, 1)."""
    return rows.abs().amax(1, keepdim=True).float().div_(127).clamp_min_(1e-20)


def _pieces(columns: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of each tensor, as many as let what is computed of them stay in the cache.

    With 512 rows of 16384 columns that is six times as fast as in one go.
    """
    rows = max(1, PIECE // columns)
    return iter([tensors]) if len(tensors[0]) <= rows else zip(*(tensor.split(rows) for tensor in tensors), strict=True)


def chunks(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Ranges of a weight's rows that have `CHUNK` values each, or one row."""
    step = max(1, CHUNK // columns)
    for start in range(0, rows, step):
        yield start, min(start + step, rows)
