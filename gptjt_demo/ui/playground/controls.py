"""What a person edits on the page, and all of the page that changes with the prompt, each by its name.

The tuples hold either gradio components or their values, in the order in which gradio takes and gives them. Knows
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
    title: Any
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
    shape: Any
    shape_value: Any
    nearest: Any
    attention: Any


class Previews(NamedTuple):
    """What is shown again after every edit.

    `prompt` is the exact prompt, `problem` a wrong setting's line, `misshapen` a wrong shape's, `advice` what is odd
    about the prompt, `about` whose it is, `offer` the button that takes the outputs as labels.
    """

    prompt: Any
    problem: Any
    misshapen: Any
    advice: Any
    about: Any
    offer: Any


class Page(NamedTuple):
    """Everything that changes when another prompt is shown.

    `held` are the controls' values for the browser, which puts them in their places, see draft.js.
    """

    base: Any
    previews: Previews
    picker: Any
    held: Any
    answer: Any
    shares: Any
    details: Any
    outcome: Any
    undo: Any
    redo: Any
    notice: Any

    def flat(self) -> tuple[Any, ...]:
        """As gradio takes it."""
        return (self.base, *self.previews, *self[2:])


def unchanged(**changes: Any) -> Page:
    """A page on which only this changes."""
    same = gr.skip()
    page = Page(same, Previews(*[same] * len(Previews._fields)), *[same] * (len(Page._fields) - 2))
    return page._replace(**changes)
