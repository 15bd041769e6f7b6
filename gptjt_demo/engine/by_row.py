"""Attention that reads several new tokens as if each came alone: equal to the bit, so that a guess changes no answer.

torch's attention adds up in another order when it is given more rows; in bfloat16, after 30 layers, that moves a logit
by 0.5 and more, enough to turn a close choice. So each new row attends by itself, over the columns that it would find
if it came alone. Everything else in a layer treats its rows apart: norms, activations, and the 8-bit linears of the
CPU. In float32 a linear of many rows still differs from one of a single row, by its rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gptjt_demo.engine import half_attention

NAME = "sdpa_by_row"


def install(model: Any) -> bool:
    """Let a model that runs on sdpa attend by row where a call says `by_row=True`. Returns whether it does."""
    from transformers import AttentionInterface

    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, attend)
        model.set_attn_implementation(NAME)
    return bool(model.config._attn_implementation == NAME)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    by_row: bool = False,
    **more: Any,
) -> tuple[Tensor, None]:
    """transformers' sdpa attention, or what is faster than it, for all rows at once or for one after the other.

    Args:
        module: the attention layer.
        query: (batch, heads, new, width).
        key: (batch, key heads, columns, width), the new rows' own columns last.
        value: of the same shape.
        attention_mask: additive (batch, 1, new, columns); needed by row.
        by_row: each row sees the columns up to its own, of which the mask may hide some.
        more: what transformers gives besides.

    Returns:
        (batch, new, heads, width), and no weights.
    """
    new, columns = query.shape[2], key.shape[2]
    if not by_row or new == 1 or attention_mask is None:
        return _attend(module, query, key, value, attention_mask, more), None
    rows = []
    for row in range(new):
        seen = columns - new + row + 1
        mask = attention_mask[:, :, row : row + 1, :seen]
        rows.append(_attend(module, query[:, :, row : row + 1], key[:, :, :seen], value[:, :, :seen], mask, more))
    return torch.cat(rows, dim=1), None


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, more: dict[str, Any]
) -> Tensor:
    if half_attention.suits(query, mask):
        return half_attention.attend(query, key, value, mask, more.get("scaling") or query.shape[-1] ** -0.5)
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    out: Tensor = sdpa_attention_forward(module, query, key, value, mask, **more)[0]
    return out
