"""The language of a sentence, as a classification: plain sentences in nine languages, made of fragments.

In: `data/languages.txt`. Out: tasks over two to six of the languages. A fragment is so chosen that its sentence is
grammatical with every other.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task

NAMES = ("English", "German", "French", "Spanish", "Italian", "Portuguese", "Dutch", "Polish", "Swedish")


def languages(rng: random.Random, n: int) -> Task:
    """The language of a sentence; a classification."""
    labels = rng.sample(NAMES, rng.choice((2, 3, 4, 5, 6)))
    rows: dict[str, str] = {}
    while len(rows) < n:
        label = rng.choice(labels)
        start, what, end = (rng.choice(phrases("languages", f"{label} {part}")) for part in ("start", "object", "end"))
        stop = (
            "?"
            if start[0] == "¿" or start.split()[0] in ("Have", "Siehst", "Hai", "Zie", "Har", "As-tu", "Czy", "Você")
            else "."
        )
        rows[f"{start} {what} {end}{stop}" if rng.random() < 0.8 else f"{start} {what}{stop}"] = label
    instructions = (
        "Which language is it?",
        "Identify the language.",
        "Name the language of the text.",
        "Detect the language.",
    )
    cues = (("Text", "Language"), ("Sentence", "Language"), ("Input", "Language"), ("Message", "Lang"))
    return Task("languages", instructions, cues, tuple(rows.items()), tuple(labels))


FAMILIES: Mapping[str, Family] = MappingProxyType({"languages": languages})
