"""`POST /v1/completions`: text that goes on from prompts, as OpenAI's completions give it.

In: the request's fields. Out: the answer, whole or in chunks. A text is all that follows its prompt, so that the two
together are exact. Knows nothing of HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gptjt_demo.api.answering import Answering, Question
from gptjt_demo.api.attended import GivenUp
from gptjt_demo.api.body import Fields
from gptjt_demo.api.logprobs import Logprobs
from gptjt_demo.api.names import mode, signature
from gptjt_demo.api.prompts import MOST, Asked, read_prompts
from gptjt_demo.api.sampling import choices, most_tokens, read_attention, read_sampling, wants_counts
from gptjt_demo.api.shape import FINISHED, header, usage
from gptjt_demo.engine.prompt import Detail
from gptjt_demo.errors import SettingError, TooLarge

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers
    from gptjt_demo.engine.results import Completion, PromptToken, Token
    from gptjt_demo.settings import Limits

TOKENS = 16
"""OpenAI's default for `max_tokens`."""

MOST_BEST = 10
"""The likeliest tokens that `logprobs` may ask for."""


@dataclass(frozen=True)
class Completing:
    """A request for completions.

    Attributes:
        question: for the model.
        model: what the answer is signed with.
        tokens: that may be written; where there are none, one is written and dropped.
        best: how many of the likeliest tokens are wanted beside each; None wants no log probabilities.
        echo: whether a prompt is part of its answer.
        counts: whether a stream ends with the usage.
    """

    question: Question
    model: str
    tokens: int
    best: int | None
    echo: bool
    counts: bool

    @classmethod
    def read(cls, fields: Fields, engine: Answers, limits: Limits) -> Completing:
        """The request that these fields are.

        Raises:
            PlaygroundError: one does not fit.
        """
        id = fields.text("model")
        attention = read_attention(fields, mode(engine, id), id, engine)
        fields.nothing("suffix")
        count = choices(fields)
        fields.nothing("best_of", count)
        given = fields.whole("max_tokens", TOKENS, 0, most_tokens())
        tokens = TOKENS if given is None else given
        best = fields.whole("logprobs", None, 0, MOST_BEST)
        echo = fields.truth("echo")
        if echo and attention != "causal":
            raise SettingError(
                "an echo cannot say where its prompt ends, on which a prompt's own log probabilities depend here",
                where="echo",
                mend=f"ask {signature(engine, 'causal')}, or POST /v1/score, which is right for both modes",
            )
        prompts = read_prompts(fields.raw("prompt"), engine, limits.rows)
        if len(prompts) * count > MOST:
            what = f"{len(prompts):,} prompts with {count} choices each, the limit is {MOST:,} in all"
            raise TooLarge(what, where="n", mend="ask for fewer")
        detail = Detail(alternatives=best or 0, exact=True, echo=echo and best is not None)
        question = Question(prompts, attention, read_sampling(fields, max(1, tokens)), count, detail)
        return cls(question, signature(engine, attention), tokens, best, echo, wants_counts(fields))

    def answer(self, answering: Answering, cancel: threading.Event) -> dict[str, Any]:
        """The whole answer."""
        found = answering.completions(self.question, cancel)
        count = self.question.choices
        told = [
            self._choice(index, self.question.prompts[index // count], completion, self._blank(answering))
            for index, completion in enumerate(found)
        ]
        written = (self._written(completion) for completion in found)
        counts = usage((completion.prompt_tokens for completion in found[::count]), written)
        return {**self._header(), "choices": told, "usage": counts}

    def chunks(self, answering: Answering, cancel: threading.Event) -> Iterator[dict[str, Any] | None]:
        """The answer as it grows; None when the first prompt is accepted."""
        head = self._header() | ({"usage": None} if self.counts else {})
        read, written = [], []
        for index, asked, stream in answering.streams(self.question, cancel):
            if not index:
                yield None
            lists = self._blank(answering)
            for number, token in enumerate(stream):
                if self.echo and not number:
                    yield {**head, "choices": [_part(index, asked.text, self._lists(lists, asked, stream.echo, []))]}
                if self.tokens and (token.text or lists):
                    yield {**head, "choices": [_part(index, token.text, _grown(lists, [token]))]}
            completion = stream.completion
            if completion.stop_reason == "cancelled":
                raise GivenUp
            yield {**head, "choices": [_part(index, "", None, self._finished(completion))]}
            written.append(self._written(completion))
            if not index % self.question.choices:
                read.append(completion.prompt_tokens)
        if self.counts:
            yield {**head, "choices": [], "usage": usage(read, written)}

    def _header(self) -> dict[str, Any]:
        return header("cmpl", "text_completion", self.model)

    def _blank(self, answering: Answering) -> Logprobs | None:
        return None if self.best is None else Logprobs(self.best, answering.engine.control)

    def _choice(self, index: int, asked: Asked, completion: Completion, lists: Logprobs | None) -> dict[str, Any]:
        text = (asked.text if self.echo else "") + (completion.text if self.tokens else "")
        tokens = completion.tokens if self.tokens else ()
        return _part(index, text, self._lists(lists, asked, completion.echo, tokens), self._finished(completion))

    def _lists(
        self, lists: Logprobs | None, asked: Asked, echo: Sequence[PromptToken], tokens: Sequence[Token]
    ) -> dict[str, Any] | None:
        """The four lists of a prompt, where it is part of the answer, and of tokens behind it."""
        if lists is None:
            return None
        if self.echo:
            lists.length = len(asked.text)
            lists.add(echo)
            lists.offset, lists.length = len(asked.text), float("inf")
        return _grown(lists, tokens)

    def _finished(self, completion: Completion) -> str:
        return FINISHED[completion.stop_reason] if self.tokens else "length"

    def _written(self, completion: Completion) -> int:
        return completion.completion_tokens if self.tokens else 0


def _grown(lists: Logprobs | None, tokens: Sequence[Token]) -> dict[str, Any] | None:
    if lists is None:
        return None
    lists.add(tokens)
    return lists.take()


def _part(index: int, text: str, logprobs: dict[str, Any] | None, finished: str | None = None) -> dict[str, Any]:
    """A choice, or a part of one."""
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finished}
