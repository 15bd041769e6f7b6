"""A network of transformers, filled from a checkpoint tensor by tensor, its linears and embeddings in 8 bits.

In: a configuration, a checkpoint, and the plan. Out: the network. The headers are checked first: nothing is read of a
checkpoint that lacks something. Memory that a tensor was read through is given back as soon as the tensor has been
converted, so that a model is never there twice; what is stored as the CPU runs it stays mapped and is not read.
Does not know names of models, hubs or tokenizers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from tqdm import tqdm

from gptjt_demo.models.blueprint import Blueprint, skeleton
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.int8.linear import Int8Linear
from gptjt_demo.models.layout import RowWise
from gptjt_demo.models.plan import Plan


def build(
    config: Any,
    checkpoint: Checkpoint,
    plan: Plan,
    *,
    progress: bool = False,
    told: Callable[[float], None] = lambda share: None,
) -> Any:
    """The network that a configuration describes, filled.

    Args:
        config: the model's `PreTrainedConfig`.
        checkpoint: its weights.
        plan: how it will be run. Modules on several devices are not connected here.
        progress: show a bar.
        told: of the share of the weights that is there, as they come.

    Raises:
        CheckpointError: a tensor is missing, has the wrong shape, or has no place in the model.
    """
    from transformers.activations import NewGELUActivation

    network = skeleton(config, plan.dtype)
    blueprint = Blueprint.of(network)
    for problem in blueprint.problems(checkpoint):
        raise problem
    for name, module in list(network.named_modules()):
        if isinstance(module, NewGELUActivation):  # the same function, in one step instead of eight
            network.set_submodule(name, nn.GELU(approximate="tanh"))
    together = {name: names for names in plan.layers.fusable(config) for name in names}
    held: dict[str, list[Tensor]] = {}  # what layers that are not finished hold of the checkpoint
    off = None if progress else True
    names = tqdm(blueprint.weights, desc="8-bit weights", unit="layer", disable=off, leave=False)
    for place, name in enumerate(names):
        told(place / len(blueprint.weights))
        weight = checkpoint.weight(name)
        bias = checkpoint.tensor(f"{name}.bias") if f"{name}.bias" in blueprint.floats else None
        layer = plan.layers.layer(network.get_submodule(name), weight, bias, plan.device(name), checkpoint.release)
        network.set_submodule(name, layer)
        parts = [weight] if isinstance(weight, Tensor) else list(vars(weight).values())
        held[name] = _release(checkpoint, parts, [layer])
        group = together.get(name, [name])
        if all(one in held for one in group):
            made = plan.layers.finish(network, group, mapped=isinstance(weight, RowWise))
            _release(checkpoint, [part for one in group for part in held[one]], made)
            held.update((one, []) for one in group)
    if blueprint.tied is not None:
        network.set_submodule(blueprint.tied, plan.layers.tied_linear(network.get_input_embeddings()))
    for name, parameter in list(network.named_parameters()):
        if name in blueprint.floats and parameter.is_meta:
            owner, _, leaf = name.rpartition(".")
            value = checkpoint.tensor(name).to(device=plan.device(owner), dtype=parameter.dtype)
            setattr(network.get_submodule(owner), leaf, nn.Parameter(value, requires_grad=False))
    for name, module in network.named_modules():  # not `network.to()`: it would touch every weight
        for leaf, buffer in module.named_buffers(recurse=False):
            setattr(module, leaf, buffer.to(plan.device(name)))
    network.eval()
    return network


def size(network: Any) -> int:
    """Bytes of a filled network's weights, those that oneDNN holds among them."""
    linears = (m for m in network.modules() if isinstance(m, Int8Linear))
    blocked = sum(m.planes * m.in_features * m.out_features for m in linears if m.blocked)
    total: int = blocked + sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    return total


def _release(checkpoint: Checkpoint, parts: list[Tensor], layers: list[nn.Module]) -> list[Tensor]:
    """Give back what the layers do not hold of these tensors of a checkpoint; returns the others."""
    kept = {tensor.data_ptr() for layer in layers for tensor in (*layer.parameters(), *layer.buffers())}
    checkpoint.release(*(part for part in parts if part.data_ptr() not in kept))
    return [part for part in parts if part.data_ptr() in kept]
