"""Who sees whom: the masks of a prefix LM, padding, and the positions that follow from them. Knows no model.

Prefix attention: every prompt position sees the whole prompt, a generated position sees the prompt and what was
generated before it. The published GPT-JT carries this as all-ones `attn.bias` buffers, which transformers stopped
loading in 4.29, so the mask is given explicitly here: 4-D, additive and float, because eager attention *adds* its mask
(a bool one would mask nothing) while sdpa takes either.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gptjt_demo.settings import Attention


def prefill_mask(keep: Tensor, attention: Attention) -> Tensor:
    """Which prompt columns each prompt row sees.

    Args:
        keep: bool (batch, prompt), False on padding, which may stand on the left only.
        attention: "prefix" lets every row see every real column, "causal" those up to its own.

    Returns:
        bool (batch, 1, prompt, prompt). A padding row sees at least one column: softmax over none is NaN.
    """
    _, length = keep.shape
    columns = keep[:, None, None, :]  # (batch, 1, 1, prompt)
    if attention == "prefix":
        return columns.expand(-1, 1, length, length)
    seen = torch.ones(length, length, dtype=torch.bool, device=keep.device).tril()  # (prompt, prompt)
    own = torch.eye(length, dtype=torch.bool, device=keep.device)
    return (columns & seen) | own


def behind(keep: Tensor, own: Tensor) -> Tensor:
    """Which columns new rows see behind a prompt: all its real ones, and among themselves what `own` allows.

    Args:
        keep: bool (batch, past), False on padding.
        own: bool (batch or 1, 1, new, new), row by column.

    Returns:
        bool (batch, 1, new, past + new).
    """
    new = own.shape[-1]
    past = keep[:, None, None, :].expand(-1, 1, new, -1)  # (batch, 1, new, past)
    return torch.cat([past, own.expand(keep.shape[0], -1, -1, -1)], dim=-1)


def additive(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A bool mask as the float one that both sdpa and eager attention add to their scores."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


def pad(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids padded on the left: int64 (prompts, longest), and which are real: bool of the same shape."""
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    keep = torch.zeros(len(prompts), longest, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        keep[row, longest - len(prompt) :] = True
    return ids, keep


def positions_of(keep: Tensor) -> Tensor:
    """Position ids from the mask: the first real token of every row stands at 0. int64 (batch, columns)."""
    return (keep.long().cumsum(1) - 1).clamp_min(0)
