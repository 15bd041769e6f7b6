"""What a run will come to, before Run is pressed, as HTML: rows, tokens, rows that are too long, and the time.

In: an `Estimate`, if there is one. Out: HTML for a gr.HTML value. Knows nothing of gradio or of how it was found.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.batch.estimate import Estimate, too_long_words
from gptjt_demo.batch.progress import count, duration


def ahead(found: Estimate | None, *, more: bool = False) -> str:
    """The facts in a line each, and what is wrong with some rows.

    Args:
        found: what is known; None: it is being counted.
        more: whether the time is still to come.
    """
    if found is None:
        return _card('<p class="hint">Counting the tokens of the rows…</p>')
    about = "" if found.exact else "about "
    facts = {"Rows": f"{found.rows:,}", "Tokens": f"{about}{found.tokens:,}", "Longest": f"{about}{found.longest:,}"}
    if found.seconds is not None:
        facts["Time"] = f"about {duration(found.seconds)}"
    elif more:
        facts["Time"] = "trying a few rows…"
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    warned = []
    if found.too_long:
        warned.append(
            f"{too_long_words(found)}. Shorten them or the prompt, or they come back with that as their error."
        )
    if found.unaskable:
        blank = count(found.unaskable, "row")
        warned.append(f"{blank} {'is' if found.unaskable == 1 else 'are'} blank or damaged, and will not be answered.")
    lines = "".join(f'<p class="notice" role="note">{escape(line)}</p>' for line in warned)
    told = ""
    if found.seconds is not None:
        told = (
            f'<p class="hint">By {count(found.probed, "row")} of the file, if nobody else asks the model meanwhile.</p>'
        )
    return _card(f'<dl class="facts">{items}</dl>{lines}{told}')


def _card(body: str) -> str:
    return (
        '<section class="card ahead" aria-labelledby="ahead-title"><header><h2 id="ahead-title">Before the run</h2>'
        f"</header>{body}</section>"
    )
