"""An answer's tokens as HTML: each tinted by its probability, and, once the answer is there, with its alternatives.

In: tokens. Out: HTML, every text escaped; the texts joined are the answer. answer.js shows the alternatives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from html import escape
from typing import Any

from gptjt_demo.engine.results import Token

_SHOWN = {"\n": "↵", "\t": "⇥", " ": "␣"}


def token_spans(
    tokens: Sequence[Token], side: int, *, live: bool, chosen: int = -1, differing: Collection[int] = ()
) -> str:
    """The tokens' spans.

    Args:
        tokens: all of an answer's.
        side: which answer it is.
        live: more are to come, so there is nothing to choose yet.
        chosen: the index of the token that a person chose.
        differing: indices of tokens that the other answer lacks.
    """
    # After the last text come the tokens that ended it. One without text before that began a character.
    end = max((index for index, token in enumerate(tokens) if token.text), default=-1)
    spans = (
        _span(token, index, side, live, index == chosen, index in differing)
        for index, token in enumerate(tokens)
        if token.text or (index > end and not live)
    )
    return "".join(spans)


def visible(raw: str) -> str:
    """A token's own text with its white space to be seen; what has no text ends the answer."""
    return "".join(_SHOWN.get(character, character) for character in raw) or "end of text"


def legend() -> str:
    """What the tint says."""
    return '<span class="legend">likely<span class="legend-scale" aria-hidden="true"></span>unlikely</span>'


def _span(token: Token, index: int, side: int, live: bool, chosen: bool, differs: bool) -> str:
    names = "token" + " token-chosen" * chosen + " token-differs" * differs + " token-end" * (not token.text)
    tint = f'class="{names}" style="--p:{math.exp(token.logprob):.3f}"'
    if live:
        return f"<span {tint}>{escape(token.text)}</span>"
    own = next((i for i, other in enumerate(token.alternatives) if other.id == token.id), -1)
    held = token.logprob_in_shape
    data: dict[str, Any] = {"options": _options(token), "own": own, "text": visible(token.raw)}
    said = f"{visible(token.raw)}, {100 * math.exp(token.logprob):.0f} %"
    if held is not None:
        data["chosen"] = [round(math.exp(token.logprob), 5), round(math.exp(held), 5)]
        said += f" before the shape, {100 * math.exp(held):.0f} % within it"
    name = escape(said, quote=True)
    shown = f' data-shown="{escape(visible(token.raw), quote=True)}"' if not token.text else ""
    first = "0" if index == 0 else "-1"
    return (
        f'<span {tint} role="button" tabindex="{first}" aria-haspopup="menu" aria-label="{name}"{shown} '
        f'data-at="{side}:{index}" data-token="{escape(json.dumps(data), quote=True)}">{escape(token.text)}</span>'
    )


def _options(token: Token) -> list[list[Any]]:
    """The alternatives as answer.js shows them: a text, its share, and where there is a shape its share within that."""
    held = token.logprob_in_shape
    if held is None:
        return [[visible(other.text), round(math.exp(other.logprob), 5)] for other in token.alternatives]
    return [
        [
            visible(other.text),
            round(math.exp(other.logprob), 5),
            round(math.exp(other.logprob - token.logprob + held), 5) if other.allowed else 0,
        ]
        for other in token.alternatives
    ]
