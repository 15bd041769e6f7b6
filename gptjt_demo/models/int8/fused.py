"""Linears that read the same tensor, fused into one product: queries, keys and values, say, or gate and up.

One large product reads memory faster than several small ones, its input is rounded once, and in a small model a linear
takes as long to be called as to be computed. In: a configuration, and `Int8Linear`s. Out: which of them can be fused,
and the modules that stand in their place; results are equal to the bit. Knows no family of models: which linear reads
what is seen in a run of the network without weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gptjt_demo.models.int8.linear import Int8Linear


def fusable(config: Any) -> list[list[str]]:
    """Names of the linears that read one tensor, in their order; of a run of a network without weights.

    Args:
        config: of a model that takes a 4-D mask; for others nothing is found.
    """
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config)
    # The tensors are kept, so that no identity comes twice.
    seen: dict[int, tuple[Tensor, list[str]]] = {}

    def hook(name: str) -> Any:
        return lambda _, inputs: seen.setdefault(id(inputs[0]), (inputs[0], []))[1].append(name)

    for name, module in network.named_modules():
        if isinstance(module, nn.Linear):
            module.register_forward_pre_hook(hook(name))
    ids, mask = torch.zeros(1, 1, dtype=torch.long, device="meta"), torch.zeros(1, 1, 1, 1, device="meta")
    try:
        with torch.inference_mode():
            network(input_ids=ids, attention_mask=mask, use_cache=False)
    except (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return []
    return [names for _, names in seen.values() if len(names) > 1 and len(set(names)) == len(names)]


class FusedLinears:
    """Several linears as one; each is asked in turn, and the first one's call computes all.

    Attributes:
        parts: what stands in the place of each.
        linear: the one; None until `fuse`.

    Args:
        linears: of one width and as many planes, none blocked.
    """

    def __init__(self, linears: list[Int8Linear]) -> None:
        self.parts = [FusedPart(self, linear) for linear in linears]
        self.linear: Int8Linear | None = None
        self._sizes = [linear.out_features for linear in linears]
        self._input: Tensor | None = None
        self._outputs: dict[int, Tensor] = {}

    @property
    def weights(self) -> list[Tensor]:
        """The parts' own weights, as long as they have such."""
        return [] if self.linear else [part.linear.weight for part in self.parts if part.linear.weight is not None]

    @property
    def deferred(self) -> bool:
        """Whether `block` is still to come."""
        return self.linear is None and any(part.linear.deferred for part in self.parts)

    def fuse(self) -> None:
        """Copy the parts' weights into one."""
        linears = [part.linear for part in self.parts]
        planes = linears[0].planes
        biases = [linear.bias if linear.bias is not None else torch.zeros(linear.out_features) for linear in linears]
        self.linear = Int8Linear(
            _stack([linear.weight for linear in linears], planes),
            _stack([linear.scale for linear in linears], planes),
            torch.cat([bias.to(biases[-1].dtype) for bias in biases])
            if any(m.bias is not None for m in linears)
            else None,
            planes,
        )
        for part in self.parts:
            part.linear = self.linear

    def block(self) -> None:
        """Hand all to oneDNN as one, where this processor profits."""
        if self.linear is None and any(part.linear.gains for part in self.parts):
            self.fuse()
        if self.linear is not None:
            self.linear.block()

    def defer(self) -> None:
        """Leave `block` for later; until then each part answers for itself."""
        for part in self.parts:
            part.linear.defer()

    def ask(self, part: FusedPart, x: Tensor) -> Tensor:
        """The output of one of the linears."""
        if self.linear is None:
            out: Tensor = part.linear(x)
            return out
        index = self.parts.index(part)
        if x is not self._input or index not in self._outputs:
            self._input, self._outputs = x, dict(enumerate(self.linear(x).split(self._sizes, dim=-1)))
        output = self._outputs.pop(index)
        if not self._outputs:  # all have been asked: nothing is held on to
            self._input = None
        return output


class FusedPart(nn.Module):
    """One linear of `FusedLinears`.

    Attributes:
        fused: what it is a part of.
        linear: its own linear, and once they are fused the one of all.
    """

    def __init__(self, fused: FusedLinears, linear: Int8Linear) -> None:
        super().__init__()
        self.fused, self.linear = fused, linear

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return self.fused.ask(self, x)


def _stack(tensors: list[Any], planes: int) -> Tensor:
    """Tensors below each other, plane by plane."""
    return torch.cat([part for parts in zip(*(t.chunk(planes) for t in tensors), strict=True) for part in parts])
