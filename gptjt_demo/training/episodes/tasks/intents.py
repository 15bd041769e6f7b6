"""What a message wants: from a shop, a bank, a help desk or a voice assistant; whether it is urgent; its kind of
sentence.

The phrases of an intent are the section of that name in `data/intents.txt`; the rest is in `data/messages.txt`.
"""

from __future__ import annotations

import random
import re
from functools import partial

from gptjt_demo.training.episodes.classification import Draw, classify
from gptjt_demo.training.episodes.phrases import grammar
from gptjt_demo.training.episodes.phrases.voice import say
from gptjt_demo.training.episodes.task import Family, Task

SHOP = (
    *("cancel order", "track order", "refund", "return item", "damaged item", "change address", "product question"),
    *("human agent", "discount", "opening hours"),
)
BANK = (
    *("reset password", "lost card", "check balance", "transfer money", "unknown charge", "card not arrived"),
    *("exchange rate", "close account", "report a bug", "upgrade plan", "human agent"),
)
ASSISTANT = (
    *(
        "set alarm",
        "set timer",
        "weather",
        "play music",
        "book table",
        "book flight",
        "reminder",
        "calendar",
        "translate",
    ),
    *("smart home", "shopping list", "joke", "directions", "restaurant tip", "greeting", "goodbye", "exchange rate"),
)
_CLOSE = (
    {"refund", "return item"},
    {"return item", "damaged item"},
    {"refund", "damaged item"},
    {"reminder", "calendar"},
)
_SYNONYMS = {
    "cancel order": ("cancellation", "cancel"),
    "track order": ("delivery status", "where is my order"),
    "refund": ("money back", "refund request"),
    "return item": ("return", "returns"),
    "damaged item": ("damage", "broken product"),
    "change address": ("address change", "new address"),
    "product question": ("product info", "question about a product"),
    "human agent": ("speak to a human", "live agent"),
    "reset password": ("password", "login problem"),
    "lost card": ("card lost or stolen", "block card"),
    "check balance": ("balance", "account balance"),
    "transfer money": ("transfer", "payment"),
    "unknown charge": ("fraud", "disputed charge"),
    "report a bug": ("bug", "technical problem"),
    "close account": ("account closure", "leave"),
    "set alarm": ("alarm",),
    "set timer": ("timer",),
    "play music": ("music",),
    "book table": ("restaurant booking",),
    "book flight": ("flight", "flight booking"),
}
_INSTRUCTIONS = (
    "What does the user want? One of {labels}.",
    "Classify the intent of each message: {labels}.",
    "Intent detection.",
    "Route the request to the right team: {or}.",
    "Say what the caller is asking for.",
    "Find the intent.",
    "Pick the intent from this list: {labels}.",
    "Each message to our help desk gets one label of {labels}.",
    "Decide which skill the assistant needs: {or}.",
    "Label the customer's request.",
    "The chatbot must know what people are after. Answer with {or}.",
)
_CUES = (
    ("Message", "Intent"),
    ("User", "Intent"),
    ("Customer", "Request"),
    ("Utterance", "Intent"),
    ("Query", "Intent"),
    ("Text", "Category"),
    ("Command", "Skill"),
    ("Ticket", "Label"),
    ("Input", "Class"),
)
_BARE = ("greeting", "goodbye", "joke")  # no story and no thanks around them
_ASKS = re.compile(r"(?:[^,]*, )?(?:where|when|what|how|is|do|does|did|has|can|will|which|who|may|are)\b")
_URGENCY = (
    ("urgent", "not urgent"),
    ("urgent", "can wait"),
    ("high", "low"),
    ("high priority", "low priority"),
    ("now", "later"),
    ("yes", "no"),
)
_URGENT_INSTRUCTIONS = (
    "How urgent is the message: {or}?",
    "Is the request urgent? Answer {or}.",
    "Set the priority of each ticket ({labels}).",
    "Say whether somebody must act at once ({labels}).",
    "Sort the inbox by urgency.",
    "Does this message need an answer right away?",
)
_KINDS = (("question", "statement", "request"), ("Question", "Statement", "Command"), ("asks", "tells", "orders"))
_KIND_INSTRUCTIONS = (
    "Is the sentence a question, a statement or a request?",
    "What kind of sentence is it: {or}?",
    "Sentence type: {labels}.",
    "Say what the speaker does with the sentence ({labels}).",
    "Label the dialogue act.",
    "Does the speaker ask, tell or want something? Use {labels}.",
)


def message(intent: str, rng: random.Random) -> str:
    """A message with that intent."""
    text = grammar.load("intents").draw(rng, intent if intent in _BARE else "wrapped", intent)
    return _typed(rng, f"{text}?" if _ASKS.match(text) and text[-1].isalnum() and "." not in text else text, 0.4)


def sentence(kind: str, rng: random.Random) -> str:
    """A question, a statement or a request."""
    text = grammar.load("messages").draw(rng, f"is {kind}")
    return _typed(rng, f"{text}?" if kind == "question" else text, 0.6)


def _typed(rng: random.Random, text: str, formal: float) -> str:
    """As somebody typed it; a question that is not written with care may lack its mark."""
    typed = say(rng, text, formal=formal, public=False)
    return typed.rstrip("?!") if typed[0].islower() and rng.random() < 0.5 else typed


def intents(rng: random.Random, rows: int) -> Task:
    """Two to nine intents of one place."""
    place = list(rng.choice((SHOP, BANK, ASSISTANT, ASSISTANT, (*SHOP, *BANK[:-1]))))
    rng.shuffle(place)
    wanted = rng.randint(2, 9)
    chosen: list[str] = []
    for intent in place:
        if len(chosen) < wanted and not any({intent, other} in _CLOSE for other in chosen):
            chosen.append(intent)
    style = rng.randrange(3)
    draws: dict[str, Draw] = {}
    for intent in chosen:
        name = rng.choice(_SYNONYMS.get(intent, (intent,))) if style == 1 else intent
        draws[name.replace(" ", "_") if style == 2 else name] = partial(message, intent)
    return classify(rng, rows, family="intents", draws=draws, instructions=_INSTRUCTIONS, cues=_CUES)


def urgency(rng: random.Random, rows: int) -> Task:
    """Urgent or not."""
    now, later = rng.choice(_URGENCY)
    texts = grammar.load("messages")
    draws: dict[str, Draw] = {
        now: lambda r: say(r, texts.draw(r, "urgent"), formal=0.5, public=False),
        later: lambda r: say(r, texts.draw(r, "not urgent"), formal=0.5, public=False),
    }
    cues = (*_CUES[:3], ("Message", "Urgency"), ("Ticket", "Priority"), ("Mail", "Urgent"))
    return classify(rng, rows, family="urgency", draws=draws, instructions=_URGENT_INSTRUCTIONS, cues=cues)


def sentence_kinds(rng: random.Random, rows: int) -> Task:
    """Question, statement or request."""
    draws = {
        label: partial(sentence, kind)
        for label, kind in zip(rng.choice(_KINDS), ("question", "statement", "request"), strict=True)
    }
    cues = (("Sentence", "Type"), ("Text", "Kind"), ("Utterance", "Act"), ("Input", "Label"))
    return classify(rng, rows, family="sentence kinds", draws=draws, instructions=_KIND_INSTRUCTIONS, cues=cues)


FAMILIES: dict[str, Family] = {"intents": intents, "urgency": urgency, "sentence kinds": sentence_kinds}
