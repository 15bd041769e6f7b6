"""One answer on the page while it grows: what is read, written and weighed, as work for a thread.

In: an engine, a prompt, settings, labels. Out: a `Reply` for each step of the work. Knows nothing of gradio, HTML or
templates.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from gptjt_demo.engine.results import Completion, LabelScore, Token
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.settings.shape import Shape
from gptjt_demo.ui.work import TICK, Standing, Tell, Work

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

Phase = Literal["loading", "reading", "writing", "scoring", "done"]

LOOK = 0.05
"""Seconds between two looks at an answer that grows: fast enough to read as a stream, slow enough for a phone."""


@dataclass(frozen=True)
class Reply:
    """How far an answer is. Times are seconds; `error` is one line for the user, empty where all is well.

    `continued` is the text that it continues; `tokens` are the new ones.
    """

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


def replying(
    engine: Answers,
    prompt: str,
    sampling: Sampling,
    *,
    attention: Attention | None = None,
    labels: Sequence[str] = (),
    continuation: Sequence[int] = (),
    shape: Shape | None = None,
) -> Work[Reply, Reply]:
    """Answer a prompt; it begins at once.

    Args:
        engine: what answers.
        prompt: the exact prompt.
        sampling: its settings.
        attention: `prefix`, `causal`, or None for the engine's own.
        labels: scored once the answer is there; none, and nothing is scored.
        continuation: token ids of an answer that this one continues.
        shape: what the answer must be.
    """

    def function(cancel: threading.Event, tell: Tell[Reply]) -> Reply:
        if engine.loading is not None:
            tell(Reply("loading"))
        started = time.perf_counter()
        how: Any = {"attention": attention, "continuation": continuation, "shape": shape, "cancel": cancel}
        stream = engine.stream(prompt, sampling, **how)
        reply = Reply(continued=stream.continued)
        tell(reply)
        tokens: list[Token] = []
        for token in stream:
            tokens.append(token)
            first = reply.seconds_to_first_token or time.perf_counter() - started
            reply = replace(reply, phase="writing", tokens=tuple(tokens), seconds_to_first_token=first)
            tell(reply)
        reply = replace(reply, completion=stream.completion)
        if labels and not cancel.is_set():
            tell(replace(reply, phase="scoring"))
            scores = engine.score(prompt, labels, attention=stream.completion.attention, cancel=cancel)
            reply = replace(reply, scores=tuple(scores))
        return replace(reply, phase="done")

    return Work(function, "run")


def reply_of(standing: Standing[Reply, Reply]) -> Reply:
    """The answer so far; one that failed ends with what there was and the line that says why."""
    if standing.result is not None:
        return replace(standing.result, seconds=standing.seconds)
    reply = replace(standing.progress or Reply(), seconds=standing.seconds)
    return replace(reply, phase="done", error=standing.error) if standing.finished else reply


def pace(reply: Reply | None) -> float:
    """Seconds until the next look: a long answer is a long page to send, and is looked at less often."""
    return min(TICK, LOOK + len(reply.tokens) / 5000) if reply else LOOK
