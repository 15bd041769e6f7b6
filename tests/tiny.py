"""Real models of two layers with seeded weights, and a tokenizer whose tokens are bytes: what engine tests run on."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GPTJConfig,
    GPTNeoConfig,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
)

from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.prefix_lm import PrefixLM
from gptjt_demo.errors import PlaygroundError

Answered = TypeVar("Answered")

FAMILIES = ("gptj", "llama")
CONTEXT = 256
END = 256  # <|endoftext|>
VOCABULARY = 272  # 256 bytes, the end of text, 7 named paddings, 8 logits without a name


@functools.cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer in which every byte is a token, with GPT-J's kind of padding tokens behind."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={char: i for i, char in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>", bos_token="<|endoftext|>")
    made.add_tokens([f"<|extratoken_{i}|>" for i in range(1, 8)])
    return made


def config(family: str, *, width: int = 32, vocabulary: int = VOCABULARY, **more: Any) -> PreTrainedConfig:
    """The configuration of a two-layer model."""
    ends: dict[str, Any] = {"eos_token_id": END, "bos_token_id": END}
    if family == "gptj":
        return GPTJConfig(
            vocab_size=vocabulary, n_positions=CONTEXT, n_embd=width, n_layer=2, n_head=4, rotary_dim=4, **ends, **more
        )
    if family == "gpt_neo":
        return GPTNeoConfig(
            vocab_size=vocabulary,
            max_position_embeddings=CONTEXT,
            hidden_size=width,
            num_layers=2,
            num_heads=4,
            attention_types=[[["global"], 2]],
            **ends,
        )
    return LlamaConfig(
        vocab_size=vocabulary,
        max_position_embeddings=CONTEXT,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        **ends,
        **more,
    )


def model(family: str, implementation: str = "sdpa", seed: int = 0, **more: Any) -> Any:
    """A seeded model in float32, its weights large enough that its choices are clear."""
    torch.manual_seed(seed)
    made = AutoModelForCausalLM.from_config(config(family, **more), attn_implementation=implementation).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() == 2:
                parameter.normal_(0, 0.15)
            elif parameter.abs().sum() == 0:  # biases start at zero, where dropping one would not show
                parameter.normal_(0, 0.1)
    return made


def network(engine: Engine) -> Any:
    """The model of transformers that an engine runs."""
    assert isinstance(engine.steps, PrefixLM)
    return engine.steps.model


def answered(outcomes: Iterable[tuple[int, Answered | PlaygroundError]]) -> dict[int, Answered]:
    """What many prompts were answered, by index; an error among them fails."""
    found = {}
    for index, outcome in outcomes:
        assert not isinstance(outcome, PlaygroundError), outcome
        found[index] = outcome
    return found


def full_logits(made: Any, ids: list[int], prompt: int, attention: str) -> torch.Tensor:
    """The naive reference: one pass over all ids under the block mask, without a cache. float32 (ids, vocabulary)."""
    count = len(ids)
    seen = torch.ones(count, count).tril().bool()
    if attention == "prefix":
        seen[:prompt, :prompt] = True
    mask = torch.zeros(1, 1, count, count).masked_fill(~seen, torch.finfo(torch.float32).min)
    with torch.no_grad():
        found: torch.Tensor = made(input_ids=torch.tensor([ids]), attention_mask=mask, use_cache=False).logits[0]
    return found.float()


def blockwise_state(made: Any) -> dict[str, torch.Tensor]:
    """A model's state dict in the hivemind layout, made by bitsandbytes, the layout's own source."""
    from bitsandbytes.functional import quantize_blockwise

    eight_bit = {name for name, m in made.named_modules() if isinstance(m, torch.nn.Linear | torch.nn.Embedding)}
    state = {}
    for name, tensor in made.state_dict().items():
        owner, _, leaf = name.rpartition(".")
        if leaf == "weight" and owner in eight_bit:
            quantized, info = quantize_blockwise(tensor, blocksize=4096)
            state[name] = quantized.reshape(tensor.shape)
            state[f"{owner}.absmax"] = info.absmax.float()
            state[f"{owner}.code"] = info.code.float()
        else:
            state[name] = tensor.clone()
    return state


def save(made: Any, folder: Path, *, hivemind: bool = True, kind: str = "safetensors", drop: str | None = None) -> Path:
    """Write a model, its configuration and the tokenizer as a checkpoint folder; `drop` leaves a tensor out."""
    state = blockwise_state(made) if hivemind else {name: t.clone() for name, t in made.state_dict().items()}
    if drop is not None:
        del state[drop]
    folder.mkdir(parents=True, exist_ok=True)
    made.config.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    if kind == "safetensors":
        save_file({name: t.contiguous() for name, t in state.items()}, folder / "model.safetensors")
    else:
        torch.save(state, folder / "pytorch_model.bin")
    return folder


def resident_mib(what: str = "VmRSS") -> float:
    """This process's resident memory, MiB; of Linux."""
    found = re.search(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


@contextmanager
def peak_mib() -> Iterator[list[float]]:
    """A list that at the end holds by how many MiB the resident memory rose at most meanwhile; of Linux."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident_mib()
    rise: list[float] = []
    yield rise
    rise.append(resident_mib("VmHWM") - before)
