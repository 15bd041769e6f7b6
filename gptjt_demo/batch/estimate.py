"""What a batch will come to, before it is run: rows, tokens, rows that are too long, and the time that it will take.

In: a question and the rows' queries. Out: an `Estimate`, first without a time, which costs no question to the model,
then with one, from a probe of a few rows. Nothing is written. Does not know files, nor how it is shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from gptjt_demo.batch.progress import count, duration
from gptjt_demo.batch.question import Query, Question
from gptjt_demo.errors import PlaygroundError

COUNTED = 2_000
"""Rows whose tokens are counted; of more rows so many are, evenly spread, and the sum is an estimate."""
PROBED = 8
PROBE_SECONDS = 10.0
"""After so long a probe ends with the rows that it has."""
NAMED = 10
"""Rows that are too long, by their numbers."""
_SPECIAL = 8  # tokens that a tokenizer may add of its own


@dataclass(frozen=True)
class Estimate:
    """What is known before a run.

    Attributes:
        rows: that will be asked for.
        tokens: of all prompts.
        counted: rows whose tokens were counted; where not all were, `tokens` and `longest` follow from these.
        longest: tokens of the longest prompt.
        room: tokens that an answer needs beside its prompt.
        context: tokens that both may have.
        too_long: rows that the model has no room for; all of them, whatever was counted.
        too_long_rows: the first of them, counted from 1.
        unaskable: rows that are blank or damaged.
        seconds: that the run will take, if nobody else asks the model; None before the probe, or where no row of it
            was answered.
        probed: rows of the probe.
    """

    rows: int
    tokens: int
    counted: int
    longest: int
    room: int
    context: int
    too_long: int = 0
    too_long_rows: tuple[int, ...] = ()
    unaskable: int = 0
    seconds: float | None = None
    probed: int = 0

    @property
    def exact(self) -> bool:
        """Whether every row's tokens were counted."""
        return self.counted == self.rows - self.unaskable

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return {**asdict(self), "exact": self.exact}


def estimates(
    question: Question,
    queries: Callable[[], Iterable[Query]],
    rows: int,
    *,
    cancel: threading.Event | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Estimate]:
    """What the rows come to: counted, then with the time; the second is missing where it is cancelled or none can be
    asked.

    Args:
        question: what will be asked.
        queries: starts reading the rows' queries.
        rows: how many there are.
        cancel: set it to stop.
        clock: in seconds.
    """
    found, answered, probe = _counted(question, queries(), rows, cancel)
    yield found
    if not probe or (cancel is not None and cancel.is_set()):
        return
    # What a rule divides by is asked once in a run, and would be the most of a probe.
    done, tokens, seconds = _probed(replace(question, rule="logprob"), probe, cancel, clock)
    if cancel is not None and cancel.is_set():
        return
    yield replace(found, probed=done, seconds=seconds * answered / tokens if tokens else None)


def lines(found: Estimate) -> Iterator[str]:
    """An estimate in words, a line for each thing; the time stands last."""
    about = "" if found.exact else "about "
    asked = found.rows - found.unaskable
    yield f"rows      {found.rows:,}"
    if asked:
        yield (
            f"tokens    {about}{found.tokens:,} in the prompts, {found.tokens / asked:,.0f} a row, "
            f"{found.longest:,} at most{'' if found.exact else f' of {found.counted:,} rows that were counted'}"
        )
    if found.too_long:
        yield f"too long  {too_long_words(found)}"
    else:
        yield f"too long  none, with {found.room:,} tokens for an answer in a context of {found.context:,}"
    if found.unaskable:
        yield f"blank     {found.unaskable:,}, or damaged: they will not be asked"
    if found.seconds is not None:
        yield f"time      about {duration(found.seconds)}, by a probe of {count(found.probed, 'row')}"


def too_long_words(found: Estimate) -> str:
    """Which rows are too long, and for what."""
    named = ", ".join(f"{row:,}" for row in found.too_long_rows)
    more = ", …" if found.too_long > len(found.too_long_rows) else ""
    return (
        f"{count(found.too_long, 'row')} ({named}{more}): with {found.room:,} tokens for an answer they exceed the "
        f"model's context of {found.context:,}"
    )


def _counted(
    question: Question, queries: Iterable[Query], rows: int, cancel: threading.Event | None
) -> tuple[Estimate, float, list[tuple[Query, int]]]:
    """The counts, the tokens of the rows that will be answered, and rows to probe with their tokens, evenly spread."""
    count, step = question.engine.count_tokens, max(1, -(-rows // COUNTED))
    context, sizes = question.engine.context, dict[str, int]()
    tokens = counted = longest = unaskable = 0
    too_long: list[int] = []
    probe: list[tuple[Query, int]] = []
    for index, query in enumerate(queries):
        if cancel is not None and cancel.is_set():
            break
        try:
            prompt = question.prompt(query)
        except PlaygroundError:
            unaskable += 1
            continue
        room = question.room(prompt, sizes)
        # No token is less than a byte, so a prompt of few bytes is not too long, whatever its tokens are.
        sure = len(prompt.encode()) + _SPECIAL + room <= context
        length = count(prompt) if index % step == 0 or not sure else 0
        if length + room > context:
            too_long.append(index + 1)
        if index % step:
            continue
        tokens, counted, longest = tokens + length, counted + 1, max(longest, length)
        if length + room <= context:
            probe.append((query, length))
    askable = rows - unaskable
    found = Estimate(
        rows=rows,
        tokens=round(tokens * askable / counted) if counted else 0,
        counted=counted,
        longest=longest,
        room=max(sizes.values(), default=0),
        context=context,
        too_long=len(too_long),
        too_long_rows=tuple(too_long[:NAMED]),
        unaskable=unaskable,
    )
    few = min(PROBED + 1, len(probe))
    answered = sum(length for _, length in probe) * askable / counted if counted else 0.0
    return found, answered, [probe[index * len(probe) // few] for index in range(few)]


def _probed(
    question: Question,
    probe: list[tuple[Query, int]],
    cancel: threading.Event | None,
    clock: Callable[[], float],
) -> tuple[int, int, float]:
    """Rows asked, their tokens, and the seconds that they took. The first one warms up, and counts only where there is
    no other or it takes too long."""
    first, others = probe[0], probe[1:]
    took = _seconds(question, [first[0]], cancel, clock)
    room = int(PROBE_SECONDS / took) if took > 0 else PROBED
    others = others[:room]
    if not others:
        return 1, first[1], took
    return len(others), sum(tokens for _, tokens in others), _seconds(question, [q for q, _ in others], cancel, clock)


def _seconds(
    question: Question, queries: list[Query], cancel: threading.Event | None, clock: Callable[[], float]
) -> float:
    start = clock()
    for _ in question.replies(queries, cancel=cancel):
        pass
    return clock() - start
