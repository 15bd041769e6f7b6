"""How people type: a text as it stands, all in lower case, with slips, as a tweet, or loud.

In: a text, and what hashtags and emoji fit its label. Out: a text of the same meaning. Knows nothing of labels: who
gives it hashtags vouches for them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from gptjt_demo.training.episodes.phrases.grammar import sentences

_SLANG = {
    "you": "u",
    "your": "ur",
    "because": "cuz",
    "really": "rly",
    "please": "pls",
    "going to": "gonna",
    "want to": "wanna",
    "people": "ppl",
    "tomorrow": "tmrw",
    "with": "w/",
    "though": "tho",
    "and": "&",
    "thanks": "thx",
    "right now": "rn",
    "I don't know": "idk",
    "weeks": "wks",
    "minutes": "mins",
    "about": "abt",
    "before": "b4",
    "to be honest": "tbh",
    "love": "luv",
    "message": "msg",
}
_SLANG_RE = re.compile(r"\b(" + "|".join(re.escape(word) for word in _SLANG) + r")\b")
_TAILS = (" tbh", " ngl", "..", "...", " honestly", " btw")  # none that leans to a feeling
_NEUTRAL_TAGS = (
    "#monday",
    "#life",
    "#today",
    "#nowplaying",
    "#weekend",
    "#mood",
    "#thoughts",
    "#diary",
    "#2am",
    "#real",
)


def say(
    rng: random.Random,
    text: str,
    tags: Sequence[str] = (),
    emoji: Sequence[str] = (),
    *,
    formal: float = 0.5,
    public: bool = True,
) -> str:
    """The text as somebody typed it.

    Args:
        rng: decides how.
        text: sentences; a last full stop may be missing.
        tags: hashtags that agree with its label.
        emoji: likewise.
        formal: how often it stays as it is, with capitals and full stops.
        public: it may become a tweet.
    """
    text = sentences(text)
    if rng.random() < formal:
        return text
    match rng.randrange(6 if public else 4):
        case 0:
            return _lower(rng, text)
        case 1 | 2:
            return _sloppy(rng, text)
        case 3:
            return _loud(rng, text)
        case _:
            return _tweet(rng, text, tags, emoji)


def _lower(rng: random.Random, text: str) -> str:
    text = text.lower()
    return text.removesuffix(".") if rng.random() < 0.7 else text


def _sloppy(rng: random.Random, text: str) -> str:
    text = _SLANG_RE.sub(lambda match: _SLANG[match[0]] if rng.random() < 0.35 else match[0], text)
    text = _lower(rng, text)
    if rng.random() < 0.6:
        text = text.replace("'", "")
    if rng.random() < 0.3:
        text = text.replace(", ", " ")
    if rng.random() < 0.3:
        text = _slip(rng, text)
    if rng.random() < 0.12 and text[-1] not in "?!":
        return text.rstrip(".") + rng.choice(_TAILS)
    return text


def _slip(rng: random.Random, text: str) -> str:
    """Two letters change places, or one goes, in one long word."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 6 and word.isalpha()]
    if long:
        i = rng.choice(long)
        word, at = words[i], rng.randrange(2, len(words[i]) - 2)
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        words[i] = swapped if rng.random() < 0.6 else word[:at] + word[at + 1 :]
    return " ".join(words)


def _loud(rng: random.Random, text: str) -> str:
    if rng.random() < 0.5:
        text = _lower(rng, text)
    if rng.random() < 0.5:
        words = text.split(" ")
        i = rng.randrange(len(words))
        words[i] = words[i].upper()
        text = " ".join(words)
    if text.endswith("?"):
        return text + rng.choice(("", "?", "!"))
    return text.rstrip(".") + rng.choice(("!", "!!", "!!!", "!"))


def _tweet(rng: random.Random, text: str, tags: Sequence[str], emoji: Sequence[str]) -> str:
    if rng.random() < 0.5:
        text = _lower(rng, text)
    if rng.random() < 0.2:
        text = rng.choice(("@user ", "@user @user ", "RT @user: ", ".@user ")) + text
    if emoji and rng.random() < 0.35:
        text = f"{text} {rng.choice(emoji) * rng.choice((1, 1, 2))}"
    if rng.random() < 0.6:
        pool = list(tags) * 2 + list(_NEUTRAL_TAGS)
        text = (
            f"{text} {' '.join(rng.sample(sorted(set(pool)) if rng.random() < 0.5 or not tags else sorted(tags), 1))}"
        )
    return text
