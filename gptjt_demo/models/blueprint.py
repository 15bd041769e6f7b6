"""What a model's configuration asks of a checkpoint: which tensors, of what shape, and which of them 8 bits may hold.

In: a configuration of transformers. Out: the network without weights, and a `Blueprint` that loading, converting and
verifying go by. Of a checkpoint it looks at the headers alone, and it knows no device.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gptjt_demo.errors import CheckpointError, ModelError
from gptjt_demo.models.checkpoint import Checkpoint, kind
from gptjt_demo.models.config import config_fields
from gptjt_demo.models.layout import PARTS, Shape

# Buffers that older releases of transformers saved and current ones compute: GPT-J's mask, rotary frequencies.
_COMPUTED = re.compile(r"\.(attn|attention)\.(bias|masked_bias)$|\.inv_freq$|\.embed_positions$")


@dataclass(frozen=True)
class Blueprint:
    """The tensors of a model.

    Attributes:
        model: name of its class.
        weights: shapes of the linears and embeddings, which 8 bits may hold, by the layer's name; no tied head.
        floats: shapes of everything else (norms, biases), by the tensor's name.
        tied: the head that shares the embedding's weight, where there is one.
    """

    model: str
    weights: dict[str, Shape]
    floats: dict[str, Shape]
    tied: str | None

    @classmethod
    def of(cls, network: Any) -> Blueprint:
        """The blueprint of a network of transformers, with or without weights."""
        tied = None
        if network.config.tie_word_embeddings:
            head = network.get_output_embeddings()
            tied = next((name for name, module in network.named_modules() if module is head), None)
        layers = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Embedding)]
        weights = {name: tuple(layer.weight.shape) for name, layer in layers if name != tied}
        taken = {f"{name}.weight" for name in (*weights, tied)}
        floats = {name: tuple(p.shape) for name, p in network.named_parameters() if name not in taken}
        return cls(type(network).__name__, weights, floats, tied)

    def problems(self, checkpoint: Checkpoint) -> Iterator[CheckpointError]:
        """Whatever a checkpoint lacks, holds in another shape, or has no place for in this model.

        A tied head's own copy and buffers that are computed are passed over.
        """
        for name, shape in self.weights.items():
            yield from checkpoint.flaws(name)
            yield from _shape(checkpoint, f"{name}.weight", shape)
        for name, shape in self.floats.items():
            if name not in checkpoint.names:
                yield checkpoint.missing(name)
            elif not (tensor := checkpoint.tensor(name)).is_floating_point():
                yield checkpoint.flaw(name, f"is {kind(tensor)} where floats are needed")
            yield from _shape(checkpoint, name, shape)
        known = {f"{name}.{part}" for name in (*self.weights, self.tied) for part in PARTS} | self.floats.keys()
        for name in sorted(checkpoint.names - known):
            if not _COMPUTED.search(name):
                yield checkpoint.flaw(name, f"has no place in a {self.model}")


def _shape(checkpoint: Checkpoint, key: str, shape: Shape) -> Iterator[CheckpointError]:
    if key in checkpoint.names and (found := tuple(checkpoint.tensor(key).shape)) != shape:
        yield checkpoint.flaw(key, f"is {found} and the configuration says {shape}")


def skeleton(config: Any, dtype: torch.dtype = torch.bfloat16) -> Any:
    """The network of a configuration; its parameters are on the meta device, its buffers are real.

    Buffers such as rotary frequencies are computed, not loaded.

    Raises:
        ModelError: it is of another kind of model.
    """
    from accelerate import init_empty_weights
    from transformers import AutoModelForCausalLM

    try:
        with init_empty_weights(include_buffers=False):
            return AutoModelForCausalLM.from_config(config, dtype=dtype)
    except ValueError as error:
        raise ModelError("it is no causal language model", where=config.model_type, mend="name another") from error
    except Exception as error:  # fields that are each possible and do not go together
        why = " ".join(str(error).split())
        what = f"no model can be built by its config.json ({why})"
        raise ModelError(what, where=config.model_type, mend="download the model again") from error


def read_config(folder: Path, *, where: str | None = None) -> Any:
    """The configuration of the model in a folder, which its user calls `where`.

    Raises:
        ModelError: it is absent, a git-lfs pointer, or cannot be read.
    """
    config_fields(folder, where=where)
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # of any kind, as each family's configuration checks its own fields
        raise ModelError(
            "the config.json cannot be read", where=str(folder), mend=" ".join(str(error).split())
        ) from error
