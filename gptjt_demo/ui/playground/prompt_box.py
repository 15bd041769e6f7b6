"""The exact prompt as HTML: the text that the model is given, to the byte, and how many tokens it is.

In: text and counts. Out: HTML for a gr.HTML value, the text escaped. Knows nothing of templates or engines.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.ui.html import problem


def prompt_box(prompt: str, tokens: int, room: int, context: int, key: str = "") -> str:
    """The prompt with its token count; says so where it and `room` new tokens exceed the context.

    `key` is what an answer to this very question carries too.
    """
    count = f"{tokens:,} of {context:,} tokens"
    line = ""
    if tokens + room > context:
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
    )


def no_prompt(line: str) -> str:
    """In the prompt's place: the one line that says why there is none."""
    return _card("", problem(line))


def _card(status: str, body: str, key: str = "") -> str:
    return (
        f'<section class="card prompt" data-key="{key}" aria-labelledby="prompt-title"><header>'
        f'<h2 id="prompt-title">Exact prompt</h2>'
        f'<span class="status">{status}</span></header>{body}</section>'
    )
