"""Questions about a sentence: yes or no, who, what, where, when; and whether two sentences say the same.

In: sentences whose parts are known, from `sentences`. Out: tasks whose inputs are a text and, on further lines, a
question or a second text.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import names, sentences
from gptjt_demo.training.episodes.phrases.sentences import Sentence
from gptjt_demo.training.episodes.task import Family, Task

ANSWERS = (("yes", "no"),) * 6 + (
    ("true", "false"),
    ("Yes", "No"),
    ("correct", "wrong"),
    ("right", "wrong"),
    ("y", "n"),
)
SAME = (("yes", "no"),) * 4 + (("same", "different"), ("equivalent", "not equivalent"), ("match", "no match"))


def yes_or_no(rng: random.Random, n: int) -> Task:
    """Is what the question, or a claim, says what the text says?"""
    positive, negative = rng.choice(ANSWERS)
    claim = positive in ("true", "correct", "right") or rng.random() < 0.3
    word = rng.choice(("Claim", "Statement", "Hypothesis")) if claim else "Question"
    rows: dict[str, str] = {}
    while len(rows) < n:
        said = _somebody(rng)
        right = rng.random() < 0.5
        asked = said if right else _changed(rng, said)
        text = _told(rng, said)
        question = _retold(rng, asked) if claim else f"Did {asked.who} {asked.base} {_rest(rng, asked)}?"
        rows[f"{text}\n{word}: {question}"] = positive if right else negative
    instructions = (
        f"Answer {positive} or {negative}.",
        f"Read the text. Does it say so? {positive} or {negative}",
        "Decide from the text alone.",
        f"Is the {word.lower()} borne out by the text? Write {positive} or {negative}.",
        "Reading comprehension.",
    )
    cues = (("Text", "Answer"), ("Passage", "Answer"), ("Sentence", "Answer"), ("Context", "Answer"))
    return Task("yes_or_no", instructions, cues, tuple(rows.items()), (positive, negative))


def who_what(rng: random.Random, n: int) -> Task:
    """The part of the text that a question asks for, word for word."""
    only = rng.choice(("", "", "who", "what", "where", "when"))
    rows: dict[str, str] = {}
    while len(rows) < n:
        said = _somebody(rng)
        text = _told(rng, said)
        other = _somebody(rng)
        if rng.random() < 0.4 and other.verb != said.verb and other.who != said.who:
            text = " ".join(rng.sample([text, _told(rng, other)], 2))
        question, answer = {
            "who": (f"Who {said.verb} {said.what}?", said.who),
            "what": (f"What did {said.who} {said.base}?", said.what),
            "where": (f"Where did {said.who} {said.base} {said.what}?", said.place),
            "when": (f"When did {said.who} {said.base} {said.what}?", said.time),
        }[only or rng.choice(("who", "what", "where", "when"))]
        rows[f"{text}\nQuestion: {question}"] = answer
    instructions = (
        "Answer the question with words of the text.",
        "Read the text and answer the question.",
        "Copy the answer from the text.",
        "Answer briefly.",
    )
    cues = (("Text", "Answer"), ("Passage", "Answer"), ("Context", "Answer"), ("Story", "Answer"))
    return Task("who_what", instructions, cues, tuple(rows.items()))


def part_of(rng: random.Random, n: int) -> Task:
    """The person, thing, place or time of a sentence; the task says which, or its examples show it."""
    which = rng.choice(list(_PARTS))
    attribute, instructions, cue = _PARTS[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        said = _somebody(rng)
        rows[_told(rng, said)] = getattr(said, attribute)
    cues = tuple((a, cue) for a in ("Sentence", "Text", "Input"))
    return Task("part_of", instructions, cues, tuple(rows.items()))


def same_meaning(rng: random.Random, n: int) -> Task:
    """Do two sentences report the same?"""
    positive, negative = rng.choice(SAME)
    word = rng.choice(("Second", "Sentence 2", "B", "Other"))
    first = {"Second": "First", "Sentence 2": "Sentence 1", "B": "A", "Other": "One"}[word]
    rows: dict[str, str] = {}
    while len(rows) < n:
        said = _somebody(rng)
        same = rng.random() < 0.5
        one, other = _told(rng, said), _retold(rng, said if same else _changed(rng, said))
        if one != other:
            rows[f"{one}\n{word}: {other}"] = positive if same else negative
    instructions = (
        f"Do both sentences report the same event? Answer {positive} or {negative}.",
        f"Compare the two: {positive} or {negative}?",
        "Is the second sentence a paraphrase of the first?",
        "Decide whether the meaning is the same.",
    )
    cues = ((first, "Answer"), (first, "Same"), (first, "Same meaning"), (first, "Verdict"))
    return Task("same_meaning", instructions, cues, tuple(rows.items()), (positive, negative))


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {"yes_or_no": yes_or_no, "who_what": who_what, "part_of": part_of, "same_meaning": same_meaning}
)

_PARTS: Mapping[str, tuple[str, tuple[str, ...], str]] = MappingProxyType(
    {
        "who": ("who", ("Who is it about?", "Copy the subject of the sentence.", "Who did it?"), "Who"),
        "what": ("what", ("Copy the object of the verb.", "Which thing is it about?"), "What"),
        "where": ("place", ("Where did it happen?", "Copy the place.", "Extract where."), "Where"),
        "when": ("time", ("When did it happen?", "Copy the time.", "Extract when."), "When"),
        "verb": ("verb", ("Copy the verb.", "Which word is the verb?"), "Verb"),
    }
)


def _somebody(rng: random.Random) -> Sentence:
    """A full sentence, done half of the time by somebody with a name."""
    said = sentences.draw(rng, full=True)
    if rng.random() < 0.5:
        return replace(said, who=names.styled(rng, names.person(rng)))
    return said


def _told(rng: random.Random, said: Sentence) -> str:
    middle = f"{said.who} {said.verb} {said.what}"
    forms = (
        f"{middle} {said.place} {said.time}.",
        f"{said.time}, {middle} {said.place}.",
        f"{said.time} {middle} {said.place}.",
        f"{middle} {said.time} {said.place}.",
    )
    text = rng.choice(forms)
    return text[0].upper() + text[1:]


def _retold(rng: random.Random, said: Sentence) -> str:
    forms = (
        f"it was {said.who} who {said.verb} {said.what} {said.place} {said.time}.",
        f"{said.what} was what {said.who} {said.verb} {said.place} {said.time}.",
        f"{said.time} {said.what} was {_PASSIVE.get(said.verb, said.verb)} {said.place} by {said.who}.",
        f"{said.who} {said.verb} {said.what} {said.place}, and that was {said.time}.",
        _told(rng, said),
    )
    text = rng.choice((forms[0], forms[3], forms[4]) if said.what.endswith("s") else forms)  # plurals: "were"
    return text[0].upper() + text[1:]


def _rest(rng: random.Random, said: Sentence) -> str:
    return rng.choice(
        (said.what, f"{said.what} {said.place}", f"{said.what} {said.time}", f"{said.what} {said.place} {said.time}")
    )


def _changed(rng: random.Random, said: Sentence) -> Sentence:
    """The sentence with another person or another thing, which every question and claim mentions."""
    while True:
        other = _somebody(rng)
        objects = sentences.objects(said.verb, said.base)
        new = replace(said, who=other.who) if rng.random() < 0.5 else replace(said, what=rng.choice(objects))
        if new != said:
            return new


# Where the participle differs from the past tense.
_PASSIVE: Mapping[str, str] = MappingProxyType({"wrote": "written", "forgot": "forgotten", "drew": "drawn"})
