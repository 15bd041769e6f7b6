"""Tasks with numbers: in words, sums, comparisons, series, Roman numerals, numbers found in a text.

In: a `random.Random`. Out: tasks whose outputs are computed from their inputs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases.word_lists import phrases
from gptjt_demo.training.episodes.task import Family, Task

ONES = (
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
    ),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ROMAN = ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"))
ROMAN_SMALL = ((9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def spelled(number: int) -> str:
    """A number below a million in words, British style: "two hundred and five"."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")
    if number < 1000:
        rest = f" and {spelled(number % 100)}" if number % 100 else ""
        return f"{ONES[number // 100]} hundred{rest}"
    rest_of = number % 1000
    gap = " and " if 0 < rest_of < 100 else " "
    return f"{spelled(number // 1000)} thousand" + (f"{gap}{spelled(rest_of)}" if rest_of else "")


def roman(number: int) -> str:
    """A number from 1 to 3999 in Roman numerals."""
    text = ""
    for value, letters in (*ROMAN, *ROMAN_SMALL):
        while number >= value:
            text, number = text + letters, number - value
    return text


def arithmetic(rng: random.Random, n: int) -> Task:
    """Sums, differences, products, doubles and halves of small numbers."""
    which = rng.choice(list(_SUMS))
    make, instructions = _SUMS[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        question, answer = make(rng)
        rows[question] = answer
    cues = (("Input", "Output"), ("Problem", "Result"), ("Question", "Answer"), ("Q", "A"), ("Sum", "Result"))
    return Task("arithmetic", instructions, cues, tuple(rows.items()))


def number_words(rng: random.Random, n: int) -> Task:
    """Numbers between figures, words, Roman numerals and ordinals."""
    which = rng.choice(list(_WRITTEN))
    limit, pair, instructions = _WRITTEN[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        question, answer = pair(rng.randrange(1, limit if rng.random() < 0.6 else min(limit, 100)))
        rows[question] = answer
    return Task(
        "number_words", instructions, (("Number", "Written"), ("Input", "Output"), ("In", "Out")), tuple(rows.items())
    )


def series(rng: random.Random, n: int) -> Task:
    """The next member of a series, or the largest, smallest, first or odd one of a list."""
    which = rng.choice(("next", "next", "largest", "smallest", "sorted", "descending", "sum", "parity", "compare"))
    rows: dict[str, str] = {}
    step_of = rng.choice((1, 2, 3, 5, 10))
    while len(rows) < n:
        length = rng.choice((3, 4, 4, 5))
        listed = rng.sample(range(1, 100), length)
        if which == "next":
            start, step = rng.randrange(1, 60), rng.choice((step_of, step_of, 1, 2, 4, 7, -1))
            listed = [start + i * step for i in range(length)]
            if listed[-1] + step < 0:
                continue
            rows[", ".join(map(str, listed))] = str(listed[-1] + step)
        elif which == "parity":
            rows[str(rng.randrange(1, 500))] = ""
        elif which == "compare":
            a, b = rng.sample(range(1, 200), 2)
            rows[f"{a} and {b}"] = str(max(a, b))
        else:
            rows[", ".join(map(str, listed))] = _LISTED[which](listed)
    if which == "parity":
        rows = {question: "even" if int(question) % 2 == 0 else "odd" for question in rows}
    labels = ("even", "odd") if which == "parity" else ()
    return Task(
        "series",
        _SERIES[which],
        (("Numbers", "Answer"), ("Input", "Output"), ("List", "Result")),
        tuple(rows.items()),
        labels,
    )


def found_numbers(rng: random.Random, n: int) -> Task:
    """The numbers in a sentence, in order; their count; or the one number of it."""
    which = rng.choice(("all", "all", "one", "sum"))
    rows: dict[str, str] = {}
    while len(rows) < n:
        numbers = [
            rng.choice((rng.randrange(2, 20), rng.randrange(20, 100), rng.randrange(100, 2000))) for _ in range(3)
        ]
        frames = [frame for frame in NUMBER_FRAMES if frame.count("{}") == 1] if which == "one" else NUMBER_FRAMES
        frame = rng.choice(frames)
        used = numbers[: frame.count("{}")]
        if which == "sum":
            used = [number % 20 + 2 for number in used]
        answer = str(sum(used)) if which == "sum" else ", ".join(map(str, used))
        rows[frame.format(*used, thing=rng.choice(phrases("sentences", "things")))] = answer
    instructions = {
        "all": (
            "List the numbers in the sentence.",
            "Extract all numbers, separated by commas.",
            "Which figures occur?",
        ),
        "one": ("Which number is in the text?", "Extract the number.", "How many?"),
        "sum": ("Add up the numbers in the text.", "What do the numbers in the sentence add up to?"),
    }[which]
    cues = (("Text", "Numbers" if which == "all" else "Number"), ("Sentence", "Answer"), ("Input", "Output"))
    return Task("found_numbers", instructions, cues, tuple(rows.items()))


NUMBER_FRAMES = (
    *("We ordered {} {thing} and got {}.", "There are {} {thing} in the box.", "Flight {} leaves from gate {}."),
    *("She sold {} {thing}, then {} more.", "Room {} is on the second floor.", "He counted {} {thing} and {} birds."),
    *("They paid {} for {} {thing}.", "Only {} of {} {thing} are left.", "Bus {} stops here at every full hour."),
    *(
        "In the first week {} people came, in the second {}, in the third {}.",
        "my score: {}",
        "Take {} {thing}, not {}!",
    ),
    *(
        "The shelf holds {} {thing}.",
        "It took {} days and {} nights.",
        "Page {} of {}",
        "We drove {} miles and walked {}.",
    ),
    *("Add {} grams of sugar, {} grams of flour and {} eggs.", "{} {thing} were stolen.", "Call extension {}."),
    *("I am {} and my sister is {}.", "Chapter {} begins on page {}.", "{} visitors, {} {thing}, {} dogs"),
)

_SUMS: Mapping[str, tuple[Callable[[random.Random], tuple[str, str]], tuple[str, ...]]]


def _sum(rng: random.Random) -> tuple[str, str]:
    a, b = rng.randrange(1, 60), rng.randrange(1, 60)
    return rng.choice((f"{a} + {b}", f"{a}+{b}", f"{a} plus {b}", f"What is {a} + {b}?")), str(a + b)


def _difference(rng: random.Random) -> tuple[str, str]:
    a, b = sorted((rng.randrange(1, 100), rng.randrange(1, 100)), reverse=True)
    return rng.choice((f"{a} - {b}", f"{a} minus {b}", f"What is {a} - {b}?")), str(a - b)


def _product(rng: random.Random) -> tuple[str, str]:
    a, b = rng.randrange(1, 13), rng.randrange(1, 13)
    return rng.choice((f"{a} x {b}", f"{a} * {b}", f"{a} times {b}", f"{a} × {b}")), str(a * b)


def _mixed(rng: random.Random) -> tuple[str, str]:
    return rng.choice((_sum, _difference, _product))(rng)


def _double(rng: random.Random) -> tuple[str, str]:
    a = rng.randrange(1, 100)
    return str(a), str(2 * a)


def _half(rng: random.Random) -> tuple[str, str]:
    a = rng.randrange(1, 100)
    return str(2 * a), str(a)


def _after(rng: random.Random) -> tuple[str, str]:
    a = rng.randrange(1, 1000)
    return str(a), str(a + 1)


_SUMS = MappingProxyType(
    {
        "sum": (_sum, ("Add the numbers.", "Work out the sum.", "Calculate.")),
        "difference": (_difference, ("Subtract.", "Work out the difference.", "Calculate.")),
        "product": (_product, ("Multiply.", "Give the product.", "Calculate.")),
        "mixed": (_mixed, ("Calculate.", "Solve the problem.", "Work out the result.", "Mental arithmetic:")),
        "double": (_double, ("Double the number.", "Multiply by two.")),
        "half": (_half, ("Halve the number.", "Divide by two.")),
        "after": (_after, ("Add one.", "Which number comes next?")),
    }
)


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


_WRITTEN: Mapping[str, tuple[int, Callable[[int], tuple[str, str]], tuple[str, ...]]] = MappingProxyType(
    {
        "words": (2000, lambda i: (str(i), spelled(i)), ("Write the number in words.", "Spell out the number.")),
        "figures": (2000, lambda i: (spelled(i), str(i)), ("Write the number in figures.", "Give the digits.")),
        "roman": (200, lambda i: (str(i), roman(i)), ("Write the number in Roman numerals.", "To Roman numerals.")),
        "arabic": (200, lambda i: (roman(i), str(i)), ("Which number is it?", "Read the Roman numeral.")),
        "ordinal": (
            200,
            lambda i: (str(i), _ordinal(i)),
            ("Write the ordinal, like 4th.", "Make it an ordinal number."),
        ),
        "grouped": (
            99999,
            lambda i: (str(i * 37), f"{i * 37:,}"),
            ("Put commas between the thousands.", "Group the digits."),
        ),
        "ungrouped": (
            99999,
            lambda i: (f"{i * 37:,}", str(i * 37)),
            ("Take out the commas.", "Write the plain number."),
        ),
    }
)
_LISTED: Mapping[str, Callable[[list[int]], str]] = MappingProxyType(
    {
        "largest": lambda listed: str(max(listed)),
        "smallest": lambda listed: str(min(listed)),
        "sorted": lambda listed: ", ".join(map(str, sorted(listed))),
        "descending": lambda listed: ", ".join(map(str, sorted(listed, reverse=True))),
        "sum": lambda listed: str(sum(listed)),
    }
)
_SERIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "next": ("Continue the series.", "Which number comes next?", "Find the next number."),
        "largest": ("Which number is the largest?", "Give the maximum.", "Pick the biggest number."),
        "smallest": ("Which number is the smallest?", "Give the minimum."),
        "sorted": ("Sort the numbers.", "Put the numbers in ascending order.", "From small to large:"),
        "descending": ("Sort in descending order.", "From large to small:"),
        "sum": ("Add up the numbers.", "Give the total."),
        "parity": ("Is the number even or odd?", "Even or odd?", "Tell whether each number is even or odd."),
        "compare": ("Which is larger?", "Pick the greater number.", "Name the bigger of the two."),
    }
)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "arithmetic": arithmetic,
        "number_words": number_words,
        "series": series,
        "found_numbers": found_numbers,
    }
)
