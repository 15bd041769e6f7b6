"""How likely a prompt's own tokens were, read causally. In: log probabilities after each of them. Out: a `PromptToken`
each. Does not know the model.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gptjt_demo.engine.results import Alternative, PromptToken
from gptjt_demo.engine.vocabulary import LONGEST, Vocabulary


class Echo:
    """A prompt's tokens as they are read.

    Attributes:
        tokens: those whose log probability is known; of the first there is none.

    Args:
        ids: the prompt's, at least one.
        vocabulary: the model's.
        alternatives: how many of the likeliest tokens are kept with each.
    """

    def __init__(self, ids: list[int], vocabulary: Vocabulary, alternatives: int) -> None:
        self._ids, self._vocabulary, self._alternatives = ids, vocabulary, alternatives
        self._texts = _texts(ids, vocabulary)
        self.tokens = [PromptToken(ids[0], self._texts[0], vocabulary.decode(ids[:1]), None)]

    def take(self, logprobs: Tensor) -> None:
        """The next tokens were read.

        Args:
            logprobs: float32 (tokens, vocabulary), after each of them; what follows the prompt's last is passed over.
        """
        first = len(self.tokens)
        ids = self._ids[first : first + len(logprobs)]
        rows = logprobs[: len(ids)]
        chosen = rows.gather(1, torch.tensor(ids, dtype=torch.long).unsqueeze(1)).squeeze(1).tolist()
        best = rows.topk(min(self._alternatives, rows.shape[1]))
        for k, (id, logprob) in enumerate(zip(ids, chosen, strict=True)):
            rivals = zip(best.indices[k].tolist(), best.values[k].tolist(), strict=True)
            alternatives = tuple(
                Alternative(other, self._vocabulary.decode([other]), p) for other, p in rivals if p > -math.inf
            )
            raw = self._vocabulary.decode([id])
            self.tokens.append(PromptToken(id, self._texts[first + k], raw, logprob, alternatives))


def _texts(ids: list[int], vocabulary: Vocabulary) -> list[str]:
    """What each token adds to the text; a character of several tokens comes with its last."""
    texts: list[str] = []
    before: list[int] = []  # some tokenizers write a space only where something stands before it
    pending: list[int] = []
    for id in ids:
        pending.append(id)
        text = vocabulary.decode([*before, *pending]).removeprefix(vocabulary.decode(before))
        if text.endswith("\ufffd") and len(pending) < LONGEST:
            texts.append("")
        else:
            texts.append(text)
            before, pending = [id], []
    texts[-1] = vocabulary.decode(ids).removeprefix("".join(texts[:-1]))
    return texts
