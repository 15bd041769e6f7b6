"""Who sees whom: the two attention masks over a prompt's own tokens, as SVG.

In: the prompt's tokens. Out: HTML with two drawings, every token escaped. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gptjt_demo.settings import Attention
from gptjt_demo.ui.playground.tokens import visible

SHOWN = 18
"""Prompt tokens that are drawn: as many as can be read."""

ANSWER = 3
"""Positions of the answer that are drawn below them."""

CELL, NAMES, HEAD = 14, 96, 4


def masks(tokens: Sequence[str]) -> str:
    """Both masks for a prompt, the prefix one first."""
    drawn = tokens[:SHOWN]
    rest = f"The first {len(drawn)} of the prompt’s {len(tokens):,} tokens" if len(tokens) > len(drawn) else (
        f"The prompt’s {len(tokens):,} tokens"
    )  # fmt: skip
    pictures = "".join(_picture(drawn, mode) for mode in ("prefix", "causal"))
    return (
        f'<div class="masks">{pictures}</div>'
        f'<p class="hint">{rest}, then {ANSWER} of the answer. '
        "Each row is one token; the squares in it are the tokens that it sees: "
        '<span class="key key-before"></span> itself and what comes before it, '
        '<span class="key key-after"></span> what comes after it, which only prefix attention shows.</p>'
    )


def sees(row: int, column: int, prompt: int, mode: Attention) -> bool:
    """Whether the token at `row` sees the one at `column`, where the first `prompt` tokens are the prompt."""
    return column <= row or (mode == "prefix" and row < prompt and column < prompt)


def _picture(tokens: Sequence[str], mode: Attention) -> str:
    size = len(tokens) + ANSWER
    cells = "".join(
        f'<rect x="{NAMES + column * CELL + 1}" y="{HEAD + row * CELL + 1}" width="{CELL - 2}" height="{CELL - 2}" '
        f'rx="2" class="{"before" if column <= row else "after"}"/>'
        for row in range(size)
        for column in range(size)
        if sees(row, column, len(tokens), mode)
    )
    names = "".join(
        f'<text x="{NAMES - 6}" y="{HEAD + row * CELL + 11}">{escape(_short(name))}</text>'
        for row, name in enumerate([*map(visible, tokens), *(f"answer {n}" for n in range(1, ANSWER + 1))])
    )
    edge = HEAD + len(tokens) * CELL
    wide, high = NAMES + size * CELL + 2, HEAD + size * CELL + 2
    line = f'<line x1="0" x2="{wide}" y1="{edge}" y2="{edge}"/>'
    told = {
        "prefix": "every prompt token sees the whole prompt; the answer sees what came before it",
        "causal": "every token sees only what came before it",
    }[mode]
    return (
        f"<figure><figcaption><b>{mode.capitalize()}</b>: {told}</figcaption>"
        f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{mode} mask: {told}">{cells}{line}{names}</svg>'
        "</figure>"
    )


def _short(name: str) -> str:
    return name if len(name) <= 11 else f"{name[:10]}…"
