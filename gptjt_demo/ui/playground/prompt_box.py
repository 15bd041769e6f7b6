"""The exact prompt as HTML: the text that the model is given, to the byte, how many tokens it is, and whose it is.

In: text and counts, a template. Out: HTML for a gr.HTML value, the text escaped. Knows nothing of engines.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.templates.template import Template
from gptjt_demo.ui.banner import about
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.identity import BLANK, Origin


def prompt_box(prompt: str, tokens: int | None, room: int, context: int, key: str = "", version: str = "") -> str:
    """The prompt with its token count; says so where it and `room` new tokens exceed the context.

    `tokens` is None where nobody can count them yet; `key` is what an answer to this very question carries too,
    `version` what an export of this very prompt does.
    """
    count = "" if tokens is None else f"{tokens:,} of {context:,} tokens"
    line = ""
    if tokens is not None and tokens + room > context:
        line = (
            f"{tokens:,} tokens and {room:,} new ones exceed the context of {context:,}; "
            "shorten the prompt or lower max new tokens"
        )
    # HTML drops one line feed after <pre>: the first one is ours, so that none of the prompt's is lost.
    text = f"<pre>\n{escape(prompt)}</pre>"
    return _card(
        count,
        f'{problem(line)}<div class="prompt-scroll" tabindex="0" role="group" aria-label="Text">{text}</div>',
        key,
        version,
    )


_BEGIN = (
    "Write an instruction, or only examples: what goes in, and what should come out. Rows that you copied from a "
    "spreadsheet can be pasted into the first cell."
)


def whose(base: Template, template: Template, made: Origin, *, unfit: str = "") -> str:
    """What a template says of itself, and what it began as where it is no longer that.

    Args:
        base: what it began as.
        template: what is on the page.
        made: what the two have to do with each other.
        unfit: labels that do not fit it and are left out.
    """
    said = {"same": "", "edited": f"Edited from “{base.title}”.", "own": "A prompt of your own."}[made]
    if made == "same" and base == BLANK:
        said = _BEGIN
    said += f" The labels “{unfit}” do not fit it and are left out." if unfit else ""
    of_its_own = about(template.description, template.notice, template.licence, template.source)
    return of_its_own + (f'<div class="about"><p>{escape(said)}</p></div>' if said else "")


def no_prompt(line: str) -> str:
    """In the prompt's place: the one line that says why there is none."""
    return _card("", problem(line))


def _card(status: str, body: str, key: str = "", version: str = "") -> str:
    return (
        f'<section class="card prompt" data-key="{key}" data-version="{version}" aria-labelledby="prompt-title">'
        "<header>"
        f'<h2 id="prompt-title">Exact prompt</h2>'
        f'<span class="status">{status}</span></header>{body}</section>'
    )
