"""What is known of a file that is reviewed, as HTML: how far it is looked at, and what its right answers say.

In: a `Review`. Out: HTML for gr.HTML values. Knows nothing of gradio.
"""

from __future__ import annotations

from functools import partial
from html import escape

from gptjt_demo.evaluation import plots
from gptjt_demo.evaluation.review.review import Review
from gptjt_demo.ui.evaluate.charts import both_themes
from gptjt_demo.ui.html import bar


def progress(review: Review) -> str:
    """How much is looked at, and what these rows say."""
    part, name = review.looked / len(review.order), review.about.name.removesuffix("-answers")
    notes = ""
    if review.decisions.damaged:
        notes = (
            f'<p class="notice" role="note">{review.decisions.damaged:,} lines of the kept decisions are damaged and '
            "were left out.</p>"
        )
    return (
        f'<section class="card review-far">{bar(part, name, review.so_far().sentence)}{notes}'
        '<p class="hint">Every decision is kept on this server at once, for 30 days after you last looked at it; '
        "<b>Delete</b> deletes all of it.</p></section>"
    )


def how_many(review: Review) -> str:
    """How many rows have to be looked at, with its picture; why that is not known, where it is not."""
    found = review.risk
    if found is None:
        return _card(f'<p class="hint">{escape(_why_not(review))}</p>')
    drawn = both_themes(partial(plots.risk_coverage, review.arranged.curve(), found))
    return _card(
        f'<p class="review-risk" role="status">{escape(found.sentence)}</p><figure class="chart">{drawn}'
        "<figcaption>Across: the part of the rows that is looked at, the least sure first. Up: the part of all that is "
        "right then, and between which bounds it lies 9 times in 10.</figcaption></figure>"
        '<p class="hint">Rows that the prompt shows as examples, or that its examples were found with, flatter it.</p>'
    )


def _why_not(review: Review) -> str:
    if not review.columns.weighed:
        return "The answers are free text, so nothing says how sure the model was of them."
    if review.about.gold is None:
        return (
            "If some rows of the file, chosen at random, have a right answer in a column of their own, choose it: then "
            "it can be said how many rows to look at."
        )
    return "The right answers say nothing about the rest: there are too few, or all answers are equally sure."


def _card(body: str) -> str:
    return (
        '<section class="card" aria-labelledby="review-many"><header><h2 id="review-many">How many to look at</h2>'
        f"</header>{body}</section>"
    )
