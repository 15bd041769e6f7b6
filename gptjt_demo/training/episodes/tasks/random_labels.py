"""Tasks whose labels say nothing: a rule decides (an animal is named, a number, the first person, the length), and
only the examples show which label stands for what.

Sentences are put together from parts that the rule knows (`Sentence`), so that the label is true by construction;
rules on the surface (length, marks, capitals) look at the text itself. Most tasks give no instruction.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gptjt_demo.training.episodes.classification import classify
from gptjt_demo.training.episodes.phrases import grammar
from gptjt_demo.training.episodes.phrases.grammar import Grammar
from gptjt_demo.training.episodes.task import Family, Task

OBJECTS = ("animal", "food", "tool", "clothing", "vehicle", "instrument", "furniture")


@dataclass(frozen=True)
class Sentence:
    """A sentence and what it is made of.

    Attributes:
        text: as it is shown.
        object: one of `OBJECTS`.
        first_person: its subject is I or we.
        colour, number, place, time, negated, question: it has such a part.
    """

    text: str
    object: str
    first_person: bool
    colour: bool
    number: bool
    place: bool
    time: bool
    negated: bool
    question: bool


Rule = Callable[[Sentence], bool]
RULES: dict[str, Rule] = {
    "mentions a colour": lambda s: s.colour,
    "contains a number": lambda s: s.number,
    "names a city or a country": lambda s: s.place,
    "is in the first person": lambda s: s.first_person,
    "says when it happened": lambda s: s.time,
    "is a question": lambda s: s.question,
    "ends in a question mark": lambda s: s.text.endswith("?"),
    "contains a negation": lambda s: s.negated,
    "mentions an animal": lambda s: s.object == "animal",
    "mentions food": lambda s: s.object == "food",
    "mentions a piece of clothing": lambda s: s.object == "clothing",
    "mentions a vehicle": lambda s: s.object == "vehicle",
    "mentions a musical instrument": lambda s: s.object == "instrument",
    "mentions a tool": lambda s: s.object == "tool",
    "mentions furniture": lambda s: s.object == "furniture",
    "is longer than ten words": lambda s: len(s.text.split()) > 10,
    "is longer than eight words": lambda s: len(s.text.split()) > 8,
    "contains a comma": lambda s: "," in s.text,
    "ends in an exclamation mark": lambda s: s.text.endswith("!"),
    "is written in capitals": lambda s: s.text.isupper(),
    "begins with a capital letter": lambda s: s.text[0].isupper(),
    "contains a digit": lambda s: any(mark.isdigit() for mark in s.text),
    "begins with the word 'the' or 'a'": lambda s: s.text.lower().split()[0] in ("the", "a", "an"),
    "mentions both a colour and a number": lambda s: s.colour and s.number,
    "mentions an animal or food": lambda s: s.object in ("animal", "food"),
}
_LABELS = (
    *(("foo", "bar"), ("A", "B"), ("0", "1"), ("1", "0"), ("X", "Y"), ("+", "-"), ("left", "right"), ("red", "blue")),
    *(("alpha", "beta"), ("cat", "dog"), ("up", "down"), ("zig", "zag"), ("plim", "tork"), ("dax", "wug"), ("1", "2")),
    *(("group 1", "group 2"), ("sun", "moon"), ("north", "south"), ("ka", "lo"), ("true", "false"), ("yes", "no")),
    *(("pass", "fail"), ("T", "F"), ("in", "out"), ("accept", "reject"), ("match", "no match")),
)
_WIDE = (
    *("foo", "bar", "baz", "qux", "A", "B", "C", "D", "E", "one", "two", "three", "four", "tick", "tock", "wug", "dax"),
    *("blick", "spring", "summer", "winter", "stone", "paper", "river", "cloud"),
)
_INSTRUCTIONS = (
    "Find out the rule from the examples and give the label of the last text.",
    "Each sentence has a label. Continue.",
    "Sort the sentences into {and}.",
    "Classify the sentences as the examples do.",
    "There is a hidden rule. Answer {or}.",
    "Label the text.",
    "The label depends on something in the sentence: {labels}.",
)
_CUES = (
    ("Input", "Output"),
    ("Text", "Label"),
    ("Sentence", "Group"),
    ("Sentence", "Class"),
    ("x", "y"),
    ("Example", "Code"),
    ("Case", "Answer"),
    ("Text", "Tag"),
)


def draw_sentence(rng: random.Random, kinds: Sequence[str] = OBJECTS) -> Sentence:
    """A plain sentence of parts that are there or not, independently; its object is of one of the kinds."""
    texts = grammar.load("rules")
    kind = rng.choice(kinds)
    first, colour, number, place, time, negated, question = (rng.random() < 0.45 for _ in range(7))
    thing = _object(rng, texts, kind, colour=colour, number=number)
    subject = texts.draw(rng, "i" if first else "he")
    where = texts.draw(rng, "place") if place else texts.draw(rng, "nowhere") if rng.random() < 0.4 else ""
    when = texts.draw(rng, "when") if time else ""
    verb = texts.draw(rng, "did").replace("OBJECT", thing)
    words = [f"never {verb}" if negated else verb, where]
    if question:
        subject = f"{rng.choice(('do you know', 'can you say', 'do they say'))} {rng.choice(('if', 'why'))} {subject}"
    words.insert(0, subject)
    if when:
        words.append(when)
    if when and not question and rng.random() < 0.4:
        words = [f"{when},", *words[:-1]]
    if rng.random() < 0.3:
        words.append(texts.draw(rng, "tail"))
    text = " ".join(word for word in words if word)
    end = "?" if question else rng.choice((".", ".", ".", "!", "!", "..."))
    text += end
    style = rng.random()
    text = text.upper() if style < 0.15 else text[0].upper() + text[1:] if style < 0.7 else text
    return Sentence(text, kind, first, colour, number, place, time, negated, question)


def _object(rng: random.Random, texts: Grammar, kind: str, *, colour: bool, number: bool) -> str:
    noun = texts.draw(rng, kind)
    shade = texts.draw(rng, "colour") if colour else texts.draw(rng, "quality") if rng.random() < 0.3 else ""
    if number:
        # A price or a count beside the noun needs no plural.
        return (
            f"{_with_article(shade, noun)} {rng.choice(('for', 'worth', 'number', 'with'))} {texts.draw(rng, 'number')}"
        )
    return rng.choice((_with_article(shade, noun), f"the {shade} {noun}".replace("  ", " ")))


def _with_article(shade: str, noun: str) -> str:
    words = f"{shade} {noun}".strip()
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _text(test: Rule, wanted: bool, rng: random.Random) -> str:
    while True:
        drawn = draw_sentence(rng)
        if test(drawn) is wanted:
            return drawn.text


def rules(rng: random.Random, rows: int) -> Task:
    """A rule holds or not. At times the instruction tells it, without saying which label means yes."""
    rule = rng.choice(list(RULES))
    yes, no = rng.choice(_LABELS)
    if rng.random() < 0.5:
        yes, no = no, yes
    draws = {yes: partial(_text, RULES[rule], True), no: partial(_text, RULES[rule], False)}
    told = (
        f"Say whether the sentence {rule}. Use {{labels}}.",
        f"{yes} means that the sentence {rule}; otherwise it is {no}.",
        f"Answer {yes} if the sentence {rule}, else {no}.",
        f"Write {no}, but {yes} if the text {rule}.",
        f"The label is {yes} when the sentence {rule} and {no} when not.",
        f"Check each sentence: if it {rule}, the label is {yes}; if not, {no}.",
    )
    chosen: tuple[str, ...] = told if rng.random() < 0.35 else _INSTRUCTIONS
    if rng.random() < 0.4:
        chosen = ()
    return classify(rng, rows, family="rules", draws=draws, instructions=chosen, cues=_CUES)


def sorts(rng: random.Random, rows: int) -> Task:
    """What kind of thing a sentence names, under names that say nothing."""
    kinds = rng.sample(OBJECTS, rng.randint(2, 4))
    labels = rng.sample(_WIDE, len(kinds))
    draws = {label: partial(_naming, kind) for label, kind in zip(labels, kinds, strict=True)}
    chosen = () if rng.random() < 0.5 else _INSTRUCTIONS
    return classify(rng, rows, family="sorts", draws=draws, instructions=chosen, cues=_CUES)


def _naming(kind: str, rng: random.Random) -> str:
    return draw_sentence(rng, (kind,)).text


def kinds_of_things(rng: random.Random, rows: int) -> Task:
    """Words, not sentences, by what they are, under their own names."""
    texts = grammar.load("rules")
    kinds = rng.sample((*OBJECTS, "colour", "city"), rng.randint(2, 5))
    draws = {kind: partial(_word, texts, kind) for kind in kinds}
    wordings = (
        "What kind of thing is it?",
        "Sort the words into {and}.",
        "Give the category of each word: {labels}.",
        "Is it {or}?",
        "Name the group that the word belongs to ({labels}).",
        "Category?",
        "Classify the items.",
    )
    cues = (("Word", "Category"), ("Item", "Kind"), ("Thing", "Group"), ("Input", "Class"), ("Word", "Type"))
    return classify(rng, rows, family="kinds of things", draws=draws, instructions=wordings, cues=cues)


def _word(texts: Grammar, kind: str, rng: random.Random) -> str:
    word = texts.draw(rng, kind)
    quality = texts.draw(rng, "quality") if kind in OBJECTS and rng.random() < 0.4 else ""
    return f"{quality} {word}".strip()


FAMILIES: dict[str, Family] = {"rules": rules, "sorts": sorts, "kinds of things": kinds_of_things}
