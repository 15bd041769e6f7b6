"""Lines of shops, lists and labels to records: goods with colours, sizes and prices; quantities with units.

In: `data/products.txt`. Out: tasks whose outputs copy the asked attributes from the line, in the task's order, or
write a price or quantity in one form.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task
from gptjt_demo.training.episodes.tasks.numbers import spelled

FRAMES = (
    *("{product}, {rest}", "{product} - {rest}", "{product} ({rest})", "{product} | {rest}", "{product}: {rest}"),
    *("{rest} {product}", "{rest}, {product}", "{product} {rest}", "{product} / {rest}", "Our {product}: {rest}"),
    *("NEW! {product}, {rest}", "{product} … {rest}", "For sale: {product}, {rest}", "1x {product}, {rest}"),
    *("I am looking for a {product}, {rest}", "item: {product}; {rest}", "{product} – {rest}.", "* {product} * {rest}"),
)
HEADINGS = MappingProxyType(
    {
        "product": ("product", "item", "article"),
        "colour": ("colour", "color"),
        "size": ("size", "dimensions"),
        "price": ("price", "cost"),
        "material": ("material", "made of"),
        "brand": ("brand", "maker"),
    }
)
INSTRUCTIONS = (
    "Turn the listing into a CSV record: {}.",
    "Extract {} from each line, separated by commas.",
    "CSV with the columns {}:",
    "Read the product line and write {}.",
    "Pull the attributes ({}) out of the description.",
    "Make a table row out of each item. Columns: {}",
    "Structure the shop's listing as CSV ({}).",
    "List the item's details in this order: {}.",
)
# How a price is typed, and what stands for its currency.
CURRENCIES = (
    ("$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("CHF", "CHF"),
    ("kr", "SEK"),
    ("₹", "INR"),
    ("zł", "PLN"),
)

UNITS = (
    *(
        ("metre", "m"),
        ("kilometre", "km"),
        ("centimetre", "cm"),
        ("millimetre", "mm"),
        ("gram", "g"),
        ("kilogram", "kg"),
    ),
    *(("milligram", "mg"), ("litre", "L"), ("millilitre", "mL"), ("second", "s"), ("minute", "min"), ("hour", "h")),
    *(
        ("volt", "V"),
        ("watt", "W"),
        ("kilowatt", "kW"),
        ("ampere", "A"),
        ("newton", "N"),
        ("joule", "J"),
        ("hertz", "Hz"),
    ),
    *(
        ("tonne", "t"),
        ("hectare", "ha"),
        ("byte", "B"),
        ("megabyte", "MB"),
        ("gigabyte", "GB"),
        ("degree Celsius", "°C"),
    ),
    *(("per cent", "%"), ("pascal", "Pa"), ("square metre", "m²"), ("cubic metre", "m³"), ("metre per second", "m/s")),
)


def products(rng: random.Random, n: int) -> Task:
    """A product line to a record of two to four attributes."""
    attributes = ["product", *rng.sample(["colour", "size", "price", "material", "brand"], rng.choice((1, 2, 2, 3)))]
    if rng.random() < 0.35:
        rng.shuffle(attributes)
    delimiter = rng.choices((",", ";", " | ", ", "), (80, 6, 4, 10))[0]
    rows: dict[str, str] = {}
    while len(rows) < n:
        values = _item(rng)
        rows[_listing(rng, values, attributes)] = delimiter.join(values[a] for a in attributes)
    names = ", ".join(rng.choice(HEADINGS[a]) for a in attributes)
    apart = "" if delimiter == "," else f" Put '{delimiter.strip()}' between them."
    cues = tuple(
        (a, b) for a in ("Input", "Listing", "Item", "Product", "Line") for b in ("Output", "CSV", "Record", "Row")
    )
    return Task("products", tuple(text.format(names) + apart for text in INSTRUCTIONS), cues, tuple(rows.items()))


def attribute(rng: random.Random, n: int) -> Task:
    """One attribute of a product line."""
    which = rng.choice(list(HEADINGS))
    rows: dict[str, str] = {}
    while len(rows) < n:
        values = _item(rng)
        others = rng.sample([a for a in values if a not in (which, "product")], rng.choice((1, 2)))
        rows[_listing(rng, values, [which, *others])] = values[which]
    name = HEADINGS[which][0]
    instructions = (
        f"What is the {name}?",
        f"Extract the {name}.",
        f"Copy the {name} from each line.",
        f"Find the {name}.",
    )
    cues = tuple((cue, name.capitalize()) for cue in ("Input", "Listing", "Item", "Line"))
    return Task("product_attribute", instructions, cues, tuple(rows.items()))


def prices(rng: random.Random, n: int) -> Task:
    """A price in a sentence to an amount with two decimals and a currency code, or to the bare number."""
    bare = rng.random() < 0.3
    rows: dict[str, str] = {}
    while len(rows) < n:
        sign, code = rng.choice(CURRENCIES)
        whole, cents = (
            rng.choice((rng.randrange(1, 100), rng.randrange(100, 3000))),
            rng.choice((0, 0, 50, 95, 99, rng.randrange(100))),
        )
        if code == "JPY":
            cents = 0
        number = f"{whole}.{cents:02}" if cents else str(whole)
        comma = f"{whole},{cents:02}" if cents else str(whole)
        grouped = f"{whole:,}" + (f".{cents:02}" if cents else "")
        typed = rng.choice(
            (
                f"{sign}{number}",
                f"{number} {sign}",
                f"{code} {number}",
                f"{number} {code}",
                f"{sign}{grouped}",
                f"{sign} {number}",
            )
        )
        if code in ("EUR", "SEK", "PLN") and rng.random() < 0.4:
            typed = f"{comma} {sign}"
        if sign.isalpha() and typed.startswith(f"{sign}{whole}"):
            continue
        thing = _one(rng, "goods")
        frame = rng.choice(_PRICE_FRAMES)
        rows[frame.format(typed, thing=thing)] = f"{whole}.{cents:02}" if bare else f"{whole}.{cents:02} {code}"
    form = (
        ("as a number with two decimals", "as a plain decimal number")
        if bare
        else ("as amount and currency code, like 5.00 EUR",)
    )
    instructions = tuple(
        text.format(rng.choice(form))
        for text in ("Write the price {}.", "Find the price and give it {}.", "What does it cost? Answer {}.")
    )
    return Task(
        "prices",
        instructions,
        (("Text", "Price"), ("Input", "Amount"), ("Offer", "Price"), ("Line", "Price")),
        tuple(rows.items()),
    )


def quantities(rng: random.Random, n: int) -> Task:
    """A quantity in words as number and symbol, or the other way round, or a symbol's name."""
    which = rng.choice(("symbol", "symbol", "words", "unit"))
    rows: dict[str, str] = {}
    while len(rows) < n:
        name, symbol = rng.choice(UNITS)
        number = rng.choice(
            (rng.randrange(1, 21), rng.randrange(2, 10) * 10, rng.randrange(1, 10) * 100, rng.randrange(21, 100))
        )
        half = number < 20 and rng.random() < 0.15
        words = spelled(number) + (" and a half" if half else "")
        plural = name if (number == 1 and not half) or symbol in ("%", "Hz") else _many(name)
        written = f"{number}{'.5' if half else ''} {symbol}"
        if which == "unit":
            rows[name if rng.random() < 0.5 else _many(name) if symbol not in ("%", "Hz") else name] = symbol
            if len(rows) > len(UNITS):
                break
        elif which == "symbol":
            rows[f"{words} {plural}"] = written
        else:
            rows[written] = f"{words} {plural}"
    instructions = {
        "symbol": (
            "Write the quantity with a number and the unit's symbol.",
            "Use figures and symbols.",
            "Shorten the measure.",
        ),
        "words": ("Write the quantity in words.", "Spell out the measure.", "Say it in full."),
        "unit": ("Give the unit's symbol.", "Abbreviate the unit.", "Which symbol does the unit have?"),
    }[which]
    cues = (("Input", "Output"), ("Quantity", "Short" if which != "words" else "Words"), ("Measure", "Written"))
    return Task("quantities", instructions, cues, tuple(rows.items())[:n])


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {"products": products, "product_attribute": attribute, "prices": prices, "quantities": quantities}
)

_PRICE_FRAMES = (
    *(
        "{thing} {}",
        "The {thing} costs {}.",
        "{thing}, only {}",
        "now {}!",
        "I paid {} for the {thing}.",
        "{} for the {thing}",
    ),
    *(
        "total: {}",
        "price {}",
        "You owe me {}.",
        "The {thing} is on sale at {}.",
        "{thing} = {}",
        "They want {} for a {thing}",
    ),
    *(
        "Invoice over {}",
        "{thing}: {} each",
        "A {thing} for {}? No way.",
        "reduced to {} this week",
        "{thing} | {} | in stock",
    ),
)


def _one(rng: random.Random, section: str) -> str:
    return rng.choice(phrases("products", section))


def _item(rng: random.Random) -> dict[str, str]:
    """A product with a value for every attribute."""
    worn = rng.random() < 0.4
    while True:
        item = {
            "product": _one(rng, "wear" if worn else "goods"),
            "colour": _one(rng, "colours"),
            "size": _one(rng, "worn sizes" if worn else "sizes"),
            "price": _price(rng),
            "material": _one(rng, "materials"),
            "brand": _one(rng, "brands"),
        }
        if item["material"] not in item["product"] and item["colour"] not in item["product"]:
            return item


def _listing(rng: random.Random, item: Mapping[str, str], attributes: list[str]) -> str:
    """The line of a shop that says these attributes, in any order; the colour may stand before the product."""
    shown = [a for a in attributes if a != "product"]
    rng.shuffle(shown)
    product = item["product"]
    if "colour" in shown and rng.random() < 0.4:
        shown.remove("colour")
        product = f"{item['colour']} {product}"
    if item["product"] in phrases("products", "wear") and rng.random() < 0.15:
        product = f"{_one(rng, 'audiences')} {product}"
    rest = [_typed(rng, a, item[a]) for a in shown]
    if rng.random() < 0.3 or not rest:
        rest.insert(rng.randrange(len(rest) + 1), _one(rng, "extras"))
    text = rng.choice(FRAMES).format(product=product, rest=rng.choice((", ", ", ", " - ", "; ")).join(rest))
    return text[0].upper() + text[1:] if rng.random() < 0.5 else text


def _price(rng: random.Random) -> str:
    number = f"{rng.randrange(2, 400)}.{rng.choice((0, 50, 90, 95, 99, rng.randrange(100))):02}"
    return rng.choice(
        (f"${number}", f"€{number}", f"£{number}", f"{number} EUR", f"{number} USD", f"${number.split('.')[0]}")
    )


def _typed(rng: random.Random, attribute: str, value: str) -> str:
    if attribute == "size" and " " not in value:
        return rng.choice((f"size {value}", f"size {value}", f"size: {value}", f"Size {value}", f"in size {value}"))
    if attribute == "colour":
        return rng.choice((value, value, value, f"in {value}", f"colour: {value}"))
    if attribute == "material":
        return rng.choice((f"made of {value}", f"100 % {value}", f"{value}", f"material: {value}"))
    if attribute == "brand":
        return rng.choice((f"by {value}", f"brand: {value}", f"from {value}", f"{value}"))
    return rng.choice((value, value, f"{attribute} {value}")) if attribute == "price" else value


def _many(unit: str) -> str:
    """A unit's plural."""
    first, *rest = unit.split(" per ") if " per " in unit else unit.split(" Celsius")
    ending = " per " + rest[0] if " per " in unit else " Celsius" if unit.endswith("Celsius") else ""
    return f"{first}s{ending}"
