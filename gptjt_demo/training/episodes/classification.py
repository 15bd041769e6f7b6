"""A classification task from what draws a text for each label.

Each row's label is drawn evenly and on its own, so that counting the labels of the examples says nothing of the next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from gptjt_demo.training.episodes.task import Task

Draw = Callable[[random.Random], str]  # a text for which one label is right

_TRIES = 200


def classify(
    rng: random.Random,
    rows: int,
    *,
    family: str,
    draws: Mapping[str, Draw],
    instructions: Sequence[str],
    cues: Sequence[tuple[str, str]],
) -> Task:
    """A task of that many rows.

    Args:
        rng: decides everything that is drawn.
        rows: how many.
        family: its name.
        draws: label -> what draws a text that has it.
        instructions: `{labels}` in them becomes the list of the labels, `{or}` and `{and}` their list with that word.
        cues: as in `Task`.

    Raises:
        ValueError: the draws cannot give so many different texts.
    """
    labels = list(draws)
    found: dict[str, str] = {}
    for _ in range(rows + _TRIES):
        if len(found) == rows:
            break
        label = rng.choice(labels)
        found.setdefault(draws[label](rng), label)
    if len(found) < rows:
        raise ValueError(f"{family}: no {rows} different texts in {rows + _TRIES} draws")
    rng.shuffle(labels)
    words = {"{labels}": ", ".join(labels), "{or}": listed(labels, "or"), "{and}": listed(labels, "and")}
    filled = []
    for instruction in instructions:
        for slot, value in words.items():
            instruction = instruction.replace(slot, value)
        filled.append(instruction)
    return Task(family, tuple(filled), tuple(cues), tuple(found.items()), tuple(labels))


def listed(words: Sequence[str], last: str) -> str:
    """`a, b or c`; `a` alone."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else words[0]
