"""A model that is served: it may be asked before it is loaded, and until the program is stopped.

In: what its name promises, and then a function that loads it. Out: what everybody asks in the engine's place. A
question that needs the model waits for it; what only looks at it raises `NotReady`, so that a page is never held up.
When the program is stopped, answers that go on may end, batches are left at once, and new questions are refused. Does
not know what loads the model, nor who asks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from gptjt_demo.engine.deadline import Deadline
from gptjt_demo.engine.prompt import ControlTokens
from gptjt_demo.engine.protocol import Loading
from gptjt_demo.engine.request_log import count_completion, count_scores
from gptjt_demo.engine.results import Completion, SelfTest, Token
from gptjt_demo.errors import ModelError, NotReady, PlaygroundError, SettingError
from gptjt_demo.settings import Attention

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

Tell = Callable[[str, float], None]
"""What a load tells its phase and its share of the whole, 0 to 1."""

LOOK = 0.1  # seconds within which a question that waits notices that it is given up

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Promise:
    """What is known of a model before it is loaded; the attributes are `Answers`'."""

    name: str
    context: int
    attention: Attention = "prefix"
    stand_in: bool = False


class Served:
    """An engine that comes later and goes earlier than who asks it.

    Every attribute of `Answers` that is not named here is the engine's own, and raises `NotReady` before there is one.

    Attributes:
        calls: questions that the model is at work on, or that wait for it.
        stopping: the program is being stopped.
        error: why there is no model and will be none; None where all is well.

    Args:
        promise: what the model is until it is loaded.
    """

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._changed = threading.Condition()
        self._engine: Answers | None = None
        self._loading: Loading | None = Loading()
        self._calls: dict[Deadline, bool] = {}
        self.stopping = False
        self.error: PlaygroundError | None = None

    # --- its life

    def load(self, load: Callable[[Tell], Answers]) -> None:
        """Load the model, in this thread.

        Args:
            load: returns the engine; it is given whom to tell how far it is.

        Raises:
            PlaygroundError: it cannot be loaded; every question is refused with the same from now on.
        """
        try:
            engine = load(self.tell)
        except PlaygroundError as error:
            self._end(error)
            raise
        except Exception as error:
            _log.exception("the model could not be loaded")
            mistake = ModelError(f"it could not be loaded ({type(error).__name__})", where=self._promise.name)
            self._end(mistake)
            raise mistake from error
        with self._changed:
            self._engine, self._loading = engine, None
            self._changed.notify_all()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the model is there, or will not be; whether that is decided."""
        with self._changed:
            return self._changed.wait_for(lambda: self._engine is not None or self.error is not None, seconds)

    def stop(self, grace: float) -> None:
        """Answer nothing new, and end what goes on: batches at once, answers after `grace` seconds."""
        with self._changed:
            self.stopping = True
            for flag, background in self._calls.items():
                if background:
                    flag.set()
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: not self._calls, grace):
                for flag in self._calls:
                    flag.set()
                self._changed.wait_for(lambda: not self._calls, 5.0)

    def tell(self, phase: str, share: float) -> None:
        """How far the load is; a share that goes back is not believed."""
        before = self._loading.share if self._loading else 0.0
        self._loading = Loading(phase, min(1.0, max(before, share)))

    def _end(self, error: PlaygroundError) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()

    # --- what it is

    @property
    def loading(self) -> Loading | None:
        """How far the load is; None when the model is there."""
        return self._loading

    @property
    def calls(self) -> int:
        """Questions that go on."""
        return len(self._calls)

    @property
    def name(self) -> str:
        return (self._engine or self._promise).name

    @property
    def context(self) -> int:
        return (self._engine or self._promise).context

    @property
    def attention(self) -> Attention:
        return (self._engine or self._promise).attention

    @property
    def stand_in(self) -> bool:
        return (self._engine or self._promise).stand_in

    @property
    def supports_prefix(self) -> bool:
        return self._engine is None or self._engine.supports_prefix

    @property
    def self_test(self) -> SelfTest:
        return self._engine.self_test if self._engine else SelfTest(True, "The model is still being loaded.")

    @property
    def notes(self) -> tuple[str, ...]:
        return self._engine.notes if self._engine else ()

    @property
    def notice(self) -> str:
        return self._engine.notice if self._engine else ""

    @property
    def metered(self) -> bool:
        return self._engine is not None and self._engine.metered

    @property
    def control(self) -> ControlTokens:
        return self._engine.control if self._engine else ControlTokens({})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._engine_now(), name)

    def count_tokens(self, text: str) -> int:
        return self._engine_now().count_tokens(text)

    def encode(self, text: str) -> list[int]:
        return self._engine_now().encode(text)

    def tokens(self, text: str) -> list[str]:
        return self._engine_now().tokens(text)

    def resolve(self, attention: Attention | None) -> Attention:
        """The mode that a call which asks for `attention` runs in, as far as is known."""
        if self._engine is not None:
            return self._engine.resolve(attention)
        if attention is not None and attention not in get_args(Attention):
            raise SettingError(f"{attention!r} is neither prefix nor causal", where="attention")
        return attention or self._promise.attention

    # --- what needs the model

    def stream(self, prompt: Any, *arguments: Any, cancel: threading.Event | None = None, **options: Any) -> _Stream:
        """As the engine's; it waits for the model, and so do the others."""
        flag = Deadline(None, cancel)
        with self._call(flag):
            stream = self._engine_for(flag).stream(prompt, *arguments, cancel=flag, **options)
        return _Stream(stream, self._going_on(stream, flag, cancel))

    def complete(self, prompt: Any, *arguments: Any, **options: Any) -> Completion:
        stream = self.stream(prompt, *arguments, **options)
        for _ in stream:
            pass
        return cast(Completion, stream.completion)

    def score(
        self, prompt: Any, labels: Any, *arguments: Any, cancel: threading.Event | None = None, **options: Any
    ) -> Any:
        flag = Deadline(None, cancel)
        with self._call(flag):
            scores = self._engine_for(flag).score(prompt, labels, *arguments, cancel=flag, **options)
        if not scores:
            self._told(flag, cancel)
        count_scores(scores)
        return scores

    def complete_many(self, prompts: Any, *arguments: Any, **options: Any) -> Iterator[tuple[int, Any]]:
        return self._many("complete_many", (prompts, *arguments), **options)

    def score_many(self, prompts: Any, labels: Any, *arguments: Any, **options: Any) -> Iterator[tuple[int, Any]]:
        return self._many("score_many", (prompts, labels, *arguments), **options)

    def _many(
        self,
        method: str,
        arguments: tuple[Any, ...],
        cancel: threading.Event | None = None,
        background: bool = False,
        **options: Any,
    ) -> Iterator[tuple[int, Any]]:
        flag = Deadline(None, cancel)
        with self._call(flag, background):
            asked = getattr(self._engine_for(flag), method)
            for index, outcome in asked(*arguments, cancel=flag, background=background, **options):
                if isinstance(outcome, Completion):
                    count_completion(outcome)
                elif not isinstance(outcome, PlaygroundError):
                    count_scores(outcome)
                yield index, outcome
        self._told(flag, cancel)

    def _going_on(self, stream: Any, flag: Deadline, cancel: threading.Event | None) -> Iterator[Token]:
        with self._call(flag):
            yield from stream
        count_completion(stream.completion)
        if stream.completion.stop_reason == "cancelled":
            self._told(flag, cancel)

    @contextmanager
    def _call(self, flag: Deadline, background: bool = False) -> Iterator[None]:
        """Within, `stop` knows of a question: it sets its flag, and waits for its end."""
        with self._changed:
            self._refuse()
            self._calls[flag] = background
        try:
            yield
        finally:
            with self._changed:
                self._calls.pop(flag, None)
                self._changed.notify_all()

    def _told(self, flag: Deadline, cancel: threading.Event | None) -> None:
        """Say it to whoever asked, where an answer was ended by `stop` and not by them."""
        if self.stopping and flag.is_set() and not (cancel is not None and cancel.is_set()):
            self._refuse()

    def _refuse(self) -> None:
        """Raise what stands against every question."""
        if self.stopping:
            raise NotReady("the program is being stopped", where=self.name, mend="try again in a minute")
        if self.error is not None:
            raise ModelError(self.error.what, where=self.error.where, mend=self.error.mend)

    def _engine_now(self) -> Answers:
        """The engine, if there is one."""
        if self._engine is None:
            self._refuse()
            raise NotReady("it is still being loaded", where=self._promise.name, mend="try again in a moment")
        return self._engine

    def _engine_for(self, flag: Deadline) -> Any:
        """The engine, as soon as there is one."""
        with self._changed:
            while self._engine is None:
                self._refuse()
                if flag.is_set():
                    raise NotReady("it was still being loaded", where=self._promise.name)
                self._changed.wait(LOOK)
            return self._engine


class _Stream:
    """A stream that `Served` knows of; every other attribute is the engine's stream's."""

    def __init__(self, stream: Any, tokens: Iterator[Token]) -> None:
        self._stream = stream
        self._tokens = tokens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[Token]:
        return self._tokens

    def __next__(self) -> Token:
        return next(self._tokens)
