"""The page's head and a template's own lines, as HTML.

In: names and texts. Out: HTML for a gr.HTML value, every text escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

NAME = "GPT-JT Playground"


def banner(model: str, attention: str, supports_prefix: bool, notes: Sequence[str], *, stand_in: bool) -> str:
    """Which product, which model, which mask, and plainly that a stand-in is one."""
    mask = f"{attention} attention" if supports_prefix else "causal attention only"
    lines = "".join(f"<li>{escape(line)}</li>" for line in notes)
    details = f"<details><summary>How it runs</summary><ul>{lines}</ul></details>" if lines else ""
    other = f'<p class="stand-in">{escape(model)} is a stand-in. It is not GPT-JT-6B.</p>' if stand_in else ""
    return (
        f'<header class="banner"><div><h1>{NAME}</h1>'
        "<p>Few-shot prompts for a model that reads the whole prompt in both directions.</p></div>"
        f'<div class="loaded"><p><span class="chip">{escape(model)}</span><span class="chip">{mask}</span></p>'
        f"{other}{details}</div></header>"
    )


def about(description: str, notice: str, licence: str, source: str) -> str:
    """A template's description, its notice, and where it is from."""
    origin = " · ".join(part for part in (escape(licence), _link(source)) if part)
    return (
        f'<div class="about"><p>{escape(description)}</p>'
        + (f'<p class="notice" role="note">{escape(notice)}</p>' if notice else "")
        + (f'<p class="origin">{origin}</p>' if origin else "")
        + "</div>"
    )


def _link(source: str) -> str:
    if not source.startswith("https://"):
        return escape(source)
    return f'<a href="{escape(source)}" target="_blank" rel="noopener">{escape(source.removeprefix("https://"))}</a>'
