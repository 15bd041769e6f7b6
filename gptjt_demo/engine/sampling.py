"""The choice of the next token. In: one row of logits and settings. Out: a token id. Knows nothing of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gptjt_demo.settings import Sampling

if TYPE_CHECKING:
    import torch


def choose(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    """Choose the next token.

    Args:
        logits: float32 (vocabulary,), on the CPU; -inf where a token may not be chosen.
        sampling: the settings.
        generator: the only source of chance, so that a seed gives the same text whatever else runs.
    """
    if sampling.greedy:
        return int(logits.argmax())
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[0]:
        least = logits.topk(sampling.top_k).values[-1]
        logits = logits.masked_fill(logits < least, float("-inf"))
    probabilities = logits.softmax(-1)
    if sampling.top_p < 1:
        ordered, order = probabilities.sort(descending=True, stable=True)
        # A token stays while those before it have not reached top_p; the likeliest always stays.
        dropped = order[(ordered.cumsum(-1) - ordered) >= sampling.top_p]
        probabilities = probabilities.index_fill(0, dropped, 0.0)
    return int(probabilities.multinomial(1, generator=generator))
