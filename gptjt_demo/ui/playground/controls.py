"""What a person edits on the page, and all of the page that changes with the prompt, each by its name.

Both tuples hold either gradio components or their values, in the order in which gradio takes and gives them. Knows
nothing of what the values mean.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr


class Controls(NamedTuple):
    """The controls that hold the prompt. A browser sends their values: all but `base` are not to be trusted.

    `base` is the template that the edits are laid over, `raw` the whole prompt as text, `view` which of rows and text
    counts.
    """

    base: Any
    instruction: Any
    examples: Any
    labels: Any
    query: Any
    wording: Any
    raw: Any
    view: Any
    max_new_tokens: Any
    temperature: Any
    top_k: Any
    top_p: Any
    seed: Any
    stops: Any
    attention: Any


class Page(NamedTuple):
    """Everything that changes when another prompt is shown. `before` is what was there, as `Controls`, or None."""

    controls: Controls
    picker: Any
    about: Any
    prompt: Any
    problem: Any
    advice: Any
    answer: Any
    shares: Any
    outcome: Any
    before: Any
    undo: Any
    notice: Any

    def flat(self) -> tuple[Any, ...]:
        """As gradio takes it: the controls one by one, then the rest."""
        return (*self.controls, *self[1:])


def unchanged(**changes: Any) -> Page:
    """A page on which only this changes."""
    same = gr.skip()
    page = Page(Controls(*[same] * len(Controls._fields)), *[same] * (len(Page._fields) - 1))
    return page._replace(**changes)
