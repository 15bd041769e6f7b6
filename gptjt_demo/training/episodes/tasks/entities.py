"""Named entities listed from a sentence: people, places, organisations, dates, or some of them.

In: the frames of `data/entity_frames.txt`, names of `names`. Out: tasks whose inputs are sentences and whose outputs
are the names in the order of the sentence, spelled as there, without a leading article or a possessive's ending, none
twice.

Slots of the frames that hold a name: {P} person, {C} city, {K} country, {R} region, {L} any place, {O} organisation,
{D} what follows "in" (a month, a year), {T} what follows "on" (a day); twice the letter: a list of two or more. Slots
that hold a plain word: {role}, {thing}, {event}, {adj}, {act}, {shop}, {nat}.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import names
from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task
from gptjt_demo.training.episodes.tasks.dates import DAYS, MONTHS

NO_NAMES = 0.05  # share of sentences without any name, where a task has a word for none
LINKS = (
    ", and",
    ", but",
    ", while",
    ", so",
    ", whereas",
    " because",
    ", although",
    " after",
    "; later",
    " before",
    ", just as",
)
KEPT_SMALL = (
    "so ",
    "just ",
    "shoutout",
    "anyone",
    "ugh",
    "omg",
    "happy birthday",
    "not sure",
    "can somebody",
    "miss you",
    "ok so",
    "currently",
    "finally met",
    "my score",
)  # as people type in posts
SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Sentence:
    """A sentence and its names: (kind, name) in order, kind one of P, L, O, D."""

    text: str
    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Wanted:
    """What a task asks for: kinds of names, and how people say that."""

    kinds: str
    instructions: tuple[str, ...]
    cues: tuple[tuple[str, str], ...]
    slots: str = ""  # only names of these slots: C for cities, K for countries


IN = ("Sentence", "Text", "Input", "Passage", "News", "Tweet", "Message", "Snippet")
ALL = Wanted(
    "PLO",
    (
        "List every person, place and organisation that the sentence mentions.",
        "Extract the named entities (people, locations, organizations) from each sentence.",
        "Which people, places and organizations are named in the text? Separate them by commas.",
        "Find all names of persons, locations and organisations. Keep the order of the text.",
        "Named entity recognition: write down the entities of each sentence.",
        "Pull out the proper names.",
        "Read the sentence and copy out the names of people, places and companies in it.",
        "What named entities does the following text contain?",
        "Extract all entities.",
        "Entities in the text, in order:",
        "Give me the names of the people, organizations and places in these sentences, separated by commas.",
        "Your job is to spot names. Names are people, places and organizations; dates and nationalities are not.",
        "Tag the named entities. List each one once.",
        "Extract the names of people, places, and organizations from these lines.",
        "Copy all person, place and organization names from the text exactly as they are spelled.",
    ),
    tuple((cue, out) for cue in IN for out in ("Entities", "Names", "Named entities", "Answer")),
)
WANTED = (
    *(ALL,) * 12,
    Wanted(
        "P",
        (
            "Who is mentioned in the sentence?",
            "List the people in each sentence.",
            "Extract the names of persons.",
            "Write down every person's name, separated by commas.",
            "Find the people. Companies and places do not count.",
        ),
        tuple((cue, out) for cue in IN for out in ("People", "Persons", "Names", "Who")),
    ),
    Wanted(
        "L",
        (
            "List the places that each sentence mentions.",
            "Extract all locations.",
            "Which places does the text name? Leave out people and companies.",
            "Copy out the geographical names.",
            "Find the locations (cities, countries, regions, rivers).",
        ),
        tuple((cue, out) for cue in IN for out in ("Places", "Locations", "Where")),
    ),
    Wanted(
        "O",
        (
            "List the organisations in each sentence.",
            "Extract the names of companies and other organizations.",
            "Which organizations does the text mention?",
            "Find companies, clubs, schools and authorities.",
        ),
        tuple((cue, out) for cue in IN for out in ("Organizations", "Organisations", "Companies", "Orgs")),
    ),
    Wanted(
        "PL",
        (
            "Extract people and places.",
            "List the persons and locations of each sentence, in order.",
            "Which people and which places are named?",
        ),
        tuple((cue, out) for cue in IN for out in ("Names", "People and places", "Entities")),
    ),
    Wanted(
        "PO",
        (
            "Extract people and organizations.",
            "List the persons and companies of each sentence, in order.",
            "Who is mentioned, people as well as organisations?",
        ),
        tuple((cue, out) for cue in IN for out in ("Names", "People and organizations", "Entities")),
    ),
    Wanted(
        "PLOD",
        (
            "Extract all people, places, organizations and dates.",
            "List names and dates in the order of the text.",
            "Find the entities: person, location, organization, date.",
        ),
        tuple((cue, out) for cue in IN for out in ("Entities", "Names and dates")),
    ),
    Wanted(
        "D",
        (
            "Copy the dates that the sentence mentions.",
            "When? Extract the dates and years.",
            "List all dates.",
        ),
        tuple((cue, out) for cue in IN for out in ("Dates", "When", "Date")),
    ),
    Wanted(
        "L",
        ("List the cities.", "Which cities are mentioned?", "Extract the names of cities, not of countries or people."),
        tuple((cue, out) for cue in IN for out in ("Cities", "City names")),
        slots="C",
    ),
    Wanted(
        "L",
        ("List the countries.", "Which countries are mentioned?", "Extract the names of countries, nothing else."),
        tuple((cue, out) for cue in IN for out in ("Countries", "Nations")),
        slots="K",
    ),
)
NONE = ("none", "none", "None", "-", "no names", "nothing", "N/A", "n/a", "[]", "(none)")
SEPARATORS = (", ",) * 14 + ("; ", " | ", " / ", ",")
KIND_WORDS = (
    {"P": "person", "L": "place", "O": "organization", "D": "date"},
    {"P": "PER", "L": "LOC", "O": "ORG", "D": "DATE"},
    {"P": "Person", "L": "Location", "O": "Organization", "D": "Date"},
)


def entities(rng: random.Random, n: int) -> Task:
    """Names in sentences; which, how they are joined and what stands for none is drawn once for the task."""
    wanted = rng.choice(WANTED)
    none = rng.choice(NONE)
    empties = len(wanted.kinds) < 3 or rng.random() < 0.35
    join = rng.choice(SEPARATORS)
    typed = rng.choice(KIND_WORDS) if len(wanted.kinds) > 1 and rng.random() < 0.06 else None
    rows: dict[str, str] = {}
    while len(rows) < n:
        bare = empties and rng.random() < NO_NAMES
        sentence = draw(rng, wanted, bare=bare)
        found = [(kind, name) for kind, name in sentence.found if kind in wanted.kinds]
        if not found and not bare and not (empties and rng.random() < 0.1):
            continue
        listed = [f"{name} ({typed[kind]})" if typed else name for kind, name in found]
        rows[sentence.text] = join.join(listed) or none
    hint = f' If there is none, write "{none}".' if none in rows.values() else ""
    kinds = f" Add the kind in brackets: {', '.join(typed[kind] for kind in wanted.kinds)}." if typed else ""
    apart = "" if join.strip() == "," else f" Put '{join.strip()}' between them."
    fitting = [text for text in wanted.instructions if not apart or "comma" not in text]
    instructions = tuple(f"{text}{kinds}{apart}{hint}" for text in fitting)
    return Task("entities", instructions, wanted.cues, tuple(rows.items()))


def draw(rng: random.Random, wanted: Wanted = ALL, *, bare: bool = False) -> Sentence:
    """A sentence with its names.

    Args:
        rng: decides.
        wanted: which slots count as names; a date's form depends on whether dates are wanted.
        bare: a sentence without any name.
    """
    while True:
        filling = _Filling(rng, wanted)
        if bare:
            text = filling("plain")
        elif rng.random() < 0.4:
            text = _begun(filling("wholes"))
        else:
            text = f"{filling('openers')} {filling('clauses')}" if rng.random() < 0.3 else filling("clauses")
            if rng.random() < 0.15:
                text += f"{rng.choice(LINKS)} {filling('clauses')}"
            elif rng.random() < 0.4:
                tail = filling("tails")
                text += tail if tail.startswith(",") else f" {tail}"
            text = _begun(text) + rng.choice((".", ".", ".", ".", ".", ".", "!"))
        if rng.random() < 0.15 and not bare:
            first, second = rng.sample((text, filling("plain")), 2)
            text = f"{first} {second}" if first[-1] in ".!?" else text
        elif text.endswith(".") and rng.random() < 0.12:
            text = text[:-1]
        if filling.clean(text):
            return Sentence(text, tuple(filling.found))


def _begun(text: str) -> str:
    return text[0].upper() + text[1:] if not text.startswith(KEPT_SMALL) else text


class _Filling:
    """Fills the slots of one sentence and notes its names."""

    def __init__(self, rng: random.Random, wanted: Wanted) -> None:
        self.rng, self.wanted = rng, wanted
        self.found: list[tuple[str, str]] = []
        self.names: list[str] = []

    def __call__(self, section: str) -> str:
        return SLOT.sub(self._fill, self.rng.choice(phrases("entity_frames", section)))

    def clean(self, text: str) -> bool:
        """Is each name in the text just once, so that the list is beyond doubt?"""
        return names.distinct(self.names) and all(text.count(name) == 1 for name in self.names)

    def _fill(self, match: re.Match[str]) -> str:
        slot = match[1]
        if slot in _WORDS:
            return self.rng.choice(phrases("entity_frames", slot))
        if len(slot) == 2:
            several = [self._name(slot[0]) for _ in range(self.rng.choice((2, 2, 2, 3, 3, 4)))]
            last = self.rng.choice((" and ", " and ", " and ", ", and " if len(several) > 2 else " and ", " & "))
            return f"{', '.join(several[:-1])}{last}{several[-1]}"
        return self._name(slot)

    def _name(self, slot: str) -> str:
        if slot == "L":
            slot = self.rng.choice("CCKR")
        exact = "D" in self.wanted.kinds
        if slot in "DT":
            text = _time(self.rng, exact=exact) if slot == "D" else _day(self.rng, exact=exact)
        else:
            text = _DRAWN[slot](self.rng)
        kind = "L" if slot in "CKR" else "D" if slot == "T" else slot
        name = names.without_article(text)
        self.names.append(name)
        if not self.wanted.slots or slot in self.wanted.slots:
            self.found.append((kind, name))
        return text


def _who(rng: random.Random) -> str:
    if rng.random() < 0.015:
        return names.person_in_other_script(rng).full
    return names.styled(rng, names.person(rng))


def _time(rng: random.Random, *, exact: bool) -> str:
    """What follows "in"; where dates are asked for, one that nobody would leave out."""
    month, year = rng.choice(MONTHS), rng.randrange(1890, 2031)
    forms = [f"{month} {year}", str(year)]
    if not exact:
        forms += [month, rng.choice(("the summer", "the autumn", "the early nineties", "spring", "a few weeks"))]
    return rng.choice(forms)


def _day(rng: random.Random, *, exact: bool) -> str:
    """What follows "on"; without a comma, so that a list of them can be read."""
    if not exact and rng.random() < 0.5:
        return rng.choice(DAYS)
    month, day, year = rng.choice(MONTHS), rng.randrange(1, 29), rng.randrange(1950, 2031)
    return rng.choice(
        (f"{day} {month} {year}", f"{day} {month}", f"{month} {day}", f"{year}-{year % 12 + 1:02}-{day:02}")
    )


_WORDS = frozenset(("role", "thing", "event", "adj", "act", "shop", "nat"))
_DRAWN: dict[str, Callable[[random.Random], str]] = {
    "P": _who,
    "C": names.city,
    "K": names.country,
    "R": names.region,
    "O": names.organisation,
}


FAMILIES: Mapping[str, Family] = MappingProxyType({"entities": entities})
