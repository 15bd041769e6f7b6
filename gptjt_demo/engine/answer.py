"""One answer while it grows: the next token is chosen, its text settles, and it ends for a stated reason.

In: a row of log probabilities a step. Out: tokens, and at the end a `Completion`. Does not know the model or the batch.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from gptjt_demo.engine.constraint import Constraint, Shaper
from gptjt_demo.engine.drafting import Drafter
from gptjt_demo.engine.echo import Echo
from gptjt_demo.engine.prompt import Detail, Prompt
from gptjt_demo.engine.results import Alternative, Completion, StopReason, Token
from gptjt_demo.engine.sampling import choose
from gptjt_demo.engine.text_stream import TextStream
from gptjt_demo.engine.vocabulary import Vocabulary
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.settings.shape import Shape


class Answer:
    """The answer to one prompt.

    Attributes:
        index: the prompt's, among those asked together.
        prompt_ids: its token ids.
        continuation: token ids that stand between the prompt and the new tokens, read causally.
        continued: the text that they settle by themselves; new tokens' texts follow it.
        seed: the one given, or the one drawn.
        stop_reason: why it ended; None while it grows.
        done: it has ended, and all its tokens were given out.
        passes: forward passes that it took part in.
        drafter: what guesses its next tokens; None where nothing does.
        echo: the prompt's own tokens, where they are wanted.

    Args:
        index: see above.
        prompt: exact text, or token ids.
        prompt_ids: see above.
        sampling: the settings.
        vocabulary: the model's.
        continuation: see above.
        detail: what it is to hold.
        shape: what its text must be; None is anything.
        shaper: makes what keeps to a shape; needed where there is one.

    Raises:
        SettingError: no answer has the shape.
        PromptError: the continuation does not lead to it.
    """

    def __init__(
        self,
        index: int,
        prompt: Prompt,
        prompt_ids: Sequence[int],
        sampling: Sampling,
        vocabulary: Vocabulary,
        continuation: Sequence[int] = (),
        detail: Detail | None = None,
        shape: Shape | None = None,
        shaper: Shaper | None = None,
    ) -> None:
        self.index, self.prompt_ids, self.continuation = index, list(prompt_ids), list(continuation)
        self.seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
        self.stop_reason: StopReason | None = None
        self.passes = 0
        self.drafter: Drafter | None = None
        self._sampling, self._vocabulary = sampling, vocabulary
        self._detail = detail = detail or Detail()
        self.echo = Echo(self.prompt_ids, vocabulary, detail.alternatives) if detail.echo else None
        self._joiner = "" if detail.exact else vocabulary.joiner(prompt)
        decode = self._behind if detail.exact else vocabulary.decode
        self._text = TextStream(decode, sampling.stop, self._joiner)
        self._text.start_from(self.continuation)
        self.continued = self._text.text
        self._constraint: Constraint | None = None
        if shape is not None and shaper is not None:
            self._constraint = shaper.constraint(shape, self._joiner, sampling.stop, self.continuation)
        self._generator = torch.Generator().manual_seed(self.seed)
        self._unsettled: list[Token] = []
        self._tokens: list[Token] = []
        self._last = -1
        self._started = time.perf_counter()
        self._first: float | None = None
        self._ended: float | None = None

    @property
    def last(self) -> int:
        """Id of the newest token."""
        return self._last

    @property
    def greedy(self) -> bool:
        """Whether chance has no part in it."""
        return self._sampling.greedy

    @property
    def done(self) -> bool:
        """See the class."""
        return self.stop_reason is not None and not self._unsettled

    def start(self) -> None:
        """The clock starts: the prompt goes to the model now."""
        self._started = time.perf_counter()

    def draft(self) -> list[int]:
        """Tokens that may come next, for the model to check: none where there is no drafter, nor beyond a shape.

        What the last of them predicts comes from the same pass, so a token that would end the answer is left out.
        """
        if self.drafter is None:
            return []
        ids = self._text.ids
        room = self._sampling.max_new_tokens - (len(ids) - len(self.continuation)) - 1
        guess = self.drafter.propose(ids)[:room]
        if self._constraint is not None and guess:
            guess = guess[: self._constraint.held(guess)]
        while guess and self._would_stop(guess):
            guess.pop()
        return guess

    def _would_stop(self, guess: list[int]) -> bool:
        full = self._vocabulary.decode([*self._text.ids, *guess]).removeprefix(self._joiner)
        return any(full.find(stop, len(self._text.text)) >= 0 for stop in self._sampling.stop)

    @property
    def alternatives(self) -> int:
        """How many are kept with each token."""
        return self._detail.alternatives

    def take(self, logprobs: Tensor, likeliest: int, best: Sequence[tuple[int, float]]) -> None:
        """Choose the next token.

        Args:
            logprobs: float32 (vocabulary,) on the CPU, -inf on tokens that are never chosen.
            likeliest: the first token of the highest.
            best: as many as there are `alternatives`, the likeliest first: tokens and their log probabilities.
        """
        self._first = self._first or time.perf_counter()
        allowed = logprobs  # -inf also where the shape does not lead
        if self._constraint is not None:
            allowed = logprobs.masked_fill(~self._constraint.offered(), -math.inf)
            if not bool(allowed.isfinite().any()):  # no token of this vocabulary leads on
                self._whole("shape")
                return
        free = allowed is logprobs
        id = self._last = likeliest if free and self.greedy else choose(allowed, self._sampling, self._generator)
        ended = id in self._vocabulary.ends
        raw = "" if ended else self._vocabulary.decode([id])
        in_shape = None if free else float(allowed[id] - allowed.logsumexp(-1))
        others = tuple(
            Alternative(i, self._vocabulary.decode([i]), p, free or bool(allowed[i].isfinite()))
            for i, p in best
            if p > -math.inf
        )
        self._unsettled.append(Token(id, "", raw, float(logprobs[id]), others, in_shape))
        if ended:
            self._whole("end_of_text")
            return
        self._text.push(id)
        if self._constraint is not None:
            self._constraint.take(id)
        if self._text.stop is not None:
            self.end("stop")
        elif self._constraint is not None and self._constraint.over:
            self._whole("shape")
        elif len(self._text.ids) - len(self.continuation) >= self._sampling.max_new_tokens:
            self.end("max_new_tokens")

    def _whole(self, reason: StopReason) -> None:
        """No stop can follow: what was held back is text."""
        self._text.end()
        self.end(reason)

    def _behind(self, ids: Sequence[int]) -> str:
        """Text of ids behind the prompt: some tokenizers write a space only where something stands before it."""
        last = self.prompt_ids[-1:]
        return self._vocabulary.decode([*last, *ids]).removeprefix(self._vocabulary.decode(last))

    def end(self, reason: StopReason) -> None:
        """No token follows."""
        self.stop_reason, self._ended = reason, time.perf_counter()

    def settled(self) -> Iterator[Token]:
        """Give out the tokens whose text is certain; all that are left once the answer has ended."""
        ended = self.stop_reason is not None
        texts = self._text.settled(final=ended)
        if ended:  # a token that ends the text has none of its own
            texts += [""] * (len(self._unsettled) - len(texts))
        for text in texts:
            draft = self._unsettled.pop(0)
            token = replace(draft, text=text)
            self._tokens.append(token)
            yield token

    def completion(self, model: str, attention: Attention) -> Completion:
        """The finished answer.

        Raises:
            RuntimeError: it has not ended.
        """
        if self.stop_reason is None or self._ended is None:
            raise RuntimeError("the answer has not ended")
        first = self._first or self._ended
        count, decoding = len(self._tokens), self._ended - first
        return Completion(
            text=self._text.text,
            joiner=self._joiner if self._behind(self._text.ids[:1]).startswith(self._joiner) else "",
            tokens=tuple(self._tokens),
            stop_reason=self.stop_reason,
            stop=self._text.stop,
            model=model,
            attention=attention,
            seed=self.seed,
            prompt_tokens=len(self.prompt_ids),
            completion_tokens=count,
            seconds_to_first_token=first - self._started,
            seconds=self._ended - self._started,
            tokens_per_second=(count - 1) / decoding if count > 1 and decoding > 0 else 0.0,
            drafted=self.drafter.drafted if self.drafter else 0,
            accepted=self.drafter.accepted if self.drafter else 0,
            forward_passes=self.passes,
            echo=tuple(self.echo.tokens) if self.echo else (),
            has_shape=self._constraint.fits(self._text.text) if self._constraint else None,
        )
