"""The About tab: what prefix attention is, the two masks for the current prompt, and the mask's self-test.

In: the engine and the playground's controls. Out: HTML, every text escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.ui.about.masks import masks
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.playground.tab import Playground

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

_WHY = """
<p>A causal model reads a prompt from left to right: at each word it does not know yet what comes after it. A <b>prefix
language model</b> reads the whole prompt in both directions, so it reads every example knowing the question; only its
answer is written from left to right. GPT-JT was trained in this way, starting from GPT-J.</p>
<p>GPT-JT’s published files hold its attention mask as buffers of ones. The transformers library stopped loading such
buffers in version 4.29 and removed them in 4.45, so a usual load runs the model causally, and no message says so. Here
the mask is given to the model with every prompt, and a test at the start shows whether the model follows it.</p>
"""


def about_tab(actions: Actions, play: Playground, tab: gr.Tab) -> None:
    """Build the tab's content inside the open `gr.Tab`; what may have changed is drawn again each time
    it is opened."""
    with gr.Column(elem_id="about-tab"):
        first = actions.controls(next(iter(actions.templates)))
        why = gr.HTML(_card("What prefix attention is", _WHY) + self_test(actions.engine), apply_default_css=False)
        picture = gr.HTML(drawn(actions, first), elem_id="masks", apply_default_css=False)
        how = gr.HTML(_how(actions.engine), apply_default_css=False)
    later = actions.arrival.later
    later(why, lambda _: {"value": _card("What prefix attention is", _WHY) + self_test(actions.engine)})
    later(picture, lambda held: {"value": drawn(actions, held or first)})
    later(how, lambda _: {"value": _how(actions.engine)})

    def draw(*values: Any) -> tuple[str, str]:
        return drawn(actions, Controls(*values)), _how(actions.engine)  # a compiled step may have come meanwhile

    tab.select(draw, play.controls, [picture, how], show_progress="hidden", queue=False, api_visibility="private")


def drawn(actions: Actions, held: Controls) -> str:
    """Both masks for the prompt that the controls hold, or the line that says why there is none."""
    try:
        body = masks(actions.engine.tokens(actions.draft(held).prompt()))
    except PlaygroundError as error:
        body = problem(str(error))
    return _card("The two masks for your prompt", body)


def _how(engine: Answers) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in engine.notes)
    return _card(f"How {engine.name} runs", f"<ul>{notes}</ul>" if notes else "<p>It is still being loaded.</p>")


def self_test(engine: Answers) -> str:
    """The test at the start, in words and numbers."""
    if engine.loading is not None:
        return _card("The self-test", "<p>It is run when the model is loaded.</p>")
    test = engine.self_test
    outcome = (
        f"{engine.name} passes: it runs with prefix attention where you choose it."
        if test.supports_prefix
        else f"{engine.name} does not pass: it always runs with causal attention."
    )
    rows = (("Prefix mask", test.prefix_change), ("Causal mask", test.causal_change))
    numbers = "".join(
        f"<div><dt>{name}</dt><dd>{100 * change:.2g} % change at the first token</dd></div>" for name, change in rows
    )
    return _card(
        "The self-test",
        "<p>The last token of a prompt is replaced by another. With a prefix mask, what the model computes at the "
        f"first token must then change; with a causal mask it must not. <b>{escape(outcome)}</b></p>"
        f'<dl class="facts">{numbers}</dl>'
        + ("" if test.supports_prefix else f'<p class="hint">{escape(test.reason)}</p>'),
    )


def _card(title: str, body: str) -> str:
    return f'<section class="card reading"><h2>{escape(title)}</h2>{body}</section>'
