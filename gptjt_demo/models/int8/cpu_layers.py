"""The 8-bit layers of a network on the CPU: made from weights of any layout, fused where they read one tensor.

In: a float layer without memory, and its weight as a checkpoint stores it. Out: layers of `linear` and `fused`. Memory
that a weight is read through is given back as it is converted; what is stored as the CPU runs it is taken as it lies.
Does not know files and models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gptjt_demo.models.int8 import fused, kernels
from gptjt_demo.models.int8.fused import FusedLinears
from gptjt_demo.models.int8.linear import Int8Embedding, Int8Linear, quantize
from gptjt_demo.models.layout import ALIGNMENT, Blockwise, RowWise, Weight

SLICE = 1 << 24  # values of a float weight that are read before their pages are given back: 64 MiB in float32


@dataclass(frozen=True)
class CpuLayers:
    """Makes the CPU's layers; `plan.Layers` says what each function is for.

    Attributes:
        planes: int8 planes that a weight is held in.
    """

    planes: int

    def layer(
        self,
        old: nn.Module,
        weight: Weight,
        bias: Tensor | None,
        device: torch.device,
        release: Callable[..., None],
    ) -> nn.Module:
        """An `Int8Linear` or `Int8Embedding`."""
        dtype: torch.dtype = old.weight.dtype  # type: ignore[assignment]
        packed, scale = quantize(weight, self.planes) if self.planes > 1 else _one_plane(weight, release)
        if isinstance(old, nn.Embedding):
            return Int8Embedding(packed, scale, dtype, self.planes)
        return Int8Linear(packed, scale, None if bias is None else bias.to(dtype), self.planes)

    def tied_linear(self, embedding: nn.Module) -> nn.Module:
        """An `Int8Linear` over the embedding's weight."""
        assert isinstance(embedding, Int8Embedding)
        head = Int8Linear(embedding.weight, embedding.scale, planes=self.planes)
        if self.planes > 1:
            head.block()
        return head

    def fusable(self, config: Any) -> list[list[str]]:
        """Those that read one tensor."""
        return fused.fusable(config)

    def finish(self, network: Any, names: list[str], *, mapped: bool) -> list[nn.Module]:
        """Fuse the linears, and hand them to oneDNN or leave that for later."""
        layers = [network.get_submodule(name) for name in names]
        if not isinstance(layers[0], Int8Linear):
            return layers
        unit = FusedLinears(layers) if len(layers) > 1 else layers[0]
        if isinstance(unit, FusedLinears):
            for name, part in zip(names, unit.parts, strict=True):
                network.set_submodule(name, part)
            if self.planes > 1:  # calls are dear in a small model
                unit.fuse()
        if mapped and self.planes == 1:  # to be there in seconds
            unit.defer()
        else:
            unit.block()  # here, so that no two large weights are ever there twice
        return [network.get_submodule(name) for name in names]

    def report(self) -> str:
        """This processor's kernels."""
        return kernels.kernels().report(small=self.planes > 1)


def _one_plane(weight: Weight, release: Callable[..., None]) -> tuple[Tensor, Tensor]:
    """int8 (rows, columns) and bfloat16 (rows,) of a weight; a mapped one as it lies, where the kernel can read it."""
    if isinstance(weight, RowWise):
        aligned = weight.weight.data_ptr() % ALIGNMENT == 0
        return weight.weight if aligned else weight.weight.clone(), weight.scale
    if isinstance(weight, Blockwise) or weight.numel() <= SLICE:
        return quantize(weight)
    packed = torch.empty(weight.shape, dtype=torch.int8)
    scale = torch.empty(weight.shape[0], dtype=torch.bfloat16)
    step = max(1, SLICE // weight.shape[1])
    for start in range(0, weight.shape[0], step):
        rows = slice(start, start + step)
        packed[rows], scale[rows] = quantize(weight[rows])
        release(weight[rows])
    return packed, scale
