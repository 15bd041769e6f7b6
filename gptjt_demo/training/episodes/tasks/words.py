"""Tasks with words: their forms and kinds, their letters and casing, lists of them sorted, counted or searched.

In: the lists of `lexicon`, names from `names`. Out: tasks whose outputs follow from a rule or a list.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import lexicon, names, sentences
from gptjt_demo.training.episodes.task import Family, Task

Change = Callable[[str], str]
CUES = (("Input", "Output"), ("Word", "Answer"), ("Word", "Result"), ("Text", "Result"), ("In", "Out"))


def forms(rng: random.Random, n: int) -> Task:
    """Plurals, past tenses, opposites, comparatives, nouns of verbs: one of them for the task."""
    which = rng.choice([*lexicon.PAIRS, "plural", "past", "opposite"])
    block, instructions, cue = lexicon.PAIRS[which]
    found = list(lexicon.pairs(block))
    if which in ("singular", "base"):
        found = [(second, first) for first, second in found]
    rng.shuffle(found)
    rows: dict[str, str] = {}
    for question, answer in found:
        rows.setdefault(question, answer)
    return Task("word_forms", instructions, (*CUES, ("Word", cue), ("Input", cue)), tuple(rows.items())[:n])


def kinds(rng: random.Random, n: int) -> Task:
    """Which kind of thing a word names, out of a few kinds; a classification."""
    labels = rng.sample(list(lexicon.kinds()), rng.choice((2, 3, 3, 4, 5)))
    found = [(word, label) for label in labels for word in lexicon.kinds()[label]]
    counts = Counter(word for word, _ in found)
    found = [(word, label) for word, label in found if counts[word] == 1]
    rng.shuffle(found)
    instructions = (
        "What kind of thing is it?",
        "Sort the words into categories.",
        "Name the category.",
        "Classify the noun.",
    )
    cues = (("Word", "Category"), ("Word", "Kind"), ("Input", "Class"), ("Item", "Group"), ("Noun", "Type"))
    return Task("word_kinds", instructions, cues, tuple(found[:n]), tuple(labels))


def odd_one(rng: random.Random, n: int) -> Task:
    """The word of a list that is of another kind; or the kind that all words share."""
    shared = rng.random() < 0.35
    rows: dict[str, str] = {}
    while len(rows) < n:
        kind, other = rng.sample(list(lexicon.kinds()), 2)
        listed = rng.sample(lexicon.kinds()[kind], rng.choice((3, 3, 4)))
        if shared:
            rows[", ".join(listed)] = kind
            continue
        odd = rng.choice(lexicon.kinds()[other])
        if odd in lexicon.kinds()[kind] or (odd, kind) in _BOTH:
            continue
        listed.insert(rng.randrange(len(listed) + 1), odd)
        rows[", ".join(listed)] = odd
    instructions = (
        ("What are all of these?", "Name the category of the list.", "Which kind of thing is listed?")
        if shared
        else (
            "Find the word that does not fit.",
            "Which one is the odd one out?",
            "One of the words is of another kind.",
        )
    )
    return Task(
        "odd_one", instructions, (("Words", "Answer"), ("List", "Answer"), ("Input", "Output")), tuple(rows.items())
    )


def casing(rng: random.Random, n: int) -> Task:
    """A text in another case, or with other marks between its words."""
    which = rng.choice(list(_CASES))
    change, instructions = _CASES[which]
    names_too = which in ("upper", "lower")
    rows: dict[str, str] = {}
    while len(rows) < n:
        share = rng.random()
        if share < 0.3 and names_too:
            text = f"{names.person(rng).full} {rng.choice(('from', 'in', 'of'))} {names.city(rng)}"
        elif share < 0.6 or which in ("snake", "camel", "hyphen"):
            text = " ".join(rng.sample(lexicon.plain(), rng.choice((1, 2, 3))))
            text = text if " " in text or names_too else f"{text} {rng.choice(lexicon.plain())}"
        else:
            text = sentences.draw(rng).text.rstrip(".")
        rows[text.lower() if which in ("title", "first", "camel", "snake", "hyphen") else text] = change(
            text.lower() if which != "swap" else text
        )
    return Task("casing", instructions, CUES, tuple(rows.items()))


def letters(rng: random.Random, n: int) -> Task:
    """First or last letters, lengths, reversals, spellings, doublings of a word."""
    which = rng.choice(list(_LETTERS))
    change, instructions = _LETTERS[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        word = rng.choice(lexicon.plain()) if rng.random() < 0.8 else names.person(rng).given.lower()
        if word.isascii() and word.isalpha() and (which not in ("reverse", "spell") or len(word) < 8):
            rows[word] = change(word)
    return Task("letters", instructions, CUES, tuple(rows.items()))


def lists(rng: random.Random, n: int) -> Task:
    """A list sorted, reversed, counted or joined in another way; one of its members, such as the longest."""
    which = rng.choice(list(_LISTS))
    change, instructions = _LISTS[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        pool = lexicon.plain()
        if rng.random() < 0.3:
            pool = tuple({names.person(rng).given for _ in range(12)})
        listed = rng.sample(sorted(pool), rng.choice((3, 3, 4, 5)))
        if which in ("longest", "shortest") and len({len(word) for word in listed}) < len(listed):
            continue
        if which == "repeated":
            listed.insert(rng.randrange(len(listed) + 1), rng.choice(listed))
        if which == "alphabetical" and not all(word.isascii() for word in listed):
            continue
        rows[", ".join(listed)] = change(listed)
    cues = (("List", "Answer"), ("Words", "Result"), ("Input", "Output"), ("Items", "Output"))
    return Task("lists", instructions, cues, tuple(rows.items()))


def in_text(rng: random.Random, n: int) -> Task:
    """The nth or last word of a sentence, the number of its words, a letter's occurrences, its words in reverse."""
    which = rng.choice(list(_IN_TEXT))
    change, instructions = _IN_TEXT[which]
    rows: dict[str, str] = {}
    while len(rows) < n:
        text = sentences.draw(rng).text.rstrip(".")
        if which in ("reverse", "count") and len(text.split()) > 9:
            continue
        rows[text] = change(text)
    return Task(
        "in_text", instructions, (("Sentence", "Answer"), ("Text", "Output"), ("Input", "Output")), tuple(rows.items())
    )


def _camel(text: str) -> str:
    first, *rest = text.split()
    return first + "".join(word.capitalize() for word in rest)


_BOTH = frozenset((("orange", "colour"), ("orange", "fruit"), ("lead", "metal"), ("file", "tool")))
_CASES: Mapping[str, tuple[Change, tuple[str, ...]]] = MappingProxyType(
    {
        "upper": (str.upper, ("Write in capital letters.", "Convert to upper case.", "Make it all caps.")),
        "lower": (str.lower, ("Write in small letters.", "Convert to lower case.", "No capitals, please.")),
        "title": (
            lambda text: " ".join(word.capitalize() for word in text.split()),
            ("Capitalise every word.", "Convert to title case.", "Each word with a capital:"),
        ),
        "first": (str.capitalize, ("Capitalise the first letter.", "Begin with a capital letter.")),
        "snake": (lambda text: "_".join(text.split()), ("Convert to snake_case.", "Join the words by underscores.")),
        "hyphen": (lambda text: "-".join(text.split()), ("Join the words by hyphens.", "Make a slug of it.")),
        "camel": (_camel, ("Convert to camelCase.", "Write as a variable in camel case.")),
    }
)
_LETTERS: Mapping[str, tuple[Change, tuple[str, ...]]] = MappingProxyType(
    {
        "first": (lambda word: word[0], ("Give the first letter.", "Which letter does the word begin with?")),
        "last": (lambda word: word[-1], ("Give the last letter.", "Which letter does it end with?")),
        "length": (lambda word: str(len(word)), ("How many letters?", "Count the letters.")),
        "reverse": (lambda word: word[::-1], ("Write the word backwards.", "Reverse the letters.")),
        "spell": (
            lambda word: "-".join(word.upper()),
            ("Spell the word.", "Put hyphens between its letters, in capitals."),
        ),
        "twice": (lambda word: f"{word} {word}", ("Write it twice.", "Repeat the word.")),
        "vowels": (
            lambda word: str(sum(c in "aeiou" for c in word)),
            ("Count the vowels.", "How many of a, e, i, o, u?"),
        ),
        "quoted": (lambda word: f'"{word}"', ("Put it in quotes.", "Add double quotation marks.")),
    }
)
_LISTS: Mapping[str, tuple[Callable[[list[str]], str], tuple[str, ...]]] = MappingProxyType(
    {
        "alphabetical": (
            lambda listed: ", ".join(sorted(listed, key=str.lower)),
            ("Sort alphabetically.", "Put the words in alphabetical order.", "From A to Z:"),
        ),
        "reversed": (lambda listed: ", ".join(reversed(listed)), ("Reverse the list.", "Last first, first last.")),
        "count": (lambda listed: str(len(listed)), ("How many are listed?", "Count the items.")),
        "first": (lambda listed: listed[0], ("Give the first item.", "Which comes first?")),
        "last": (lambda listed: listed[-1], ("Give the last item.", "Which comes last?")),
        "second": (lambda listed: listed[1], ("Give the second item.", "Which comes second?")),
        "longest": (lambda listed: max(listed, key=len), ("Which word is the longest?", "Pick the longest word.")),
        "shortest": (lambda listed: min(listed, key=len), ("Which word is the shortest?", "Pick the shortest word.")),
        "semicolons": (
            lambda listed: "; ".join(listed),
            ("Use semicolons instead of commas.", "Separate by semicolons."),
        ),
        "and": (
            lambda listed: f"{', '.join(listed[:-1])} and {listed[-1]}",
            ("Write 'and' before the last item.", "Join the list as in a sentence."),
        ),
        "json": (
            lambda listed: "[" + ", ".join(f'"{word}"' for word in listed) + "]",
            ("Write a JSON array.", "Convert to a JSON list of strings."),
        ),
        "repeated": (
            lambda listed: next(word for word in listed if listed.count(word) == 2),
            ("Which word stands there twice?", "Find the repeated item."),
        ),
    }
)
_IN_TEXT: Mapping[str, tuple[Change, tuple[str, ...]]] = MappingProxyType(
    {
        "count": (lambda text: str(len(text.split())), ("How many words?", "Count the words of the sentence.")),
        "last": (lambda text: text.split()[-1], ("Give the last word.", "What is the final word?")),
        "first": (lambda text: text.split()[0], ("Give the first word.", "What is the first word?")),
        "second": (lambda text: text.split()[1], ("Give the second word.", "Copy the second word.")),
        "reverse": (lambda text: " ".join(reversed(text.split())), ("Write the words in reverse order.", "Backwards:")),
        "longest": (
            lambda text: max((word.strip(",") for word in text.split()), key=len),
            ("Copy the longest word, of several the first.", "The longest word (the first if there are several):"),
        ),
    }
)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "word_forms": forms,
        "word_kinds": kinds,
        "odd_one": odd_one,
        "casing": casing,
        "letters": letters,
        "lists": lists,
        "in_text": in_text,
    }
)
