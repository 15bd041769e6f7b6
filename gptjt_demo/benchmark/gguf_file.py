"""A Llama model as a GGUF file at Q8_0, for llama.cpp. In: a checkpoint's folder. Out: the file.

Q8_0 stores 32 weights as int8 with one fp16 scale. They are made from this package's own 8-bit weights, dequantized, so
that both run the same model. llama.cpp turns neighbouring columns of a head where transformers turns those half a head
apart, so the rows of queries and keys are written in its order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import torch
from torch import Tensor
from transformers import AutoConfig

from gptjt_demo.benchmark.contender import Failed
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.layout import rows, stored


def write(source: Path, file: Path) -> None:
    """Write the model in `source`.

    Raises:
        Failed: it is not a Llama model.
    """
    config = AutoConfig.from_pretrained(source, local_files_only=True)
    if config.model_type != "llama":
        raise Failed(f"no GGUF is written for {config.model_type} models, only for llama")
    writer = gguf.GGUFWriter(file, "llama")
    _write_settings(writer, config)
    _write_tokenizer(writer, source, config)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    checkpoint = Checkpoint(source)
    for owner in sorted({name.rpartition(".")[0] for name in checkpoint.names}):
        if owner == "lm_head" and config.tie_word_embeddings:
            continue
        name = names.get_name(f"{owner}.weight", try_suffixes=(".weight",))
        if name is None:
            raise Failed(f"{owner} has no place in a GGUF")
        weight = checkpoint.weight(owner)
        values = rows(weight, 0, len(stored(weight))).float()  # (rows, columns), or (width,) of a norm
        for leaf, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
            if owner.endswith(leaf):
                values = _interleaved(values, heads)
        if values.ndim == 2:
            writer.add_tensor(name, _q8_0(values), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(name, values.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_settings(writer: Any, config: Any) -> None:
    writer.add_name(config.name_or_path or "model")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)


def _write_tokenizer(writer: Any, source: Path, config: Any) -> None:
    held = json.loads((source / "tokenizer.json").read_text("utf-8"))
    special = {token["content"]: token["id"] for token in held["added_tokens"]}
    by_id = {id: token for token, id in (held["model"]["vocab"] | special).items()}
    tokens = [by_id.get(id, f"[PAD{id}]") for id in range(config.vocab_size)]
    kinds = [
        gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL if id in by_id else gguf.TokenType.UNUSED
        for id, token in enumerate(tokens)
    ]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in held["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(config.bos_token_id)
    writer.add_eos_token_id(config.eos_token_id)
    writer.add_add_bos_token(False)


def _interleaved(values: Tensor, heads: int) -> Tensor:
    """(heads * 2 * half, columns) with the halves of each head dealt alternately."""
    rows, columns = values.shape
    return values.view(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns)


def _q8_0(values: Tensor) -> Any:
    """Blocks of a fp16 scale and 32 int8 values, as bytes: uint8 (rows, columns / 32 * 34)."""
    rows, columns = values.shape
    blocks = values.view(rows, columns // 32, 32)
    scale = blocks.abs().amax(-1, keepdim=True) / 127  # (rows, columns / 32, 1)
    whole = (blocks / scale.clamp_min(1e-12)).round_().to(torch.int8)
    packed = torch.cat([scale.half().view(torch.uint8), whole.view(torch.uint8)], -1)  # (rows, columns / 32, 34)
    return packed.view(rows, -1).numpy()
