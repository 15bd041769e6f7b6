"""A small world for tests of the search: texts of several kinds, and a model that knows a kind by an example of it."""

from __future__ import annotations

import random
from typing import Any

from fake_engine import FakeEngine

from gptjt_demo.evaluation.run import Labelled
from gptjt_demo.templates.template import Template

KINDS = ("apple", "birch", "cedar", "daisy", "elder", "fern")
LABELS = ("x", "y")
MOOD = Template(
    name="mood",
    title="Mood",
    labels=LABELS,
    examples=({"input": "apple seen before", "output": "x"}, {"input": "apple seen again", "output": "x"}),
)
FREE = Template(name="free", title="Free", examples=MOOD.examples)


def gold(kind: str) -> str:
    """The kind's right answer."""
    return LABELS[KINDS.index(kind) % 2]


def rows(count: int = 96, *, chance: int | None = None) -> list[Labelled]:
    """Rows of all kinds in turn; their right answers are by chance where its seed is given."""
    dice = random.Random(chance)
    texts = [f"{KINDS[number % len(KINDS)]} number {number}" for number in range(count)]
    answers = [gold(text.split()[0]) if chance is None else dice.choice(LABELS) for text in texts]
    return [
        Labelled(index, {"input": text}, answer)
        for index, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]


def answer(prompt: str) -> str:
    """What the model says: the output of the last example of the query's kind; x where there is none."""
    *examples, query = prompt.split("\n\n")
    kind = query.split()[1] if query.startswith("Input: ") else ""
    found = [block.rsplit("Output: ", 1)[1] for block in examples if block.split()[1] == kind]
    return found[-1] if found else "x"


class Model(FakeEngine):
    """It answers by `answer`, or by what it is given, and keeps every prompt that it was asked."""

    def __init__(self, said: Any = answer, **more: Any) -> None:
        self.asked: list[str] = []

        def told(prompt: str) -> str:
            self.asked.append(prompt)
            return str(said(prompt))

        super().__init__(told, scores=lambda prompt: {told(prompt): -0.5}, **more)
