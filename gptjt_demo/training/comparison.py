"""What training has changed: the base model causally, the trained one causally and with its prefix.

In: two models in floats, and what was held out of the training. Out: figures on the labelled samples, on held-out text
and on families that were left out. Does not know how a run is made or shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gptjt_demo.batch.progress import Meter, Told
from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.protocol import Answers
from gptjt_demo.engine.results import Completion
from gptjt_demo.evaluation import samples
from gptjt_demo.evaluation.evaluate import evaluate
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.templates.answer_check import same_answer
from gptjt_demo.templates.template import Template
from gptjt_demo.training.base import Base
from gptjt_demo.training.data.packing import Packed
from gptjt_demo.training.data.sample import Sample
from gptjt_demo.training.episodes.task import Episode
from gptjt_demo.training.objective import Objective

SPLITS = (0.25, 0.5, 0.75)  # parts of a document that its prefix takes
ANSWER = Sampling(temperature=0.0, max_new_tokens=32, stop=("\n",))

MODES: tuple[tuple[str, Attention], ...] = (("base", "causal"), ("trained", "causal"), ("trained", "prefix"))


@dataclass(frozen=True)
class Figure:
    """One thing measured.

    Attributes:
        what: its name.
        n: rows, or documents.
        values: one for each of `MODES`: a part of 1 that is right, or a loss in nats a token.
        loss: whether it is a loss.
    """

    what: str
    n: int
    values: tuple[float, ...]
    loss: bool = False


def measure(
    base: Base,
    trained: Base,
    texts: Sequence[Sequence[int]],
    episodes: Sequence[Episode],
    *,
    limit: int | None = None,
    bar: Callable[[str], Any],
) -> list[Figure]:
    """Measure both models.

    Args:
        base, trained: in floats.
        texts: token ids of held-out documents, at least four each.
        episodes: of families that were left out, the query last.
        limit: most rows of each labelled sample.
        bar: a context that draws progress under a title, and gives whom to tell.
    """
    engines = {
        name: Engine(each.model, each.tokenizer, name=f"{name} ({each.name})", context=2048)
        for name, each in (("base", base), ("trained", trained))
    }
    models = {"base": base.model, "trained": trained.model}
    found = []
    for name in samples.names():
        template = Template.load(name)
        values = []
        for which, mode in MODES:
            with bar(f"{name}, {which}, {mode}") as told:
                run = evaluate(
                    engines[which],
                    template,
                    samples.path(name),
                    columns={template.inputs[0].name: "input"},
                    gold="output",
                    attention=mode,
                    limit=limit,
                    progress=told,
                )
            values.append(run.accuracy)
        found.append(Figure(name, run.n, tuple(values)))
    means = tuple(sum(column) / len(found) for column in zip(*(figure.values for figure in found), strict=True))
    found.append(Figure("mean of the five", sum(figure.n for figure in found), means))
    if texts:
        losses = []
        for which, mode in MODES:
            with bar(f"held-out English, {which}, {mode}") as told:
                losses.append(suffix_loss(models[which], texts, mode, Meter(len(texts), told)))
        found.append(Figure("held-out English", len(texts), tuple(losses), loss=True))
    if episodes:
        right = []
        for which, mode in MODES:
            with bar(f"families left out, {which}, {mode}") as told:
                right.append(exact(engines[which], episodes, mode, told))
        found.append(Figure("families left out", len(episodes), tuple(right)))
    return found


def suffix_loss(model: Any, texts: Sequence[Sequence[int]], mode: Attention, meter: Meter | None = None) -> float:
    """Mean nats a token after prefixes of a quarter, a half and three quarters of each document.

    The same tokens count in both modes; causally, the prefix is read as the rest is.
    """
    objective = Objective(by_documents=False)
    total, counted = 0.0, 0
    for ids in texts:
        for part in SPLITS:
            split = max(1, int(part * len(ids)))
            marks = (False,) * split + (True,) * (len(ids) - split)
            sample = Sample(tuple(ids), split if mode == "prefix" else 1, marks)
            with torch.inference_mode():
                total += float(objective.loss(model, Packed.of([sample])))
            counted += len(ids) - split
        if meter:
            meter.count(False)
    return total / counted


def exact(engine: Answers, episodes: Sequence[Episode], mode: Attention, told: Told | None = None) -> float:
    """The part of the episodes whose last answer the model gives, but for case and final punctuation."""
    asked = [question(episode) for episode in episodes]
    meter, right = Meter(len(asked), told), 0
    for i, reply in engine.complete_many([prompt for prompt, _ in asked], ANSWER, attention=mode):
        right += isinstance(reply, Completion) and same_answer(asked[i][1], reply.text)
        meter.count(not isinstance(reply, Completion))
    return right / len(asked)


def question(episode: Episode) -> tuple[str, str]:
    """An episode as a prompt and the right answer; a line feed that the answer begins with belongs to the prompt."""
    *shown, (context, answer) = episode.turns
    prompt = "".join(context + answer for context, answer in shown) + context
    return (f"{prompt}\n" if answer.startswith("\n") else prompt), answer.strip()


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """The figures as a Markdown table."""
    yield f"| | n | {' | '.join(f'{which}, {mode}' for which, mode in MODES)} |"
    yield "| --- | ---: |" + " ---: |" * len(MODES)
    for figure in figures:
        cells = [f"{value:.3f}" if figure.loss else f"{value:.1%}" for value in figure.values]
        what = f"{figure.what}, nats a token" if figure.loss else figure.what
        yield f"| {what} | {figure.n} | {' | '.join(cells)} |"


def as_json(figures: Sequence[Figure]) -> dict[str, Any]:
    """The figures by name, then by model and mode."""
    return {
        figure.what: {"n": figure.n}
        | {f"{which}, {mode}": round(value, 4) for (which, mode), value in zip(MODES, figure.values, strict=True)}
        for figure in figures
    }
