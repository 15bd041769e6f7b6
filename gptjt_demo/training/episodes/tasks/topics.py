"""What a text is about (headlines, sentences, posts) and what kind of document it is from.

A text is a phrase of one topic in `data/topics.txt` or `data/stories.txt`. Topics that share texts (science and
technology, business and money) are in one label set only where the phrases keep them apart.
"""

from __future__ import annotations

import random
from functools import partial

from gptjt_demo.training.episodes.classification import Draw, classify
from gptjt_demo.training.episodes.phrases import grammar
from gptjt_demo.training.episodes.phrases.voice import say
from gptjt_demo.training.episodes.task import Family, Task

TOPICS = (
    *("sports", "business", "technology", "science", "world", "politics", "health", "food", "travel", "entertainment"),
    *("weather", "education", "environment", "crime", "family", "gardening", "music", "cars", "money"),
)
KINDS = (
    *("invoice", "complaint", "question", "thank-you note", "invitation", "job application", "recipe"),
    *("weather report", "contract", "meeting minutes", "advertisement"),
)
# Pairs that share texts.
CLOSE = (
    {"world", "politics"},
    {"business", "money"},
    {"entertainment", "music"},
    {"health", "science"},
    {"environment", "science"},
    {"environment", "gardening"},
    {"technology", "cars"},
    {"technology", "science"},
    {"education", "family"},
    {"education", "politics"},
    {"world", "crime"},
    {"environment", "weather"},
    {"environment", "politics"},
    {"health", "family"},
    {"world", "environment"},
)
_SYNONYMS = {
    "sports": ("sport", "Sports"),
    "technology": ("tech", "sci/tech", "Technology", "IT"),
    "science": ("Science", "research", "sci/tech"),
    "business": ("economy", "Business", "finance"),
    "world": ("World", "international", "foreign news"),
    "politics": ("Politics", "government"),
    "health": ("medicine", "Health"),
    "food": ("cooking", "food and drink"),
    "travel": ("tourism", "holidays"),
    "entertainment": ("culture", "showbiz", "Entertainment"),
    "environment": ("nature", "climate"),
    "education": ("school", "Education"),
    "cars": ("motoring", "auto"),
    "family": ("parenting",),
    "money": ("personal finance",),
}
_INSTRUCTIONS = (
    "What is the text about: {or}?",
    "Assign each headline to a section: {labels}.",
    "Classify the news by topic.",
    "Topic classification. Labels: {labels}.",
    "Which section of the paper does this belong in?",
    "Sort the posts by subject ({labels}).",
    "Give the category of the article.",
    "Name the subject of each sentence, choosing from {and}.",
    "Tag every line with one topic of this list: {labels}.",
    "Choose the right topic.",
    "Our newsletter has the sections {and}. Say where each story goes.",
)
_CUES = (
    ("Headline", "Section"),
    ("Text", "Topic"),
    ("News", "Topic"),
    ("Article", "Category"),
    ("Sentence", "Subject"),
    ("Post", "Topic"),
    ("Title", "Class"),
    ("Story", "Section"),
    ("Input", "Label"),
)
_KIND_INSTRUCTIONS = (
    "What kind of document is this from? Choose {or}.",
    "Sort the mail into {and}.",
    "Say what type of text each snippet is.",
    "Document type: {labels}.",
    "Classify the snippet by the kind of writing.",
    "Each line was cut from a letter or paper. Which kind? {labels}.",
    "Name the document type.",
    "Route the incoming mail by type ({labels}).",
)
_KIND_CUES = (
    ("Document", "Type"),
    ("Text", "Kind"),
    ("Snippet", "Document type"),
    ("Mail", "Folder"),
    ("Text", "Label"),
)


def about(topic: str, rng: random.Random) -> str:
    """A text of that topic, or of that kind of document."""
    text = grammar.load("topics", "stories").draw(rng, "news" if topic in TOPICS else topic, topic)
    if topic in TOPICS and rng.random() < 0.4:
        return text[0].upper() + text[1:]  # a headline: no full stop
    return say(rng, text, formal=0.75)


def topics(rng: random.Random, rows: int) -> Task:
    """Two to eight topics that keep apart."""
    wanted = rng.randint(2, 8)
    chosen: list[str] = []
    for topic in rng.sample(TOPICS, len(TOPICS)):
        if len(chosen) < wanted and not any({topic, other} in CLOSE for other in chosen):
            chosen.append(topic)
    renamed = rng.random() < 0.4
    names = {topic: rng.choice(_SYNONYMS.get(topic, (topic,))) if renamed else topic for topic in chosen}
    draws = {names[topic]: partial(about, topic) for topic in chosen}
    return classify(rng, rows, family="topics", draws=draws, instructions=_INSTRUCTIONS, cues=_CUES)


def is_about(rng: random.Random, rows: int) -> Task:
    """Whether a text is about one topic."""
    topic = rng.choice(TOPICS)
    others = [other for other in TOPICS if other != topic and {topic, other} not in CLOSE]
    yes, no = rng.choice((("yes", "no"), ("yes", "no"), (topic, "other"), (topic, f"not {topic}"), ("true", "false")))
    draws: dict[str, Draw] = {yes: partial(about, topic), no: lambda r: about(r.choice(others), r)}
    wordings = (
        f"Is the text about {topic}?",
        f"Does this headline belong to the section '{topic}'? Answer {yes} or {no}.",
        f"Say {yes} if the text is about {topic}, else {no}.",
        f"Find the posts on {topic}: {yes} or {no}.",
        f"Answer {yes} for {topic} and {no} for anything else.",
        f"Is {topic} the subject? ({{labels}})",
    )
    return classify(rng, rows, family="about", draws=draws, instructions=wordings, cues=_CUES)


def kinds(rng: random.Random, rows: int) -> Task:
    """Kinds of documents."""
    draws = {kind: partial(about, kind) for kind in rng.sample(KINDS, rng.randint(2, 7))}
    return classify(rng, rows, family="documents", draws=draws, instructions=_KIND_INSTRUCTIONS, cues=_KIND_CUES)


FAMILIES: dict[str, Family] = {"topics": topics, "about": is_about, "documents": kinds}
