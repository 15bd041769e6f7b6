"""The evaluate tab: a file with right answers in; accuracy, confusion matrix and diagnostics of a prompt out.

Lays out the controls and wires them to `EvaluateActions`; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.evaluation.limits import DIAGNOSED_ON_PAGE
from gptjt_demo.ui import static
from gptjt_demo.ui.evaluate.actions import KEPT, NONE, NOTHING, EvaluateActions, Rival
from gptjt_demo.ui.evaluate.search_panel import connect, search_panel
from gptjt_demo.ui.html import SAVE, focus_on, into_view, problem
from gptjt_demo.ui.line import MEASURING
from gptjt_demo.ui.loading import attention_control, causal_alone
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.playground.versions import measured
from gptjt_demo.ui.playground.versions import rival as chosen_rival
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.pasting import pasting, taken
from gptjt_demo.ui.rows.template_choice import PLAYGROUND, choices

if TYPE_CHECKING:
    from gptjt_demo.ui.page import Page
    from gptjt_demo.ui.playground.tab import Playground
    from gptjt_demo.ui.review.tab import Reviews

RUNS_AT_ONCE = 8
_TO_RIVAL = focus_on("#evaluate-against input")
_TO_MEASURE = focus_on("#evaluate-run")

_REPORT = "gptjt-report"  # names and encrypts what a browser keeps; the same after a restart, and no secret: the id is
_SURE = """(id) => confirm("Delete your last report from this server?") ? id : null"""

_HINT = (
    '<section class="card"><header><h2>Result</h2></header><p class="hint">Choose a file that has the right '
    "answers, or press <b>Try it on sample data</b> to measure the prompt on rows that come with the app.</p></section>"
)
_DIAGNOSTICS = (
    "<p class='hint'>How much the result depends on the order of the examples, on each of them, on how many there are, "
    "and on a bias of the model towards a label. Each is measured in several runs over the first "
    f"{DIAGNOSED_ON_PAGE} rows.</p>"
)


_KEPT = (
    '<p class="hint">This report is kept on this server for a day after you last looked at it, then deleted; '
    "<b>Delete</b> deletes it at once.</p>"
)
_DELETED = '<p class="settled" role="status">Your report is deleted.</p>'


def evaluate_memory() -> gr.BrowserState:
    """What keeps the id of the visitor's last report; outside all tabs, as a tab is built when it is opened."""
    return gr.BrowserState(None, storage_key=_REPORT, secret=_REPORT)


def evaluate_tab(
    blocks: Page,
    actions: Actions,
    play: Playground,
    reviews: Reviews,
    tab: gr.Tab,
    tabs: gr.Tabs,
    kept: gr.BrowserState,
) -> None:
    """Build the tab inside the open `tab`, one of `tabs`; `kept`: see `evaluate_memory`."""
    do = EvaluateActions(actions)
    blocks.sweeps.append(do.reports.sweep)
    engine, library = actions.engine, choices(actions.templates)
    press = static.read("figures.js")
    table, runs, rival = gr.State(None), gr.State(None), gr.State(None)
    with gr.Row(elem_classes="data-columns", equal_height=False):
        with gr.Column(elem_classes="data-panel", min_width=300, scale=2):
            name = gr.Dropdown(
                library,
                value=PLAYGROUND,
                label="Prompt",
                filterable=False,
                elem_id="evaluate-template",
            )
            wrong = gr.HTML("", elem_id="evaluate-wrong", elem_classes="said", apply_default_css=False)
            file = gr.File(
                label="File with right answers: CSV, TSV, JSON, Excel or Parquet",
                elem_id="evaluate-file",
                elem_classes="data-file",
                height=120,
            )
            paste = pasting("evaluate")
            found = gr.HTML("", elem_id="evaluate-found", elem_classes="said", apply_default_css=False)
            columns = source.column_pickers("evaluate")
            gold = gr.Dropdown(
                [], label="Column with the right answers", visible=False, filterable=False, elem_id="evaluate-gold"
            )
            how = gr.Radio(
                [("Choose the likeliest label", "labels"), ("Write freely", "text")],
                value="labels",
                label="How the model answers",
                visible=False,
                elem_id="evaluate-how",
            )
            rule = source.rule_picker("evaluate")
            attention = gr.Radio(
                [("Prefix", "prefix"), ("Causal", "causal"), ("Both, compared", "both")],
                label="Attention",
                elem_id="evaluate-attention",
                **attention_control(engine, engine.attention),
            )
            actions.arrival.later(attention, lambda _: causal_alone(engine))
            against = gr.Dropdown(
                [("No other prompt", NOTHING), *library],
                value=NOTHING,
                label="Compare with",
                info="A version of yours: press “Measure against it” in the playground’s History.",
                filterable=False,
                elem_id="evaluate-against",
            )
        with gr.Column(elem_classes="data-result", min_width=320, scale=3):
            with gr.Row(elem_classes="data-actions"):
                run = gr.Button("Measure", variant="primary", elem_id="evaluate-run", scale=3, min_width=120)
                sample = gr.Button("Try it on sample data", elem_id="evaluate-sample", scale=2, min_width=140)
                stop = gr.Button("Stop", elem_id="evaluate-stop", scale=1, min_width=80)
            bar = gr.HTML("", elem_id="evaluate-bar", elem_classes="said", apply_default_css=False)
            shown = gr.HTML(_HINT, elem_id="evaluate-figures", apply_default_css=False, js_on_load=press)
            with gr.Column(visible=False, elem_id="evaluate-files") as files:
                with gr.Row(elem_classes="data-downloads", equal_height=False):
                    fetch = gr.Button("Download every row as CSV", elem_id="evaluate-fetch", min_width=200)
                    delete = gr.Button("Delete", variant="stop", elem_id="evaluate-delete", scale=0, min_width=90)
                gr.HTML(_KEPT, apply_default_css=False)
            given = gr.DownloadButton(elem_classes="given", elem_id="evaluate-given")
            cell = gr.HTML("", elem_id="evaluate-cell", elem_classes="said", apply_default_css=False, js_on_load=press)
            added = gr.HTML("", elem_id="evaluate-added", elem_classes="said", apply_default_css=False)
            with gr.Accordion("Diagnostics", open=False, elem_id="evaluate-diagnostics", elem_classes="folded"):
                gr.HTML(_DIAGNOSTICS, apply_default_css=False)
                diagnose = gr.Button("Diagnose", elem_id="evaluate-diagnose")
                step = gr.HTML("", elem_id="evaluate-step", elem_classes="said", apply_default_css=False)
                charts = gr.HTML("", elem_id="evaluate-charts", elem_classes="said", apply_default_css=False)
            search = search_panel(do.actions.limits)
            preview = gr.HTML("", elem_id="evaluate-preview", elem_classes="said", apply_default_css=False)

    picks = [wrong, gold, *columns, rule, how, sample]
    asked = [table, name, against, how, rule, attention, gold, *columns, *play.controls]
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    loud: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def measure(request: gr.Request, former: Any, own: Rival | None, *values: Any) -> Iterator[tuple[Any, ...]]:
        for found, said, shown, cell in do.measure(_session(request), *values, rival=own):
            id: Any = gr.skip()
            if isinstance(found, list) and found:
                id, line = do.keep(found, shown, former)
                said += line
            yield found, said, shown, cell, measured(found) if isinstance(found, list) else gr.skip(), id

    def choose_rival(event: gr.EventData, mode: str) -> tuple[Any, ...]:
        try:
            template, called = chosen_rival(event._data)
        except PlaygroundError as error:
            return *[gr.skip()] * 4, problem(str(error))
        picks = gr.Dropdown([("No other prompt", NOTHING), (called, KEPT), *library], value=KEPT)
        one = "prefix" if mode == "both" else mode  # two comparisons at once are none
        return (template, called), picks, one, gr.update(selected="evaluate"), ""

    def run_diagnostics(request: gr.Request, *values: Any) -> Iterator[tuple[str, str]]:
        yield from do.diagnose(_session(request), *values)

    def stop_run(request: gr.Request) -> None:
        do.stop(_session(request))

    def open_cell(runs: Any, event: gr.EventData) -> tuple[str, str]:
        return do.cell(runs, event._data or {}), ""

    def add_example(runs: Any, event: gr.EventData, *values: Any) -> tuple[Any, str]:
        return do.add(runs, event._data or {}, Controls(*values))

    def fetch_rows(request: gr.Request, runs: Any, id: Any) -> str | None:
        return do.fetch(_session(request), runs, id)

    def delete_report(request: gr.Request, id: Any) -> tuple[Any, ...]:
        if id is None:  # not confirmed
            return (gr.skip(),) * 6
        do.delete(_session(request), id)
        return NONE, None, _DELETED, _HINT, "", gr.Column(visible=False)

    def leave(request: gr.Request) -> None:
        do.leave(_session(request))

    def offer(runs: Any, id: Any) -> Any:
        return gr.Column(visible=bool(runs) or do.reports.find(id) is not None)

    blocks.unload(leave)
    file.upload(do.look, [file, name, *play.controls], [table, found, preview, *picks], **loud)
    paste.use.click(taken, [paste.cells, paste.named], [file, paste.cells, paste.wrong], **quiet).success(
        do.look, [file, name, *play.controls], [table, found, preview, *picks], **loud
    )
    reviews.measure.click(reviews.gold_rows, reviews.kept, [file, tabs, reviews.wrong], **quiet).success(
        do.look, [file, name, *play.controls], [table, found, preview, *picks], **loud
    ).then(None, js=_TO_MEASURE, **quiet)
    file.clear(do.look, [file, name, *play.controls], [table, found, preview, *picks], **loud)
    gr.on([name.input, tab.select], do.choose, [table, name, gold, *columns, *play.controls], picks, **quiet)
    outputs = [runs, bar, shown, cell, play.kept, kept]
    blocks.load(do.found, kept, [shown, bar, files], **quiet)
    play.kept.apply(choose_rival, attention, [rival, against, attention, tabs, play.page.notice], **quiet).then(
        None, js=_TO_RIVAL, **quiet
    )
    measuring: dict[str, Any] = {**loud, "concurrency_limit": RUNS_AT_ONCE, "concurrency_id": MEASURING}
    run.click(measure, [kept, rival, *asked], outputs, **measuring).then(offer, [runs, kept], files, **quiet)
    sample.click(do.sample, [name, *play.controls], [table, found, preview, *picks], **quiet).success(
        measure, [kept, rival, *asked], outputs, **measuring
    ).then(offer, [runs, kept], files, **quiet)
    stop.click(stop_run, None, None, **quiet)
    shown.click(open_cell, runs, [cell, added], **quiet).then(None, js=into_view("evaluate-cell"), **quiet)
    adding = cell.click(add_example, [runs, *play.controls], [play.controls.examples, added], **quiet)
    adding.then(None, js=into_view("evaluate-added"), **quiet)
    adding.then(lambda *values: actions.preview(Controls(*values)), play.controls, play.previews, **quiet)
    delete.click(delete_report, kept, [kept, runs, bar, shown, cell, files], js=_SURE, trigger_mode="multiple", **quiet)
    fetch.click(fetch_rows, [runs, kept], given, **loud).success(None, given, None, js=SAVE, **loud)
    diagnose.click(run_diagnostics, asked, [step, charts], **measuring)
    connect(search, blocks, do, play, name, asked, measuring)


def _session(request: gr.Request) -> str:
    return request.session_hash or ""
