"""What a model is asked: exact text, or the ids of its tokens; and what an answer to it is to hold. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Prompt = str | Sequence[int]

ALTERNATIVES = 5  # the likeliest tokens of a step, kept with the one chosen


def joiner(prompt: str) -> str:
    """What stands between a prompt and its answer: a space, unless the prompt ends in white space."""
    return "" if prompt[-1:].isspace() else " "


@dataclass(frozen=True)
class Detail:
    """What an answer is to hold.

    Attributes:
        alternatives: how many of the likeliest tokens are kept with each.
        exact: its text is all that follows the prompt, to the character, and a stop is looked for in all of it; without
            it, one space between the prompt and the answer is no part of the answer.
        echo: how likely the prompt's own tokens were. There are such numbers in causal mode only: in prefix mode a
            token is read with those behind it.
    """

    alternatives: int = ALTERNATIVES
    exact: bool = False
    echo: bool = False


@dataclass(frozen=True)
class ControlTokens:
    """A vocabulary's tokens that stand for no text.

    Attributes:
        ids: of each, by its name.
        start: the one that stands for an empty context; None where there is none.
        end: the one that ends a text; None where there is none.
    """

    ids: Mapping[str, int]
    start: int | None = None
    end: int | None = None

    def name(self, id: int | None) -> str | None:
        """The name of one of them; None where it is none."""
        return next((name for name, known in self.ids.items() if known == id), None)
