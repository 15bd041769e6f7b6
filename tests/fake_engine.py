"""A scripted engine for tests of the page, the CLI and batches: no model, no torch, the real Engine's manners.

It answers what it is told to, a token at a time, and like the real one it refuses blank and over-long prompts at the
call, ends at stops, draws a seed, and ends within a token when its cancel event is set.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gptjt_demo.engine.exact_text import exact_text, listed
from gptjt_demo.engine.label_scores import Rule, check_labels, softmax
from gptjt_demo.engine.prompt import ControlTokens, Detail, Prompt
from gptjt_demo.engine.protocol import Loading
from gptjt_demo.engine.results import Alternative, Completion, LabelScore, PromptToken, SelfTest, StopReason, Token
from gptjt_demo.errors import PlaygroundError, PromptError, PromptTooLong, SettingError
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.settings.shape import Shape
from gptjt_demo.settings.shape_grammar import fits

Script = Mapping[str, str] | Callable[[str], str]

END = "<|endoftext|>"
OTHERS = ("instead", "other")
"""Words that every token could have been."""

_TOKEN = re.compile(r"\s?[\w']+|\s?[^\w\s]|\s")


def _pieces(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _joiner(prompt: str) -> str:
    return "" if prompt[-1:].isspace() else " "


class FakeEngine:
    """Engine's double.

    Args:
        answers: prompt -> answer, or a mapping whose first key that the prompt's last block holds gives the answer.
        default: the answer where no key fits.
        delay: seconds for every token; an event in its place blocks every token until it is set.
        prefill: seconds before the first token.
        scores: label -> log probability, or that for a prompt; a label that is not named scores -10.
        fail_after: raise `failure` after so many tokens.
    """

    def __init__(
        self,
        answers: Script | None = None,
        *,
        default: str = "joy",
        delay: float | threading.Event = 0.0,
        prefill: float = 0.0,
        scores: Mapping[str, float] | Callable[[str], Mapping[str, float]] | None = None,
        name: str = "fake",
        context: int = 2048,
        attention: Attention = "prefix",
        supports_prefix: bool = True,
        fail_after: int | None = None,
        failure: Exception | None = None,
        stand_in: bool = False,
    ) -> None:
        self.name = name
        self.stand_in = stand_in
        self.loading: Loading | None = None
        self.notice = ""
        self.metered = False
        self.context = context
        self.supports_prefix = supports_prefix
        self.attention: Attention = attention if supports_prefix else "causal"
        self.self_test = SelfTest(supports_prefix, "scripted", prefix_change=0.25)
        self.notes: tuple[str, ...] = ("device: none, this engine is scripted",)
        self.answers: Script = answers or {}
        self.default = default
        self.delay = delay
        self.prefill = prefill
        self.scores = scores if callable(scores) else dict(scores or {})
        self.fail_after = fail_after
        self.failure = failure or RuntimeError("scripted failure")
        self._lock = threading.Lock()
        self._seeds = 0
        self.prompts: list[str] = []
        self.continuations: list[tuple[int, ...]] = []
        self.shapes: list[Shape | None] = []
        self.control = ControlTokens({END: 0}, 0, 0)
        self.words: dict[str, int] = {END: 0}
        self.streams: list[FakeStream] = []

    def count_tokens(self, text: str) -> int:
        return len(_pieces(text))

    def encode(self, text: str) -> list[int]:
        return [self.id_of(piece) for piece in _pieces(text)]

    def decode(self, ids: Sequence[int]) -> str:
        ids, words = listed(ids, "tokens"), list(self.words)
        if any(type(id) is not int or not 0 <= id < len(words) for id in ids):
            raise PromptError("not a token", where="tokens")
        return "".join(words[id] for id in ids)

    def tokens(self, text: str) -> list[str]:
        return _pieces(text)

    def id_of(self, piece: str) -> int:
        return self.words.setdefault(piece, len(self.words))

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
    ) -> FakeStream:
        sampling, detail = sampling or Sampling(), detail or Detail()
        prompt = self._text(prompt)
        count = self._check(prompt, sampling.max_new_tokens)
        with self._lock:
            self._seeds += 1
            seed = self._seeds if sampling.seed is None else sampling.seed
            self.prompts.append(prompt)
            self.continuations.append(tuple(continuation))
            words = list(self.words)
            continued = "".join(words[id] for id in continuation).removeprefix(_joiner(prompt))
            mode = self.resolve(attention)
            stream = FakeStream(self, prompt, sampling, mode, seed, count, cancel, continued, detail, shape)
            self.shapes.append(shape)
            self.streams.append(stream)
        return stream

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
    ) -> Completion:
        stream = self.stream(
            prompt,
            sampling,
            attention=attention,
            continuation=continuation,
            drafting=drafting,
            detail=detail,
            shape=shape,
            cancel=cancel,
        )
        for _ in stream:
            pass
        return stream.completion

    def score(
        self,
        prompt: Prompt,
        labels: Sequence[str],
        *,
        end: str = "\n",
        rule: Rule = "logprob",
        attention: Attention | None = None,
        cancel: threading.Event | None = None,
    ) -> list[LabelScore]:
        check_labels(labels, rule)
        prompt = self._text(prompt)
        self._check(prompt, 0)
        if cancel is not None and cancel.is_set():
            return []
        rows = []
        scores = self.scores(prompt) if callable(self.scores) else self.scores
        for label in labels:
            text = _joiner(prompt) + label + end
            tokens, logprob = len(_pieces(text)), scores.get(label, -10.0)
            rows.append(LabelScore(label, logprob, logprob / tokens, logprob / len(text.encode()), 0.0, tokens))
        shares = softmax([getattr(row, rule) for row in rows])
        return [replace(row, share=share) for row, share in zip(rows, shares, strict=True)]

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
    ) -> Iterator[tuple[int, Completion | PlaygroundError]]:
        for index, (prompt, shape) in enumerate(zip(prompts, shapes or [None] * len(prompts), strict=True)):
            if cancel is not None and cancel.is_set():
                return
            how: Any = {"attention": attention, "detail": detail, "shape": shape, "cancel": cancel}
            try:
                yield index, self.complete(prompt, sampling, **how)
            except PlaygroundError as error:
                yield index, error

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
    ) -> Iterator[tuple[int, list[LabelScore] | PlaygroundError]]:
        for index, prompt in enumerate(prompts):
            if cancel is not None and cancel.is_set():
                return
            try:
                yield index, self.score(prompt, labels, end=end, rule=rule, attention=attention, cancel=cancel)
            except PlaygroundError as error:
                yield index, error

    def _text(self, prompt: Prompt) -> str:
        if isinstance(prompt, Sequence) and not isinstance(prompt, str | bytes):
            return self.decode(prompt)
        return exact_text(prompt, "prompt")

    def _check(self, prompt: str, room: int) -> int:
        if not exact_text(prompt, "prompt").strip():
            raise PromptError("the prompt is empty", where="prompt", mend="type an instruction, an example or an input")
        count = self.count_tokens(prompt)
        if count + room > self.context:
            raise PromptTooLong(
                f"{count} tokens and {room} new ones exceed the context of {self.context}",
                where="prompt",
                mend="shorten it or lower max_new_tokens",
            )
        return count

    def resolve(self, attention: Attention | None) -> Attention:
        if attention not in (None, "prefix", "causal"):
            raise SettingError(f"{attention!r} is neither prefix nor causal", where="attention")
        return (attention or self.attention) if self.supports_prefix else "causal"

    def answer_to(self, prompt: str) -> str:
        if callable(self.answers):
            return self.answers(prompt)
        block = prompt.rsplit("\n\n", 1)[-1]
        return next((answer for key, answer in self.answers.items() if key in block), self.default)

    def wait(self, cancel: threading.Event | None, seconds: float | threading.Event) -> None:
        if isinstance(seconds, threading.Event):
            while not seconds.wait(0.005) and not (cancel is not None and cancel.is_set()):
                pass
        elif seconds and cancel is not None:
            cancel.wait(seconds)
        elif seconds:
            time.sleep(seconds)


class FakeStream:
    """Iterator of Token; `completion` is there after the end."""

    def __init__(
        self,
        engine: FakeEngine,
        prompt: str,
        sampling: Sampling,
        attention: Attention,
        seed: int,
        prompt_tokens: int,
        cancel: threading.Event | None,
        continued: str = "",
        detail: Detail | None = None,
        shape: Shape | None = None,
    ) -> None:
        self.continued = continued
        self._shape = shape
        self.seed = seed
        self.attention: Attention = attention
        self.prompt_tokens = prompt_tokens
        self.ended = threading.Event()
        self.given: list[Token] = []
        self.echo: tuple[PromptToken, ...] = ()
        self._joiner = _joiner(prompt)
        self._detail = detail or Detail()
        self._completion: Completion | None = None
        self._tokens = self._run(engine, prompt, sampling, cancel)

    @property
    def completion(self) -> Completion:
        if self._completion is None:
            raise RuntimeError("the stream has not ended")
        return self._completion

    def __iter__(self) -> FakeStream:
        return self

    def __next__(self) -> Token:
        return next(self._tokens)

    def _run(
        self, engine: FakeEngine, prompt: str, sampling: Sampling, cancel: threading.Event | None
    ) -> Iterator[Token]:
        start = time.perf_counter()
        first = 0.0
        before, self._joiner = (self._joiner, "") if self._detail.exact else ("", self._joiner)
        if self._detail.echo:
            self.echo = tuple(
                PromptToken(engine.id_of(piece), piece, piece, -1.0 if k else None)
                for k, piece in enumerate(_pieces(prompt))
            )
        cut, stop, reason = self._cut(before + engine.answer_to(prompt), sampling.stop)
        shown = [*_pieces(cut), ""] if stop else _pieces(cut)
        engine.wait(cancel, engine.prefill)
        for index, piece in enumerate(shown):
            engine.wait(cancel, engine.delay)
            if cancel is not None and cancel.is_set():
                reason, stop = "cancelled", None
                break
            if index == engine.fail_after:
                self.ended.set()
                raise engine.failure
            if index == sampling.max_new_tokens:
                reason, stop = "max_new_tokens", None
                break
            if index == 0:
                first = time.perf_counter() - start
            raw = piece or (stop or "")
            options = [(raw, -0.1), *((f" {other}", -3.0 - rank) for rank, other in enumerate(OTHERS))]
            free = self._shape is None  # a shape leaves nothing but the token that is given
            others = tuple(Alternative(engine.id_of(text), text, p, free or p == -0.1) for text, p in options)
            in_shape = None if free else 0.0
            token = Token(others[0].id, piece, raw, -0.1, others[: self._detail.alternatives], in_shape)
            self.given.append(token)
            yield token
        seconds = time.perf_counter() - start
        count, text = len(self.given), self.continued + "".join(token.text for token in self.given)
        self._completion = Completion(
            text=text,
            joiner=self._joiner,
            tokens=tuple(self.given),
            stop_reason=reason,
            stop=stop,
            model=engine.name,
            attention=self.attention,
            seed=self.seed,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=count,
            seconds_to_first_token=first,
            seconds=seconds,
            tokens_per_second=(count - 1) / (seconds - first) if count > 1 and seconds > first else 0.0,
            echo=self.echo,
            has_shape=None if self._shape is None else fits(self._shape, text),
        )
        self.ended.set()

    @staticmethod
    def _cut(answer: str, stops: Sequence[str]) -> tuple[str, str | None, StopReason]:
        found = [(answer.index(stop), stop) for stop in stops if stop in answer]
        if not found:
            return answer, None, "end_of_text"
        end, stop = min(found)
        return answer[:end], stop, "stop"
