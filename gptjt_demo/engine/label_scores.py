"""From log probabilities to label scores: the rules, and the shares they give. Plain arithmetic, no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

from gptjt_demo.engine.exact_text import exact_text, listed
from gptjt_demo.engine.results import LabelScore
from gptjt_demo.errors import PromptError, SettingError
from gptjt_demo.likeness import first_alike, seen

Rule = Literal["logprob", "per_token", "per_byte"]

RULES: dict[Rule, str] = {
    "logprob": "sum of log probabilities",
    "per_token": "log probability per token",
    "per_byte": "log probability per byte",
}


def check_labels(labels: Sequence[str], rule: Rule) -> list[str]:
    """The labels, which can be compared.

    Raises:
        PromptError: there are none, one is no text or blank, or two read alike.
        SettingError: the rule is unknown.
    """
    if not isinstance(rule, str) or rule not in RULES:
        raise SettingError(f"{rule!r} is not a rule", where="rule", mend=f"use one of {', '.join(get_args(Rule))}")
    found = [] if labels is None else listed(labels, "labels")
    if not found:
        raise PromptError("there are no labels", where="labels", mend="give a list of texts to choose from")
    for label in found:
        if not seen(exact_text(label, "labels")):
            raise PromptError("a label is blank", where="labels", mend="remove it")
    if pair := first_alike(found):
        one, other = (found[index] for index in pair)
        what = f"{one!r} is given twice" if one == other else f"{other!r} reads like the label {one!r}"
        raise PromptError(what, where="labels", mend="remove or rename one of them")
    return found


def label_scores(
    labels: Sequence[str], texts: Sequence[str], tokens: Sequence[int], logprobs: Sequence[float], rule: Rule
) -> list[LabelScore]:
    """Scores of labels from the sums of their log probabilities.

    Args:
        labels: as the user wrote them.
        texts: what was scored for each: joiner, label and end.
        tokens: how many tokens each text has.
        logprobs: the sum over them, natural logarithm.
        rule: what the shares are the softmax of.
    """
    per_token = [p / n for p, n in zip(logprobs, tokens, strict=True)]
    per_byte = [p / len(text.encode()) for p, text in zip(logprobs, texts, strict=True)]
    ranked = {"logprob": list(logprobs), "per_token": per_token, "per_byte": per_byte}[rule]
    share = softmax(ranked)
    return [
        LabelScore(label, logprobs[i], per_token[i], per_byte[i], share[i], tokens[i]) for i, label in enumerate(labels)
    ]


def softmax(values: Sequence[float]) -> list[float]:
    """Shares of the exponentials, which sum to 1, for at least one value."""
    best = max(values)
    weights = [math.exp(value - best) for value in values]
    total = math.fsum(weights)
    return [weight / total for weight in weights]
