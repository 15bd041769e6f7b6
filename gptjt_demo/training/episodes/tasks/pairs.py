"""Tasks on two texts: do they say the same, does one follow from the other, is one about the other's subject.

The pairs come from small worlds in `data/pairs.txt`: for each, sentences that say the same, that follow, that cannot
be true with it, that may be; questions that it answers and others. Names, places and numbers are drawn once for both
texts. The two texts are one input, in one of several layouts that a task keeps.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache, partial

from gptjt_demo.training.episodes.classification import Draw, classify
from gptjt_demo.training.episodes.phrases import grammar, section_files
from gptjt_demo.training.episodes.phrases.grammar import sentences
from gptjt_demo.training.episodes.task import Family, Task
from gptjt_demo.training.episodes.tasks.topics import about

Pair = Callable[[random.Random], tuple[str, str]]

_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_THINGS = (
    *(
        "lamp",
        "kite",
        "ladder",
        "hammer",
        "guitar",
        "blanket",
        "camera",
        "compass",
        "map",
        "rucksack",
        "teapot",
        "mirror",
    ),
    *(
        "clock",
        "raincoat",
        "drum",
        "basket",
        "tent",
        "pillow",
        "whistle",
        "lantern",
        "boat",
        "saw",
        "rug",
        "vase",
        "bell",
    ),
    *("torch", "sledge", "puzzle", "radio", "bucket", "candle", "scarf", "notebook", "chair", "jug", "parcel", "ring"),
)

# (layout of the two texts, what stands before the first, what asks for the answer)
_LAYOUTS = {
    "same": (
        ("{}\nSentence 2: {}", "Sentence 1", "Same"),
        ("{}\nB: {}", "A", "Same meaning"),
        ("{} | {}", "Sentences", "Paraphrase"),
        ("{}\nText 2: {}", "Text 1", "Label"),
        ("{} / {}", "Pair", "Equivalent"),
        ("{}\nSecond sentence: {}", "First sentence", "Answer"),
        ("(1) {} (2) {}", "Pair", "Label"),
        ('"{}" and "{}"', "Sentences", "Same meaning"),
    ),
    "entailment": (
        ("{}\nHypothesis: {}", "Premise", "Label"),
        ("{}\nClaim: {}", "Text", "Verdict"),
        ("{}\nConclusion: {}", "Fact", "Answer"),
        ("{} => {}", "Statement", "Relation"),
        ("{}\nStatement: {}", "Context", "True"),
        ("{}\nHypothesis: {}", "Premise", "Relation"),
    ),
    "answerable": (
        ("{}\nQuestion: {}", "Text", "Answerable"),
        ("{}\nQuestion: {}", "Passage", "Label"),
        ("{}\nQ: {}", "Context", "Answered"),
        ("{} {}", "Text and question", "Answerable"),
        ("{}\nQuestion: {}", "Paragraph", "Can it be answered"),
    ),
    "same topic": (
        ("{}\nB: {}", "A", "Same topic"),
        ("{}\nHeadline 2: {}", "Headline 1", "Same subject"),
        ("{} | {}", "Headlines", "Label"),
        ("{}\nSecond: {}", "First", "Related"),
    ),
}
_INSTRUCTIONS = {
    "same": (
        "Do the sentences mean the same? Answer {or}.",
        "Paraphrase detection: {labels}.",
        "Decide whether the second text says what the first one says ({labels}).",
        "Compare the two sentences.",
        "Are both sentences true in the same cases? Labels: {labels}.",
        "Say whether the pair has the same meaning.",
        "Judge each pair of sentences as {or}.",
    ),
    "entailment": (
        "Does the second statement follow from the first? Answer {or}.",
        "Natural language inference. Labels: {labels}.",
        "If the first text is true, what about the second? {labels}.",
        "Judge the claim by the text alone: {or}.",
        "Decide how the two statements relate.",
        "Read the first line and say what it means for the second ({labels}).",
    ),
    "answerable": (
        "Can the question be answered from the text? Answer {or}.",
        "Does the text answer the question ({labels})?",
        "Say whether the answer is in the passage.",
        "Mark questions that the text does not answer. Labels: {labels}.",
        "Is there enough information to answer? {or}.",
        "Check the question against the text: {labels}.",
    ),
    "same topic": (
        "Are the two texts about the same topic? Answer {or}.",
        "Do these headlines belong to the same section ({labels})?",
        "Compare the subjects of the two texts.",
        "Say if both texts are on one subject: {or}.",
        "Same subject or not? Labels: {labels}.",
        "Tell whether an editor would put both on one page.",
    ),
}
_TWO = {
    "same": (
        ("yes", "no"),
        ("yes", "no"),
        ("same", "different"),
        ("paraphrase", "not a paraphrase"),
        ("true", "false"),
    ),
    "answerable": (("yes", "no"), ("answerable", "unanswerable"), ("answered", "not answered"), ("true", "false")),
    "same topic": (("yes", "no"), ("same", "different"), ("related", "unrelated"), ("true", "false")),
}
_RELATIONS = (
    (("yes", "E"), ("no", "C"), ("maybe", "N")),
    (("entailment", "E"), ("contradiction", "C"), ("neutral", "N")),
    (("true", "E"), ("false", "C"), ("unknown", "N")),
    (("follows", "E"), ("contradicts", "C")),
    (("supported", "E"), ("refuted", "C"), ("not enough information", "N")),
    (("entailed", "E"), ("not entailed", "CN")),
    (("contradiction", "C"), ("no contradiction", "EN")),
)


@cache
def worlds() -> tuple[dict[str, tuple[str, ...]], ...]:
    """The worlds of `data/pairs.txt`: letter -> its sentences, with slots.

    Raises:
        ValueError: a world lacks one of its letters.
    """
    found = []
    for block in section_files.text("pairs").split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("##")]
        world = {letter: tuple(line[2:] for line in lines if line[0] == letter) for letter in "PECNQU"}
        if not all(world.values()):
            raise ValueError(f"pairs.txt: a letter is missing in the block that begins {block[:60]!r}")
        found.append(world)
    return tuple(found)


def _pair(first: str, second: str, rng: random.Random) -> tuple[str, str]:
    """Two sentences of one world, the first of one of the letters `first`, the second of `second`, never the same."""
    world = rng.choice(worlds())
    names = grammar.load("posts").sections
    low, high = sorted(rng.sample(range(len(_NUMBERS)), 2))
    values = dict(zip("abe", rng.sample(names["person"], 3), strict=True))
    values |= dict(zip("cd", rng.sample(names["city"], 2), strict=True))
    values |= {"n": _NUMBERS[low], "m": _NUMBERS[high], "day": rng.choice(_DAYS)}
    values |= dict(zip(("thing", "thing2"), rng.sample(_THINGS, 2), strict=True))
    one = rng.choice(world[rng.choice(first)])
    other = rng.choice([line for line in world[rng.choice(second)] if line != one])
    return _filled(one, values), _filled(other, values)


def _filled(line: str, values: dict[str, str]) -> str:
    text = line.format_map(values)
    return sentences(re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text))


def _topics(same: bool, rng: random.Random) -> tuple[str, str]:
    one, other = rng.sample(("sports", "food", "travel", "weather", "crime", "technology", "business", "music"), 2)
    return about(one, rng), about(one if same else other, rng)


def _different(rng: random.Random) -> tuple[str, str]:
    """Most often a sentence that shares most words; order is drawn, as difference has none."""
    pair = _pair("P", "CCCN", rng)
    return pair if rng.random() < 0.5 else (pair[1], pair[0])


def _laid_out(pair: Pair, layout: str, rng: random.Random) -> str:
    one, other = pair(rng)
    while one.lower() == other.lower():
        one, other = pair(rng)
    return layout.format(one, other)


def _task(name: str, rng: random.Random, rows: int, pairs: Sequence[tuple[str, Pair]]) -> Task:
    layout, cue, answer = rng.choice(_LAYOUTS[name])
    draws: dict[str, Draw] = {label: partial(_laid_out, pair, layout) for label, pair in pairs}
    return classify(rng, rows, family=name, draws=draws, instructions=_INSTRUCTIONS[name], cues=((cue, answer),))


def same(rng: random.Random, rows: int) -> Task:
    """Two sentences that mean the same, or not."""
    yes, no = rng.choice(_TWO["same"])
    return _task("same", rng, rows, ((yes, partial(_pair, "P", "P")), (no, _different)))


def entailment(rng: random.Random, rows: int) -> Task:
    """Whether the second follows from the first, contradicts it, or neither."""
    pairs = [(label, partial(_pair, "P", letters)) for label, letters in rng.choice(_RELATIONS)]
    return _task("entailment", rng, rows, pairs)


def answerable(rng: random.Random, rows: int) -> Task:
    """Whether a text answers a question."""
    yes, no = rng.choice(_TWO["answerable"])
    return _task("answerable", rng, rows, ((yes, partial(_pair, "P", "Q")), (no, partial(_pair, "P", "U"))))


def same_topic(rng: random.Random, rows: int) -> Task:
    """Two headlines on one topic, or on two."""
    yes, no = rng.choice(_TWO["same topic"])
    return _task("same topic", rng, rows, ((yes, partial(_topics, True)), (no, partial(_topics, False))))


FAMILIES: dict[str, Family] = {
    "same": same,
    "entailment": entailment,
    "answerable": answerable,
    "same topic": same_topic,
}
