"""A model on ZeroGPU, where each visitor is lent a GPU for some seconds: every question is a turn of its own.

In: an engine whose weights were placed on the GPU before the page was launched. Out: what everybody asks in its place.
A question is looked over here, so that a mistake costs no turn; then it is put within one, whose length is reckoned
from its tokens. Many prompts go in several short turns, between which other visitors have theirs. What the hub refuses
comes in a line. Knows no page; `spaces`, which lends the GPU, is imported before torch asks for one, and only there.
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gptjt_demo.engine.exact_text import listed
from gptjt_demo.engine.label_scores import check_labels
from gptjt_demo.engine.prompt import joiner
from gptjt_demo.engine.results import Completion, Token
from gptjt_demo.errors import ModelError, PlaygroundError, TooMany
from gptjt_demo.settings import Sampling

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

ROWS_IN_A_TURN = 16
WHERE = "ZeroGPU"


def declare() -> None:
    """Have one function at least that asks for a GPU: the hub ends a Space that has none, wherever its model runs.

    Raises:
        ModelError: the package that lends the GPU is not installed.
    """
    try:
        import spaces
    except ImportError:
        raise ModelError("the package spaces is missing", where=WHERE, mend="pip install spaces") from None

    spaces.GPU(duration=1)(_nothing)


def _nothing() -> None: ...


@dataclass(frozen=True)
class Rates:
    """Seconds of a turn: for moving the model to the GPU, for a token that is read, and for a step that writes one.

    Measured on one H200 with GPT-J-6B's shape: 0.0005 s and 0.06 s; doubled, because the GPU here is a part of one.
    """

    start: float = 8.0
    read: float = 0.001
    write: float = 0.12
    longest: float = 110.0

    def seconds(self, read: int, steps: int) -> int:
        """What a question is given.

        Args:
            read: tokens of its prompts and labels.
            steps: tokens that its longest answer may have.
        """
        return round(min(self.longest, self.start + self.read * read + self.write * steps))


class Lent:
    """An engine whose every question is a turn on a GPU that is lent; all else is as it was.

    Args:
        engine: on the GPU.
        rates: what a turn is reckoned from.
    """

    metered = True

    def __init__(self, engine: Answers, rates: Rates = Rates()) -> None:
        import spaces

        self._engine = engine
        self._rates = rates
        # The tasks run in a process that is forked for the turn: it has the engine, and what it says is pickled.
        self._stream = spaces.GPU(duration=self._duration)(self._stream_task)
        self._ask = spaces.GPU(duration=self._duration)(self._ask_task)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._engine, name)

    # --- within a turn; `seconds` is for `_duration`

    def _duration(self, seconds: int, *arguments: Any) -> int:
        return seconds

    def _stream_task(self, seconds: int, prompt: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        try:
            stream = self._engine.stream(prompt, *arguments, **options)
            yield from stream
            yield stream.completion
        except PlaygroundError as error:  # of an exception only its type would come back
            yield error

    def _ask_task(self, seconds: int, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        try:
            found = getattr(self._engine, method)(*arguments, **options)
            return found if isinstance(found, list) else list(found)
        except PlaygroundError as error:
            return error

    # --- what is asked

    def stream(
        self,
        prompt: Any,
        sampling: Sampling | None = None,
        *arguments: Any,
        cancel: threading.Event | None = None,
        **options: Any,
    ) -> _Stream:
        """As the engine's. A turn that is over before the answer is ends it."""
        settings = sampling or Sampling()
        planned = self._engine.stream(prompt, settings, *arguments, **options)  # it is looked over; no step is run
        settings = settings.model_copy(update={"seed": planned.seed})
        seconds = self._rates.seconds(planned.prompt_tokens, settings.max_new_tokens)
        given = _told(lambda: self._stream(seconds, prompt, (settings, *arguments), options))
        return _Stream(planned, given, prompt, self._engine.name, cancel)

    def complete(self, prompt: Any, *arguments: Any, **options: Any) -> Completion:
        """As the engine's."""
        stream = self.stream(prompt, *arguments, **options)
        for _ in stream:
            pass
        return stream.completion

    def score(
        self, prompt: Any, labels: Any, *arguments: Any, cancel: threading.Event | None = None, **options: Any
    ) -> Any:
        """As the engine's."""
        labels = check_labels(labels, options.get("rule", "logprob"))
        if cancel is not None and cancel.is_set():
            return []
        return self._turn("score", [prompt], labels, (prompt, labels, *arguments), options, 0)

    def complete_many(
        self,
        prompts: Any,
        sampling: Sampling | None = None,
        *arguments: Any,
        cancel: threading.Event | None = None,
        **options: Any,
    ) -> Iterator[tuple[int, Any]]:
        """As the engine's, some rows a turn; between turns it looks whether it is given up."""
        steps = 2 * (sampling or Sampling()).max_new_tokens  # the rows of a turn may be two batches
        shapes = options.get("shapes")
        for first, rows in _turns(prompts, cancel):
            given = (rows, sampling, *arguments)
            if shapes:
                options["shapes"] = shapes[first : first + len(rows)]
            for index, outcome in self._turn("complete_many", rows, (), given, options, steps):
                yield first + index, outcome

    def score_many(
        self,
        prompts: Any,
        labels: Any,
        *arguments: Any,
        cancel: threading.Event | None = None,
        **options: Any,
    ) -> Iterator[tuple[int, Any]]:
        """As the engine's, some rows a turn; between turns it looks whether it is given up."""
        labels = check_labels(labels, options.get("rule", "logprob"))
        for first, rows in _turns(prompts, cancel):
            given = (rows, labels, *arguments)
            for index, outcome in self._turn("score_many", rows, labels, given, options, 0):
                yield first + index, outcome

    def _turn(
        self,
        method: str,
        prompts: Sequence[Any],
        labels: Sequence[Any],
        arguments: tuple[Any, ...],
        options: dict[str, Any],
        steps: int,
    ) -> Any:
        """One turn, as long as its prompts and labels need; raises what was raised within it."""
        words = sum(self._tokens(text) for text in prompts) + len(prompts) * sum(self._tokens(text) for text in labels)
        seconds = self._rates.seconds(words, steps)
        (found,) = _told(lambda: iter([self._ask(seconds, method, arguments, options)]))
        if isinstance(found, PlaygroundError):
            raise found
        return found

    def _tokens(self, text: Any) -> int:
        """How many tokens a text has; ids are counted, and what is neither is the engine's to refuse."""
        if isinstance(text, str):
            return self._engine.count_tokens(text)
        return len(text) if isinstance(text, Sequence) else 0


class _Stream:
    """The tokens of a turn; every other attribute is that of the answer that was planned."""

    def __init__(
        self, planned: Any, given: Iterator[Any], prompt: Any, model: str, cancel: threading.Event | None
    ) -> None:
        self._planned, self._given, self._prompt, self._model, self._cancel = planned, given, prompt, model, cancel
        self._tokens: list[Token] = []
        self._completion: Completion | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._planned, name)

    def __iter__(self) -> Iterator[Token]:
        for item in self._given:
            if isinstance(item, PlaygroundError):
                raise item
            if isinstance(item, Completion):
                self._completion = item
                continue
            self._tokens.append(item)
            yield item
            if self._cancel is not None and self._cancel.is_set():
                cast(Any, self._given).close()  # the turn ends with the next token
                break
        if self._completion is None:
            self._completion = self._given_up()

    @property
    def completion(self) -> Completion:
        """The finished answer.

        Raises:
            RuntimeError: the stream has not ended.
        """
        if self._completion is None:
            raise RuntimeError("the stream has not ended")
        return self._completion

    def _given_up(self) -> Completion:
        planned = self._planned
        return Completion(
            text=planned.continued + "".join(token.text for token in self._tokens),
            joiner=joiner(self._prompt) if isinstance(self._prompt, str) else "",
            tokens=tuple(self._tokens),
            stop_reason="cancelled",
            stop=None,
            model=self._model,
            attention=planned.attention,
            seed=planned.seed,
            prompt_tokens=planned.prompt_tokens,
            completion_tokens=len(self._tokens),
            seconds_to_first_token=0.0,
            seconds=0.0,
            tokens_per_second=0.0,
        )


def _turns(prompts: Any, cancel: threading.Event | None) -> Iterator[tuple[int, list[Any]]]:
    """The rows of each turn, and the place of its first."""
    rows = list(listed(prompts, "prompts"))
    for first in range(0, len(rows), ROWS_IN_A_TURN):
        if cancel is not None and cancel.is_set():
            return
        yield first, rows[first : first + ROWS_IN_A_TURN]


def _told(begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """What a turn gives; what the hub raises in its place is put into a line.

    `spaces` raises errors of the page's library, which has no place here: they are known by their message.
    """
    try:
        yield from begin()
    except PlaygroundError:
        raise
    except Exception as error:
        message = getattr(error, "message", None)
        if message is None:
            raise
        line = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", str(message))).split())
        title = str(getattr(error, "title", ""))
        if "quota" in f"{title} {line}".casefold() or "limit" in line.casefold():
            raise TooMany(line.rstrip(". "), where=WHERE, mend="try again later", seconds=60) from None
        raise ModelError(line.rstrip(". "), where=WHERE, mend="try again") from None
