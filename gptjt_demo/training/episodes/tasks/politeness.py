"""How something is said: politely or rudely, formally or casually; and whether a message is spam.

Polite and rude texts ask for the same things, so that the tone alone tells them apart. Sarcasm is left out: nothing
in a text made here could show truly that it is meant otherwise.
"""

from __future__ import annotations

import random
from functools import partial

from gptjt_demo.training.episodes.classification import classify
from gptjt_demo.training.episodes.phrases import grammar
from gptjt_demo.training.episodes.phrases.grammar import sentences
from gptjt_demo.training.episodes.phrases.voice import say
from gptjt_demo.training.episodes.task import Family, Task

_TONES = {
    "politeness": (
        ("polite", "rude"),
        ("polite", "impolite"),
        ("friendly", "unfriendly"),
        ("civil", "rude"),
        ("yes", "no"),
    ),
    "formality": (("formal", "informal"), ("formal", "casual"), ("formal", "colloquial"), ("business", "private")),
    "spam": (("spam", "ham"), ("spam", "not spam"), ("spam", "ok"), ("junk", "inbox"), ("yes", "no")),
}
_SECTIONS = {"politeness": ("polite", "rude"), "formality": ("formal", "informal"), "spam": ("spam", "ham")}
_INSTRUCTIONS = {
    "politeness": (
        "Is the speaker polite? Answer {or}.",
        "Label the tone: {or}.",
        "Classify each request ({labels}).",
        "Judge the manners of the writer: {labels}.",
        "How does the message sound?",
        "Would a stranger find this polite?",
        "Tell whether these sentences are {or}.",
    ),
    "formality": (
        "Is the register {or}?",
        "Label the style of the sentence as {or}.",
        "Formality: {labels}.",
        "Would you write this to an authority or to a friend? Labels: {labels}.",
        "Classify the style.",
        "Say in which register each line is written ({labels}).",
    ),
    "spam": (
        "Is this message spam? Answer {or}.",
        "Filter the messages: {labels}.",
        "Mark each e-mail as {or}.",
        "Spam detection.",
        "Decide for every text message whether it is unwanted advertising or fraud ({labels}).",
        "Sort my mail into {and}.",
        "Say whether the filter should stop the message.",
    ),
}
_CUES = {
    "politeness": (
        ("Sentence", "Tone"),
        ("Request", "Tone"),
        ("Text", "Label"),
        ("Message", "Manner"),
        ("Said", "Polite"),
    ),
    "formality": (("Sentence", "Register"), ("Text", "Style"), ("Line", "Formality"), ("Message", "Register")),
    "spam": (("Message", "Label"), ("SMS", "Class"), ("Mail", "Folder"), ("E-mail", "Spam"), ("Text", "Label")),
}
# Slips and slang would turn a formal text into another.
_FORMAL = {"polite": 0.75, "rude": 0.5, "informal": 0.3, "spam": 0.6, "ham": 0.5}


def tone(section: str, rng: random.Random) -> str:
    """A text of that section of `data/politeness.txt`."""
    text = grammar.load("politeness").draw(rng, section)
    return sentences(text) if section == "formal" else say(rng, text, formal=_FORMAL[section], public=False)


def _task(name: str, rng: random.Random, rows: int) -> Task:
    draws = {
        label: partial(tone, section) for label, section in zip(rng.choice(_TONES[name]), _SECTIONS[name], strict=True)
    }
    return classify(rng, rows, family=name, draws=draws, instructions=_INSTRUCTIONS[name], cues=_CUES[name])


FAMILIES: dict[str, Family] = {name: partial(_task, name) for name in _TONES}
