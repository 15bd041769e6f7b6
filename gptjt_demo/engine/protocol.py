"""What an engine offers, whoever answers: the page, the batch and the evaluation ask for this and for nothing more.

`Engine` satisfies it with a model, the tests' scripted engine without one. What each method does, gives and refuses is
said at `Engine`. No torch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from gptjt_demo.engine.label_scores import Rule
from gptjt_demo.engine.results import Completion, LabelScore, SelfTest, Token
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Attention, Sampling


class TokenStream(Protocol):
    """Tokens of one answer as they come; `completion` is there when it has ended."""

    attention: Attention
    seed: int
    prompt_tokens: int
    continued: str

    def __iter__(self) -> Iterator[Token]: ...

    @property
    def completion(self) -> Completion: ...


class Answers(Protocol):
    """Answers prompts and weighs labels."""

    name: str
    context: int
    attention: Attention
    supports_prefix: bool
    self_test: SelfTest
    notes: tuple[str, ...]
    stand_in: bool

    def count_tokens(self, text: str) -> int: ...

    def encode(self, text: str) -> list[int]: ...

    def tokens(self, text: str) -> list[str]: ...

    def resolve(self, attention: Attention | None) -> Attention: ...

    def stream(
        self,
        prompt: str,
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        continuation: Sequence[int] = (),
        drafting: bool | None = None,
        cancel: threading.Event | None = None,
    ) -> TokenStream: ...

    def complete(
        self,
        prompt: str,
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        continuation: Sequence[int] = (),
        drafting: bool | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion: ...

    def complete_many(
        self,
        prompts: Sequence[str],
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
        background: bool = False,
    ) -> Iterator[tuple[int, Completion | PlaygroundError]]: ...

    def score(
        self,
        prompt: str,
        labels: Sequence[str],
        *,
        end: str = "\n",
        rule: Rule = "logprob",
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
    ) -> list[LabelScore]: ...

    def score_many(
        self,
        prompts: Sequence[str],
        labels: Sequence[str],
        *,
        end: str = "\n",
        rule: Rule = "logprob",
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
        background: bool = False,
    ) -> Iterator[tuple[int, list[LabelScore] | PlaygroundError]]: ...
