"""The playground tab: edit a few-shot prompt on the left, see the exact prompt and the answer on the right.

Wires the controls to `Actions` and `Opening`; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.ui import static
from gptjt_demo.ui.line import RUNS
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls, Page, Previews, unchanged
from gptjt_demo.ui.playground.details import details
from gptjt_demo.ui.playground.draft_box import KEEP, LAND, SETTLE, SETTLE_UNTOLD, TELL_PICKING, read_draft
from gptjt_demo.ui.playground.editor import editor
from gptjt_demo.ui.playground.exchange import COPY_LINK, Landing, connect, link
from gptjt_demo.ui.playground.kept import Repeat, kept_panel, read_record, read_repeat, refusal, template_record
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.playground.outcome import Outcome
from gptjt_demo.ui.playground.rules import RULES
from gptjt_demo.ui.playground.shape_box import field as shape_field
from gptjt_demo.ui.playground.versions import compared
from gptjt_demo.ui.session import session

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

RUNS_AT_ONCE = 16
"""Runs that stream at the same time; the engine takes turns among them, later ones wait in one line."""

# What a row's cells are called follows the cues as they are typed, here, so that no answer from afar undoes typing.
_RELABEL = """(wording, examples, query) => {
  const row = wording.rows[0], inputs = wording.names.length;
  const name = (cue, other) => cue.trim().replace(/:$/, "").trim() || other;
  const called = row.slice(0, inputs).map((cue, index) => name(cue, wording.names[index]));
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
        kept: what the visitor keeps; its `apply` asks to measure against a version, its value is the newest to keep.
        opening: opens templates here.
        landing: puts what a handler opened into the controls, as the next step of its event.
    """

    controls: Controls
    previews: Previews
    page: Page
    kept: gr.HTML
    opening: Opening
    landing: Landing


def playground(blocks: gr.Blocks, actions: Actions) -> Playground:
    """Build the tab inside the open `blocks`. It shows the library's first template from the start."""
    engine = actions.engine
    opening = Opening(actions)

    def shown_first() -> Previews:
        return actions.preview(actions.controls(next(iter(actions.templates))))

    first = shown_first()
    outcome = gr.State(None)
    repeated = gr.State(None)
    with gr.Row(elem_id="columns", equal_height=False):
        with gr.Column(elem_id="edit", min_width=320):
            edit = editor(actions, opening, first)
        with gr.Column(elem_id="result", min_width=320):
            with gr.Column(elem_id="ask"):
                edit.query.render()  # type: ignore[no-untyped-call]
                with gr.Row(elem_id="actions"):
                    run = gr.Button("Run", variant="primary", elem_id="run", scale=3, min_width=120)
                    stop = gr.Button("Stop", elem_id="stop", scale=1, min_width=80)
                compare = gr.Checkbox(
                    False,
                    elem_id="compare",
                    container=False,
                    **_compare(engine),
                )
            with gr.Column(elem_id="outcome", elem_classes="card"):
                answer = gr.HTML(
                    actions.idle(),
                    elem_id="answer",
                    apply_default_css=False,
                    js_on_load=static.read("answer.js"),
                )
                place = gr.HTML("", elem_id="place", apply_default_css=False)
                with gr.Column(elem_id="weights"):
                    shares = gr.HTML("", elem_id="shares", apply_default_css=False)
                    rule = gr.Radio(
                        [(name, key) for key, (name, _) in RULES.items()],
                        value="logprob",
                        label="Compare labels by",
                        elem_id="rule",
                    )
                facts = gr.HTML("", elem_id="details", apply_default_css=False)
            prompt = gr.HTML(first.prompt, elem_id="prompt", apply_default_css=False)
            advice = gr.HTML(
                first.advice, elem_id="advice", apply_default_css=False, js_on_load=static.read("advice.js")
            )
            kept = kept_panel()

    later = actions.arrival.later
    later(compare, lambda _: _compare(engine))
    later(answer, lambda _: {"value": actions.idle()}, new=True)
    later(prompt, lambda _: {"value": shown_first().prompt}, new=True)
    later(advice, lambda _: {"value": shown_first().advice}, new=True)
    controls = edit.controls
    previews = Previews(prompt, edit.problem, edit.misshapen, advice, edit.about, edit.offer)
    page = Page(
        controls.base,
        previews,
        picker=edit.picker,
        held=edit.draft,
        answer=answer,
        shares=shares,
        details=facts,
        outcome=outcome,
        undo=edit.undo,
        redo=edit.redo,
        notice=edit.notice,
    )

    def pick(request: gr.Request, name: str, *values: Any) -> tuple[Any, ...]:
        return opening.picked(session(request), name, Controls(*values)).flat()

    def reset_all(request: gr.Request, *values: Any) -> tuple[Any, ...]:
        return opening.picked(session(request), "", Controls(*values)).flat()

    def undo(request: gr.Request, *values: Any) -> tuple[Any, ...]:
        return opening.back(session(request), Controls(*values)).flat()

    def redo(request: gr.Request, *values: Any) -> tuple[Any, ...]:
        return opening.forward(session(request), Controls(*values)).flat()

    def preview(*values: Any) -> Previews:
        return actions.preview(Controls(*values))

    def turn(*values: Any) -> tuple[Any, ...]:
        turned, line = actions.turn(Controls(*values))
        shown = actions.preview(turned)
        return (*turned, *shown._replace(problem=line or shown.problem))

    def mend(request: gr.Request, event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        asked = event._data if isinstance(event._data, dict) else {}
        index, rule, held = asked.get("index"), asked.get("rule"), Controls(*values)
        mended = actions.mend(index, rule, held) if isinstance(index, int) and isinstance(rule, str) else None
        if mended is None:
            return unchanged().flat()
        return opening.mended(session(request), mended, held).flat()

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

    def keep_prompt(event: gr.EventData, *values: Any) -> dict[str, Any]:
        try:
            return template_record(actions.whole(Controls(*values)), event._data)
        except PlaygroundError as error:
            return refusal(str(error))

    def compare_versions(event: gr.EventData) -> dict[str, Any]:
        return compared(event._data)

    def reopen(request: gr.Request, event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        try:
            template, again = read_record(event._data), read_repeat(event._data, engine.name)
        except PlaygroundError as error:
            return (*opening.refused(str(error)).flat(), gr.skip(), None)
        note = f"“{template.title}” was opened from your history." + (f" {again.note}" if again else "")
        shown = opening.opened(session(request), template, note.rstrip(), Controls(*values)).flat()
        return (*shown, again.compare and engine.supports_prefix if again else gr.skip(), again)

    def repeat(
        request: gr.Request, again: Repeat | None, both: bool, by: str, *values: Any
    ) -> Iterator[tuple[Any, ...]]:
        if again is not None:
            for *shown, last in actions.run(session(request), both, by, Controls(*values), again.leads):
                yield *shown, last, details(last)

    def restore(request: gr.Request, event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        try:
            draft = read_draft(event._data)
        except PlaygroundError as error:
            return opening.refused(str(error)).flat()
        return opening.restored(session(request), draft, "Your draft is back.", Controls(*values)).flat()

    def change_rows(request: gr.Request, event: gr.EventData, *values: Any) -> tuple[Any, Any]:
        data = event._data if isinstance(event._data, dict) else {}
        actions.past.keep(session(request), Controls(*values)._replace(examples=data.get("before")))
        return opening.steps(session(request))

    def take_labels(*values: Any) -> str:
        return actions.labels(Controls(*values))

    def landing(event: Any, told: bool = True) -> Any:
        landed = event.then(None, [edit.draft, *controls[1:]], controls[1:], js=LAND, queue=False, **quiet)
        return landed.then(None, js=SETTLE if told else SETTLE_UNTOLD, queue=False, **quiet)

    def suggest(*values: Any) -> str:
        return actions.shape_value(Controls(*values))

    def make_link(*values: Any) -> tuple[Any, str]:
        return link(actions, Controls(*values))

    def stop_run(request: gr.Request) -> None:
        actions.stop(session(request))

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    landing(edit.picker.select(pick, [edit.picker, *controls], page.flat(), js=TELL_PICKING, queue=False, **quiet))
    for event, handler in (
        (edit.reset.click, reset_all),
        (edit.undo.click, undo),
        (edit.redo.click, redo),
    ):
        landing(event(handler, controls, page.flat(), js=TELL_PICKING, queue=False, **quiet))
    edit.view.input(turn, controls, [*controls, *previews], js=TELL_PICKING, queue=False, **quiet).then(
        None, js=SETTLE, **quiet
    )
    edit.wording.input(
        None, [edit.wording, edit.examples, edit.query], [edit.examples, edit.query], js=_RELABEL, **quiet
    )
    edits = [
        edit.examples.input,
        edit.query.input,
        edit.wording.input,
        edit.attention.input,
        controls.shape.input,
        # A textbox's `input` misses what is pasted, dictated or filled in by a browser; its `change` does not.
        *(control.change for control in edit.typed),
    ]
    gr.on(
        [*edits, edit.view.change, edit.examples.change],
        None,
        [edit.draft, *controls[1:]],
        None,
        js=KEEP,
        queue=False,
        **quiet,
    )
    gr.on(
        edits,
        preview,
        controls,
        previews,
        queue=False,
        trigger_mode="always_last",
        **quiet,
    )
    landing(advice.select(mend, controls, page.flat(), queue=False, **quiet), told=False)
    edit.examples.edit(change_rows, controls, [edit.undo, edit.redo], queue=False, **quiet)
    controls.shape.change(shape_field, controls.shape, controls.shape_value, queue=False, **quiet)
    controls.shape.select(suggest, controls, controls.shape_value, queue=False, **quiet)
    edit.offer.click(take_labels, controls, controls.labels, queue=False, **quiet)
    landing(edit.draft.select(restore, controls, page.flat(), queue=False, **quiet))
    answered = [answer, shares, outcome, facts]
    at_once: dict[str, Any] = {"concurrency_limit": RUNS_AT_ONCE, "concurrency_id": RUNS}
    shown_on: dict[str, Any] = {"show_progress": "minimal", "show_progress_on": place}  # who waits sees how many do
    streaming: dict[str, Any] = {"trigger_mode": "multiple", **at_once, **quiet, **shown_on}
    reopened = kept.select(reopen, controls, [*page.flat(), compare, repeated], queue=False, **quiet)
    for started in (
        landing(reopened).then(repeat, [repeated, compare, rule, *controls], answered, **streaming),
        run.click(run_prompt, [compare, rule, *controls], answered, **streaming),
        answer.select(branch, [rule, outcome], answered, **streaming),
    ):
        started.then(record, outcome, kept, queue=False, **quiet).then(
            weigh, [rule, outcome], [shares, outcome], **quiet
        )
    kept.click(keep_prompt, controls, kept, queue=False, **quiet)
    kept.submit(compare_versions, None, kept, queue=False, **quiet)
    edit.share.click(make_link, controls, [edit.link, edit.notice], queue=False, **quiet).success(
        None, [edit.link, edit.notice], [edit.link, edit.notice], js=COPY_LINK, queue=False, **quiet
    )
    connect(blocks, edit.exchange, actions, opening, controls, page, landing)
    rule.input(weigh, [rule, outcome], [shares, outcome], **quiet)
    stop.click(stop_run, None, None, queue=False, **quiet)
    return Playground(controls, previews, page, kept, opening, landing)


def _compare(engine: Answers) -> dict[str, Any]:
    """Arguments of the box that asks for both kinds of attention."""
    alone = "" if engine.supports_prefix else f": {engine.name} can only run causally"
    return {"label": f"Compare prefix and causal attention{alone}", "interactive": engine.supports_prefix}
