"""How a model is run, decided once: on which devices, in which type, in how many int8 planes, with whose layers.

In: a device and a checkpoint's sizes. Out: a `Plan`, by which `building` fills a network and `loading` reports. Does
not know names of models, files and hubs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.int8.cpu_layers import CpuLayers
from gptjt_demo.models.int8.llm_int8 import CudaLayers
from gptjt_demo.models.layout import Weight

SMALL = 1 << 30  # values of a model below which it is run without loss


class Layers(Protocol):
    """Makes the 8-bit layers of one kind of device, each in place of a float one of a network."""

    def layer(
        self,
        old: nn.Module,
        weight: Weight,
        bias: Tensor | None,
        device: torch.device,
        release: Callable[..., None],
    ) -> nn.Module:
        """The 8-bit layer of a linear or an embedding.

        Args:
            old: the float layer; its parameters need no memory.
            weight: as a checkpoint stores it.
            bias: (out,), or None.
            device: where it will run.
            release: is given rows of the weight that are needed no more.
        """
        ...

    def tied_linear(self, embedding: nn.Module) -> nn.Module:
        """The head that shares an 8-bit embedding's weight."""
        ...

    def fusable(self, config: Any) -> list[list[str]]:
        """Names of the linears that `finish` takes together."""
        ...

    def finish(self, network: Any, names: list[str], *, mapped: bool) -> list[nn.Module]:
        """What can be done once all the layers of these names are there; returns what then stands in their place.

        Args:
            network: that has the layers.
            names: one, or those of a list of `fusable`.
            mapped: their weights lie in a file as they are run.
        """
        ...

    def report(self) -> str:
        """What multiplies their weights, in a line for people."""
        ...


@dataclass(frozen=True)
class Plan:
    """How a model is run.

    Attributes:
        devices: where modules of these names go, with all that is within them; "" is the whole network.
        dtype: the type of what passes between the layers.
        planes: int8 planes that a weight is held in: 1, or 2 for a model that is run without loss.
        layers: makes the 8-bit layers.
    """

    devices: Mapping[str, torch.device]
    dtype: torch.dtype
    planes: int
    layers: Layers

    @classmethod
    def of(cls, device: torch.device, checkpoint: Checkpoint) -> Plan:
        """The plan for one device.

        On the CPU a small model is one whose memory nobody counts, so it is run without loss. Rounding to int8 rows and
        computing in bfloat16 between them changes one next token in 13 of a model of 135 M, whose likeliest tokens are
        close to each other; a second int8 plane of its weights, and float32 between, change none.
        """
        devices = {"": device}
        if device.type == "cuda":
            return cls(devices, torch.float16, 1, CudaLayers())
        if sum(values for _, values, _ in checkpoint.sizes()) < SMALL:
            return cls(devices, torch.float32, 2, CpuLayers(2))
        return cls(devices, torch.bfloat16, 1, CpuLayers(1))

    def split(self, devices: Mapping[str, torch.device]) -> Plan:
        """The same plan with the network's modules on these devices."""
        return replace(self, devices=devices)

    @property
    def one_device(self) -> bool:
        """Whether the whole network is on one device."""
        return "" in self.devices

    def device(self, name: str) -> torch.device:
        """Where the module `name` goes: as the innermost one around it that is named."""
        while name not in self.devices and name:
            name = name.rpartition(".")[0]
        return self.devices[name]

    def weight_bytes(self, checkpoint: Checkpoint) -> int:
        """Memory for the weights on the CPU, bytes: large tensors take a byte a value and plane, small ones stay."""
        stored = sum(count * min(size, 1 if count > 2**16 else size) for _, count, size in checkpoint.sizes())
        return stored * self.planes
