"""What somebody feels: posts, messages and diary lines, and the feeling of the one they speak of.

The label is what the phrases say that the files of `data/` named after them and `data/moods.txt` hold for it.
Emotions that a careful reader could take for one another (joy and pride, sadness and guilt) are never in one label
set.
"""

from __future__ import annotations

import random
from functools import partial

from gptjt_demo.training.episodes.classification import classify
from gptjt_demo.training.episodes.phrases import grammar
from gptjt_demo.training.episodes.phrases.voice import say
from gptjt_demo.training.episodes.task import Family, Task

SIX = ("joy", "sadness", "anger", "fear", "love", "surprise")

# Names that each emotion has in a label set, all of one kind.
_NAMES = (
    {emotion: emotion for emotion in SIX},
    {emotion: emotion.capitalize() for emotion in SIX},
    {"joy": "happy", "sadness": "sad", "anger": "angry", "fear": "afraid", "love": "in love", "surprise": "surprised"},
    {"joy": "happy", "sadness": "sad", "anger": "mad", "fear": "scared", "love": "loving", "surprise": "amazed"},
    {
        "joy": "happiness",
        "sadness": "grief",
        "anger": "rage",
        "fear": "worry",
        "love": "affection",
        "surprise": "shock",
    },
)

# Label sets of other feelings: label -> the sections that give it.
OTHER_LABELS: tuple[dict[str, tuple[str, ...]], ...] = (
    {"happy": ("joy", "love"), "sad": ("sadness",)},
    {"happy": ("joy",), "unhappy": ("sadness", "anger")},
    {"calm": ("calm",), "excited": ("excitement",)},
    {"calm": ("calm",), "angry": ("anger",), "anxious": ("fear",)},
    {"good mood": ("joy", "gratitude", "excitement", "calm"), "bad mood": ("sadness", "anger", "boredom", "guilt")},
    {"pleasant": ("joy", "love", "calm", "relief", "pride"), "unpleasant": ("sadness", "anger", "fear", "disgust")},
    {"joy": ("joy",), "sadness": ("sadness",), "anger": ("anger",), "fear": ("fear",), "disgust": ("disgust",)},
    {"anger": ("anger",), "joy": ("joy",), "optimism": ("hope",), "sadness": ("sadness",)},
    {"disgust": ("disgust",), "gratitude": ("gratitude",), "boredom": ("boredom",), "fear": ("fear",)},
    {"grateful": ("gratitude",), "guilty": ("guilt",), "bored": ("boredom",), "tired": ("tiredness",)},
    {"pride": ("pride",), "embarrassment": ("embarrassment",)},
    {"proud": ("pride",), "ashamed": ("embarrassment", "guilt")},
    {"relief": ("relief",), "worry": ("fear",)},
    {"confused": ("confusion",), "bored": ("boredom",), "angry": ("anger",), "grateful": ("gratitude",)},
    {"tired": ("tiredness",), "excited": ("excitement",)},
    {"high energy": ("excitement", "anger"), "low energy": ("tiredness", "calm", "boredom")},
    {"gratitude": ("gratitude",), "confusion": ("confusion",), "disgust": ("disgust",), "pride": ("pride",)},
    {"fear": ("fear",), "excitement": ("excitement",)},
    {"love": ("love",), "anger": ("anger",)},
    {"surprised": ("surprise",), "bored": ("boredom",)},
)
_MAIN = frozenset(SIX)

_INSTRUCTIONS = (
    "Which emotion does each text show? {labels}",
    "Your job is to name the feeling behind each post: {or}.",
    "Label each message with the feeling of its writer: {labels}.",
    "Classify the emotion ({labels}).",
    "How does the author feel?",
    "What emotion does the text express?",
    "Detect the emotion.",
    "Emotion detection",
    "Read the post and decide whether it shows {or}.",
    "Choose the feeling that fits the text best.",
    "Which feeling comes through in these lines? Answer {or}.",
    "Each diary entry gets one of these labels: {labels}.",
    "Tag the tweets by mood.",
    "Label the emotion of the person in the text.",
    "Decide what the person who is spoken of, or who speaks, feels.",
    "You are given short posts. Give the main emotion of each: {labels}.",
    "Sort the comments by emotion.",
)
_CUES = (
    ("Post", "Emotion"),
    ("Text", "Emotion"),
    ("Tweet", "Emotion"),
    ("Message", "Feeling"),
    ("Sentence", "Emotion"),
    ("Tweet", "Label"),
    ("Comment", "Mood"),
    ("Diary", "Feeling"),
    ("Input", "Emotion"),
    ("Text", "Label"),
    ("Statement", "Sentiment"),
)
_TAGS = {
    "joy": ("#happy", "#blessed", "#bestdayever", "#goodvibes", "#celebrate", "#winning"),
    "sadness": ("#heartbroken", "#lonely", "#grief", "#missyou", "#sadday", "#rip"),
    "anger": ("#fedup", "#furious", "#rant", "#worstserviceever", "#enoughisenough", "#angry"),
    "fear": ("#scared", "#anxiety", "#nervous", "#nightmare", "#prayforus", "#worried"),
    "love": ("#truelove", "#inlove", "#soulmates", "#mylove", "#couplegoals", "#family"),
    "surprise": ("#shocked", "#speechless", "#plottwist", "#omg", "#unexpected", "#mindblown"),
}
_EMOJI = {
    "joy": ("😀", "😄", "🎉", "🥳", "☀️", "😊"),
    "sadness": ("😢", "😭", "💔", "😞", "🥀"),
    "anger": ("😡", "🤬", "😤", "👿"),
    "fear": ("😱", "😨", "😰", "🫣"),
    "love": ("❤️", "😍", "🥰", "💕", "😘"),
    "surprise": ("😮", "😲", "🤯", "😳"),
}


def post(emotion: str, rng: random.Random) -> str:
    """A text that shows the emotion: one of `SIX`, or a mood of `data/moods.txt`."""
    texts = grammar.load("posts", *SIX, "moods")
    other = rng.choice([name for name in SIX if name not in (emotion, "love")])
    drawn = texts.draw(rng, "post" if emotion in _MAIN else "mood", emotion, other)
    return say(rng, drawn, _TAGS.get(emotion, ()), _EMOJI.get(emotion, ()), formal=0.45)


def _any(emotions: tuple[str, ...], rng: random.Random) -> str:
    return post(rng.choice(emotions), rng)


def six_emotions(rng: random.Random, rows: int) -> Task:
    """The six emotions of the emotion template, or some of them."""
    emotions = list(SIX) if rng.random() < 0.6 else rng.sample(SIX, rng.randint(2, 5))
    names = _NAMES[0] if rng.random() < 0.6 else rng.choice(_NAMES)
    draws = {names[emotion]: partial(post, emotion) for emotion in emotions}
    return classify(rng, rows, family="emotions", draws=draws, instructions=_INSTRUCTIONS, cues=_CUES)


def other_feelings(rng: random.Random, rows: int) -> Task:
    """Feelings under other names, and moods."""
    draws = {label: partial(_any, emotions) for label, emotions in rng.choice(OTHER_LABELS).items()}
    return classify(rng, rows, family="feelings", draws=draws, instructions=_INSTRUCTIONS, cues=_CUES)


FAMILIES: dict[str, Family] = {"emotions": six_emotions, "feelings": other_feelings}
