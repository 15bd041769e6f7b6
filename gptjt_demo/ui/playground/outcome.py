"""What was asked and what came of it: a run on the page, in one mode or in both.

Plain data. In: the template as it was at the run, its prompt, and each side's reply. Knows nothing of HTML.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gptjt_demo.engine.calibration import Shares
from gptjt_demo.engine.results import Token
from gptjt_demo.settings import Attention
from gptjt_demo.settings.shape import Shape
from gptjt_demo.templates.answer_check import verdict
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.playground.reply import Reply


@dataclass(frozen=True)
class Side:
    """One answer. `lead` are the tokens that it continues from, ending in the one that a person chose, if any."""

    attention: Attention
    reply: Reply
    lead: tuple[Token, ...] = ()

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens of the answer, those it continues from among them; their texts joined are the answer."""
        if not self.lead:
            return self.reply.tokens
        *before, chosen = self.lead
        # The engine says what the lead settles: a space that joins or half a character is not part of it.
        text = self.reply.continued.removeprefix("".join(token.text for token in before))
        return (*before, replace(chosen, text=text), *self.reply.tokens)

    def upto(self, index: int, choice: int) -> tuple[Token, ...]:
        """The tokens before one of them, and the alternative chosen there.

        Raises:
            IndexError: there is no such token or alternative.
        """
        if index < 0 or choice < 0:
            raise IndexError
        token = self.tokens[index]
        chosen = token.alternatives[choice]
        return (*self.tokens[:index], Token(chosen.id, chosen.text, chosen.text, chosen.logprob, token.alternatives))


@dataclass(frozen=True)
class Outcome:
    """A run. `template` is everything that was on the page; `key` is equal for equal questions.

    `references` are, by rule and for each side, the label shares that the rule divides by; none until somebody asks.
    """

    template: Template
    prompt: str
    key: str
    sides: tuple[Side, ...] = ()
    references: Mapping[str, tuple[Shares, ...]] = field(default_factory=dict)

    @property
    def shape(self) -> Shape | None:
        """What the answers are held to."""
        return self.template.shape_for(self.template.query)

    @property
    def done(self) -> bool:
        """Whether every side has ended."""
        return bool(self.sides) and all(side.reply.phase == "done" for side in self.sides)

    def with_side(self, index: int, side: Side) -> Outcome:
        """A copy with that side in its place, or after the last."""
        return replace(self, sides=(*self.sides[:index], side, *self.sides[index + 1 :]))

    def warning(self, side: Side) -> str:
        """What the template's check says against a finished answer, in one line; empty where nothing."""
        completion = side.reply.completion
        if completion is None or completion.stop_reason == "cancelled":
            return ""
        if completion.has_shape is False and completion.stop_reason == "max_new_tokens":
            return "the token limit came before the answer had its shape; raise max new tokens"
        return verdict(self.template.check, side.reply.text, self.template.query) or ""

    def record(self) -> dict[str, Any]:
        """The run as the browser keeps it, settings and seed with it; `nonce` is the same for the same run."""
        ends = [(side, side.reply.completion) for side in self.sides]
        answers = [
            {
                "text": end.text,
                "model": end.model,
                "attention": end.attention,
                "seed": end.seed,
                "stop_reason": end.stop_reason,
                "branched": bool(side.lead),
                "lead": [asdict(token) for token in side.lead],
                "seconds": round(end.seconds, 6),
                "shares": {score.label: round(score.share, 4) for score in side.reply.scores},
            }
            for side, end in ends
            if end is not None
        ]
        return {
            "kind": "run",
            "nonce": _digest([self.key, answers]),
            "title": self.template.title,
            "template": self.template.model_dump(mode="json", exclude_defaults=True, exclude_none=True),
            "prompt": self.prompt,
            "answers": answers,
        }


def key(template: Template, prompt: str) -> str:
    """A short name of a question: what it asks, its labels, its settings. An answer to another one is outdated."""
    shape = template.shape and template.shape.model_dump()
    return _digest([prompt, template.labels, template.generation.model_dump(), template.attention, shape])


def version(template: Template) -> str:
    """A short name of a template with all that is said of it; an export of another one is older."""
    return _digest(template.model_dump(mode="json"))


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:16]
