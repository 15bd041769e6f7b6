"""The playground tab: edit a few-shot prompt on the left, see the exact prompt and the answer on the right.

Lays out the controls and wires them to `Actions`; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from gptjt_demo.ui import settings
from gptjt_demo.ui.actions import Actions
from gptjt_demo.ui.answer import idle
from gptjt_demo.ui.grid import grid

RUNS_AT_ONCE = 16
"""Runs that stream at the same time; the engine takes turns among them, later ones wait in the queue."""

# page.js holds a Run that is pressed before the picked template is on the page, and lets it go after.
_TELL_PICKING = "(name) => { document.dispatchEvent(new Event('picking')); return [name]; }"
_TELL_PICKED = "() => { document.dispatchEvent(new Event('picked')); }"


def playground(actions: Actions) -> None:
    """Build the tab inside the open `gr.Blocks`. It shows the library's first template from the start."""
    engine = actions.engine
    template = next(iter(actions.library))
    values = actions.fields(template)
    shown, wrong = actions.preview(*values)

    base = gr.State(template)
    with gr.Row(elem_id="columns", equal_height=False):
        with gr.Column(elem_id="edit", min_width=320):
            with gr.Row(elem_id="pick", equal_height=False):
                picker = gr.Dropdown(
                    [(item.title, item.name) for item in actions.library],
                    value=template.name,
                    label="Template",
                    filterable=False,
                    elem_id="template",
                )
                reset = gr.Button("Reset", elem_id="reset", size="md", scale=0, min_width=80)
            lines = gr.HTML(actions.lines(template), elem_id="about", apply_default_css=False)
            instruction = gr.Textbox(
                values[1], label="Instruction", lines=2, max_lines=14, elem_id="instruction", buttons=[]
            )
            examples = grid(values[2], title="Examples", noun="Example", elem_id="examples")
            query = grid(values[4], title="Your input", noun="Your input", fixed=True, elem_id="query")
            labels = gr.Textbox(
                values[3],
                label="Labels",
                info="Comma-separated. With labels, the model also weighs each of them; leave blank for free text.",
                lines=1,
                max_lines=6,
                elem_id="labels",
                buttons=[],
            )
            with gr.Accordion("Settings", open=False, elem_id="settings"):
                attention = gr.Radio(
                    [("Prefix: the prompt is read both ways", "prefix"), ("Causal: left to right", "causal")],
                    value=values[-1],
                    label="Attention",
                    info=None if engine.supports_prefix else f"{engine.name} can only run causally.",
                    interactive=engine.supports_prefix,
                    elem_id="attention",
                )
                with gr.Row(elem_id="numbers"):
                    numbers = [settings.control(name, template.generation) for name in settings.NUMBERS]
                stops = gr.Textbox(
                    values[-2],
                    label="Stops",
                    info="One a line; \\n is a line feed. The answer ends before any of them.",
                    lines=2,
                    max_lines=8,
                    elem_id="stops",
                    buttons=[],
                )
            setting_problem = gr.HTML(wrong, elem_id="setting-problem", apply_default_css=False)
        with gr.Column(elem_id="result", min_width=320):
            with gr.Row(elem_id="actions"):
                run = gr.Button("Run", variant="primary", elem_id="run", scale=3, min_width=120)
                stop = gr.Button("Stop", elem_id="stop", scale=1, min_width=80)
            answer = gr.HTML(idle(engine.name), elem_id="answer", apply_default_css=False)
            shares = gr.HTML("", elem_id="shares", apply_default_css=False)
            prompt = gr.HTML(shown, elem_id="prompt", apply_default_css=False)

    controls = [base, instruction, examples, labels, query, *numbers, stops, attention]

    def pick_template(name: str, request: gr.Request) -> tuple[Any, ...]:
        return actions.pick(name, session(request))

    def run_prompt(request: gr.Request, *values: Any) -> Iterator[tuple[str, str]]:
        yield from actions.run(session(request), *values)

    def stop_run(request: gr.Request) -> None:
        actions.stop(session(request))

    gr.on(
        [picker.input, reset.click],
        pick_template,
        picker,
        [*controls, lines, prompt, setting_problem, answer, shares],
        js=_TELL_PICKING,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    ).then(None, js=_TELL_PICKED, show_progress="hidden", api_visibility="private")
    gr.on(
        # A textbox's `input` misses what is pasted, dictated or filled in by a browser; its `change` does not.
        [examples.input, query.input, *(control.change for control in (instruction, labels, *numbers, stops))],
        actions.preview,
        controls,
        [prompt, setting_problem],
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    run.click(
        run_prompt,
        controls,
        [answer, shares],
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=RUNS_AT_ONCE,
        api_visibility="private",
    )
    stop.click(stop_run, None, None, queue=False, show_progress="hidden", api_visibility="private")


def session(request: gr.Request) -> str:
    """The visitor's tab: no other tab has the same."""
    return request.session_hash or ""
