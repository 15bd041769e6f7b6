"""The playground tab: edit a few-shot prompt on the left, see the exact prompt and the answer on the right.

Wires the controls to `Actions` and `Opening`; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.ui import static
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.answer import idle
from gptjt_demo.ui.playground.controls import Controls, Page, unchanged
from gptjt_demo.ui.playground.details import details
from gptjt_demo.ui.playground.editor import editor
from gptjt_demo.ui.playground.exchange import COPY_LINK, connect, link
from gptjt_demo.ui.playground.kept import kept_panel, read_record, template_record
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.playground.outcome import Outcome
from gptjt_demo.ui.playground.rules import RULES
from gptjt_demo.ui.session import session

RUNS_AT_ONCE = 16
"""Runs that stream at the same time; the engine takes turns among them, later ones wait in the queue."""

# page.js holds a Run that is pressed before the picked template is on the page, and lets it go after.
TELL_PICKING = "(...values) => { document.dispatchEvent(new Event('picking')); return values; }"
TELL_PICKED = "() => { document.dispatchEvent(new Event('picked')); }"

# What a row's cells are called follows the cues as they are typed, here, so that no answer from afar undoes typing.
_RELABEL = """(wording, examples, query) => {
  const row = wording.rows[0], inputs = wording.names.length;
  const name = (cue, other) => cue.trim().replace(/:$/, "").trim() || other;
  const called = row.slice(0, inputs).map((cue, place) => name(cue, wording.names[place]));
  return [
    { ...examples, columns: [...called, name(row[inputs], "output")] },
    { ...query, columns: called },
  ];
}"""


@dataclass(frozen=True)
class Playground:
    """What other tabs need of this one.

    Attributes:
        controls: all of the prompt.
        previews: what `Actions.preview` fills.
        page: what `Opening` fills.
        opening: opens templates here.
    """

    controls: Controls
    previews: list[Any]
    page: Page
    opening: Opening


def playground(blocks: gr.Blocks, actions: Actions) -> Playground:
    """Build the tab inside the open `blocks`. It shows the library's first template from the start."""
    engine = actions.engine
    opening = Opening(actions)
    shown, wrong, advised = actions.preview(actions.controls(next(iter(actions.library))))
    outcome = gr.State(None)
    before = gr.State(None)
    with gr.Row(elem_id="columns", equal_height=False):
        with gr.Column(elem_id="edit", min_width=320):
            edit = editor(actions, opening, wrong)
        with gr.Column(elem_id="result", min_width=320):
            with gr.Column(elem_id="ask"):
                edit.query.render()  # type: ignore[no-untyped-call]
                with gr.Row(elem_id="actions"):
                    run = gr.Button("Run", variant="primary", elem_id="run", scale=3, min_width=120)
                    stop = gr.Button("Stop", elem_id="stop", scale=1, min_width=80)
                compare = gr.Checkbox(
                    False,
                    label="Compare prefix and causal attention"
                    + ("" if engine.supports_prefix else f": {engine.name} can only run causally"),
                    elem_id="compare",
                    interactive=engine.supports_prefix,
                    container=False,
                )
            with gr.Column(elem_id="outcome", elem_classes="card"):
                answer = gr.HTML(
                    idle(engine.name),
                    elem_id="answer",
                    apply_default_css=False,
                    js_on_load=static.read("answer.js"),
                )
                with gr.Column(elem_id="weights"):
                    shares = gr.HTML("", elem_id="shares", apply_default_css=False)
                    rule = gr.Radio(
                        [(name, key) for key, (name, _) in RULES.items()],
                        value="logprob",
                        label="Compare labels by",
                        elem_id="rule",
                    )
                facts = gr.HTML("", elem_id="details", apply_default_css=False)
            prompt = gr.HTML(shown, elem_id="prompt", apply_default_css=False)
            advice = gr.HTML(advised, elem_id="advice", apply_default_css=False, js_on_load=static.read("advice.js"))
            kept = kept_panel()

    controls = edit.controls
    previews = [prompt, edit.problem, advice]
    page = Page(
        controls,
        picker=edit.picker,
        about=edit.lines,
        prompt=prompt,
        problem=edit.problem,
        advice=advice,
        answer=answer,
        shares=shares,
        outcome=outcome,
        before=before,
        undo=edit.undo,
        notice=edit.notice,
    )

    def pick(request: gr.Request, name: str, *values: Any) -> tuple[Any, ...]:
        return opening.picked(session(request), name, Controls(*values)).flat()

    def reset_all(request: gr.Request, *values: Any) -> tuple[Any, ...]:
        return opening.picked(session(request), "", Controls(*values)).flat()

    def undo(request: gr.Request, held: Controls | None, *values: Any) -> tuple[Any, ...]:
        return opening.back(session(request), held, Controls(*values)).flat()

    def preview(*values: Any) -> tuple[str, str, str]:
        return actions.preview(Controls(*values))

    def turn(*values: Any) -> tuple[Any, ...]:
        turned, line = actions.turn(Controls(*values))
        shown, wrong, advised = actions.preview(turned)
        return (*turned, shown, line or wrong, advised)

    def mend(event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        asked = event._data if isinstance(event._data, dict) else {}
        place, rule, held = asked.get("place"), asked.get("rule"), Controls(*values)
        mended = actions.mend(place, rule, held) if isinstance(place, int) and isinstance(rule, str) else None
        if mended is None:
            return unchanged().flat()
        return opening.mended(mended, held).flat()

    def run_prompt(request: gr.Request, both: bool, by: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        for *shown, last in actions.run(session(request), both, by, Controls(*values)):
            yield *shown, last, details(last)

    def branch(request: gr.Request, event: gr.EventData, by: str, last: Outcome | None) -> Iterator[tuple[Any, ...]]:
        for *shown, now in actions.branch(session(request), by, last, event._data):
            yield *shown, now, details(now)

    def weigh(request: gr.Request, by: str, last: Outcome | None) -> Iterator[tuple[Any, ...]]:
        yield from actions.weigh(session(request), by, last)

    def record(last: Outcome | None) -> Any:
        return last.record() if last is not None and last.done else gr.skip()

    def keep_prompt(event: gr.EventData, *values: Any) -> tuple[Any, str]:
        try:
            return template_record(actions.whole(Controls(*values)), event._data), ""
        except PlaygroundError as error:
            return gr.skip(), problem(str(error))

    def reopen(request: gr.Request, event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        try:
            template = read_record(event._data)
        except PlaygroundError as error:
            return opening.refused(str(error)).flat()
        note = f"“{template.title}” was opened from your history."
        return opening.opened(session(request), template, note, Controls(*values)).flat()

    def make_link(*values: Any) -> tuple[Any, str]:
        return link(actions, Controls(*values))

    def stop_run(request: gr.Request) -> None:
        actions.stop(session(request))

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for event, handler, inputs in (
        (edit.picker.input, pick, [edit.picker, *controls]),
        (edit.reset.click, reset_all, controls),
        (edit.undo.click, undo, [before, *controls]),
    ):
        event(handler, inputs, page.flat(), js=TELL_PICKING, queue=False, **quiet).then(None, js=TELL_PICKED, **quiet)
    edit.view.input(turn, controls, [*controls, *previews], js=TELL_PICKING, queue=False, **quiet).then(
        None, js=TELL_PICKED, **quiet
    )
    edit.wording.input(
        None, [edit.wording, edit.examples, edit.query], [edit.examples, edit.query], js=_RELABEL, **quiet
    )
    gr.on(
        # A textbox's `input` misses what is pasted, dictated or filled in by a browser; its `change` does not.
        [
            edit.examples.input,
            edit.query.input,
            edit.wording.input,
            edit.attention.input,
            *(control.change for control in edit.typed),
        ],
        preview,
        controls,
        previews,
        queue=False,
        trigger_mode="always_last",
        **quiet,
    )
    advice.select(mend, controls, page.flat(), queue=False, **quiet)
    answered = [answer, shares, outcome, facts]
    streaming: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": RUNS_AT_ONCE, **quiet}
    for started in (
        run.click(run_prompt, [compare, rule, *controls], answered, **streaming),
        answer.select(branch, [rule, outcome], answered, **streaming),
    ):
        started.then(record, outcome, kept, queue=False, **quiet).then(
            weigh, [rule, outcome], [shares, outcome], **quiet
        )
    kept.click(keep_prompt, controls, [kept, edit.notice], queue=False, **quiet)
    kept.select(reopen, controls, page.flat(), queue=False, **quiet).then(None, js=TELL_PICKED, **quiet)
    edit.share.click(make_link, controls, [edit.link, edit.notice], queue=False, **quiet).success(
        None, [edit.link, edit.notice], [edit.link, edit.notice], js=COPY_LINK, queue=False, **quiet
    )
    connect(blocks, edit.exchange, actions, opening, controls, page)
    rule.input(weigh, [rule, outcome], [shares, outcome], **quiet)
    stop.click(stop_run, None, None, queue=False, **quiet)
    return Playground(controls, previews, page, opening)
