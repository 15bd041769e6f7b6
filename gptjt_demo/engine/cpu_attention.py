"""The CPU's attention: faster than torch's in bfloat16, and where it is asked for, equal to the bit row by row.

Milliseconds for 16 heads of 256 in bfloat16, two cores with AVX-512, torch's own beside it:

    new tokens, columns        1, 48    1, 200    1, 600    1, 1800    512, 512    1536, 1536
    torch                       0.13      0.66       2.0        6.1          24           228
    here                        0.06      0.15      0.42        1.4          16           135

Its relative error is 0.0023 at most, torch's 0.0018, of which 0.0017 is the rounding of the result: products are in
float32, and values in bfloat16 where rows are many.

torch's attention adds up in another order when it is given more rows; in bfloat16, after 30 layers, that moves a logit
by 0.5 and more, enough to turn a close choice. So tokens that are guessed attend one by one, each over the columns that
it would find if it came alone, and a guess changes no answer. Everything else in a layer treats its rows apart: norms,
activations, and the 8-bit linears of the CPU. In float32 a linear of many rows still differs from one of a single row,
by its rounding.

In: queries, keys, values and a mask. Out: what the heads read. Knows layers only as what transformers passes on.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

NAME = "sdpa_by_row"
MANY = 64  # new tokens from which a product in bfloat16 pays; between one and these torch's own is as fast
PIECE = 1 << 20  # values of keys, or of weights, that are in float32 at a time: 4 MiB


def install(model: Any) -> bool:
    """Let a model that runs on sdpa attend by row where a call says `by_row=True`. Returns whether it does."""
    from transformers import AttentionInterface

    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, forward)
        model.set_attn_implementation(NAME)
    return bool(model.config._attn_implementation == NAME)


def forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    by_row: bool = False,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it, for all rows at once or for one after the other.

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
    """The faster of the two for these."""
    if suits(query, mask):
        return attend(query, key, value, mask, more.get("scaling") or query.shape[-1] ** -0.5)
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    out: Tensor = sdpa_attention_forward(module, query, key, value, mask, **more)[0]
    return out


def suits(query: Tensor, mask: Tensor | None) -> bool:
    """Whether `attend` is for these. Without a mask only a single token is, which sees all columns."""
    new = query.shape[2]
    on_cpu = query.dtype == torch.bfloat16 and query.device.type == "cpu"
    return on_cpu and (new == 1 or (new >= MANY and mask is not None))


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
    """What each new token reads, in bfloat16.

    Args:
        query: (batch, heads, new, width).
        key: (batch, key heads, columns, width).
        value: of the same shape.
        mask: (batch, 1, new, columns), additive or bool; None where all is seen.
        scaling: of the products.

    Returns:
        (batch, new, heads, width).
    """
    batch, heads, new, width = query.shape
    key_heads, columns = key.shape[1:3]
    group = heads // key_heads  # heads that share a key's
    rows = query.reshape(batch, key_heads, group * new, width)
    out = torch.empty_like(rows)
    step = max(1, PIECE // (columns * max(width, group * new)))
    for one in range(batch):
        hidden = None if mask is None else _additive(mask[one, 0]).repeat(group, 1)  # (group * new, columns)
        for first in range(0, key_heads, step):
            some = slice(first, first + step)
            products = rows[one, some].float() @ key[one, some].float().transpose(1, 2)
            products.mul_(scaling)  # (some, group * new, columns)
            weights = (products if hidden is None else products.add_(hidden)).softmax(-1)
            read = value[one, some]
            out[one, some] = weights.to(read.dtype) @ read if new >= MANY else weights @ read.float()
    return out.view(batch, heads, new, width).transpose(1, 2)


def _additive(mask: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.float()
    return torch.zeros(mask.shape).masked_fill_(~mask, torch.finfo(torch.float32).min)
