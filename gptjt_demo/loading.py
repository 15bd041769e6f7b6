"""From a model's name to an `Engine`: the only place that decides device and layout.

In: a known name, a folder or a hub id. Out: an engine whose weights are all from the checkpoint, in 8 bits. On the CPU
these are the linears of `int8`; on CUDA they are bitsandbytes' LLM.int8(), which the CPU path never imports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from gptjt_demo import memory
from gptjt_demo.checkpoint import Blockwise, Checkpoint
from gptjt_demo.completion import Attention
from gptjt_demo.engine import Engine
from gptjt_demo.errors import CheckpointError, ModelError, SettingError
from gptjt_demo.hub import fetch
from gptjt_demo.int8 import Int8Embedding, Int8Linear, quantize
from gptjt_demo.registry import DEFAULT_MODEL, GIB, ModelSpec, resolve

Device = Literal["auto", "cpu", "cuda"]

# Buffers that older releases of transformers saved and current ones compute: GPT-J's mask, rotary frequencies.
_COMPUTED = re.compile(r"\.(attn|attention)\.(bias|masked_bias)$|\.inv_freq$|\.embed_positions$")

# LLM.int8(): activation columns above this magnitude are multiplied in 16 bits (Dettmers et al. 2022).
OUTLIERS = 6.0


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: Device = "auto",
    attention: Attention | None = None,
    progress: bool = True,
) -> Engine:
    """Load a model in 8 bits.

    Args:
        model: a known name, a folder, or a hub id.
        device: "auto" takes CUDA where there is one.
        attention: the default mode; else the environment's GPTJT_ATTENTION, else the model's own.
        progress: show a bar on standard error.

    Raises:
        SettingError: the mode is unknown.
        ModelError: no such model, no CUDA where it was asked for, or the hub refuses.
        DoesNotFit: its memory is not there; nothing has been read.
        CheckpointError: a tensor is missing or damaged; no layer is ever left with random weights.
    """
    spec = resolve(model)
    place = _place(device, spec)
    free = _free_gib(place)
    if spec.gib is not None:
        memory.require(spec.gib, free, name=spec.name, where=_where(place))
    folder = spec.source if isinstance(spec.source, Path) else fetch(spec.source, progress=progress)
    checkpoint = Checkpoint(folder)
    weights_gib = sum(count * min(size, 1 if count > 2**16 else size) for _, count, size in checkpoint.sizes()) / GIB
    if spec.gib is None:
        memory.require(weights_gib, free, name=spec.name, where=_where(place))
    config, tokenizer = _config(folder), _tokenizer(folder, spec, progress)
    network = build(config, checkpoint, place, progress=progress)
    eight_bit = "hivemind 8-bit" if any(name.endswith(".absmax") for name in checkpoint.names) else "made 8-bit at load"
    kernel = "LLM.int8() of bitsandbytes" if place.type == "cuda" else "int8 weights, bfloat16 activations"
    return Engine(
        network,
        tokenizer,
        name=spec.name,
        context=spec.context,
        attention=_attention(attention, spec),
        notes=(f"{place.type}, {kernel}", f"{eight_bit}, {weights_gib:.2f} GiB of weights"),
    )


def build(config: Any, checkpoint: Checkpoint, device: torch.device, *, progress: bool = False) -> Any:
    """A network of transformers whose linears and embeddings are 8-bit ones filled from a checkpoint.

    Args:
        config: the model's `PreTrainedConfig`.
        checkpoint: its weights.
        device: where it will run.
        progress: show a bar.

    Raises:
        CheckpointError: a tensor is missing, has the wrong shape, or has no place in the model.
    """
    dtype = torch.float16 if device.type == "cuda" else torch.bfloat16
    # Buffers are real from the start: rotary frequencies are computed, not loaded.
    with init_empty_weights(include_buffers=False):
        network = AutoModelForCausalLM.from_config(config, dtype=dtype)
    used: set[str] = set()
    tied = _tied_head(network)
    slots = [(name, m) for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Embedding)]
    for name, old in tqdm(slots, desc="8-bit weights", unit="layer", disable=None if progress else True, leave=False):
        if name == tied:
            continue
        weight = checkpoint.weight(name)
        used |= {f"{name}.{part}" for part in ("weight", "absmax", "code")}
        shape = weight.weight.shape if isinstance(weight, Blockwise) else weight.shape
        if shape != old.weight.shape:
            raise CheckpointError(
                f"{name}.weight is {tuple(shape)} and the configuration says {tuple(old.weight.shape)}",
                where=str(checkpoint.folder),
            )
        bias = None
        if getattr(old, "bias", None) is not None:
            bias = checkpoint.tensor(f"{name}.bias").to(dtype)
            used.add(f"{name}.bias")
        network.set_submodule(name, _eight_bit(old, weight, bias, device))
    if tied is not None:
        embedding = network.get_input_embeddings()
        head = Int8Linear(embedding.weight, embedding.scale) if device.type == "cpu" else _tied_linear(embedding)
        network.set_submodule(tied, head)
        used.add(f"{tied}.weight")
    for name, parameter in list(network.named_parameters()):
        if parameter.is_meta:
            owner, _, leaf = name.rpartition(".")
            value = checkpoint.tensor(name).to(device=device, dtype=dtype)
            if value.shape != parameter.shape:
                raise CheckpointError(
                    f"{name} is {tuple(value.shape)} and the configuration says {tuple(parameter.shape)}",
                    where=str(checkpoint.folder),
                )
            setattr(network.get_submodule(owner), leaf, nn.Parameter(value, requires_grad=False))
            used.add(name)
    strange = sorted(name for name in checkpoint.names - used if not _COMPUTED.search(name))
    if strange:
        raise CheckpointError(
            f"{strange[0]} has no place in a {type(network).__name__}"
            + (f", nor have {len(strange) - 1} others" if len(strange) > 1 else ""),
            where=str(checkpoint.folder),
        )
    return network.to(device).eval()


def _eight_bit(old: nn.Module, weight: Tensor | Blockwise, bias: Tensor | None, device: torch.device) -> nn.Module:
    if device.type == "cpu":
        packed, scale = quantize(weight)
        return Int8Embedding(packed, scale) if isinstance(old, nn.Embedding) else Int8Linear(packed, scale, bias)
    half = (weight.rows(0, weight.weight.shape[0]) if isinstance(weight, Blockwise) else weight).half()
    if isinstance(old, nn.Embedding):
        rows, columns = half.shape
        embedding = nn.Embedding(rows, columns, device="meta")
        embedding.weight = nn.Parameter(half, requires_grad=False)
        return embedding
    return _llm_int8(half, bias)


def _llm_int8(half: Tensor, bias: Tensor | None) -> nn.Module:
    """bitsandbytes' LLM.int8() over a weight, which becomes int8 when it is moved to its device."""
    from bitsandbytes.nn.modules import Int8Params, Linear8bitLt

    rows, columns = half.shape
    layer: nn.Module = Linear8bitLt(
        columns, rows, bias=bias is not None, has_fp16_weights=False, threshold=OUTLIERS, device="meta"
    )
    layer.weight = Int8Params(half, requires_grad=False, has_fp16_weights=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer


def _tied_linear(embedding: nn.Module) -> nn.Module:
    weight = cast(Tensor, embedding.weight)
    head = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    head.weight = cast(nn.Parameter, weight)
    return head


def _tied_head(network: Any) -> str | None:
    """Name of the head, where it shares the embedding's weight."""
    head = network.get_output_embeddings()
    name = next((name for name, module in network.named_modules() if module is head), None)
    return name if network.config.tie_word_embeddings else None


def _place(device: Device, spec: ModelSpec) -> torch.device:
    if device not in ("auto", "cpu", "cuda"):
        raise ModelError(f"{device!r} is no device", where="device", mend="use auto, cpu or cuda")
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise ModelError(
            f"8-bit on CUDA needs {(spec.gib or 0) * memory.OVERHEAD:.2f} GiB of GPU memory and 0.00 GiB are "
            "available: there is no CUDA device",
            where=spec.name,
            mend="use --device cpu, where mini always fits",
        )
    return torch.device("cuda" if cuda and device != "cpu" else "cpu")


def _free_gib(place: torch.device) -> float:
    return torch.cuda.mem_get_info()[0] / GIB if place.type == "cuda" else memory.available_gib()


def _where(place: torch.device) -> str:
    return "GPU memory" if place.type == "cuda" else "memory"


def _config(folder: Path) -> Any:
    return _from_folder(lambda: AutoConfig.from_pretrained(folder, local_files_only=True), folder, "config.json")


def _tokenizer(folder: Path, spec: ModelSpec, progress: bool) -> Any:
    if spec.tokenizer is not None and not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        folder = fetch(spec.tokenizer, weights=False, progress=progress)
    return _from_folder(lambda: AutoTokenizer.from_pretrained(folder, local_files_only=True), folder, "tokenizer")


def _from_folder(read: Callable[[], Any], folder: Path, what: str) -> Any:
    try:
        return read()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"the {what} cannot be read", where=str(folder), mend=str(error).splitlines()[0]) from error


def _attention(asked: Attention | None, spec: ModelSpec) -> Attention:
    mode = asked or os.environ.get("GPTJT_ATTENTION") or spec.attention
    if mode not in ("prefix", "causal"):
        raise SettingError(f"{mode!r} is neither prefix nor causal", where="attention, or GPTJT_ATTENTION")
    return cast(Attention, mode)
