"""What a template's figures rest on: the order of its examples, each example, the labels' priors, how many there are.

In: a question and labelled rows. Out: a result each, with its numbers and a sentence that says what they mean. All cost
as many runs as they have points, so take a sample of the rows. A set `cancel` ends them with the points so far. Does
not know how they are drawn.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from typing import Any

from gptjt_demo.batch.progress import Meter, Told
from gptjt_demo.batch.question import Question
from gptjt_demo.engine.calibration import calibrated
from gptjt_demo.errors import SettingError
from gptjt_demo.evaluation import metrics
from gptjt_demo.evaluation.evaluate import measure
from gptjt_demo.evaluation.run import Labelled, Run, compare
from gptjt_demo.templates.example import Example
from gptjt_demo.templates.template import Template


@dataclass(frozen=True)
class Point:
    """A variant of the template and how good it is. `accuracy` and `interval` are 0 to 1."""

    name: str
    accuracy: float
    interval: tuple[float, float]

    @classmethod
    def of(cls, name: str, run: Run) -> Point:
        return cls(name, run.accuracy, run.interval)


@dataclass(frozen=True)
class Diagnosis:
    """Points of one diagnostic over `n` rows, and what they mean in a sentence."""

    n: int
    points: tuple[Point, ...]
    sentence: str
    finished: bool

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Prior(Diagnosis):
    """Also the labels, and their shares on inputs without content; they sum to 1."""

    labels: tuple[str, ...]
    shares: tuple[float, ...]


def order(
    question: Question,
    rows: Sequence[Labelled],
    *,
    orders: int = 8,
    seed: int = 0,
    cancel: threading.Event | None = None,
    progress: Told | None = None,
) -> Diagnosis:
    """Accuracy under other orders of the same examples; the template's own order is the first point.

    Args:
        question: with the template as it stands.
        rows: to measure on.
        orders: how many in all, at most as many as there are.
        seed: of the sample of orders.
        cancel, progress: see the module and `Meter`.

    Raises:
        SettingError: there are fewer than two examples, or each prompt shows other ones.
    """
    examples = _examples(question)
    if len(examples) < 2:
        raise SettingError("it has no two examples to reorder", where=question.template.name, mend="add examples")
    variants = {
        ", ".join(str(i + 1) for i in chosen): question.template.revised(examples=tuple(examples[i] for i in chosen))
        for chosen in _orders(len(examples), orders, random.Random(seed))
    }
    runs, finished = _runs(question, variants, rows, cancel, progress)
    points = _points(runs)
    sentence = _STOPPED
    if len(points) > 1:
        low, high = (pick(point.accuracy for point in points) for pick in (min, max))
        sentence = (
            f"Over {len(points)} orders of the same examples the accuracy on {len(rows)} rows goes from "
            f"{_percent(low)} to {_percent(high)}, and this order has {_percent(points[0].accuracy)}: "
            + ("that is within what chance does." if _within_chance(list(runs.values())) else "the order matters.")
        )
    return Diagnosis(len(rows), points, sentence, finished)


def influence(
    question: Question,
    rows: Sequence[Labelled],
    *,
    cancel: threading.Event | None = None,
    progress: Told | None = None,
) -> Diagnosis:
    """Accuracy without each of the examples; the first point is with all of them.

    Raises:
        SettingError: there are no examples, or each prompt shows other ones.
    """
    examples = _examples(question)
    if not examples:
        raise SettingError("it has no examples to leave out", where=question.template.name, mend="add examples")
    variants = {"all": question.template} | {
        f"without {i + 1}": question.template.revised(examples=examples[:i] + examples[i + 1 :])
        for i in range(len(examples))
    }
    runs, finished = _runs(question, variants, rows, cancel, progress)
    points = _points(runs)
    sentence = _STOPPED
    if len(points) > 1:
        whole, *without = points
        worst, best = (pick(without, key=lambda point: point.accuracy) for pick in (min, max))
        parts = [
            f"example {point.name.split()[-1]} {verb} most (without it the accuracy goes from "
            f"{_percent(whole.accuracy)} to {_percent(point.accuracy)})"
            for verb, point, holds in (
                ("helps", worst, worst.accuracy < whole.accuracy),
                ("harms", best, best.accuracy > whole.accuracy),
            )
            if holds
        ]
        text = ", ".join(parts) or "no example on its own changes the accuracy"
        sentence = f"On {len(rows)} rows, {text}" + (
            "; all of it is within what chance does." if parts and _within_chance(list(runs.values())) else "."
        )
    return Diagnosis(len(rows), points, sentence, finished)


def number_of_examples(
    question: Question,
    rows: Sequence[Labelled],
    *,
    cancel: threading.Event | None = None,
    progress: Told | None = None,
) -> Diagnosis:
    """Accuracy with the first 0, 1, 2, … of the examples, up to all of them.

    Raises:
        SettingError: each prompt shows other examples.
    """
    examples = _examples(question)
    variants = {
        str(count): question.template.revised(examples=examples[:count])
        for count in range(len(examples) + 1)
        if count or question.template.instruction.strip() or not examples
    }
    runs, finished = _runs(question, variants, rows, cancel, progress)
    points = _points(runs)
    sentence = _STOPPED
    if points and finished:
        best = max(point.accuracy for point in points)
        enough = next(point for point in points if point.accuracy == best)
        sentence = (
            f"With {_count(points[0].name)} the accuracy on {len(rows)} rows is {_percent(points[0].accuracy)}, "
            f"with {'all' if len(examples) > 1 else 'the'} {_count(points[-1].name)} {_percent(points[-1].accuracy)}; "
            f"{_count(enough.name)} reach{'es' if enough.name in '01' else ''} the best, {_percent(best)}."
        )
    return Diagnosis(len(rows), points, sentence, finished)


def prior(
    question: Question,
    rows: Sequence[Labelled],
    *,
    cancel: threading.Event | None = None,
    progress: Told | None = None,
) -> Prior:
    """What the model answers to inputs without content, and the accuracy once that is divided out.

    The points are the accuracy as it is, and after dividing each label's share by its share on content-free input.

    Raises:
        SettingError: the template has no labels.
        PlaygroundError: the content-free prompt cannot be asked.
    """
    question = replace(question, labels=True, rule="logprob")
    labels = question.template.labels
    shares = question.elsewhere("prior", cancel)
    if not shares:
        return Prior(0, (), _STOPPED, False, labels, ())
    run = measure(question, rows, cancel=cancel, meter=Meter(len(rows), progress))
    right = sum(_corrected(outcome.reply.shares, shares, labels) == outcome.gold for outcome in run.outcomes)
    after = Point("corrected", right / run.n if run.n else 0.0, metrics.interval(right, run.n))
    points = (Point.of("as it is", run), after) if run.n else ()
    top = max(range(len(labels)), key=lambda i: shares[i])
    sentence = (
        f"On empty inputs the model answers {labels[top]!r} with {_percent(shares[top])}, where "
        f"{_percent(1 / len(labels))} would be even; correcting for that takes the accuracy on {run.n} rows from "
        f"{_percent(run.accuracy)} to {_percent(after.accuracy)}."
    )
    return Prior(run.n, points, sentence if points else _STOPPED, run.finished, labels, shares)


DIAGNOSTICS: Mapping[str, Callable[..., Diagnosis]] = {
    "order": order,
    "influence": influence,
    "prior": prior,
    "number": number_of_examples,
}
"""All of them by name, each called with a question, rows, `cancel` and `progress`."""

_STOPPED = "It was stopped before there was anything to say."


def _examples(question: Question) -> tuple[Example, ...]:
    template = question.template
    if template.nearest_examples is not None:
        raise SettingError("each prompt shows the examples that are nearest to its query", where=template.name)
    return template.examples


def _runs(
    question: Question,
    variants: dict[str, Template],
    rows: Sequence[Labelled],
    cancel: threading.Event | None,
    progress: Told | None,
) -> tuple[dict[str, Run], bool]:
    """A run of each variant; only whole ones, if it is stopped."""
    meter = Meter(len(variants) * len(rows), progress)
    runs: dict[str, Run] = {}
    for name, template in variants.items():
        run = measure(replace(question, template=template), rows, cancel=cancel, meter=meter)
        if not run.finished:
            return runs, False
        runs[name] = run
    return runs, True


def _points(runs: Mapping[str, Run]) -> tuple[Point, ...]:
    return tuple(Point.of(name, run) for name, run in runs.items())


def _orders(count: int, wanted: int, dice: random.Random) -> Iterator[tuple[int, ...]]:
    """Different orders, the given one first."""
    own = tuple(range(count))
    if math.factorial(count) <= wanted:
        yield from permutations(own)
        return
    seen = {own}
    yield own
    while len(seen) < wanted:
        chosen = tuple(dice.sample(own, count))
        if chosen not in seen:
            seen.add(chosen)
            yield chosen


def _corrected(shares: Sequence[float], priors: Sequence[float], labels: Sequence[str]) -> str | None:
    if not shares:
        return None
    corrected = calibrated(shares, priors)
    return labels[max(range(len(labels)), key=lambda i: corrected[i])]


def _within_chance(runs: Sequence[Run]) -> bool:
    """Whether the best and the worst may be equally good: by the exact paired test of the two, for as many comparisons
    as there are pairs to pick them from."""
    worst, best = (pick(runs, key=lambda run: run.accuracy) for pick in (min, max))
    return compare(worst, best).p_value * math.comb(len(runs), 2) >= 0.05


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %"


def _count(name: str) -> str:
    return {"0": "no example", "1": "1 example"}.get(name, f"{name} examples")
