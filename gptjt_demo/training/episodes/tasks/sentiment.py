"""What a text thinks of a thing: reviews, comments and posts, with the opinion they hold.

Positive and negative phrases are kept apart in `data/things.txt` and `data/affairs.txt` for each kind of thing.
Openings that lead the other way ("I expected to hate it, but") belong to the opinion that they end with.
"""

from __future__ import annotations

import random
from functools import partial

from gptjt_demo.training.episodes.classification import Draw, classify
from gptjt_demo.training.episodes.phrases import grammar
from gptjt_demo.training.episodes.phrases.voice import say
from gptjt_demo.training.episodes.task import Family, Task

THINGS = ("product", "film", "restaurant", "hotel", "app", "service", "event", "life", "politics", "sport", "job")

_POLAR = (
    ("positive", "negative"),
    ("positive", "negative"),
    ("Positive", "Negative"),
    ("good", "bad"),
    ("happy", "unhappy"),
    ("praise", "complaint"),
    ("satisfied", "dissatisfied"),
    ("recommended", "not recommended"),
    ("recommend", "do not recommend"),
    ("thumbs up", "thumbs down"),
    ("liked it", "disliked it"),
    ("favourable", "unfavourable"),
    ("yes", "no"),
    ("pos", "neg"),
    ("like", "dislike"),
)
_THIRD = (("neutral", "plain"), ("mixed", "mixed"), ("neutral", "plain"))

_INSTRUCTIONS = (
    "Classify the sentiment as {or}.",
    "Is the review {or}?",
    "Decide whether the text is {or}.",
    "Label the sentiment of each text: {labels}.",
    "Sentiment analysis: {labels}.",
    "What does the author think? Answer {or}.",
    "Sort these customer comments into {and}.",
    "The following are comments with their sentiment ({labels}).",
    "Rate the tone of the feedback: {labels}.",
    "Mark each tweet as {or}.",
    "Read the opinion and give its label, one of {labels}.",
    "For every post, say whether it is {or}.",
)
_SILENT = (
    "Say what the writer thinks.",
    "Classify the sentiment.",
    "What is the sentiment of this review?",
    "Label the feedback of our guests and customers.",
)
_YES_NO = (
    "Did the writer like it?",
    "Is the customer satisfied? Answer yes or no.",
    "Does the text speak well of its subject? Answer {or}.",
    "Would this person recommend it?",
    "Is the opinion favourable? {labels}.",
    "Say yes if the comment is positive and no if it is negative.",
)
_STAR_INSTRUCTIONS = (
    "How many stars does the review give?",
    "Guess the star rating: {labels}.",
    "Give the rating that goes with the text, one of {labels}.",
    "Rate the review. 5 is best, 1 is worst.",
    "Predict the number of stars.",
    "Say how many stars out of five the guest gave.",
    "Read the review and choose its score ({labels}).",
)
_CUES = (
    ("Review", "Sentiment"),
    ("Text", "Sentiment"),
    ("Tweet", "Sentiment"),
    ("Comment", "Label"),
    ("Feedback", "Opinion"),
    ("Input", "Sentiment"),
    ("Sentence", "Sentiment"),
    ("Customer", "Verdict"),
    ("Post", "Tone"),
    ("Message", "Class"),
)
_STAR_CUES = (("Review", "Stars"), ("Review", "Rating"), ("Text", "Score"), ("Comment", "Stars"), ("Guest", "Rating"))
_TAGS = {
    "pos": ("#happycustomer", "#loveit", "#recommended", "#bestever", "#topservice"),
    "neg": ("#fail", "#neveragain", "#disappointed", "#ripoff", "#worstever"),
}
_EMOJI = {"pos": ("👍", "😍", "⭐", "😊", "👏"), "neg": ("👎", "😡", "😒", "🙄", "😞")}


def opinion(form: str, at: str, things: tuple[str, ...], rng: random.Random) -> str:
    """A text in that form (a section of `data/reviews.txt`) about one of the things; `at` is pos, neg or nothing."""
    text = grammar.load("reviews", "things", "affairs").draw(rng, form, at, rng.choice(things))
    return say(rng, text, _TAGS.get(at, ()), _EMOJI.get(at, ()), formal=0.6)


def _things(rng: random.Random) -> tuple[str, ...]:
    return THINGS if rng.random() < 0.5 else tuple(rng.sample(THINGS, 1))


def sentiment(rng: random.Random, rows: int) -> Task:
    """Positive or negative, under several names, at times with neutral or mixed."""
    things = _things(rng)
    good, bad = rng.choice(_POLAR)
    draws: dict[str, Draw] = {
        good: partial(opinion, "review", "pos", things),
        bad: partial(opinion, "review", "neg", things),
    }
    if good.lower() == "positive" and rng.random() < 0.6:
        third, form = rng.choice(_THIRD)
        draws[third.capitalize() if good[0] == "P" else third] = partial(opinion, form, "", things)
    wordings = _YES_NO if good == "yes" else (*_INSTRUCTIONS, *_SILENT)
    return classify(rng, rows, family="sentiment", draws=draws, instructions=wordings, cues=_CUES)


def stars(rng: random.Random, rows: int) -> Task:
    """Star ratings, from one to five or a few of them."""
    things = tuple(thing for thing in _things(rng) if thing not in ("life", "politics", "sport", "job")) or ("product",)
    shape = rng.choice(("{}", "{}", "{} stars", "{}/5", "{} out of 5"))
    scores = rng.choice(((1, 3, 5), (1, 5), (2, 5), (1, 4), (1, 2, 3, 4, 5)))
    draws: dict[str, Draw] = {}
    for score in scores:
        label = shape.format(score)
        draws["1 star" if label == "1 stars" else label] = partial(opinion, f"star{score}", "", things)
    return classify(rng, rows, family="stars", draws=draws, instructions=_STAR_INSTRUCTIONS, cues=_STAR_CUES)


FAMILIES: dict[str, Family] = {"sentiment": sentiment, "stars": stars}
