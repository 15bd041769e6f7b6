"""Label shares as bars, as HTML: the best first and marked, the rule named; one set of bars or two side by side.

In: an `Outcome` and a rule. Out: HTML for a gr.HTML value, every label escaped; empty for no scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gptjt_demo.engine.calibration import CALIBRATIONS, reshared
from gptjt_demo.engine.results import LabelScore
from gptjt_demo.ui.playground.outcome import Outcome
from gptjt_demo.ui.playground.rules import RULES


def shares(outcome: Outcome, rule: str = "logprob", doing: str = "") -> str:
    """One bar a label. Labels that tie keep the template's order. Two sides share the first one's order.

    Args:
        outcome: what to show.
        rule: one that divides is the sum as long as what it divides by is not known.
        doing: what is being done, in place of the rule's words.
    """
    rule = "logprob" if rule in CALIBRATIONS and rule not in outcome.references else rule
    references = outcome.references.get(rule) or ((),) * len(outcome.sides)
    sides = [
        (side.attention, reshared(side.reply.scores, rule, reference))
        for side, reference in zip(outcome.sides, references, strict=False)
        if side.reply.scores
    ]
    if not sides:
        return ""
    order = [score.label for score in sorted(sides[0][1], key=lambda score: -score.share)]
    bars = [_bars(scores, order) for _, scores in sides]
    if len(sides) == 1:
        body = bars[0]
    else:
        columns = "".join(
            f'<div class="side"><h3>{name.capitalize()}</h3>{bar}</div>'
            for (name, _), bar in zip(sides, bars, strict=True)
        )
        body = f'<div class="sides">{columns}</div>'
    return (
        '<section class="shares" aria-labelledby="shares-title">'
        '<header><h2 id="shares-title">How likely is each label?</h2>'
        f'<span class="status">{doing or RULES[rule][1] + _agreement(sides)}</span></header>{body}</section>'
    )


def _agreement(sides: Sequence[tuple[str, Sequence[LabelScore]]]) -> str:
    if len(sides) < 2:
        return ""
    best = {max(scores, key=lambda score: score.share).label for _, scores in sides}
    return "; both choose the same label" if len(best) == 1 else "; they choose different labels"


def _bars(scores: Sequence[LabelScore], order: Sequence[str]) -> str:
    best = max(scores, key=lambda score: score.share).label
    named = {score.label: score for score in scores}
    return f"<ol>{''.join(_row(named[label], best=label == best) for label in order)}</ol>"


def _row(score: LabelScore, *, best: bool) -> str:
    percent = f"{100 * score.share:.1f} %"
    detail = (
        f"log probability {score.logprob:.2f}, {score.per_token:.2f} per token, {score.per_byte:.2f} per byte, "
        f"{score.tokens} tokens with its end"
    )
    return (
        f'<li{" class=best" if best else ""} title="{detail}"><span class="share-label">{escape(score.label)}</span>'
        f'<span class="share-track" aria-hidden="true"><span style="width:{100 * score.share:.2f}%"></span></span>'
        f'<span class="share-value">{percent}</span></li>'
    )
