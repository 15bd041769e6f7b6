"""A shape kept to while an answer is written: which tokens may come next, by llguidance.

In: a shape, what joins and what ends the answer; then its tokens, one at a time. Out: a row of yes and no over the
vocabulary. Knows nothing of models, and does not choose. llguidance is imported when a shape is first asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gptjt_demo.engine.vocabulary import Vocabulary
from gptjt_demo.errors import PromptError, SettingError
from gptjt_demo.settings.shape import Shape
from gptjt_demo.settings.shape_grammar import answer_grammar, fits, impossible, matcher

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer


class Constraint:
    """One answer's.

    An end of the text may come where the text has the shape; a stop too, also within a token that ends the text. So the
    tokens of an answer that has the shape are all allowed, and where they are the likeliest, they are chosen.

    Attributes:
        shape: see there.

    Args:
        shape: see there.
        held: what reads tokens by the grammar of the whole answer.
        vocabulary: the model's.
    """

    def __init__(self, shape: Shape, held: LLMatcher, vocabulary: Vocabulary) -> None:
        self.shape = shape
        self._held, self._size = held, vocabulary.size
        self._ends = torch.tensor(sorted(vocabulary.ends), dtype=torch.long)

    @property
    def over(self) -> bool:
        """Whether no token of text can follow: the answer is whole, or the grammar's limits are reached."""
        return bool(self._held.is_stopped())

    def offered(self) -> Tensor:
        """Whether each token may come next: bool (vocabulary,)."""
        mask = np.frombuffer(self._held.compute_bitmask(), np.uint8)
        allowed = torch.from_numpy(np.unpackbits(mask, count=self._size, bitorder="little").view(np.bool_))
        allowed[self._ends] = self._held.is_accepting()
        return allowed

    def held(self, ids: Sequence[int]) -> int:
        """How many of these tokens, from the first on, may come next."""
        return int(self._held.validate_tokens(list(ids)))

    def take(self, id: int) -> None:
        """The token that came, which ends no text."""
        self._held.consume_token(id)

    def fits(self, text: str) -> bool:
        """Whether a text has the shape, whatever was taken."""
        return fits(self.shape, text)


class Shaper:
    """Makes constraints over a vocabulary; threads may share it.

    Args:
        vocabulary: the model's.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._tokenizer: LLTokenizer | None = None
        self._made = lru_cache(maxsize=16)(self._make)

    def constraint(
        self, shape: Shape, joiner: str, stops: Sequence[str], continuation: Sequence[int] = ()
    ) -> Constraint:
        """A constraint that has read nothing but the continuation.

        Args:
            shape: of the answer's text.
            joiner: what may stand between prompt and text.
            stops: the text ends before the first of them.
            continuation: tokens that the answer begins with.

        Raises:
            SettingError: no text has the shape, or it cannot be held to.
            PromptError: the continuation does not lead to the shape, or ended the answer already.
        """
        if not isinstance(shape, Shape):
            raise SettingError(f"it is {type(shape).__name__}", where="shape", mend="give one of settings.shape")
        found = self._made(shape, joiner, tuple(stops)).deep_copy()
        ids = list(continuation)
        if ids and (found.try_consume_tokens(ids) < len(ids) or self._stopped(ids, stops)):
            raise PromptError(
                "it does not lead to the answer's shape", where="continuation", mend="continue from another token"
            )
        return Constraint(shape, found, self._vocabulary)

    def _stopped(self, ids: list[int], stops: Sequence[str]) -> bool:
        text = self._vocabulary.decode(ids)
        return any(stop in text for stop in stops)

    def _make(self, shape: Shape, joiner: str, stops: tuple[str, ...]) -> LLMatcher:
        made = matcher(self._tokens(), answer_grammar(shape, joiner, stops))
        if impossible(made.deep_copy()):
            raise SettingError(
                f"no answer has it that holds none of the stops {', '.join(map(repr, stops)) or '(there are none)'}",
                where="shape",
                mend="change the shape or the stops",
            )
        return made

    def _tokens(self) -> LLTokenizer:
        """The vocabulary as llguidance takes it."""
        with self._lock:
            if self._tokenizer is None:
                from llguidance import LLTokenizer, TokenizerWrapper

                tokens = _Tokens(self._vocabulary)
                self._tokenizer = LLTokenizer(TokenizerWrapper(tokens), n_vocab=len(tokens.tokens))
            return self._tokenizer


class _Tokens:
    """What llguidance asks of a tokenizer. It wants a token that ends a text, and there may be none or several: it is
    given one behind the vocabulary, and whether an answer may end is asked of the matcher."""

    bos_token_id = None

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.eos_token_id = vocabulary.size
        self.tokens = [*vocabulary.token_bytes(), b""]
        self.special_token_ids = [*vocabulary.ends, *vocabulary.unreal, self.eos_token_id]

    def __call__(self, text: Any) -> list[int]:
        return self._vocabulary.encode(text.decode() if isinstance(text, bytes) else text)
