"""English words in pairs and kinds: plurals, past tenses, opposites, comparatives, young animals, fruits and more.

In: `data/words.txt`. Out: its lists, and for pairs how they are asked for.
"""

from __future__ import annotations

from functools import cache

from gptjt_demo.training.episodes.phrases.word_lists import phrases, sections

FILE = "words"
# Which pairs, asked for how, under which cue.
PAIRS = {
    "plural": (
        "plurals",
        ("Give the plural.", "Write the plural form.", "Singular to plural:", "More than one:"),
        "Plural",
    ),
    "singular": ("plurals", ("Give the singular.", "Write the singular form.", "Plural to singular:"), "Singular"),
    "past": ("past", ("Put the verb into the past tense.", "Past tense:", "Write the simple past."), "Past"),
    "base": (
        "past",
        ("Give the base form of the verb.", "Which verb is it? Write the infinitive without 'to'."),
        "Base",
    ),
    "opposite": ("opposites", ("Give the opposite.", "Write the antonym.", "The contrary of each word:"), "Opposite"),
    "comparative": (
        "comparatives",
        ("Give the comparative.", "More of it:", "Write the comparative form."),
        "Comparative",
    ),
    "young": ("young", ("Name the young animal.", "What is its baby called?"), "Young"),
    "noun": ("nouns", ("Make a noun from the verb.", "Write the noun that belongs to the verb."), "Noun"),
    "agent": ("agents", ("Who does it?", "Name the person who does this."), "Person"),
    "adverb": ("adverbs", ("Make an adverb.", "Adjective to adverb:"), "Adverb"),
}


@cache
def pairs(section: str) -> tuple[tuple[str, str], ...]:
    """A section's pairs of words."""
    return tuple((entry.split("/")[0], entry.split("/")[1]) for entry in phrases(FILE, section))


def plain() -> tuple[str, ...]:
    """Common nouns."""
    return phrases(FILE, "plain")


@cache
def kinds() -> dict[str, tuple[str, ...]]:
    """Kinds of things, with words for each."""
    return {name.removeprefix("kind "): words for name, words in sections(FILE).items() if name.startswith("kind ")}
