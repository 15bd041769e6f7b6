"""The left side of the playground: everything of a prompt that a person edits, as gradio components.

Lays out and fills; wires nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gptjt_demo.ui.loading import attention_control, causal_alone
from gptjt_demo.ui.playground import settings
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls, Previews
from gptjt_demo.ui.playground.draft import RAW, ROWS
from gptjt_demo.ui.playground.draft_box import draft_box
from gptjt_demo.ui.playground.exchange import Exchange, exchange
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.playground.shape_box import shape_box
from gptjt_demo.ui.playground.wording import WHERE
from gptjt_demo.ui.rows.grid import grid


@dataclass(frozen=True)
class Editor:
    """The components. `controls` hold the prompt; `typed` are the ones whose edits must be shown at once. `query` is
    rendered by the caller, beside Run."""

    picker: gr.Dropdown
    reset: gr.Button
    share: gr.Button
    undo: gr.Button
    redo: gr.Button
    notice: gr.HTML
    link: gr.Textbox
    about: gr.HTML
    offer: gr.Button
    draft: gr.HTML
    view: gr.Radio
    examples: gr.HTML
    query: gr.HTML
    wording: gr.HTML
    attention: gr.Radio
    typed: list[Any]
    controls: Controls
    problem: gr.HTML
    misshapen: gr.HTML
    exchange: Exchange


def editor(actions: Actions, opening: Opening, shown: Previews) -> Editor:
    """Build the left side; it shows the library's first template.

    Args:
        actions: what the page does.
        opening: how the picker is filled.
        shown: what is shown of the prompt at first.
    """
    engine = actions.engine
    template = next(iter(actions.templates))
    held = actions.controls(template)
    base = gr.State(template)
    with gr.Row(elem_id="pick", equal_height=False):
        picker = gr.Dropdown(**opening.choices(template), label="Template", filterable=False, elem_id="template")
        reset = gr.Button("Reset", elem_id="reset", size="md", scale=0, min_width=76)
        share = gr.Button("Copy link", elem_id="share", size="md", scale=0, min_width=104)
        undo = gr.Button("Undo", elem_id="undo", size="md", scale=0, min_width=72, visible=False)
        redo = gr.Button("Redo", elem_id="redo", size="md", scale=0, min_width=72, visible=False)
    draft = draft_box(opening.held(held))
    notice = gr.HTML("", elem_id="notice", apply_default_css=False)
    link = gr.Textbox(label="Link", interactive=False, lines=1, max_lines=1, elem_id="link", buttons=[])
    about = gr.HTML(shown.about, elem_id="about", apply_default_css=False)
    with gr.Row(elem_id="naming", equal_height=False):
        title = _text(held.title, "Name", "title", max_lines=1, max_length=100, min_width=200)
        view = gr.Radio(
            [("Rows", ROWS), ("Raw prompt", RAW)], value=ROWS, label="Edit as", elem_id="view", scale=0, min_width=180
        )
    paste = "Edit it, or paste another. Rows shows it as rows again."
    raw = _text(held.raw, "The whole prompt", "raw", lines=12, max_lines=30, info=paste)
    instruction = _text(held.instruction, "Instruction", "instruction", lines=2, max_lines=14)
    examples = grid(held.examples, title="Examples", noun="Example", elem_id="examples")
    query = grid(held.query, title="Your input", noun="Your input", fixed=True, elem_id="query", render=False)
    labels = _text(
        held.labels,
        "Labels",
        "labels",
        max_lines=6,
        info="The possible answers, separated by commas: the model then says how likely each is. Blank for free text.",
    )
    offer = gr.Button(
        "Use the outputs as labels", visible=False, size="sm", elem_id="offer-labels", elem_classes="offer"
    )
    with gr.Column(elem_id="folds"):
        with gr.Accordion(WHERE, open=False, elem_id="words"):
            wording = grid(held.wording, title="", noun="Words", fixed=True, elem_id="wording")
        with gr.Accordion("Settings", open=False, elem_id="settings"):
            attention = gr.Radio(
                [
                    ("Prefix: reads the whole prompt in both directions", "prefix"),
                    ("Causal: reads from left to right", "causal"),
                ],
                label="Attention",
                elem_id="attention",
                **attention_control(engine, held.attention),
            )
            actions.arrival.later(attention, lambda _: causal_alone(engine))
            with gr.Row(elem_id="numbers"):
                numbers = {name: settings.control(name, template.generation) for name in settings.NUMBERS}
            stops = _text(
                held.stops,
                "Stop sequences",
                "stops",
                max_lines=8,
                info="One per line; \\n is a line break. The answer ends before any of these, and before a new row.",
            )
            nearest = _text(
                held.nearest,
                "Nearest examples",
                "setting-nearest",
                max_lines=1,
                info="Blank: a prompt shows all examples. A number: only so many, those most like the input.",
            )
            shaping = shape_box({"shape": held.shape, "shape_value": held.shape_value})
        swap = exchange()
    wrong_setting = gr.HTML(shown.problem, elem_id="setting-problem", apply_default_css=False)
    return Editor(
        picker=picker,
        reset=reset,
        share=share,
        undo=undo,
        redo=redo,
        notice=notice,
        link=link,
        about=about,
        offer=offer,
        draft=draft,
        view=view,
        examples=examples,
        query=query,
        wording=wording,
        attention=attention,
        typed=[title, instruction, labels, raw, *numbers.values(), stops, nearest, shaping.value],
        controls=Controls(
            base=base,
            title=title,
            instruction=instruction,
            examples=examples,
            labels=labels,
            query=query,
            wording=wording,
            raw=raw,
            view=view,
            **numbers,
            stops=stops,
            shape=shaping.kind,
            shape_value=shaping.value,
            nearest=nearest,
            attention=attention,
        ),
        problem=wrong_setting,
        misshapen=shaping.problem,
        exchange=swap,
    )


def _text(value: str, label: str, elem_id: str, *, max_lines: int, lines: int = 1, **more: Any) -> gr.Textbox:
    """A field of text that grows to `max_lines`."""
    return gr.Textbox(value, label=label, elem_id=elem_id, lines=lines, max_lines=max_lines, buttons=[], **more)
