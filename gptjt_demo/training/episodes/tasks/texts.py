"""Tasks on short texts: spelling mended, capitals and stops put back, hashtags and addresses picked out, two keywords,
and patterns that only the examples show.

In: sentences, names and words of the other modules, and the lists below. Out: tasks with sure outputs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import lexicon, names, sentences
from gptjt_demo.training.episodes.task import Family, Task

WITH_MISSPELT = (
    *(
        "Please check the word {} before you print it.",
        "I can never remember how to write {}.",
        "She shouted {} twice.",
    ),
    *(
        "The sign said {} in large letters.",
        "My brother typed {} in his message.",
        "We talked about the word {} at school.",
    ),
)
TAGS = [
    "travel",
    "food",
    "music",
    "mondaymood",
    "sunset",
    "running",
    "books",
    "football",
    "catsofinstagram",
    "news",
    "art",
    "coffee",
    "photo",
    "weekend",
    "tech",
]
POSTS = (
    *(
        "what a view {}",
        "{} finally weekend {}",
        "new recipe is online {} {}",
        "cannot wait for tonight! {}",
        "{} says hi",
    ),
    *(
        "thanks {} for the lift",
        "who is coming? {} {} {}",
        "reading on the train {}",
        "more at {}",
        "so tired {} but happy {}",
    ),
    *(
        "look at this: {} (via {})",
        "{} {} are you serious?",
        "look who is back {}",
        "great match today, {}",
        "see {} for details",
    ),
)
KEYWORD_FRAMES = (
    *("Do I need a {a} to mend my {b}?", "Where did you put the {a} and the {b}?", "What is better, a {a} or a {b}?"),
    *(
        "I would swap my {a} for your {b}.",
        "Nobody told me that the {a} is heavier than the {b}.",
        "My {a} fell on the {b}.",
    ),
    *(
        "Who left this {a} under the {b}?",
        "Could you draw a {a} next to the {b}?",
        "It is hard to see the {a} behind the {b}.",
    ),
    *(
        "She hid the {a} in an old {b}.",
        "Why is the {a} smaller than the {b}?",
        "They still want to buy a {a} or a {b}.",
    ),
    *(
        "Can a {a} be cleaned with a {b}?",
        "I have never seen such a big {a} near a {b}!",
        "He painted a {a} on the {b}.",
    ),
    *(
        "We were looking for the {a} when we found the {b}.",
        "Is this {a} older than that {b}?",
        "Take the {a}, leave the {b}.",
    ),
)


def spelling(rng: random.Random, n: int) -> Task:
    """A sentence with slips of the keyboard, or a word that is often misspelt, mended; some are right as they are."""
    words_only = rng.random() < 0.25
    rows: dict[str, str] = {}
    while len(rows) < n:
        if words_only or rng.random() < 0.25:
            right, wrong = rng.choice(lexicon.pairs("misspelt"))
            frame = "{}" if words_only else rng.choice(WITH_MISSPELT)
            rows[frame.format(wrong)] = frame.format(right)
            if words_only and len(rows) == len(lexicon.pairs("misspelt")):
                break
            continue
        text = sentences.draw(rng).text
        rows[_slips(rng, text) if rng.random() < 0.85 else text] = text
    instructions = (
        "Correct the typing mistakes.",
        "Fix the spelling.",
        "Write it without mistakes.",
        "Proofread. Change nothing but misspelt words.",
        "Repair the typos; leave correct text alone.",
    )
    cues = (("Input", "Output"), ("Text", "Correct"), ("Draft", "Fixed"), ("Wrong", "Right"), ("Typed", "Meant"))
    return Task("spelling", instructions, cues, tuple(rows.items())[:n])


def punctuation(rng: random.Random, n: int) -> Task:
    """Capital and full stop put back, or taken away."""
    back = rng.random() < 0.7
    rows: dict[str, str] = {}
    while len(rows) < n:
        text = sentences.draw(rng).text
        for day in ("Friday", "Sunday", "July"):
            text = text.replace(day, "Tuesday" if day != "July" else "May") if rng.random() < 0.5 else text
        plain = text.lower().replace(".", "").replace(",", "")
        if "," not in text:
            rows[plain if back else text] = text if back else plain
    instructions = (
        ("Add capitals and the full stop.", "Write it as a proper sentence.", "Restore capitals and punctuation.")
        if back
        else ("Remove capitals and punctuation.", "Small letters only, no full stops.", "Normalise for search.")
    )
    cues = (("Input", "Output"), ("Text", "Sentence" if back else "Plain"), ("Raw", "Result"))
    return Task("punctuation", instructions, cues, tuple(rows.items()))


def marks(rng: random.Random, n: int) -> Task:
    """The hashtags, user names or web addresses of a post, in order; or the post without them."""
    which = rng.choice(list(_MARKS))
    make, instructions, cue = _MARKS[which]
    bare = rng.random() < 0.25
    none = rng.choice(("none", "-", "None"))
    rows: dict[str, str] = {}
    while len(rows) < n:
        frame = rng.choice([post for post in POSTS if not (bare and "(" in post)])
        made = [make(rng) for _ in range(frame.count("{}"))]
        if len(set(made)) < len(made):
            continue
        if rng.random() < 0.12 and not bare:
            rows[sentences.draw(rng).text] = none
            continue
        if rng.random() < 0.3:
            frame = f"{sentences.draw(rng).text} {frame}"
        text = " ".join(frame.format(*made).split())
        rows[text] = " ".join(frame.replace("{}", "").split()) if bare else ", ".join(made)
    if bare:
        instructions, cue = (f"Remove the {which}.", f"Write the text without {which}."), "Text"
    elif none in rows.values():
        instructions = tuple(f"{text} If there is none, write {none}." for text in instructions)
    return Task(
        "marks", instructions, (("Post", cue), ("Tweet", cue), ("Input", "Output"), ("Text", cue)), tuple(rows.items())
    )


def keywords(rng: random.Random, n: int) -> Task:
    """The two nouns of a question or remark."""
    rows: dict[str, str] = {}
    join = rng.choice((", ", ", ", ", ", " and ", "; ", " / ", " + "))
    while len(rows) < n:
        a, b = rng.sample(_things(), 2)
        text = rng.choice(KEYWORD_FRAMES).format(a=a, b=b)
        for wrong, right in _AN:
            text = text.replace(wrong, right)
        rows[text] = join.join((a, b))
    instructions = (
        "Give the two things that the text is about.",
        "Extract the nouns.",
        "Which two things are mentioned?",
        "Keywords of the sentence:",
        "List the nouns in their order.",
    )
    cues = tuple(
        (a, b) for a in ("Input", "Question", "Text", "Query") for b in ("Output", "Keywords", "Nouns", "Terms")
    )
    return Task("keywords", instructions, cues, tuple(rows.items()))


def patterns(rng: random.Random, n: int) -> Task:
    """A change of words that no instruction names."""
    change = rng.choice(_PATTERNS)
    if rng.random() < 0.3:
        first, second = rng.sample(_PATTERNS, 2)
        if first(["a", "b"]).count(" "):  # what leaves one word leaves the second change nothing to do
            change = lambda words: second(first(words).split())  # noqa: E731
    word = rng.choice(lexicon.plain())
    length = rng.choice((3, 3, 3, 4))
    rows: dict[str, str] = {}
    while len(rows) < n:
        words = rng.sample(lexicon.plain(), length)
        if word not in words:
            rows[" ".join(words)] = change(words).replace("@", word)
    instructions = (
        "Do what the examples do.",
        "Find the rule and apply it.",
        "Continue the pattern.",
        "The examples follow a rule. Apply it to the last one.",
    )
    return Task(
        "patterns",
        instructions,
        (("Input", "Output"), ("In", "Out"), ("x", "y"), ("Before", "After")),
        tuple(rows.items()),
    )


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "spelling": spelling,
        "punctuation": punctuation,
        "marks": marks,
        "keywords": keywords,
        "patterns": patterns,
    }
)

_PATTERNS: tuple[Callable[[list[str]], str], ...] = (
    lambda words: " ".join(reversed(words)),
    lambda words: words[0],
    lambda words: words[-1],
    lambda words: " ".join(words[1:]),
    lambda words: " ".join(words[:-1]),
    lambda words: " ".join([*words, "@"]),
    lambda words: " ".join(["@", *words]),
    lambda words: " ".join([words[-1], *words[:-1]]),
    lambda words: " ".join([*words[1:], words[0]]),
    lambda words: " ".join([words[0], *words]),
    lambda words: " ".join([*words, words[-1]]),
    lambda words: " ".join(word[0] for word in words),
    lambda words: " ".join(word.upper() for word in words),
    lambda words: " ".join([words[0].upper(), *words[1:]]),
    lambda words: " ".join([*words[:-1], words[-1].upper()]),
    lambda words: f"({' '.join(words)})",
    lambda words: " - ".join(words),
    lambda words: " @ ".join(words),
    lambda words: " ".join(sorted(words)),
    lambda words: "".join(words),
)


def _tag(rng: random.Random) -> str:
    return "#" + rng.choice(
        (rng.choice(TAGS), rng.choice(lexicon.plain()), f"{rng.choice(TAGS)}{rng.randrange(1, 99)}")
    )


def _user(rng: random.Random) -> str:
    who = names.person(rng).given.lower()
    word = rng.choice(lexicon.plain())
    return "@" + rng.choice(
        (f"{who}_{word}", f"{word}{rng.randrange(10, 99)}", f"the_{word}", f"{word}.{rng.choice(TAGS)}")
    )


def _link(rng: random.Random) -> str:
    words = rng.sample(lexicon.plain(), 2)
    return rng.choice(
        ("https://{}.example.com/{}", "www.{}-{}.example", "http://{}.example.org/{}", "{}.example.net/{}")
    ).format(*words)


_MARKS: Mapping[str, tuple[Callable[[random.Random], str], tuple[str, ...], str]] = MappingProxyType(
    {
        "hashtags": (
            _tag,
            ("List the hashtags.", "Extract all hashtags.", "Which tags does the post have?"),
            "Hashtags",
        ),
        "mentions": (_user, ("List the users that are mentioned.", "Extract the @names.", "Who is tagged?"), "Users"),
        "links": (_link, ("Extract the links.", "List the web addresses.", "Copy the URLs."), "Links"),
    }
)


def _things() -> tuple[str, ...]:
    """Words that name a thing and nothing else."""
    kinds = ("animal", "fruit", "vegetable", "tool", "vehicle", "furniture", "instrument", "building")
    taken = {
        "orange",
        "saw",
        "drill",
        "file",
        "bus",
        "scissors",
        "pliers",
        "desk",
        "broccoli",
        "celery",
        "spinach",
        "lettuce",
        "kale",
    }
    return tuple(word for kind in kinds for word in lexicon.kinds()[kind] if word not in taken)


_AN = tuple((f"{article} {vowel}", f"{article}n {vowel}") for article in (" a", " such a") for vowel in "aeiou")


def _slips(rng: random.Random, text: str) -> str:
    """The text with a slip in one or two of its longer words."""
    words = text.split()
    long = [i for i, word in enumerate(words) if len(word.strip(".,")) >= 5 and word.strip(".,").isalpha() and i]
    for i in rng.sample(long, min(len(long), rng.choice((1, 1, 2)))):
        word, at = words[i], rng.randrange(1, len(words[i].strip(".,")) - 2)
        slip = rng.choice(("swap", "drop", "double", "swap", "near"))
        if slip == "swap":
            words[i] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        elif slip == "drop":
            words[i] = word[:at] + word[at + 1 :]
        elif slip == "double":
            words[i] = word[:at] + word[at] + word[at:]
        else:
            words[i] = word[:at] + _NEAR.get(word[at], word[at]) + word[at + 1 :]
    return " ".join(words)


# Each letter's neighbour on an English keyboard.
_NEAR = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioposdfghjklkxcvbnmn", strict=True))
