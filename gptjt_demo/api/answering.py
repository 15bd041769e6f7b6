"""The model asked for all choices of a request: one after the other as they grow, or many prompts together.

In: prompts, settings, and what is wanted beside the text. Out: choices in the order of their prompts.
Everything here runs in a thread of the request's own. Knows neither HTTP nor the shape of a response.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gptjt_demo.api.attended import GivenUp
from gptjt_demo.api.prompts import Asked
from gptjt_demo.engine.deadline import Deadline
from gptjt_demo.engine.prompt import Detail, Prompt
from gptjt_demo.errors import PlaygroundError, TookTooLong
from gptjt_demo.settings import Attention, Limits, Sampling

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers, TokenStream
    from gptjt_demo.engine.results import Completion


@dataclass(frozen=True)
class Question:
    """All that a request asks of the model.

    Attributes:
        prompts: at least one.
        attention: the mode they are read in.
        sampling: of each choice; a seed is the first choice's, and the others' follow it.
        choices: for each prompt.
        detail: what is wanted beside the text.
    """

    prompts: Sequence[Asked]
    attention: Attention
    sampling: Sampling
    choices: int
    detail: Detail

    def seeded(self, choice: int) -> Sampling:
        """The settings of a prompt's choice of this number."""
        seed = self.sampling.seed
        return self.sampling if seed is None else self.sampling.model_copy(update={"seed": (seed + choice) % 2**32})


@dataclass(frozen=True)
class Answering:
    """An engine that answers questions within limits.

    Attributes:
        engine: what is asked.
        limits: of those, the time that many prompts may take.
    """

    engine: Answers
    limits: Limits

    def streams(self, question: Question, cancel: threading.Event) -> Iterator[tuple[int, Asked, TokenStream]]:
        """Every choice as it grows: its index, its prompt, and its tokens, which are to be read before the next one.

        Raises:
            PlaygroundError: a prompt cannot be answered; of the first choice, before any work.
        """
        for index, asked in enumerate(question.prompts):
            for choice in range(question.choices):
                stream = self.engine.stream(
                    asked.prompt,
                    question.seeded(choice),
                    attention=question.attention,
                    detail=question.detail,
                    cancel=cancel,
                )
                yield index * question.choices + choice, asked, stream

    def completions(self, question: Question, cancel: threading.Event) -> list[Completion]:
        """Every choice, in their order.

        Raises:
            PlaygroundError: a prompt cannot be answered.
            GivenUp: `cancel` was set.
        """
        found: dict[int, Completion] = {}
        for choice in range(question.choices):
            if choice and question.sampling.greedy:  # it would be the same again
                for index in range(len(question.prompts)):
                    found[index * question.choices + choice] = found[index * question.choices]
                continue
            for index, completion in self._each(question, choice, cancel):
                found[index * question.choices + choice] = completion
        return [found[index] for index in range(len(question.prompts) * question.choices)]

    def _each(self, question: Question, choice: int, cancel: threading.Event) -> Iterator[tuple[int, Completion]]:
        """One choice for every prompt. Many prompts are work in the background: who waits for one goes first."""
        prompts = [asked.prompt for asked in question.prompts]
        deadline = Deadline(self.limits.batch_seconds if len(prompts) > 1 else None, cancel)
        outcomes = self._outcomes(prompts, question, question.seeded(choice), deadline)
        left = len(prompts)
        for index, outcome in outcomes:
            if isinstance(outcome, PlaygroundError):
                raise outcome
            if outcome.stop_reason == "cancelled":
                break
            left -= 1
            yield index, outcome
        if left and deadline.passed:
            raise TookTooLong(
                f"it was ended after {self.limits.batch_seconds:,} s, the limit here",
                where="prompt",
                mend="send fewer prompts at once",
            )
        if left:
            raise GivenUp

    def _outcomes(
        self, prompts: list[Prompt], question: Question, sampling: Sampling, cancel: threading.Event
    ) -> Iterator[tuple[int, Completion | PlaygroundError]]:
        """Batches where there are several prompts; one that is echoed is read by itself."""
        if len(prompts) > 1 and not question.detail.echo:
            yield from self.engine.complete_many(
                prompts,
                sampling,
                attention=question.attention,
                detail=question.detail,
                cancel=cancel,
                background=True,
            )
            return
        for index, prompt in enumerate(prompts):
            yield (
                index,
                self.engine.complete(
                    prompt, sampling, attention=question.attention, detail=question.detail, cancel=cancel
                ),
            )
