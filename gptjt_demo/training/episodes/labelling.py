"""How a classification's labels are worded in one prompt: as they are, in another case, or under other names.

In: a task with labels and its instruction. Out: a `Wording`: what each label is called, and the instruction, which
may list them. Labels that it does not give, or gives without what they stand for, are `hidden`: only the examples
show them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Task

RENAMED = 0.22  # share of classifications whose labels get other names
EXPLAINED = 0.45  # share of those whose instruction says which name is which
LISTED = 0.7  # share of the others whose instruction lists the labels, if it does not name them anyway

ONSETS = (
    "b",
    "bl",
    "br",
    "d",
    "dr",
    "f",
    "fl",
    "g",
    "gr",
    "k",
    "kl",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "sk",
    "st",
    "t",
    "tr",
    "v",
    "z",
)
NUCLEI = ("a", "e", "i", "o", "u", "ai", "ee", "oo", "ou")
CODAS = ("", "b", "k", "l", "m", "n", "p", "r", "s", "t", "x", "rn", "lt", "sk")

LISTS = (
    *(" The labels are {comma}.", " Labels: {comma}.", " Possible labels: {comma}.", " Choose one of: {comma}."),
    *(" Answer with one of {comma}.", " Pick one: {slash}.", " Options: {slash}", " Use {either}.", " It is {either}."),
    *(" Say {either}.", " ({slash})", " [{comma}]", " One of: {comma}.", " Answer {either}.", " Categories: {comma}."),
    *(
        "\nPossible labels:\n{numbered}",
        "\nLabels:\n{bullets}",
        "\nOptions:\n{bullets}",
        "\nThe classes are:\n{numbered}",
    ),
    *(
        "\nLabels: {comma}",
        "\nAllowed answers: {slash}",
        "\nChoose from: {comma}",
        "\nCHOICES: {bars}",
        "\nOptions: {quoted}",
    ),
)
EXPLANATIONS = (
    *(" {map}.", " Use {map}.", " Answer with the code: {map}.", " The codes are {map}.", " ({map})", "\n{lines}"),
    *("\nKey:\n{lines}", "\nLabels:\n{lines}", " Reply with the key only: {map}.", "\nOptions:\n{lines}"),
)
GENERIC = (
    *("Label the text.", "Give the right label.", "Classify each text as in the examples.", "Sort the texts."),
    *(
        "Look at the examples and label the last text.",
        "Find the pattern and apply it.",
        "Continue.",
        "Assign a class.",
    ),
    *("Each text has one label.", "Say which group each text belongs to.", "Use the labels as the examples do."),
)


@dataclass(frozen=True)
class Wording:
    """What a prompt says in the place of a task's labels.

    Attributes:
        instruction: with the list of labels, if it has one; may be empty.
        names: each label's name in this prompt; none means as they are.
        hidden: nothing but the examples says what the names are, or stand for.
    """

    instruction: str
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    hidden: bool = False


def draw(rng: random.Random, task: Task, instruction: str, *, may_hide: bool) -> Wording:
    """Word the labels of a task for one prompt.

    Args:
        rng: decides.
        task: with labels.
        instruction: the one that was drawn for it, or an empty one.
        may_hide: whether the examples show the query's label, so that the instruction need not.
    """
    labels = list(task.labels)
    rng.shuffle(labels)
    if rng.random() < RENAMED:
        return _renamed(rng, task, labels, instruction, may_hide)
    named = names_labels(instruction, labels)
    names = {} if named else _cased(rng, labels)
    shown = [names.get(label, label) for label in labels]
    if named:
        return Wording(instruction, names)
    if not may_hide or rng.random() < (LISTED if instruction else 0.3):
        return Wording((instruction + rng.choice(LISTS).format_map(_lists(shown))).strip(), names)
    return Wording(instruction, names, hidden=True)


def names_labels(instruction: str, labels: Sequence[str]) -> bool:
    """Does an instruction speak of one of the labels?"""
    return any(re.search(rf"(?<!\w){re.escape(label)}(?!\w)", instruction, re.IGNORECASE) for label in labels)


def _renamed(rng: random.Random, task: Task, labels: list[str], instruction: str, may_hide: bool) -> Wording:
    names = dict(zip(labels, _new_names(rng, labels), strict=True))
    if names_labels(instruction, labels):
        silent = [text for text in task.instructions if not names_labels(text, labels)]
        instruction = rng.choice(silent or GENERIC)
    if rng.random() < EXPLAINED or not may_hide:
        sign = rng.choice((" = ", ": ", " for ", " means ", " -> "))
        pairs = [f"{names[label]}{sign}{label}" for label in labels]
        return Wording(
            (instruction + rng.choice(EXPLANATIONS).format(map=", ".join(pairs), lines="\n".join(pairs))).strip(), names
        )
    if rng.random() < 0.4:
        instruction = rng.choice(GENERIC)
    if instruction and rng.random() < 0.3:
        instruction += rng.choice(LISTS).format_map(_lists(list(names.values())))
    return Wording(instruction, names, hidden=True)


def _new_names(rng: random.Random, labels: Sequence[str]) -> list[str]:
    n = len(labels)
    match rng.randrange(6):
        case 0:
            start = rng.choice((0, 1))
            return [str(i) for i in range(start, start + n)]
        case 1:
            letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if rng.random() < 0.7 else "abcdefghijklmnopqrstuvwxyz"
            first = 0 if rng.random() < 0.6 else rng.randrange(max(1, 26 - n))
            return [letters[(first + i) % 26] + ("" if n <= 26 else str(i)) for i in range(n)]
        case 2 if all(len(label) > 4 for label in labels):
            short = [label[:3].upper() for label in labels]
            return short if len(set(short)) == n else rng.sample(phrases("names", "label words"), n)
        case 3 | 4:
            return rng.sample(phrases("names", "label words"), n)
        case _:
            return _nonsense(rng, n)


def _nonsense(rng: random.Random, n: int) -> list[str]:
    """Syllables that mean nothing."""
    found: dict[str, None] = {}
    while len(found) < n:
        word = "".join(
            rng.choice(ONSETS) + rng.choice(NUCLEI) + rng.choice(CODAS) for _ in range(rng.choice((1, 1, 2)))
        )
        if len(word) > 2:
            found[word] = None
    return list(found)


def _cased(rng: random.Random, labels: Sequence[str]) -> dict[str, str]:
    share = rng.random()
    if share < 0.72:
        return {}
    change = str.lower if share < 0.8 else str.upper if share < 0.86 else _capital
    names = {label: change(label) for label in labels}
    return names if len(set(names.values())) == len(labels) else {}


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _lists(labels: Sequence[str]) -> dict[str, str]:
    first, last = labels[:-1], labels[-1]
    return {
        "comma": ", ".join(labels),
        "slash": "/".join(labels),
        "bars": " | ".join(labels),
        "quoted": ", ".join(f'"{label}"' for label in labels),
        "either": f"{', '.join(first)} or {last}" if first else last,
        "numbered": "\n".join(f"{i}. {label}" for i, label in enumerate(labels, 1)),
        "bullets": "\n".join(f"- {label}" for label in labels),
    }
