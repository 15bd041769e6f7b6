"""Dates and times of day from one way of writing to another, and small questions about them.

In: nothing but a `random.Random`. Out: tasks whose inputs are dates in many wordings, bare or within a sentence, and
whose outputs have one format. Where day and month cannot be told apart in an input's form, the day is past the
twelfth or both are equal.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
Writer = Callable[[date], str]


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 22nd."""
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _month(d: date) -> str:
    return MONTHS[d.month - 1]


def _day(d: date) -> str:
    return DAYS[d.weekday()]


# Forms in which nobody can take the day for the month.
CLEAR: tuple[Writer, ...] = (
    lambda d: f"{d.day} {_month(d)} {d.year}",
    lambda d: f"{_month(d)} {d.day}, {d.year}",
    lambda d: f"{_month(d)} {ordinal(d.day)}, {d.year}",
    lambda d: f"{_month(d)} {ordinal(d.day)} {d.year}",
    lambda d: f"{ordinal(d.day)} {_month(d)} {d.year}",
    lambda d: f"{ordinal(d.day)} of {_month(d)} {d.year}",
    lambda d: f"{ordinal(d.day)} of {_month(d)}, {d.year}",
    lambda d: f"the {ordinal(d.day)} of {_month(d)} {d.year}",
    lambda d: f"{d.day} {_month(d)[:3]} {d.year}",
    lambda d: f"{_month(d)[:3]} {d.day}, {d.year}",
    lambda d: f"{_month(d)[:3]}. {d.day}, {d.year}",
    lambda d: f"{d.day}-{_month(d)[:3]}-{d.year}",
    lambda d: f"{d.day:02}-{_month(d)[:3].upper()}-{d.year}",
    lambda d: f"{d.day}/{_month(d)[:3]}/{d.year}",
    lambda d: f"{d.day}. {_month(d)} {d.year}",
    lambda d: f"{_day(d)}, {d.day} {_month(d)} {d.year}",
    lambda d: f"{_day(d)}, {_month(d)} {d.day}, {d.year}",
    lambda d: f"{_day(d)[:3]} {d.day} {_month(d)[:3]} {d.year}",
    lambda d: f"{_day(d)} the {ordinal(d.day)} of {_month(d)} {d.year}",
    lambda d: f"{d.year} {_month(d)} {d.day}",
    lambda d: f"{d.year}, {_month(d)} {d.day}",
    lambda d: f"{d.year}/{d.month:02}/{d.day:02}",
    lambda d: f"{d.year}.{d.month:02}.{d.day:02}",
    lambda d: f"{d.year}{d.month:02}{d.day:02}",
    lambda d: f"{d.day} {_month(d).lower()} {d.year}",
    lambda d: f"{_month(d)[:3].lower()} {d.day} {d.year}",
    lambda d: f"{d.day} {_month(d).upper()} {d.year}",
    lambda d: f"the {phrases('sentences', 'ordinals')[d.day - 1]} of {_month(d)} {d.year}",
    lambda d: f"{_month(d)} the {phrases('sentences', 'ordinals')[d.day - 1]}, {d.year}",
    lambda d: f"{d.day} {_month(d)[:3]} '{d.year % 100:02}",
)
# Day first: read so when a task says so, or its day is past the twelfth.
DAY_FIRST: tuple[Writer, ...] = (
    lambda d: f"{d.day:02}.{d.month:02}.{d.year}",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d.day:02}/{d.month:02}/{d.year}",
    lambda d: f"{d.day}/{d.month}/{d.year}",
    lambda d: f"{d.day:02}-{d.month:02}-{d.year}",
    lambda d: f"{d.day:02} {d.month:02} {d.year}",
)
MONTH_FIRST: tuple[Writer, ...] = (
    lambda d: f"{d.month:02}/{d.day:02}/{d.year}",
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: f"{d.month:02}-{d.day:02}-{d.year}",
)
TARGETS: tuple[tuple[int, str, Writer], ...] = (
    (14, "YYYY-MM-DD", lambda d: d.isoformat()),
    (2, "DD/MM/YYYY", lambda d: f"{d.day:02}/{d.month:02}/{d.year}"),
    (2, "MM/DD/YYYY", lambda d: f"{d.month:02}/{d.day:02}/{d.year}"),
    (2, "DD.MM.YYYY", lambda d: f"{d.day:02}.{d.month:02}.{d.year}"),
    (1, "YYYYMMDD", lambda d: f"{d.year}{d.month:02}{d.day:02}"),
    (1, "YYYY/MM/DD", lambda d: f"{d.year}/{d.month:02}/{d.day:02}"),
    (2, "Month D, YYYY", lambda d: f"{_month(d)} {d.day}, {d.year}"),
    (2, "D Month YYYY", lambda d: f"{d.day} {_month(d)} {d.year}"),
    (1, "D Mon YYYY", lambda d: f"{d.day} {_month(d)[:3]} {d.year}"),
    (1, "DD-MM-YYYY", lambda d: f"{d.day:02}-{d.month:02}-{d.year}"),
)
WITHIN = (
    *("The parcel was sent on {}.", "Born: {}", "due {}", "Meeting on {}, room 4", "valid until {}", "(last seen: {})"),
    *("She moved here on {} with two suitcases.", "Date of issue {}", "We opened our doors on {}.", "signed, {}"),
    *(
        "Exam on {}, bring a pencil",
        "Your order of {} is ready.",
        "updated {}",
        "The bridge was closed on {}, for repairs.",
    ),
    *("Dated {}", "Payment received {}", "Please answer before {}.", "It happened on {} at night.", "released {}"),
)
INSTRUCTIONS = (
    "Rewrite the date in the format {}.",
    "Convert to {}.",
    "Normalise the dates. Target format: {}",
    "Bring every date into the form {}.",
    "Change the date format to {}.",
    "Date as {}:",
    "Format these dates as {}.",
    "Standardise the date ({}).",
)
ISO = (
    "Give the ISO 8601 date.",
    "Convert each date to ISO format.",
    "Write the dates so that they sort (year, month, day).",
)
CUES = tuple(
    (a, b)
    for a in ("Input", "Date", "Raw", "Text", "Written")
    for b in ("Output", "Date", "Formatted", "Result", "Standard")
)


def formats(rng: random.Random, n: int) -> Task:
    """A date to one format, bare or out of a sentence."""
    _, target, write = rng.choices(TARGETS, [weight for weight, _, _ in TARGETS])[0]
    month_first = target.startswith("MM") or rng.random() < 0.25
    sentences = rng.random() < 0.25
    rows: dict[str, str] = {}
    while len(rows) < n:
        day = _draw(rng)
        share = rng.random()
        if share < 0.72:
            text = rng.choice(CLEAR)(day)
        else:
            text = rng.choice(MONTH_FIRST if month_first else DAY_FIRST)(day)
            if day.day <= 12 and day.day != day.month:
                continue
        if "'" in text and not 1970 <= day.year <= 2029:
            continue
        answer = write(day)
        if text != answer or rng.random() < 0.3:
            rows[rng.choice(WITHIN).format(text) if sentences else text] = answer
    instructions = tuple(text.format(target) for text in INSTRUCTIONS) + (ISO if target == "YYYY-MM-DD" else ())
    if sentences:
        instructions = tuple(f"{text} Give the date alone." for text in instructions)
    cues = CUES + ((("Date", "ISO date"), ("Input", "ISO")) if target == "YYYY-MM-DD" else ())
    return Task("dates", instructions, cues, tuple(rows.items()))


def parts(rng: random.Random, n: int) -> Task:
    """The year, the month's name or number, the decade or century of a date; the day after; the month after."""
    which = rng.choice(list(_PARTS))
    answer, instructions, cue = _PARTS[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        day = _draw(rng)
        text = day.isoformat() if which == "next" else rng.choice(CLEAR[:21])(day)
        rows[text] = answer(day)
    return Task("date_parts", instructions, (("Date", cue), ("Input", cue), ("Day", cue)), tuple(rows.items()))


def clock(rng: random.Random, n: int) -> Task:
    """Times of day between the 12-hour and the 24-hour clock, and in words."""
    to_24 = rng.random() < 0.6
    rows: dict[str, str] = {}
    while len(rows) < n:
        hour, minute = rng.randrange(24), rng.choice((0, 0, 15, 30, 45, rng.randrange(60)))
        twelve, half = (hour % 12) or 12, "am" if hour < 12 else "pm"
        plain = f"{hour:02}:{minute:02}"
        if not to_24:
            rows[plain] = f"{twelve}:{minute:02} {half}"
            continue
        forms = [f"{twelve}:{minute:02} {half}", f"{twelve}:{minute:02}{half}", f"{twelve}.{minute:02} {half}"]
        forms += [f"{twelve}:{minute:02} {half[0]}.m.", f"{twelve}:{minute:02} {half.upper()}"]
        if minute == 0:
            forms += [f"{twelve} {half}", f"{twelve}{half}", f"{twelve} o'clock {_PHASE[hour // 6]}"]
        if minute in (15, 30, 45):
            words, after = {15: ("quarter past", 0), 30: ("half past", 0), 45: ("quarter to", 1)}[minute]
            spoken = (hour + after) % 12 or 12
            if (hour + after) // 6 == hour // 6:  # the phase of the day is the same for both hours
                forms.append(f"{words} {spoken} {_PHASE[hour // 6]}")
        rows[rng.choice(forms)] = plain
    there = ("Write the time on the 24-hour clock.", "Convert to 24-hour time (HH:MM).", "Time as HH:MM:")
    back = ("Write the time with am or pm.", "Convert to the 12-hour clock.", "24-hour clock to am/pm:")
    return Task(
        "clock",
        there if to_24 else back,
        (("Time", "Clock"), ("Input", "Output"), ("Time", "Time")),
        tuple(rows.items()),
    )


FAMILIES: Mapping[str, Family] = MappingProxyType({"dates": formats, "date_parts": parts, "clock": clock})

_PHASE = ("at night", "in the morning", "in the afternoon", "in the evening")
_PARTS: Mapping[str, tuple[Writer, tuple[str, ...], str]] = MappingProxyType(
    {
        "year": (
            lambda d: str(d.year),
            ("Give the year.", "Which year was it?", "Extract the year of the date."),
            "Year",
        ),
        "month": (_month, ("Name the month.", "In which month is the date?", "Extract the month's name."), "Month"),
        "number": (lambda d: str(d.month), ("Give the month as a number.", "Number of the month:"), "Number"),
        "day": (lambda d: str(d.day), ("Give the day of the month.", "Which day of the month is it?"), "Day"),
        "decade": (
            lambda d: f"{d.year // 10 * 10}s",
            ("In which decade was it?", "Name the decade, like 1980s."),
            "Decade",
        ),
        "next": (
            lambda d: (d + timedelta(days=1)).isoformat(),
            ("Give the day after.", "Which date follows?", "Add one day."),
            "Next day",
        ),
        "after": (
            lambda d: MONTHS[d.month % 12],
            ("Name the month after the date's.", "Which month comes next?"),
            "Next month",
        ),
    }
)


def _draw(rng: random.Random) -> date:
    start = date(1940, 1, 1) if rng.random() < 0.5 else date(1985, 1, 1)
    return start + timedelta(days=rng.randrange((date(2031, 1, 1) - start).days))
