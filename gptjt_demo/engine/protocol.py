"""What an engine offers, whoever answers: the page, the batch and the evaluation ask for this and for nothing more.

`Engine` satisfies it with a model, the tests' scripted engine without one. What each method does, gives and refuses is
said at `Engine`. No torch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gptjt_demo.engine.label_scores import Rule
from gptjt_demo.engine.prompt import ControlTokens, Detail, Prompt
from gptjt_demo.engine.results import Completion, LabelScore, PromptToken, SelfTest, Token
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.settings.shape import Shape


class TokenStream(Protocol):
    """Tokens of one answer as they come; `completion` is there when it has ended."""

    attention: Attention
    seed: int
    prompt_tokens: int
    continued: str

    def __iter__(self) -> Iterator[Token]: ...

    @property
    def echo(self) -> Sequence[PromptToken]: ...

    @property
    def completion(self) -> Completion: ...


@dataclass(frozen=True)
class Loading:
    """How far a model's load is.

    Attributes:
        phase: what is being done, in a few words for people.
        share: of the whole, 0 to 1.
    """

    phase: str = "starting"
    share: float = 0.0


class Answers(Protocol):
    """Answers prompts and weighs labels.

    Attributes:
        loading: how far the model's load is; None when it is there. Until then the other attributes are what its name
            promises, and what needs the model waits for it or raises `NotReady`.
        notice: what whoever asks must be told of how it came to answer, a sentence; empty as a rule.
        metered: whether its work is counted against the visitor who asked on the page, so that others are refused.
        control: the tokens that stand for no text.
    """

    @property
    def name(self) -> str: ...

    @property
    def context(self) -> int: ...

    @property
    def attention(self) -> Attention: ...

    @property
    def supports_prefix(self) -> bool: ...

    @property
    def self_test(self) -> SelfTest: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def stand_in(self) -> bool: ...

    @property
    def loading(self) -> Loading | None: ...

    @property
    def notice(self) -> str: ...

    @property
    def metered(self) -> bool: ...

    @property
    def control(self) -> ControlTokens: ...

    def count_tokens(self, text: str) -> int: ...

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...

    def tokens(self, text: str) -> list[str]: ...

    def resolve(self, attention: Attention | None) -> Attention: ...

    def stream(
        self,
        prompt: Prompt,
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        continuation: Sequence[int] = (),
        drafting: bool | None = None,
        detail: Detail | None = None,
        shape: Shape | None = None,
        cancel: threading.Event | None = None,
    ) -> TokenStream: ...

    def complete(
        self,
        prompt: Prompt,
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        continuation: Sequence[int] = (),
        drafting: bool | None = None,
        detail: Detail | None = None,
        shape: Shape | None = None,
        cancel: threading.Event | None = None,
    ) -> Completion: ...

    def complete_many(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling | None = None,
        *,
        attention: Attention | None = None,
        detail: Detail | None = None,
        shapes: Sequence[Shape | None] | None = None,
        cancel: threading.Event | None = None,
        background: bool = False,
    ) -> Iterator[tuple[int, Completion | PlaygroundError]]: ...

    def score(
        self,
        prompt: Prompt,
        labels: Sequence[str],
        *,
        end: str = "\n",
        rule: Rule = "logprob",
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
    ) -> list[LabelScore]: ...

    def score_many(
        self,
        prompts: Sequence[Prompt],
        labels: Sequence[str],
        *,
        end: str = "\n",
        rule: Rule = "logprob",
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
        background: bool = False,
    ) -> Iterator[tuple[int, list[LabelScore] | PlaygroundError]]: ...
