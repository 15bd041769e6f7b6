"""Plain English sentences without names, made of subjects, verbs, objects, places and times.

In: `data/sentences.txt`. Out: `Sentence`, its text and its parts, so that questions about it have sure answers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from gptjt_demo.training.episodes.phrases.word_lists import phrases, sections

FILE = "sentences"


@dataclass(frozen=True)
class Sentence:
    """A sentence and what it says: who did what to what, where and when; `place` and `time` may be empty."""

    text: str
    who: str
    verb: str
    base: str
    what: str
    place: str
    time: str


def draw(rng: random.Random, *, full: bool = False) -> Sentence:
    """A sentence in the past tense.

    Args:
        rng: decides.
        full: with a place and a time.
    """
    who = rng.choice(phrases(FILE, "subjects"))
    verb, base = rng.choice(_verbs())
    what = rng.choice(objects(verb, base))
    place = rng.choice(phrases(FILE, "places")) if full or rng.random() < 0.5 else ""
    time = rng.choice(phrases(FILE, "times")) if full or rng.random() < 0.5 else ""
    adverb = f"{rng.choice(phrases(FILE, 'adverbs'))} " if rng.random() < 0.15 else ""
    reason = f" {rng.choice(phrases(FILE, 'reasons'))}" if rng.random() < 0.2 else ""
    middle = f"{who} {adverb}{verb} {what}"
    if time and rng.random() < 0.35:
        text = f"{time}{',' if rng.random() < 0.5 else ''} {middle} {place}".rstrip() + reason
    else:
        text = " ".join(part for part in (middle, place, time) if part) + reason
    return Sentence(f"{text[0].upper()}{text[1:]}.", who, verb, base, what, place, time)


def objects(verb: str, base: str) -> tuple[str, ...]:
    """What one can do that to."""
    return phrases(FILE, f"{verb}/{base}")


@cache
def _verbs() -> tuple[tuple[str, str], ...]:
    """Past tense and base form of each verb."""
    return tuple((name.split("/")[0], name.split("/")[1]) for name in sections(FILE) if "/" in name)
