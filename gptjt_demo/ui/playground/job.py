"""One run of the model in a thread of its own, and who runs what.

In: an engine, a prompt, settings, labels. Out: `Progress`, polled, so that a page's handler is back within a fifth of a
second whatever the model does. Knows nothing of gradio, HTML or templates.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from gptjt_demo.engine.results import Completion, LabelScore, Token
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Attention, Sampling

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

Phase = Literal["reading", "writing", "scoring", "done"]

TICK = 0.05
"""Seconds between two looks at a job: fast enough to read as a stream, slow enough for a phone."""

CLOCK = 0.2
"""Seconds after which a watcher is told the time though nothing has happened."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a run is. Times are seconds; `error` is one line for the user, empty where all is well.

    `continued` is the text that it goes on from; `tokens` are the new ones.
    """

    model: str
    phase: Phase = "reading"
    seconds: float = 0.0
    seconds_to_first_token: float | None = None
    continued: str = ""
    tokens: tuple[Token, ...] = ()
    completion: Completion | None = None
    scores: tuple[LabelScore, ...] = ()
    error: str = ""

    @property
    def text(self) -> str:
        """The answer as far as it is settled; the finished one where it is finished."""
        return (
            self.completion.text if self.completion else self.continued + "".join(token.text for token in self.tokens)
        )


class Job:
    """A run; it starts at once.

    Args:
        engine: what answers.
        prompt: the exact prompt.
        sampling: its settings.
        attention: `prefix`, `causal`, or None for the engine's own.
        labels: scored once the answer is there; none, and nothing is scored.
        continuation: token ids of an answer that this one goes on from.
    """

    def __init__(
        self,
        engine: Answers,
        prompt: str,
        sampling: Sampling,
        *,
        attention: Attention | None = None,
        labels: Sequence[str] = (),
        continuation: Sequence[int] = (),
    ) -> None:
        self._engine = engine
        self._work = (prompt, sampling, attention, tuple(labels), tuple(continuation))
        self._cancel = threading.Event()
        self._changed = threading.Condition()
        self._started = time.perf_counter()
        self._progress = Progress(engine.name)
        threading.Thread(target=self._run, name="playground-run", daemon=True).start()

    def stop(self) -> None:
        """Ask the model to stop; it does so within a token or two. Once is enough, twice does no harm."""
        self._cancel.set()

    @property
    def progress(self) -> Progress:
        """How far it is now."""
        with self._changed:
            return self._timed(self._progress)

    def watch(self) -> Iterator[Progress]:
        """Progress every `TICK` while there is news, every `CLOCK` while there is none, and the end at once."""
        seen: Progress | None = None
        while seen is None or seen.phase != "done":
            with self._changed:
                # A long answer is a long page to send: it is looked at less often.
                pace = min(CLOCK, TICK + len(self._progress.tokens) / 5000)
                self._changed.wait_for(lambda: self._progress.phase == "done", pace)
                if self._progress is seen:
                    self._changed.wait(CLOCK - pace)
                seen = self._progress
            yield self._timed(seen)

    def _timed(self, progress: Progress) -> Progress:
        return progress if progress.phase == "done" else replace(progress, seconds=time.perf_counter() - self._started)

    def _publish(self, **changes: object) -> None:
        with self._changed:
            self._progress = replace(self._progress, seconds=time.perf_counter() - self._started, **changes)  # type: ignore[arg-type]
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            self._answer()
        except PlaygroundError as error:
            self._publish(phase="done", error=str(error))
        except Exception as error:  # the thread's edge: whatever breaks below must reach the page, not vanish here
            _log.exception("a run failed")
            self._publish(
                phase="done", error=f"the run failed inside the app ({type(error).__name__}); its log says more"
            )

    def _answer(self) -> None:
        prompt, sampling, attention, labels, continuation = self._work
        asked: dict[str, Any] = {"continuation": continuation} if continuation else {}
        stream = self._engine.stream(prompt, sampling, attention=attention, cancel=self._cancel, **asked)
        if continuation:
            self._publish(continued=stream.continued)
        tokens: list[Token] = []
        first: float | None = None
        for token in stream:
            first = time.perf_counter() - self._started if first is None else first
            tokens.append(token)
            self._publish(phase="writing", tokens=tuple(tokens), seconds_to_first_token=first)
        completion = stream.completion
        if labels and not self._cancel.is_set():
            self._publish(phase="scoring", completion=completion)
            scores = self._engine.score(prompt, labels, attention=completion.attention, cancel=self._cancel)
            self._publish(phase="done", scores=tuple(scores))
        else:
            self._publish(phase="done", completion=completion)


class Runs:
    """The job of each session, at most one; thread-safe. Sessions never see each other's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def begin(self, session: str, job: Job) -> None:
        """Make it the session's job; one that still goes on for the same session is stopped."""
        self._replace(session, job)

    def drop(self, session: str) -> None:
        """Stop and forget the session's job: whoever watches it has nothing to show any more."""
        self._replace(session, None)

    def stop(self, session: str) -> None:
        """Stop the session's job, if it has one; its watcher shows what there was."""
        with self._lock:
            job = self._jobs.get(session)
        if job is not None:
            job.stop()

    def end(self, session: str, job: Job) -> None:
        """Stop the job, and forget it unless the session has begun another."""
        job.stop()
        with self._lock:
            if self._jobs.get(session) is job:
                del self._jobs[session]

    def holds(self, session: str, job: Job) -> bool:
        """Whether this is still the session's job."""
        with self._lock:
            return self._jobs.get(session) is job

    def busy(self, session: str) -> bool:
        """Whether the session has a job that goes on."""
        with self._lock:
            return session in self._jobs

    def __len__(self) -> int:
        with self._lock:
            return len(self._jobs)

    def _replace(self, session: str, job: Job | None) -> None:
        with self._lock:
            before = self._jobs.pop(session, None)
            if job is not None:
                self._jobs[session] = job
        if before is not None:
            before.stop()
