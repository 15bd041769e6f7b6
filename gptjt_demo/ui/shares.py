"""Label shares as bars, as HTML: the best first and marked, the rule named.

In: label scores in the order of the template. Out: HTML for a gr.HTML value, every label escaped; empty for no scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gptjt_demo.completion import LabelScore

RULE = "by the summed log probability of each label’s tokens and its end"


def shares(scores: Sequence[LabelScore]) -> str:
    """One bar a label. Labels that tie keep the template's order."""
    if not scores:
        return ""
    ranked = sorted(scores, key=lambda score: -score.share)
    rows = "".join(_row(score, best=place == 0) for place, score in enumerate(ranked))
    return (
        '<section class="card shares" aria-labelledby="shares-title">'
        f'<header><h2 id="shares-title">Label shares</h2><span class="status">{RULE}</span></header>'
        f"<ol>{rows}</ol></section>"
    )


def _row(score: LabelScore, *, best: bool) -> str:
    percent = f"{100 * score.share:.1f} %"
    detail = f"log probability {score.logprob:.2f}, {score.per_token:.2f} per token, {score.per_byte:.2f} per byte"
    return (
        f'<li{" class=best" if best else ""} title="{detail}"><span class="share-label">{escape(score.label)}</span>'
        f'<span class="share-track" aria-hidden="true"><span style="width:{100 * score.share:.2f}%"></span></span>'
        f'<span class="share-value">{percent}</span></li>'
    )
