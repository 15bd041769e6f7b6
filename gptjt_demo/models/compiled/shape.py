"""Which networks can be compiled: the sizes of a Llama or a GPT-J, and the tensors that its checkpoint holds.

In: the fields of a `config.json`. Out: a `Shape`, or None, and a `Blueprint`. Loads neither Numba nor transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gptjt_demo.models.blueprint import Blueprint


@dataclass(frozen=True)
class Shape:
    """A network's sizes."""

    width: int
    layers: int
    heads: int
    key_heads: int
    head_width: int
    rotated: int
    inner: int
    vocabulary: int
    context: int


def sizes(config: Mapping[str, Any]) -> Shape | None:
    """The sizes of a network that can be compiled; None for every other."""
    try:
        return _sizes(config)
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        ZeroDivisionError,
    ):  # what is wrong with it, transformers' reader says
        return None


def _sizes(config: Mapping[str, Any]) -> Shape | None:
    kind = config.get("model_type")
    if kind == "llama":
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        if (
            config.get("hidden_act", "silu") != "silu"
            or rope.get("rope_type", rope.get("type", "default")) != "default"
        ):
            return None
        if config.get("head_dim") or config["hidden_size"] % config["num_attention_heads"] == 0:
            head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
            found = Shape(
                config["hidden_size"],
                config["num_hidden_layers"],
                config["num_attention_heads"],
                config.get("num_key_value_heads") or config["num_attention_heads"],
                head,
                head,
                config["intermediate_size"],
                config["vocab_size"],
                config.get("max_position_embeddings", 2048),
            )
            return found if head % 8 == 0 else None
    if kind == "gptj":
        width, heads = config["n_embd"], config["n_head"]
        if config.get("activation_function", "gelu_new") != "gelu_new" or width % heads or (width // heads) % 8:
            return None
        head = width // heads
        rotated = config.get("rotary_dim") or head
        inner = config.get("n_inner") or 4 * width
        return Shape(
            width, config["n_layer"], heads, heads, head, rotated, inner, config["vocab_size"], config["n_positions"]
        )
    return None


def blueprint(config: Mapping[str, Any], shape: Shape) -> Blueprint:
    """The tensors that a checkpoint of this network holds."""
    weights: dict[str, tuple[int, ...]] = {}
    floats: dict[str, tuple[int, ...]] = {}
    width, inner = shape.width, shape.inner
    queries, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
    if config["model_type"] == "llama":
        weights["model.embed_tokens"] = (shape.vocabulary, width)
        for k in range(shape.layers):
            at = f"model.layers.{k}."
            weights[at + "self_attn.q_proj"] = (queries, width)
            weights[at + "self_attn.k_proj"] = weights[at + "self_attn.v_proj"] = (keys, width)
            weights[at + "self_attn.o_proj"] = (width, queries)
            weights[at + "mlp.gate_proj"] = weights[at + "mlp.up_proj"] = (inner, width)
            weights[at + "mlp.down_proj"] = (width, inner)
            floats[at + "input_layernorm.weight"] = floats[at + "post_attention_layernorm.weight"] = (width,)
            for name, asked in (("self_attn.", "attention_bias"), ("mlp.", "mlp_bias")):
                if config.get(asked):
                    owners = [n for n in weights if n.startswith(at + name)]
                    floats.update({f"{owner}.bias": weights[owner][:1] for owner in owners})
        floats["model.norm.weight"] = (width,)
        tied = config.get("tie_word_embeddings", False)
        if not tied:
            weights["lm_head"] = (shape.vocabulary, width)
        return Blueprint("LlamaForCausalLM", weights, floats, "lm_head" if tied else None)
    weights["transformer.wte"] = weights["lm_head"] = (shape.vocabulary, width)
    for k in range(shape.layers):
        at = f"transformer.h.{k}."
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            weights[f"{at}attn.{name}"] = (width, width)
        weights[at + "mlp.fc_in"], weights[at + "mlp.fc_out"] = (inner, width), (width, inner)
        floats[at + "ln_1.weight"] = floats[at + "ln_1.bias"] = floats[at + "mlp.fc_out.bias"] = (width,)
        floats[at + "mlp.fc_in.bias"] = (inner,)
    floats["transformer.ln_f.weight"] = floats["transformer.ln_f.bias"] = (width,)
    floats["lm_head.bias"] = (shape.vocabulary,)
    tied = config.get("tie_word_embeddings", False)
    if tied:
        del weights["lm_head"]
    return Blueprint("GPTJForCausalLM", weights, floats, "lm_head" if tied else None)
