"""A contact's fields as a line that somebody typed: in any order, with or without labels, or within a sentence.

In: fields and their texts. Out: the line. Knows nothing of the record that is made of it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType

LABELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "name": ("Name", "name", "Full name", "Contact", "NAME", "Customer", "Person", "contact person"),
        "email": ("Email", "E-mail", "email", "e-mail", "mail", "EMAIL", "Mail", "e", "email address", "write to"),
        "phone": (
            "Phone",
            "Tel",
            "tel.",
            "Cell",
            "mobile",
            "T",
            "Ph",
            "phone no.",
            "call",
            "TEL",
            "phone number",
            "mob",
        ),
        "company": ("Company", "company", "Firm", "Org", "Employer", "works at", "organisation"),
        "city": ("City", "city", "Location", "Town", "lives in", "based in"),
        "job": ("Job", "Title", "title", "Role", "position", "Position"),
        "age": ("Age", "age", "aged"),
    }
)
SENTENCES: Mapping[tuple[str, ...], tuple[str, ...]] = MappingProxyType(
    {
        ("name", "email", "phone"): (
            "You can reach {name} at {email} or call {phone}.",
            "{name} can be contacted under {phone} or {email}",
            "please write to {name} ({email}), phone {phone}",
            "Call {name} on {phone}. If nobody picks up, mail {email}.",
            "this is {name}, my number is {phone} and my mail {email}",
            "Hi, {name} here - {email} - ring me: {phone}",
            "{email} belongs to {name}, whose number is {phone}",
            "The new phone number of {name} is {phone}; the address {email} stays the same.",
            "I spoke to {name} today. Tel. {phone}, e-mail {email}.",
            "Message from {name} <{email}>, call back on {phone}",
            "Ask for {name} when you dial {phone}. Documents go to {email}.",
            "{name} left a card: {phone} / {email}",
        ),
        ("name", "email", "phone", "company"): (
            "{name} from {company} called, number {phone}, mail {email}",
            "{name}, {company}, can be reached at {email} and {phone}.",
            "At {company} ask for {name} ({phone}, {email}).",
        ),
        ("name", "email", "phone", "city"): (
            "{name} lives in {city}, phone {phone}, email {email}",
            "From {city}: {name}, {email}, {phone}",
        ),
        ("name", "phone"): ("Please call {name} on {phone}.", "{name}'s number: {phone}", "it's {name}, {phone}"),
        ("name", "email"): ("Write to {name} at {email}.", "{name} uses {email} now", "cc {name}: {email}"),
    }
)
JOINS = (
    " ",
    " ",
    " ",
    ", ",
    ", ",
    ", ",
    "; ",
    " | ",
    " - ",
    " / ",
    "  ",
    "\t",
    ",",
    " – ",
    ". ",
    "   ",
    " * ",
    " · ",
    "|",
)
NOISE = (
    "new contact: ",
    "FYI ",
    "- ",
    "* ",
    "lead: ",
    "add: ",
    "Re: ",
    "(new) ",
    "#12 ",
    "from the fair: ",
    ">> ",
    "attn. ",
)


def typed_line(rng: random.Random, typed: Mapping[str, str], title: str) -> str:
    """A line that holds these fields and nothing else of use.

    Args:
        rng: decides.
        typed: by field, the text as it is typed.
        title: before the name; may be empty.
    """
    fields = dict(typed)
    if title and "name" in fields:
        fields["name"] = f"{title} {fields['name']}"
    frames = SENTENCES.get(tuple(sorted(fields, key=list(LABELS).index)))
    frames = frames or SENTENCES.get(tuple(f for f in ("name", "email", "phone", "company", "city") if f in fields))
    if frames and len(fields) == frames[0].count("{") and "," not in fields.get("name", "") and rng.random() < 0.25:
        return rng.choice(frames).format(**fields)
    order = list(fields)
    if rng.random() < 0.75:
        rng.shuffle(order)
    if rng.random() < 0.3 and "name" in order:
        order.insert(0, order.pop(order.index("name")))
    join = rng.choice(JOINS)
    if "," in fields.get("name", "") and join.strip() == ",":
        join = rng.choice(("; ", " | ", " - "))
    labelled = rng.choice((0.0, 0.0, 0.3, 0.3, 1.0))
    mark = rng.choice((": ", ": ", ": ", " ", ":", " = ", "="))
    text = ""
    for i, field in enumerate(order):
        part = _part(rng, field, fields[field], labelled, mark)
        gap = join if rng.random() < 0.85 or "," in fields.get("name", "") else rng.choice((" ", ", ", "  ", " - "))
        text += (gap if i else "") + part
    if rng.random() < 0.1:
        text = rng.choice(NOISE) + text
    return text.strip()


def _part(rng: random.Random, field: str, value: str, labelled: float, mark: str) -> str:
    share = rng.random()
    if share < labelled:
        return f"{rng.choice(LABELS[field])}{mark}{value}"
    if field == "age":
        return rng.choice((f"age {value}", f"{value} years old", f"{value} y/o", f"({value})"))
    if field == "email" and share > 0.9:
        return rng.choice((f"<{value}>", f"({value})", f"mailto:{value}", f"[{value}]"))
    if field == "phone" and share > 0.93:
        return rng.choice((f"{value} (work)", f"{value} (mobile)", f"☎ {value}", f"tel:{value}", f"#{value}"))
    return value
