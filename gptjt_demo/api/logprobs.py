"""How likely the tokens of an answer were, as four lists of one length, the way OpenAI's completions give them.

In: tokens of a prompt or of an answer. Out: the lists, whose `text_offset` counts characters of the returned text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gptjt_demo.engine.prompt import ControlTokens
from gptjt_demo.engine.results import PromptToken, Token

NOTHING = -9999.0
"""For a log probability that is no finite number."""


@dataclass
class Logprobs:
    """The lists, while they grow.

    Attributes:
        best: how many of the likeliest tokens stand beside each; its own is there, too.
        control: the tokens that stand for no text, and so go by their names.
        offset: characters of the returned text before the next token.
        length: characters that the text has at most; a token's place is never behind it.
    """

    best: int
    control: ControlTokens
    offset: int = 0
    length: float = math.inf
    tokens: list[str] = field(default_factory=list)
    token_logprobs: list[float | None] = field(default_factory=list)
    top_logprobs: list[dict[str, float] | None] = field(default_factory=list)
    text_offset: list[int] = field(default_factory=list)

    def add(self, tokens: Iterable[Token | PromptToken]) -> None:
        """Put tokens at the end of the lists."""
        for token in tokens:
            self.tokens.append(self._spelled(token.id, token.raw))
            self.token_logprobs.append(None if token.logprob is None else finite(token.logprob))
            self.top_logprobs.append(None if token.logprob is None else self._top(token, token.logprob))
            # What a token settled may hold an unfinished character of those before it, in front of its own text.
            before = len(token.text) - len(token.raw) if token.raw and token.text.endswith(token.raw) else 0
            self.text_offset.append(int(min(self.offset + before, self.length)))
            self.offset += len(token.text)

    def _top(self, token: Token | PromptToken, logprob: float) -> dict[str, float]:
        """The likeliest tokens and this one; what reads like it, or like another, goes by its id."""
        own, found = self._spelled(token.id, token.raw), dict[str, float]()
        for each in token.alternatives[: self.best]:
            name = self._spelled(each.id, each.text)
            if each.id != token.id and (name == own or name in found):
                name = f"token_id:{each.id}"
            found[name] = finite(each.logprob)
        return found | {own: finite(logprob)}

    def _spelled(self, id: int, text: str) -> str:
        """A token's own text; one that is not whole characters goes by its id, so that no two look alike."""
        if "\ufffd" in text:
            return f"token_id:{id}"
        return text or self.control.name(id) or ""

    def take(self) -> dict[str, Any]:
        """The lists so far; they are empty after it."""
        names = ("tokens", "token_logprobs", "top_logprobs", "text_offset")
        taken = {name: getattr(self, name) for name in names}
        for name in names:
            setattr(self, name, [])
        return taken


def finite(logprob: float) -> float:
    """A log probability that JSON can hold."""
    return logprob if math.isfinite(logprob) else NOTHING
