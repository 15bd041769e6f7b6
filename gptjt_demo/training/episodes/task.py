"""What a family of few-shot tasks gives (`Task`), and what it is rendered to (`Episode`). Plain data, no torch."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One drawing of a task: rows that one rule connects, not yet in any prompt format.

    Attributes:
        family: its name, by which it can be weighted or left out of training.
        instructions: wordings, of which a prompt takes one or none.
        cues: (input cue, output cue) pairs that suit it, without colons.
        rows: (input, output), each output right for its input; no input twice.
        labels: all possible outputs where it is a classification; a format may then rename them.
    """

    family: str
    instructions: tuple[str, ...]
    cues: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, str], ...]
    labels: tuple[str, ...] = ()


# Draws a task with that many rows; the same state of `rng` gives the same task.
Family = Callable[[random.Random, int], Task]


@dataclass(frozen=True)
class Episode:
    """A few-shot prompt as text, in turns.

    The text is every turn's context and answer, joined as they are. A context ends with its cue, without a blank; an
    answer begins with the joiner (a space, or a line feed) and ends with what ends it, mostly a line feed.

    Attributes:
        family: of the task it shows.
        turns: (context, answer) of each example, the query last.
    """

    family: str
    turns: tuple[tuple[str, str], ...]
