"""How labels are compared: the engine's rules, and one that divides out the model's bias, seen on empty inputs.

In: the scores of one prefill, whatever rule they were shared by. Out: the same scores with other shares; no model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from gptjt_demo.engine.label_scores import softmax
from gptjt_demo.engine.results import LabelScore

RULES = {
    "logprob": ("Sum", "by the summed log probability of each label’s tokens and its end"),
    "per_token": ("Per token", "by the mean log probability per token"),
    "per_byte": ("Per byte", "by the mean log probability per byte"),
    "prior": (
        "Prior-corrected",
        "by the sum, divided by what the label gets for empty inputs: “N/A”, “[MASK]” and “…”",
    ),
}
"""Each rule's name on the page, and what it does in words."""


def reshared(scores: Sequence[LabelScore], rule: str, prior: Sequence[float] = ()) -> tuple[LabelScore, ...]:
    """The scores with shares by that rule; they sum to 1.

    Args:
        scores: in any order.
        rule: a key of `RULES`.
        prior: for the rule `prior`, each score's share on input without content.
    """
    if not scores:
        return ()
    if rule == "prior" and len(prior) == len(scores):
        values = [score.logprob - math.log(max(share, 1e-12)) for score, share in zip(scores, prior, strict=True)]
    else:
        name = rule if rule in ("per_token", "per_byte") else "logprob"
        values = [getattr(score, name) for score in scores]
    return tuple(replace(score, share=share) for score, share in zip(scores, softmax(values), strict=True))
