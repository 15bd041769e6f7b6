"""The settings' controls, and their values as `Sampling`. Names, ranges and defaults are read from its fields.

Stops are written one a line, escaped; those that follow from separator and cues are the template's own business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from gptjt_demo.errors import SettingError
from gptjt_demo.settings import Sampling, bounds
from gptjt_demo.ui.playground.wording import escaped, unescaped

NUMBERS = ("max_new_tokens", "temperature", "top_k", "top_p", "seed")
"""The fields of Sampling that have a control each, in the order of the page."""


def label(name: str) -> str:
    """A field's name as a person reads it."""
    return name.replace("_", " ").capitalize()


def control(name: str, sampling: Sampling) -> gr.Number | gr.Textbox:
    """A field's control. It has no bounds of its own: gradio would say so in a toast, `read` says it in place.

    The seed is text, because gradio's number turns a blank into 0.
    """
    field = Sampling.model_fields[name]
    if name == "seed":
        return gr.Textbox(
            show_seed(sampling.seed),
            label="Seed",
            info=field.description,
            min_width=150,
            elem_id="setting-seed",
            buttons=[],
        )
    return gr.Number(
        getattr(sampling, name),
        label=label(name),
        info=f"{field.description} {bounds(name)}.",
        step=1 if _whole(name) else 0.05,
        min_width=150,
        elem_id=f"setting-{name}",
    )


def values(sampling: Sampling) -> dict[str, Any]:
    """The controls' values for these settings, by the names of `NUMBERS`."""
    return {name: show_seed(sampling.seed) if name == "seed" else getattr(sampling, name) for name in NUMBERS}


def show_seed(seed: int | None) -> str:
    """A seed as text to edit; blank draws one."""
    return "" if seed is None else str(seed)


def show_stops(stops: Sequence[str]) -> str:
    """Stops as text to edit."""
    return "\n".join(map(escaped, stops))


def read_stops(text: str) -> list[str]:
    """Edited text as stops; an empty line is none."""
    return [unescaped(line) for line in text.split("\n") if line]


def read(values: Mapping[str, Any], stops: str) -> Sampling:
    """The controls' values as settings.

    Args:
        values: one for each of `NUMBERS`.
        stops: the stops' text.

    Raises:
        SettingError: one of them is out of its range.
    """
    try:
        return Sampling.read({**values, "stop": read_stops(stops)})
    except SettingError as error:
        raise SettingError(error.what, where=label(error.where), mend=error.mend) from None


def _whole(name: str) -> bool:
    return Sampling.model_fields[name].annotation is not float
