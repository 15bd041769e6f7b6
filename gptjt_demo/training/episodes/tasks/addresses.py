"""Postal addresses to records, and one part of an address.

In: street names of a dozen countries as rules, cities from `names`. Out: tasks over addresses on one line, whose
outputs are street, number, postcode, city and country as asked. The addresses are made up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import names
from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task

# By country: streets, {n} a family name, {w} a word; whether the number follows; the postcode's pattern,
# in which # is a digit and @ a letter.
STYLES: Mapping[str, tuple[tuple[str, ...], bool, str]] = MappingProxyType(
    {
        "USA": (
            ("{w} Street", "{w} Avenue", "{n} Road", "{w} Lane", "{n} Drive", "{w} Boulevard", "{w} Court"),
            False,
            "#####",
        ),
        "United Kingdom": (
            ("{w} Road", "{n} Close", "{w} Gardens", "{w} Terrace", "{n} Crescent", "High Street"),
            False,
            "@@# #@@",
        ),
        "Germany": (
            ("{n}straße", "{n}weg", "Am {n}platz", "{n}allee", "{n}gasse", "Hauptstraße", "Gartenweg"),
            True,
            "#####",
        ),
        "France": (
            ("rue {n}", "avenue {n}", "boulevard {n}", "place {n}", "impasse {n}", "rue de la Gare"),
            False,
            "#####",
        ),
        "Spain": (("Calle {n}", "Avenida {n}", "Plaza {n}", "Paseo {n}", "Calle Mayor"), True, "#####"),
        "Italy": (("Via {n}", "Piazza {n}", "Corso {n}", "Viale {n}", "Via Roma"), True, "#####"),
        "Netherlands": (("{n}straat", "{n}laan", "{n}plein", "{n}weg", "Dorpsstraat"), True, "#### @@"),
        "Poland": (("ul. {n}", "ul. Polna", "al. {n}", "ul. Leśna", "ul. Szkolna"), True, "##-###"),
        "Sweden": (("{n}gatan", "{n}vägen", "Storgatan", "Skolgatan"), True, "### ##"),
        "Brazil": (("Rua {n}", "Avenida {n}", "Travessa {n}", "Rua das Flores"), True, "#####-###"),
        "India": (("{n} Road", "{n} Marg", "{w} Nagar", "{n} Street"), False, "######"),
        "Canada": (("{w} Street", "{n} Avenue", "{w} Crescent", "{n} Way"), False, "@#@ #@#"),
        "Australia": (("{w} Street", "{n} Parade", "{w} Place", "{n} Road"), False, "####"),
    }
)
LOCALES = MappingProxyType(
    {
        "Germany": "de_DE",
        "France": "fr_FR",
        "Spain": "es_ES",
        "Italy": "it_IT",
        "Netherlands": "nl_NL",
        "Poland": "pl_PL",
        "Sweden": "sv_SE",
        "Brazil": "pt_BR",
        "India": "en_IN",
    }
)


@dataclass(frozen=True)
class Address:
    """A made-up address by its parts."""

    street: str
    number: str
    postcode: str
    city: str
    country: str
    number_last: bool

    @property
    def line(self) -> str:
        """Street and number in the country's order."""
        return f"{self.street} {self.number}" if self.number_last else f"{self.number} {self.street}"


PARTS: Mapping[str, tuple[Callable[[Address], str], tuple[str, ...]]] = MappingProxyType(
    {
        "street": (lambda a: a.line, ("street", "street address", "street and number")),
        "street name": (lambda a: a.street, ("street name", "street without number")),
        "number": (lambda a: a.number, ("number", "house number")),
        "postcode": (lambda a: a.postcode, ("postcode", "zip", "postal code")),
        "city": (lambda a: a.city, ("city", "town")),
        "country": (lambda a: a.country, ("country",)),
    }
)
RECORDS = (
    *(("street", "postcode", "city"), ("street", "city", "postcode"), ("street name", "number", "postcode", "city")),
    *(
        ("street", "postcode", "city", "country"),
        ("city", "postcode"),
        ("number", "street name", "city"),
        ("city", "street"),
    ),
    *(
        ("country", "city", "postcode", "street"),
        ("postcode", "city"),
        ("street", "city", "country"),
        ("city", "country"),
    ),
)
INSTRUCTIONS = (
    "Split the address into {}, separated by commas.",
    "Write the address as a CSV row: {}.",
    "Convert to CSV. Columns: {}",
    "Parse each address ({}).",
    "Bring the addresses into a table with the columns {}.",
    "Extract {} from the address.",
)


def addresses(rng: random.Random, n: int) -> Task:
    """An address typed on one line to a record."""
    columns = rng.choice(RECORDS)
    delimiter = rng.choices((",", ";", " | ", ", "), (78, 7, 5, 10))[0]
    rows: dict[str, str] = {}
    while len(rows) < n:
        address = draw(rng)
        rows[_typed(rng, address, columns)] = delimiter.join(PARTS[column][0](address) for column in columns)
    said = ", ".join(rng.choice(PARTS[column][1]) for column in columns)
    apart = "" if delimiter.strip() == "," else f" Use '{delimiter.strip()}' as the separator."
    cues = tuple((a, b) for a in ("Input", "Address", "Raw", "Line") for b in ("Output", "CSV", "Record", "Parsed"))
    return Task("addresses", tuple(text.format(said) + apart for text in INSTRUCTIONS), cues, tuple(rows.items()))


def part(rng: random.Random, n: int) -> Task:
    """One part of an address."""
    which = rng.choice(list(PARTS))
    value, said = PARTS[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        address = draw(rng)
        rows[_typed(rng, address, (which,))] = value(address)
    name = rng.choice(said)
    instructions = (
        f"Give the {name}.",
        f"What is the {name}?",
        f"Extract the {name} of the address.",
        f"Find the {name}.",
    )
    cues = tuple((cue, said[0].capitalize()) for cue in ("Address", "Input", "Text"))
    return Task("address_part", instructions, cues, tuple(rows.items()))


FAMILIES: Mapping[str, Family] = MappingProxyType({"addresses": addresses, "address_part": part})


def draw(rng: random.Random) -> Address:
    """An address that is made up, in the style of a country."""
    country = rng.choice(list(STYLES))
    streets, number_last, postcode = STYLES[country]
    family = names.of_locale(rng, LOCALES.get(country, "en_GB")).family
    letters, digits = "ABCDEGHJKLMNPRSTWXY", "0123456789"
    return Address(
        street=rng.choice(streets).format(n=family, w=rng.choice(phrases("names", "streets"))),
        number=f"{rng.randrange(1, 250)}{rng.choice(('', '', '', '', 'a', 'B'))}",
        postcode="".join(rng.choice(letters) if c == "@" else rng.choice(digits) if c == "#" else c for c in postcode),
        city=names.city(rng),
        country=country,
        number_last=number_last,
    )


def _typed(rng: random.Random, address: Address, columns: tuple[str, ...]) -> str:
    place = f"{address.postcode} {address.city}"
    if not address.number_last or rng.random() < 0.2:
        place = rng.choice((f"{address.city} {address.postcode}", f"{address.city}, {address.postcode}"))
    pieces = [address.line, place]
    if "country" in columns or rng.random() < 0.15:
        pieces.append(address.country)
    if rng.random() < 0.25:
        pieces.insert(0, names.person(rng).full)
    text = rng.choice((", ", ", ", ", ", " ", "; ", " - ", " / ", " | ")).join(pieces)
    return rng.choice(("", "", "", "", "", "Ship to: ", "Address: ", "We moved to ", "lives at ", "addr. ")) + text
