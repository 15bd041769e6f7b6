"""GPT-J-6B's shape with random weights, on disk: speed and memory do not ask what a weight's value is.

In: a configuration and a folder. Out: a checkpoint in the hivemind layout with a tokenizer, written a tensor at a time,
and the same weights in bfloat16 for other libraries. No two layers are equal, so no cache can help. Does not know what
is measured.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from torch.serialization import set_default_mmap_options, skip_data
from transformers import AutoModelForCausalLM, GPTJConfig, PreTrainedTokenizerFast

from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.layout import HIVEMIND, Weight, rows, stored

WORDS = 50257  # GPT-J's tokens; its logits reach to 50400
SPREAD = 0.02  # standard deviation of a weight
PEAK = 3.6  # largest of 4096 normal values, in standard deviations, on average
PIECE = 1 << 22  # values made at a time
_DRAWS = 1 << 15  # int16's non-negative values


def gptj(layers: int) -> GPTJConfig:
    """GPT-J-6B's configuration with this many of its 28 layers."""
    return GPTJConfig(n_layer=layers, bos_token_id=WORDS - 1, eos_token_id=WORDS - 1, dtype="bfloat16")


def write(config: Any, folder: Path, *, seed: int = 0) -> None:
    """A checkpoint in the hivemind layout, `pytorch_model.bin`, with its configuration and a tokenizer.

    Linears are normal around zero; those that write into the residual are smaller by the square root of their number,
    as GPT-2 was begun, so that hidden states stay of one size through all layers. The folder appears when it is whole.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    config.save_pretrained(part)
    tokenizer(config.vocab_size).save_pretrained(part)
    file = part / "pytorch_model.bin"
    network, eight_bit = _skeleton(config)
    # The file is laid out first, from memory that nothing has touched, then filled through a shared mapping that is
    # opened anew for each layer: pages of a closed one are the disk's business and no longer this process's memory.
    empty = _empty(network, eight_bit)
    with skip_data():
        torch.save(empty, file)
    owners = sorted({name.rpartition(".")[0] for name in empty})
    del empty
    generator = torch.Generator().manual_seed(seed)
    inverse = _inverse_normal()
    narrow = SPREAD / (2 * config.num_hidden_layers) ** 0.5
    for owner in owners:
        with set_default_mmap_options(_map_shared()):
            state = torch.load(file, mmap=True, weights_only=True)
        if owner in eight_bit:
            spread = narrow if owner.endswith(("out_proj", "fc_out", "o_proj", "down_proj")) else SPREAD
            _fill(state[f"{owner}.weight"].view(-1), inverse, generator)
            absmax = state[f"{owner}.absmax"]
            absmax.copy_(torch.randn(len(absmax), generator=generator).mul_(0.08).add_(1).clamp_(0.8, 1.4))
            absmax.mul_(PEAK * spread)
            state[f"{owner}.code"].copy_(code())
        else:
            state[f"{owner}.weight"].fill_(1)
        if f"{owner}.bias" in state:
            state[f"{owner}.bias"].zero_()
        del state
    os.replace(part, folder)


def write_bfloat16(source: Path, folder: Path) -> None:
    """The checkpoint in `source` as bfloat16 in safetensors, a shard a module: what other libraries load."""
    from safetensors.torch import save_file

    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part, ignore=shutil.ignore_patterns("*.bin"))
    checkpoint = Checkpoint(source)
    where: dict[str, str] = {}
    total = 0
    for owner in sorted({name.rpartition(".")[0] for name in checkpoint.names}):
        shard = f"model-{owner}.safetensors"
        tensors = {f"{owner}.weight": _half(checkpoint.weight(owner))}
        if f"{owner}.bias" in checkpoint.names:
            tensors[f"{owner}.bias"] = checkpoint.tensor(f"{owner}.bias").bfloat16()
        save_file(tensors, part / shard, {"format": "pt"})
        where |= dict.fromkeys(tensors, shard)
        total += sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (part / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    os.replace(part, folder)


def tokenizer(size: int) -> PreTrainedTokenizerFast:
    """A tokenizer in which every byte is a token, with as many names behind them as the model has logits.

    From `WORDS` on they are GPT-J's padding names, which are never sampled.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    named = min(size, WORDS) - 1
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {char: i for i, char in enumerate(alphabet)}
    vocabulary |= {f"word{i}": i for i in range(len(alphabet), named)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    made = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=end, eos_token=end, unk_token=end)
    made.add_tokens([f"<|extratoken_{i}|>" for i in range(1, size - named)])
    return made


def code() -> Tensor:
    """The 256 values that a block's largest magnitude is multiplied with: float32, rising from -0.99 to 1.

    Dynamic as in 8-bit Optimizers (Dettmers et al. 2022): seven decades, each finer than the one below by a bit; 0, 1.
    """
    decades = [torch.linspace(0.1, 1, 2**bits + 1, dtype=torch.float64) for bits in range(7)]
    middles = [(edges[1:] + edges[:-1]) / 2 * 10.0 ** (bits - 6) for bits, edges in enumerate(decades)]
    positive = torch.cat(middles)
    return torch.cat([-positive, positive, torch.tensor([0.0, 1.0], dtype=torch.float64)]).sort().values.float()


def _inverse_normal() -> Tensor:
    """Codes at evenly spaced quantiles of a normal weight within its block: uint8 (draws,)."""
    quantiles = (torch.arange(_DRAWS, dtype=torch.float64) + 0.5) / _DRAWS
    values = (torch.special.ndtri(quantiles) / PEAK).clamp(-1, 1).float()
    rising = code()
    return torch.bucketize(values, (rising[1:] + rising[:-1]) / 2).to(torch.uint8)


def _fill(target: Tensor, inverse: Tensor, generator: torch.Generator) -> None:
    for piece in target.split(PIECE):
        drawn = torch.empty(len(piece), dtype=torch.int16).random_(generator=generator)  # 0 … 32767
        torch.index_select(inverse, 0, drawn.int(), out=piece)


def _skeleton(config: Any) -> tuple[Any, frozenset[str]]:
    """A model without memory, and the names of what the layout stores in 8 bits."""
    with init_empty_weights():
        network = AutoModelForCausalLM.from_config(config)
    tied = config.tie_word_embeddings
    return network, frozenset(
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear | nn.Embedding) and not (tied and module is network.get_output_embeddings())
    )


def _empty(network: Any, eight_bit: frozenset[str]) -> dict[str, Tensor]:
    def parts() -> Iterator[tuple[str, Tensor]]:
        for name, parameter in network.named_parameters():
            owner, _, leaf = name.rpartition(".")
            if owner in eight_bit and leaf == "weight":
                for part, (dtype, shape) in HIVEMIND.parts(tuple(parameter.shape)).items():
                    yield f"{owner}.{part}", torch.empty(shape, dtype=dtype)
            else:
                yield name, torch.empty(parameter.shape, dtype=torch.float16)

    return dict(parts())


def _half(weight: Weight) -> Tensor:
    half = torch.empty(stored(weight).shape, dtype=torch.bfloat16)
    step = max(1, PIECE // half[0].numel())
    for start in range(0, len(half), step):
        stop = min(len(half), start + step)
        half[start:stop] = rows(weight, start, stop)
    return half


def _map_shared() -> int:
    import mmap

    return mmap.MAP_SHARED
