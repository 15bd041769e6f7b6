"""A network of transformers, filled from a checkpoint tensor by tensor, its linears and embeddings in 8 bits.

In: a configuration, a checkpoint, and where each part goes. Out: the network. The headers are checked first: nothing is
read of a checkpoint that lacks something. Memory that a tensor was read through is given back as soon as the tensor has
been converted, so that a model is never there twice; what is stored as the CPU runs it stays mapped and is not read.
Does not know names of models, hubs or tokenizers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers.activations import NewGELUActivation

from gptjt_demo.models.blueprint import Blueprint, skeleton
from gptjt_demo.models.checkpoint import Blockwise, Checkpoint, RowWise
from gptjt_demo.models.int8 import llm_int8 as cuda
from gptjt_demo.models.int8.joint import Joint, readers
from gptjt_demo.models.int8.linear import ALIGNMENT, Int8Embedding, Int8Linear, quantize

Weight = Tensor | Blockwise | RowWise

SMALL = 1 << 30  # values of a model below which it is run without loss
SLICE = 1 << 24  # values of a float weight that are read before their pages are given back: 64 MiB in float32


def build(config: Any, checkpoint: Checkpoint, device: torch.device, *, progress: bool = False) -> Any:
    """The network that a configuration describes, on one device.

    Args:
        config: the model's `PreTrainedConfig`.
        checkpoint: its weights.
        device: where it will run.
        progress: show a bar.

    Raises:
        CheckpointError: a tensor is missing, has the wrong shape, or has no place in the model.
    """
    llm_int8 = device.type == "cuda"
    dtype = torch.float16 if llm_int8 else torch.float32 if is_small(checkpoint) else torch.bfloat16
    return fill(skeleton(config, dtype), checkpoint, {"": device}, llm_int8=llm_int8, progress=progress)


def is_small(checkpoint: Checkpoint) -> bool:
    """Whether a model is one whose memory nobody counts, so that it is run without loss.

    Rounding to int8 rows and computing in bfloat16 between them changes one next token in 13 of a model of 135 M, whose
    likeliest tokens are close to each other. So a small model's weights get a second int8 plane, and float32 between.
    """
    return sum(values for _, values, _ in checkpoint.sizes()) < SMALL


def fill(
    network: Any,
    checkpoint: Checkpoint,
    devices: Mapping[str, torch.device],
    *,
    llm_int8: bool,
    progress: bool = False,
) -> Any:
    """Fill a skeleton.

    Args:
        network: from `blueprint.skeleton`.
        checkpoint: its weights.
        devices: where the modules of these names go, with all that is within them; "" is the whole network.
        llm_int8: bitsandbytes' linears and float16 embeddings rather than `int8`'s.
        progress: show a bar.

    Raises:
        CheckpointError: a tensor is missing, has the wrong shape, or has no place in the model.
    """
    blueprint = Blueprint.of(network)
    for problem in blueprint.problems(checkpoint):
        raise problem
    together = {} if llm_int8 else {name: names for names in readers(network.config) for name in names}
    waiting: dict[str, list[Tensor]] = {}  # what layers hold of the checkpoint until they are joined or blocked
    planes = 2 if network.dtype == torch.float32 else 1
    for name, module in list(network.named_modules()):
        if isinstance(module, NewGELUActivation):  # the same function, in one step instead of eight
            network.set_submodule(name, nn.GELU(approximate="tanh"))
    make = cuda.layer if llm_int8 else functools.partial(_int8_layer, planes=planes)
    off = None if progress else True
    for name in tqdm(blueprint.weights, desc="8-bit weights", unit="layer", disable=off, leave=False):
        weight = checkpoint.weight(name)
        bias = checkpoint.tensor(f"{name}.bias") if f"{name}.bias" in blueprint.floats else None
        layer = make(network.get_submodule(name), weight, bias, _device(devices, name), checkpoint.release)
        network.set_submodule(name, layer)
        parts = [weight] if isinstance(weight, Tensor) else list(vars(weight).values())
        waiting[name] = _release(checkpoint, parts, [layer])
        names = together.get(name, [name])
        if all(one in waiting for one in names) and not llm_int8:
            made = _finish(network, names, mapped=isinstance(weight, RowWise))
            _release(checkpoint, [part for one in names for part in waiting[one]], made)
            waiting.update((one, []) for one in names)
    if blueprint.tied is not None:
        embedding = network.get_input_embeddings()
        head = cuda.tied_linear(embedding) if llm_int8 else Int8Linear(embedding.weight, embedding.scale, planes=planes)
        network.set_submodule(blueprint.tied, head)
        if isinstance(head, Int8Linear) and planes > 1:
            head.block()
    for name, parameter in list(network.named_parameters()):
        if name in blueprint.floats and parameter.is_meta:
            owner, _, leaf = name.rpartition(".")
            value = checkpoint.tensor(name).to(device=_device(devices, owner), dtype=parameter.dtype)
            setattr(network.get_submodule(owner), leaf, nn.Parameter(value, requires_grad=False))
    for name, module in network.named_modules():  # not `network.to()`: it would touch every weight
        for leaf, buffer in module.named_buffers(recurse=False):
            setattr(module, leaf, buffer.to(_device(devices, name)))
    network.eval()
    return network


def _finish(network: Any, names: list[str], *, mapped: bool) -> list[nn.Module]:
    """Join the linears of these names, which read one tensor, and hand them to oneDNN, or leave that for later."""
    layers = [network.get_submodule(name) for name in names]
    if not isinstance(layers[0], Int8Linear):
        return layers
    unit = Joint(layers) if len(layers) > 1 else layers[0]
    if isinstance(unit, Joint):
        for name, part in zip(names, unit.parts, strict=True):
            network.set_submodule(name, part)
        if layers[0].planes > 1:  # calls are dear in a small model
            unit.unite()
    if mapped and layers[0].planes == 1:  # to be there in seconds
        unit.defer()
    else:
        unit.block()  # here, so that no two large weights are ever there twice
    return [network.get_submodule(name) for name in names]


def _release(checkpoint: Checkpoint, parts: list[Tensor], layers: list[nn.Module]) -> list[Tensor]:
    """Give back what the layers do not hold of these tensors of a checkpoint; returns the others."""
    kept = {tensor.data_ptr() for layer in layers for tensor in (*layer.parameters(), *layer.buffers())}
    checkpoint.release(*(part for part in parts if part.data_ptr() not in kept))
    return [part for part in parts if part.data_ptr() in kept]


def _device(devices: Mapping[str, torch.device], name: str) -> torch.device:
    """Where the module `name` goes: as the innermost one around it that is named."""
    while name not in devices and name:
        name = name.rpartition(".")[0]
    return devices[name]


def _int8_layer(
    old: nn.Module,
    weight: Weight,
    bias: Tensor | None,
    _: torch.device,
    release: Callable[..., None],
    *,
    planes: int,
) -> nn.Module:
    """An 8-bit layer of `int8` in the place of a float one."""
    dtype: torch.dtype = old.weight.dtype  # type: ignore[assignment]
    packed, scale = quantize(weight, planes) if planes > 1 else _packed(weight, release)
    if isinstance(old, nn.Embedding):
        return Int8Embedding(packed, scale, dtype, planes)
    return Int8Linear(packed, scale, None if bias is None else bias.to(dtype), planes)


def size(network: Any) -> int:
    """Bytes of a filled network's weights, those that oneDNN holds among them."""
    linears = (m for m in network.modules() if isinstance(m, Int8Linear))
    blocked = sum(m.planes * m.in_features * m.out_features for m in linears if m.blocked)
    total: int = blocked + sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    return total


def _packed(weight: Weight, release: Callable[..., None]) -> tuple[Tensor, Tensor]:
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
