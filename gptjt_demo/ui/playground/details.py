"""An answer's details as HTML: how it ended, how fast it came, its drafts and its seed; one answer's or two's, folded.

In: an `Outcome`. Out: HTML for a gr.HTML value, every text in it escaped; empty until an answer is there. page.js keeps
it open from run to run where a visitor has opened it.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.engine.results import STOP_REASONS, Completion
from gptjt_demo.settings.shape import Shape, shape_words
from gptjt_demo.ui.playground.outcome import Outcome


def details(outcome: Outcome | None) -> str:
    """The fold."""
    ends = [(side.attention, side.reply.completion) for side in outcome.sides] if outcome else []
    shape = outcome.shape if outcome else None
    lists = [(attention, _facts(end, shape)) for attention, end in ends if end is not None]
    if outcome is None or not lists or not outcome.done:
        return ""
    if len(lists) == 1:
        body = lists[0][1]
    else:
        sides = (f'<div class="side"><h3>{name.capitalize()}</h3>{facts}</div>' for name, facts in lists)
        body = f'<div class="sides">{"".join(sides)}</div>'
    return f'<details class="fold details"><summary>Details</summary>{body}</details>'


def _facts(end: Completion, shape: Shape | None) -> str:
    reason = STOP_REASONS[end.stop_reason]
    if end.stop is not None:
        reason += f" ({end.stop!r})"
    facts = {
        "Model": end.model,
        "Attention": end.attention,
        "Ended": reason,
        "First token after": f"{end.seconds_to_first_token:.2f} s",
        "Speed": f"{end.tokens_per_second:.1f} tokens/s" if end.tokens_per_second else "one token",
        "Tokens": f"{end.prompt_tokens:,} in the prompt, {end.completion_tokens:,} in the answer",
        "Seed": str(end.seed),
    }
    if shape is not None and end.has_shape is not None:
        facts["Shape"] = shape_words(shape, end.has_shape)
    if end.drafted:
        facts["Drafts"] = f"{end.accepted:,} of {end.drafted:,} drafted tokens accepted"
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{items}</dl>'
