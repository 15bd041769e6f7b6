"""Hate speech, or not: short posts for training a detector.

What counts as hate is what published functional tests for such detectors (HateCheck) and the widget's own prompt say:
hostility at people for belonging to a protected group. The classes are theirs too: derogation, dehumanisation and
exclusion, as statement, question, opinion, in the first or third person, at a group or at one of its members; and
against these: hostility at things, at individuals and at trades, counter speech, quotations that denounce, denials,
disagreement with rules and ideas, people's pride in their own group, and plain or friendly mention of groups.

The hostile statements are here to be recognised. They are as mild as serves that: general and made up, without slurs,
without threats, without violence; none is from a data set.
"""

from __future__ import annotations

import random
from functools import partial

from gptjt_demo.training.episodes.classification import classify
from gptjt_demo.training.episodes.phrases import grammar
from gptjt_demo.training.episodes.phrases.voice import say
from gptjt_demo.training.episodes.task import Family, Task
from gptjt_demo.training.episodes.tasks.emotions import SIX
from gptjt_demo.training.episodes.tasks.emotions import post as emotion_post
from gptjt_demo.training.episodes.tasks.sentiment import THINGS, opinion

_NAMES = (
    ("hate speech", "not hate speech"),
    ("hate speech", "not hate speech"),
    ("hate speech", "not hate speech"),
    ("hate", "not hate"),
    ("hateful", "not hateful"),
    ("hateful", "non-hateful"),
    ("hateful", "neutral"),
    ("hate", "none"),
    ("yes", "no"),
    ("remove", "keep"),
    ("against the rules", "fine"),
    ("discriminating", "not discriminating"),
    ("hostile to a group", "harmless"),
    ("report", "ok"),
)
_DEFINITIONS = (
    "Hate speech is any statement that attacks or looks down on people because of the group they belong to.",
    "Hate speech means hostility against people because of their origin, religion, gender, disability or orientation.",
    "A text is hate speech if it says that people of a group (women, migrants) are worth less or do not belong.",
    "Insults at a single person or at things are not hate speech; contempt for a group such as women or immigrants is.",
    "Quoting such words in order to object to them does not count.",
)
_INSTRUCTIONS = (
    "Decide whether the post is hate speech: {or}.",
    "Label each tweet as {or}.",
    "Does the tweet attack people for the group they belong to? Answer {or}.",
    "Moderate these comments. Each is {or}.",
    "Hate speech detection: {labels}.",
    "Say whether this message shows hatred of a group of people ({labels}).",
    "Classify the comment ({labels}).",
    "Read the comments on our page and mark them {or}.",
    "Is the text directed against women, immigrants or another group? Possible labels: {labels}.",
    "Find the tweets that show hate for women, immigrants or other groups.\nPossible labels: {labels}",
    "Say if the text disparages a group of people.",
    "You check posts for a forum that does not allow hatred against groups.",
)
_CUES = (
    ("Tweet", "Label"),
    ("Post", "Label"),
    ("Text", "Class"),
    ("Comment", "Decision"),
    ("Message", "Hate speech"),
    ("Tweet", "Hateful"),
    ("Input", "Label"),
    ("Statement", "Verdict"),
)
_NOT_TAGS = ("#respect", "#humanrights", "#community", "#news", "#football", "#welcome")


def post(form: str, rng: random.Random) -> str:
    """A post: `hate` or `fine`. Some of the latter speak of anything at all."""
    if form == "fine" and rng.random() < 0.15:
        return emotion_post(rng.choice(SIX), rng) if rng.random() < 0.6 else opinion("review", "neg", THINGS, rng)
    text = grammar.load("hate", "not_hate").draw(rng, form)
    return say(rng, text, () if form == "hate" else _NOT_TAGS, formal=0.5)


def hate_speech(rng: random.Random, rows: int) -> Task:
    """Hostility at a group, and all else."""
    hateful, other = rng.choice(_NAMES)
    wordings = [
        f"{text} {rng.choice(_DEFINITIONS)}" if rng.random() < 0.4 and "\n" not in text else text
        for text in _INSTRUCTIONS
    ]
    draws = {hateful: partial(post, "hate"), other: partial(post, "fine")}
    return classify(rng, rows, family="hate", draws=draws, instructions=wordings, cues=_CUES)


FAMILIES: dict[str, Family] = {"hate": hate_speech}
