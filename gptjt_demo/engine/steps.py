"""What a language model does for the engine, whoever computes it: prefill, extend, check and branch.

`prefix_lm.PrefixLM` runs the models of transformers; a compiled network is another one. What each step takes, gives and
refuses is said at `PrefixLM`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from gptjt_demo.engine.results import SelfTest
from gptjt_demo.settings import Attention

Cancelled = Callable[[], bool] | None


class Interrupted(Exception):
    """The caller's flag was set while the model ran."""


class State(Protocol):
    """What steps leave, of one row or several; each model has its own."""

    keep: Tensor  # bool (batch, columns)
    logits: Tensor  # float32 (batch, vocabulary): after the last column

    def repeat(self, rows: int) -> State: ...
    def select(self, rows: Sequence[int]) -> State: ...
    def crop(self, columns: int) -> State: ...
    @classmethod
    def joined(cls, states: Sequence[Any]) -> State: ...


@runtime_checkable
class LanguageModel(Protocol):
    """A model's steps.

    Attributes:
        name: by which it calls itself; may be empty.
        context: tokens that it has positions for.
        vocabulary: how many logits.
        ends: ids that end a text.
        device: where it runs.
        test: whether it notices its mask.
        rows_alike: whether `check` reads a token as `extend` does.
    """

    name: str
    context: int
    vocabulary: int
    ends: list[int]
    device: torch.device
    test: SelfTest
    rows_alike: bool

    def prefill(self, ids: Tensor, keep: Tensor, attention: Attention, cancelled: Cancelled = None) -> Any: ...
    def extend(self, state: Any, ids: Tensor, keep: Tensor | None = None, *, cancelled: Cancelled = None) -> Any: ...
    def check(self, state: Any, ids: Sequence[int], cancelled: Cancelled = None) -> tuple[Any, Tensor]: ...
    def branch(self, state: Any, branches: Sequence[Sequence[int]], cancelled: Cancelled = None) -> list[Tensor]: ...
    def pause(self) -> AbstractContextManager[None]: ...
