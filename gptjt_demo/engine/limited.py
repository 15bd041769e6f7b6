"""An engine within a server's limits: a prompt that is too long is refused, an answer that takes too long is ended.

In: whoever answers, and `Limits`. Out: what everybody on that server asks in its place. Does not know who asks, nor
how many; rows and batches have their limits where they begin.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from gptjt_demo.engine.deadline import Deadline
from gptjt_demo.errors import PlaygroundError, TookTooLong, TooLarge
from gptjt_demo.settings import Limits

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers


def limited(engine: Answers, limits: Limits) -> Answers:
    """The engine within limits on a prompt's characters and an answer's seconds; itself where there are none.

    Beside an engine's own errors its methods raise `TooLarge`, before any work, and `TookTooLong`, which ends an answer
    within a layer or a token; a stream has given its tokens until then.
    """
    if limits.prompt_characters is None and limits.run_seconds is None:
        return engine
    return cast("Answers", _Limited(engine, limits))


class _Limited:
    """An engine whose every other attribute is as it was."""

    def __init__(self, engine: Answers, limits: Limits) -> None:
        self._engine = engine
        self._limits = limits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(self._short(text))

    def encode(self, text: str) -> list[int]:
        return self._engine.encode(self._short(text))

    def tokens(self, text: str) -> list[str]:
        return self._engine.tokens(self._short(text))

    def stream(self, prompt: Any, *arguments: Any, cancel: threading.Event | None = None, **options: Any) -> _Stream:
        deadline = self._deadline(cancel)
        stream = self._engine.stream(self._short(prompt), *arguments, cancel=deadline, **options)
        return _Stream(stream, deadline, self._limits)

    def complete(self, prompt: Any, *arguments: Any, cancel: threading.Event | None = None, **options: Any) -> Any:
        stream = self.stream(prompt, *arguments, cancel=cancel, **options)
        for _ in stream:
            pass
        return stream.completion

    def score(
        self, prompt: Any, labels: Any, *arguments: Any, cancel: threading.Event | None = None, **options: Any
    ) -> Any:
        self._few(labels)
        deadline = self._deadline(cancel)
        scores = self._engine.score(self._short(prompt), labels, *arguments, cancel=deadline, **options)
        if not scores:  # given up
            _in_time(deadline, self._limits)
        return scores

    def complete_many(self, prompts: Any, *arguments: Any, **options: Any) -> Iterator[tuple[int, Any]]:
        return self._many(self._engine.complete_many, prompts, arguments, options)

    def score_many(self, prompts: Any, labels: Any, *arguments: Any, **options: Any) -> Iterator[tuple[int, Any]]:
        self._few(labels)
        return self._many(self._engine.score_many, prompts, (labels, *arguments), options)

    def _many(
        self, method: Any, prompts: Any, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> Iterator[tuple[int, Any]]:
        """A prompt that is too long is its row's error. What runs in the background has a time of its own."""
        if not isinstance(prompts, list | tuple):  # the engine's to refuse
            yield from method(prompts, *arguments, **options)
            return
        places, short = [], []
        for place, prompt in enumerate(prompts):
            try:
                short.append(self._short(prompt))
                places.append(place)
            except PlaygroundError as error:
                yield place, error
        deadline = None if options.get("background") else self._deadline(options.get("cancel"))
        if deadline is not None:
            options = {**options, "cancel": deadline}
        if options.get("shapes"):
            options = {**options, "shapes": [options["shapes"][place] for place in places]}
        left = set(places)
        for index, outcome in method(short, *arguments, **options):
            left.discard(places[index])
            yield places[index], outcome
        if deadline is not None and left:
            _in_time(deadline, self._limits)

    def _deadline(self, cancel: threading.Event | None) -> Deadline:
        return Deadline(self._limits.run_seconds, cancel)

    def _short(self, prompt: Any) -> Any:
        """The prompt, if it is short enough; what is no text is the engine's to refuse."""
        most = self._limits.prompt_characters
        if isinstance(prompt, str) and most is not None and len(prompt) > most:
            raise TooLarge(f"{len(prompt):,} characters, the limit here is {most:,}", where="prompt", mend="shorten it")
        return prompt

    def _few(self, labels: Any) -> None:
        most = self._limits.prompt_characters
        texts = [label for label in labels if isinstance(label, str)] if isinstance(labels, Sequence) else []
        if most is not None and (count := sum(map(len, texts))) > most:
            raise TooLarge(
                f"{count:,} characters in all, the limit here is {most:,}", where="labels", mend="give fewer of them"
            )


class _Stream:
    """A stream that ends with an error where its time is over; every other attribute is as it was."""

    def __init__(self, stream: Any, deadline: Deadline, limits: Limits) -> None:
        self._stream = stream
        self._deadline = deadline
        self._limits = limits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> _Stream:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._stream)
        except StopIteration:
            if self._stream.completion.stop_reason == "cancelled":
                _in_time(self._deadline, self._limits)
            raise


def _in_time(deadline: Deadline, limits: Limits) -> None:
    if deadline.passed:
        raise TookTooLong(
            f"it was ended after {limits.run_seconds:,} s, the limit here",
            where="answer",
            mend="ask for fewer tokens (max_new_tokens) or give a shorter prompt",
        )
