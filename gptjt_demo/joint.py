"""Linears that read the same tensor, multiplied in one product: queries, keys and values, say, or gate and up.

In a small model a linear takes as long to be called as to be computed. In: a network of `Int8Linear`s. Out: the same
network, results equal to the bit. Which linears belong together is seen in a run, so no family of models is known here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gptjt_demo.int8 import Int8Linear


class Joint:
    """Several linears as one; each is asked in turn, and the first one's call computes all.

    Attributes:
        linear: the one.

    Args:
        linears: of one width and as many planes, none blocked.
    """

    def __init__(self, linears: list[Int8Linear]) -> None:
        planes = linears[0].planes
        self._sizes = [linear.out_features for linear in linears]
        biases = [linear.bias if linear.bias is not None else torch.zeros(linear.out_features) for linear in linears]
        self.linear = Int8Linear(
            _stack([linear.weight for linear in linears], planes),
            _stack([linear.scale for linear in linears], planes),
            torch.cat(biases) if any(linear.bias is not None for linear in linears) else None,
            planes,
        )
        self._input: Tensor | None = None
        self._outputs: dict[int, Tensor] = {}

    def ask(self, index: int, x: Tensor) -> Tensor:
        """The output of one of the linears."""
        if x is not self._input or index not in self._outputs:
            self._input, self._outputs = x, dict(enumerate(self.linear(x).split(self._sizes, dim=-1)))
        output = self._outputs.pop(index)
        if not self._outputs:  # all have been asked: nothing is held on to
            self._input = None
        return output


class Part(nn.Module):
    """One linear of a `Joint`."""

    def __init__(self, joint: Joint, index: int) -> None:
        super().__init__()
        self.linear = joint.linear  # so that it is among the network's modules
        self._joint, self._index = joint, index

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return self._joint.ask(self._index, x)


def join(network: Any) -> None:
    """Put `Part`s in the place of a network's linears that read the same tensor. None may be blocked yet."""
    readers: dict[int, tuple[Tensor, list[str]]] = {}  # the tensors are kept, so that no identity comes twice

    def hook(name: str) -> Any:
        def seen(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            readers.setdefault(id(inputs[0]), (inputs[0], []))[1].append(name)

        return seen

    linears = {name: m for name, m in network.named_modules() if isinstance(m, Int8Linear)}
    hooks = [linear.register_forward_pre_hook(hook(name)) for name, linear in linears.items()]
    try:
        with torch.inference_mode():
            network(input_ids=torch.zeros(1, 1, dtype=torch.long), use_cache=False)
    finally:
        for handle in hooks:
            handle.remove()
    for _, names in readers.values():
        if len(names) > 1 and len(set(names)) == len(names):
            joint = Joint([linears[name] for name in names])
            for index, name in enumerate(names):
                network.set_submodule(name, Part(joint, index))


def _stack(tensors: list[Any], planes: int) -> Tensor:
    """Tensors below each other, plane by plane."""
    return torch.cat([part for parts in zip(*(t.chunk(planes) for t in tensors), strict=True) for part in parts])
