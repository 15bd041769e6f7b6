"""Contacts as people type them, to records: CSV of various columns and orders, JSON, or one field alone.

In: names from `names`; addresses and numbers are made up here. Out: tasks whose outputs hold each field as the task
writes it (a phone number in one form, a missing field empty), whatever the input's order, labels and marks.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import names
from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task
from gptjt_demo.training.episodes.tasks.contact_lines import typed_line

DOMAINS = ("example.com",) * 4 + ("example.org", "example.net", "mail.example.com", "post.example.org")
ENDINGS = ("com", "com", "org", "net", "io", "co.uk", "de", "fr", "es", "it", "nl", "pl", "in", "com.br", "edu", "info")
TITLES = ("Dr.", "Prof.", "Dr")

HEADINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "name": ("name", "full name", "contact"),
        "first": ("first name", "given name"),
        "last": ("last name", "surname"),
        "email": ("email", "e-mail", "email address"),
        "phone": ("phone", "telephone", "phone number"),
        "company": ("company", "organisation"),
        "city": ("city", "town"),
        "job": ("job", "job title"),
        "age": ("age",),
    }
)
INSTRUCTIONS = (
    "Turn each contact into a CSV record.",
    "Convert the text to CSV.",
    "Clean up these contacts and write them as comma-separated values.",
    "Rewrite the line as a row of a CSV table.",
    "Make a CSV row out of the notes.",
    "Put the data into CSV format.",
    "Extract the contact's details as CSV.",
    "One CSV line for each contact, please.",
    "Reformat the messy address book entries as CSV.",
    "The following contacts were typed by hand. Bring them into the form of a CSV file.",
    "Parse the contact information.",
    "Structure the data.",
)
COLUMN_HINTS = (" Columns: {}.", " The columns are {}.", " Order: {}", " ({})", " Use the columns {}.", "\nHeader: {}")
PHONE_HINTS = (" Write phone numbers like {}.", " Phone format: {}.", " Numbers look like {}.")
INPUT_CUES = ("Input", "Contact", "Raw", "Text", "Entry", "Note", "Messy", "Line")
OUTPUT_CUES = ("Output", "CSV", "Record", "Row", "Clean", "Result", "Formatted")

# How a task writes a number of the North American plan; digits in threes and fours.
PHONES = ("{}-{}-{}",) * 8 + ("({}) {}-{}", "{} {} {}", "{}.{}.{}", "{}{}{}", "+1 {} {} {}", "+1{}{}{}", "+1-{}-{}-{}")
AS_TYPED, COMPACT = "as typed", "compact"
# Numbers of other countries, which a task copies or closes up; # is a digit.
ABROAD = (
    *("+49 30 #######", "+49 (0)### ######", "0### ######", "+44 20 #### ####", "07### ######", "+33 # ## ## ## ##"),
    *(
        "0# ## ## ## ##",
        "+34 ### ## ## ##",
        "+39 0## #######",
        "+31 6 ########",
        "+48 ### ### ###",
        "+55 11 #####-####",
    ),
    *(
        "+91 ##### #####",
        "+46 70-### ## ##",
        "+41 ## ### ## ##",
        "+61 4## ### ###",
        "+254 7## ######",
        "+81 90-####-####",
    ),
)
TYPED = (
    *("({}) {}-{}", "({}) {} {}", "({}){}-{}", "({}) {}.{}", "{}-{}-{}", "{} {} {}", "{}.{}.{}", "{}{}{}", "{}/{}-{}"),
    *("+1 {} {} {}", "+1 ({}) {}-{}", "+1-{}-{}-{}", "1-{}-{}-{}", "+1{}{}{}", "{} {}-{}", "1 {} {} {}", "({})-{}-{}"),
    *("001 {} {} {}", "+1.{}.{}.{}", "[{}] {}-{}", "{}-{} {}", "{}{} {}", "+1/{}/{}/{}", "{} - {} - {}"),
)


@dataclass(frozen=True)
class _Style:
    """How one task writes its records."""

    columns: tuple[str, ...]
    delimiter: str
    phone: str
    form: str  # csv, json or pairs


def contacts(rng: random.Random, n: int) -> Task:
    """Records of name, e-mail address and phone number, mostly, in CSV, mostly."""
    style = _style(rng)
    drawn = {"name" if column in ("first", "last") else column for column in style.columns}
    holes = rng.random() < 0.15 and len(drawn) > 2
    rows: dict[str, str] = {}
    while len(rows) < n:
        who = names.person(rng)
        record = _record(rng, who, style)
        absent = rng.choice(sorted(drawn - {"name"})) if holes and rng.random() < 0.35 else None
        present = [field for field in record.typed if field in drawn and field != absent]
        typed = {field: record.typed[field] for field in present}
        clean = {c: "" if c == absent else record.clean[c] for c in style.columns}
        rows[typed_line(rng, typed, record.title)] = _written(style, clean)
    headings = [rng.choice(HEADINGS[column]) if style.form == "csv" else column for column in style.columns]
    # A record whose form is out of the ordinary is always described.
    plain = style.columns == ("name", "email", "phone") and style.form == "csv"
    instructions = []
    for text in INSTRUCTIONS:
        if style.form != "csv":
            text = rng.choice(("Extract the contact's details", "Parse the contact")) + _FORMS[style.form]
        if not plain or rng.random() < 0.5:
            text += rng.choice(COLUMN_HINTS).format(", ".join(headings))
        if style.delimiter != "," and style.form == "csv":
            text += f" Separate the fields by {_DELIMITERS[style.delimiter]}."
        if "phone" in style.columns and style.phone != PHONES[0] and rng.random() < 0.6:
            text += _phone_hint(rng, style)
        if holes and rng.random() < 0.6:
            text += rng.choice((" Leave a missing field empty.", " What is missing stays blank."))
        instructions.append(text)
    cues = tuple((cue, out) for cue in INPUT_CUES for out in OUTPUT_CUES)
    if style.form != "csv":
        cues = tuple((cue, "JSON" if style.form == "json" else "Record") for cue in INPUT_CUES)
    return Task("contacts", tuple(instructions), cues, tuple(rows.items()))


def contact_field(rng: random.Random, n: int) -> Task:
    """One field out of a contact: the address, the number, the name or its parts, the address's domain."""
    style = _Style(("name", "email", "phone"), ",", _phone(rng), "csv")
    which = rng.choice(("email", "email", "phone", "phone", "name", "name", "first", "last", "domain", "initials"))
    rows: dict[str, str] = {}
    while len(rows) < n:
        who = names.person(rng)
        record = _record(rng, who, style)
        fields = ["name", "email", "phone"] if rng.random() < 0.7 else ["name", "email" if which == "domain" else which]
        typed = {field: record.typed[field] for field in fields if field in record.typed}
        answer = {
            **record.clean,
            "domain": record.clean["email"].split("@")[1],
            "initials": f"{who.given[0]}{who.family[0]}".upper(),
        }[which]
        rows[typed_line(rng, typed, record.title)] = answer
    hint = _phone_hint(rng, style) if which == "phone" else ""
    instructions = tuple(text + hint for text in _ASKED[which])
    cues = tuple((cue, _ASKED_CUES[which]) for cue in INPUT_CUES)
    return Task("contact_field", instructions, cues, tuple(rows.items()))


FAMILIES: Mapping[str, Family] = MappingProxyType({"contacts": contacts, "contact_field": contact_field})


@dataclass(frozen=True)
class _Record:
    """A contact: each field as somebody typed it, and as the task writes it."""

    typed: Mapping[str, str]
    clean: Mapping[str, str]
    title: str


def _style(rng: random.Random) -> _Style:
    share = rng.random()
    if share < 0.5:
        columns: list[str] = ["name", "email", "phone"]
    elif share < 0.65:
        columns = rng.sample(["name", "email", "phone"], 3)
    elif share < 0.73:
        columns = ["name", rng.choice(("email", "phone"))]
    elif share < 0.81:
        columns = rng.choice(
            (["first", "last", "email"], ["last", "first", "phone"], ["first", "last", "email", "phone"])
        )
    else:
        columns = ["name", *rng.sample(["email", "phone", "company", "city", "job", "age"], rng.choice((2, 3, 3, 4)))]
        if rng.random() < 0.3:
            rng.shuffle(columns)
    form = rng.choices(("csv", "json", "pairs"), (90, 6, 4))[0]
    delimiter = rng.choices((",", ";", "|", ", ", "\t"), (84, 6, 4, 4, 2))[0]
    return _Style(tuple(columns), delimiter, _phone(rng), form)


def _record(rng: random.Random, who: names.Person, style: _Style) -> _Record:
    digits = (str(rng.randrange(201, 990)), str(rng.randrange(200, 999)), f"{rng.randrange(10000):04}")
    if rng.random() < 0.3:
        digits = (digits[0], "555", digits[2])
    name = who.full
    if rng.random() < 0.06:
        name = f"{who.given} {rng.choice('ABCDEGHJKLMNPRST')}. {who.family}"
    typed_name = name
    share = rng.random()
    if share < 0.12 and name == who.full:
        typed_name = f"{who.family}, {who.given}"
    elif share < 0.17 and name.isascii() and name.title() == name:
        typed_name = rng.choice((name.lower(), name.upper()))
    email = _email(rng, who)
    number, typed_number = style.phone.format(*digits), rng.choice(TYPED).format(*digits)
    if style.phone in (AS_TYPED, COMPACT):
        typed_number = "".join(str(rng.randrange(10)) if c == "#" else c for c in rng.choice(ABROAD))
        number = typed_number if style.phone == AS_TYPED else re.sub(r"\(0\)|[^+\d]", "", typed_number)
    clean = {
        "name": name,
        "first": who.given,
        "last": who.family,
        "email": email,
        "phone": number,
        "company": names.company(rng),
        "city": names.city(rng),
        "job": rng.choice(phrases("names", "jobs")),
        "age": str(rng.randrange(18, 90)),
    }
    fields = ("email", "company", "city", "job", "age")
    typed = {"name": typed_name, "phone": typed_number, **{f: clean[f] for f in fields}}
    return _Record(typed, clean, rng.choice(TITLES) if rng.random() < 0.04 and typed_name == name else "")


def _phone(rng: random.Random) -> str:
    """How a task writes numbers."""
    return rng.choices((rng.choice(PHONES), AS_TYPED, COMPACT), (82, 12, 6))[0]


def _phone_hint(rng: random.Random, style: _Style) -> str:
    if style.phone == AS_TYPED:
        return rng.choice((" Keep phone numbers as they are.", " Copy the number as it is typed."))
    if style.phone == COMPACT:
        return rng.choice((" Phone numbers without blanks.", " Digits only, and the plus, in phone numbers."))
    return rng.choice(PHONE_HINTS).format(style.phone.format("212", "555", "0100"))


def _email(rng: random.Random, who: names.Person) -> str:
    given, family = _letters(who.given), _letters(who.family)
    number = rng.randrange(1, 99)
    local = rng.choice(
        (
            *(f"{given}.{family}", f"{given}.{family}", f"{given[0]}{family}", given, f"{given}{family}", family),
            *(
                f"{family}.{given}",
                f"{given}_{family}",
                f"{given}{number}",
                f"{given[0]}.{family}",
                f"{given}-{family}",
            ),
            *(
                f"{given}.{family[0]}",
                f"{given[:3]}{family[:3]}{number}",
                f"{given}+{rng.choice(phrases('names', 'mail'))}",
            ),
            *(
                rng.choice(("info", "office", "sales", "contact", "hello")),
                f"{rng.choice(phrases('names', 'mail'))}{number}",
            ),
        )
    )
    if rng.random() < 0.55:
        return f"{local}@{rng.choice(DOMAINS)}"
    other = _letters(names.person(rng).family)
    host = rng.choice(
        (
            f"{rng.choice(phrases('names', 'mail'))}{rng.choice(phrases('names', 'mail'))}",
            f"{other}-{rng.choice(phrases('names', 'mail'))}",
            f"{other}mail",
            other,
        )
    )
    return f"{local}@{host}.{rng.choice(ENDINGS)}"


def _letters(name: str) -> str:
    """A name as in an e-mail address: small ASCII letters."""
    spelled = name.replace("ß", "ss").replace("ł", "l").replace("Ł", "L").replace("ø", "o").replace("Ø", "O")
    plain = unicodedata.normalize("NFKD", spelled.replace("ı", "i").replace("đ", "d").replace("æ", "ae"))
    return "".join(c for c in plain.lower() if c.isascii() and c.isalpha()) or "user"


def _written(style: _Style, clean: Mapping[str, str]) -> str:
    if style.form == "json":
        return json.dumps(dict(clean), ensure_ascii=False)
    if style.form == "pairs":
        return "; ".join(f"{field}: {value or '-'}" for field, value in clean.items())
    return style.delimiter.join(clean.values())


_FORMS: Mapping[str, str] = MappingProxyType({"json": " as JSON.", "pairs": " as 'field: value' pairs."})
_DELIMITERS: Mapping[str, str] = MappingProxyType(
    {";": "semicolons", "|": "vertical bars", ", ": "a comma and a space", "\t": "tabs"}
)
_ASKED: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "email": (
            "Find the e-mail address.",
            "Extract the email.",
            "Which address can I write to?",
            "Copy the mail address.",
        ),
        "phone": (
            "Find the phone number.",
            "Extract the telephone number.",
            "Which number can I call?",
        ),
        "name": (
            "Who is it?",
            "Extract the person's name.",
            "Write the name, given name first.",
            "Name of the contact:",
        ),
        "first": ("What is the first name?", "Extract the given name.", "Give only the first name."),
        "last": ("What is the last name?", "Extract the surname.", "Give only the family name."),
        "domain": ("Give the domain of the e-mail address.", "What comes after the @?", "Extract the mail host."),
        "initials": ("Give the person's initials.", "Initials (first and last name):", "Write the two initials."),
    }
)
_ASKED_CUES: Mapping[str, str] = MappingProxyType(
    {
        "email": "Email",
        "phone": "Phone",
        "name": "Name",
        "first": "First name",
        "last": "Last name",
        "domain": "Domain",
        "initials": "Initials",
    }
)
