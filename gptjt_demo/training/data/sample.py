"""A training sample: token ids, the part of them that sees itself in both directions, and the tokens that count.

In: a text document or a few-shot episode, an encoder, and a generator of random numbers. Out: a `Sample`. Does not know
models, where documents come from, or how samples are packed.

The split of a text is the prefix language model's of UL2 (Tay et al. 2022, the S-denoiser) and T5 (Raffel et al. 2020,
section 3.2.1): the prefix ends at a uniformly drawn place and every token after it counts. An episode is cut as the
engine cuts it: the prefix is a prompt, which ends at a cue and is tokenized in one piece; every answer after it is
tokenized apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gptjt_demo.training.episodes.task import Episode

Encode = Callable[[str], Sequence[int]]  # text to token ids, nothing added: `Vocabulary.encode`

QUERY_ALONE = 0.5  # of the episodes, the part whose prefix is everything but the last answer, as it is when one asks


@dataclass(frozen=True)
class Sample:
    """One document to train on.

    Attributes:
        ids: its token ids.
        prefix: how many of them, from the first, see each other in both directions; the others see all before them.
            0 and 1 are both a causal sample.
        counted: for each token, whether its prediction is part of the loss. None is within the prefix, and the first
            token is never counted: nothing comes before it.

    Raises:
        ValueError: the three do not fit together.
    """

    ids: tuple[int, ...]
    prefix: int
    counted: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.counted) != len(self.ids) or not 0 <= self.prefix <= len(self.ids):
            raise ValueError(f"{len(self.ids)} ids, a prefix of {self.prefix} and {len(self.counted)} marks do not fit")
        if any(self.counted[: max(1, self.prefix)]):
            raise ValueError("a token within the prefix, or the first one, is counted")

    def __len__(self) -> int:
        return len(self.ids)


def text_sample(ids: Sequence[int], rng: random.Random, length: int, *, end: int | None = None) -> Sample | None:
    """A text document, split at a uniformly drawn place; every token after the split counts.

    Args:
        ids: the document's token ids. Of one longer than `length` a uniformly drawn window is taken.
        rng: draws the window and the split.
        length: most tokens that the sample may have.
        end: id of the token that ends a text; it is put after a document whose end is in the sample.

    Returns:
        None where fewer than two tokens are left: there is nothing to predict.
    """
    whole = [*ids, end] if end is not None else list(ids)
    start = rng.randint(0, max(0, len(whole) - length))
    taken = tuple(whole[start : start + length])
    if len(taken) < 2:
        return None
    prefix = rng.randint(1, len(taken) - 1)
    return Sample(taken, prefix, (False,) * prefix + (True,) * (len(taken) - prefix))


def episode_sample(episode: Episode, encode: Encode, rng: random.Random, length: int) -> Sample | None:
    """A few-shot episode: a prompt that ends at a cue, and the answers after it, which count.

    The prefix holds a drawn number of whole turns and the next turn's context; in half of the episodes that is every
    turn but the last. The contexts of later turns are read causally after it and do not count.

    Args:
        episode: its turns.
        encode: text to token ids; control tokens typed in it are only text.
        rng: draws where the prefix ends.
        length: most tokens that the sample may have. Turns that do not fit are left out whole, from the last.

    Returns:
        None where not even the first turn fits.
    """
    turns = list(episode.turns)
    while turns:
        last = len(turns) - 1
        shown = last if rng.random() < QUERY_ALONE else rng.randint(0, last)
        ids, counted = _read(turns, shown, encode)
        if len(ids) <= length:
            return Sample(tuple(ids), counted.index(True), tuple(counted))
        turns.pop()
    return None


def _read(turns: Sequence[tuple[str, str]], shown: int, encode: Encode) -> tuple[list[int], list[bool]]:
    """Ids, and which of them count, of turns of which the first `shown` are given with their answers."""
    prompt = "".join(context + answer for context, answer in turns[:shown]) + turns[shown][0]
    ids: list[int] = []
    counted: list[bool] = []
    for text, counts in [(prompt, False), (turns[shown][1], True)] + [
        part for context, answer in turns[shown + 1 :] for part in ((context, False), (answer, True))
    ]:
        found = encode(text)
        ids += found
        counted += [counts] * len(found)
    return ids, counted
