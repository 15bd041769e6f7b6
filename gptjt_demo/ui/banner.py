"""The page's head and a template's own lines, as HTML.

In: names and texts. Out: HTML for a gr.HTML value, every text escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

NAME = "GPT-JT Playground"
JOB = "Show a language model a few examples of a small text job, and it does the same job on your own text."

_EXAMPLES = (("It broke after two days.", "complaint"), ("Thank you, it is perfect!", "praise"))
_QUERY = ("Do you ship to Norway?", "question")


def banner(
    model: str, attention: str, supports_prefix: bool, notes: Sequence[str], *, stand_in: bool, notice: str = ""
) -> str:
    """What the page is for, in a sentence and as a picture; which model, which mask, and that a stand-in is one.

    `notice` is what visitors must be told of how the model came to answer.
    """
    mask = f"{attention} attention" if supports_prefix else "causal attention only"
    lines = "".join(f"<li>{escape(line)}</li>" for line in notes)
    details = f"<details><summary>How it runs</summary><ul>{lines}</ul></details>" if lines else ""
    other = f'<p class="stand-in">{escape(model)} is a stand-in. It is not GPT-JT-6B.</p>' if stand_in else ""
    other = f'<p class="notice" role="note">{escape(notice)}</p>{other}' if notice else other
    return (
        f'<header class="banner"><div class="banner-words"><h1>{NAME}</h1><p class="the-job">{JOB}</p>'
        f'<div class="loaded"><p><span class="chip">{escape(model)}</span><span class="chip">{mask}</span></p>'
        f"{other}{details}</div></div>{_picture()}</header>"
    )


def _picture() -> str:
    """The job as a drawing: two examples in, a new text, and its answer out."""
    first, *examples = (f"<span>{text}</span><i>→</i><span>{label}</span>" for text, label in _EXAMPLES)
    query, answer = _QUERY
    told = "; ".join(f"“{text}” is {label}" for text, label in _EXAMPLES)
    name = (
        f"A picture of the job. You give examples: {told}. You give a new text: “{query}” The model answers: {answer}."
    )
    return (
        f'<div class="picture" role="img" aria-label="{escape(name, quote=True)}">'
        f"<b>Your examples</b>{first}{''.join(f'<b></b>{row}' for row in examples)}"
        f'<div class="picture-rule"></div><b>A new text</b><span>{query}</span><i>→</i>'
        f'<span class="picture-answer">{answer}</span></div>'
    )


def about(description: str, notice: str, licence: str, source: str) -> str:
    """A template's description, its notice, and where it is from; nothing where it says nothing."""
    origin = '<span class="dot"> · </span>'.join(part for part in (escape(licence), _link(source)) if part)
    lines = (
        f"<p>{escape(description)}</p>" if description else "",
        f'<p class="notice" role="note">{escape(notice)}</p>' if notice else "",
        f'<p class="origin">{origin}</p>' if origin else "",
    )
    return f'<div class="about">{"".join(lines)}</div>' if any(lines) else ""


def _link(source: str) -> str:
    if not source.startswith("https://"):
        return escape(source)
    return f'<a href="{escape(source)}" target="_blank" rel="noopener">{escape(source.removeprefix("https://"))}</a>'
