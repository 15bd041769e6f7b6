"""The batch tab: a file of rows in, every row answered by a prompt, the answers fetched at any time.

Lays out the controls and says what they do, as functions of their values. The work itself is `job`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.batch.progress import count
from gptjt_demo.engine.calibration import LabelRule, check_rule
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.tables.table import Table
from gptjt_demo.templates.template import MAX_INPUTS
from gptjt_demo.ui.batch.card import answers, batch_card, deleted, forgotten, no_job, not_begun
from gptjt_demo.ui.batch.foresight import Foresight
from gptjt_demo.ui.batch.job import BatchJob, BatchJobs
from gptjt_demo.ui.batch.order import ROW_LIMIT, Order
from gptjt_demo.ui.html import SAVE, problem
from gptjt_demo.ui.line import BATCHES
from gptjt_demo.ui.loading import attention_control, causal_alone, need_model
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.pasting import pasting, taken
from gptjt_demo.ui.rows.template_choice import PLAYGROUND, choices, chosen, chosen_or_wrong

if TYPE_CHECKING:
    from gptjt_demo.ui.playground.tab import Playground

FORMATS = [("CSV", "csv"), ("TSV", "tsv"), ("JSON Lines", "jsonl"), ("Excel", "xlsx")]
LOOK_SECONDS = 0.5
LOOKS_AT_ONCE = 8
NONE = "-"
"""What a browser keeps in the place of an id: it does not take a blank for a value."""
_KEPT = "gptjt-batch"  # names and encrypts what a browser keeps; the same after a restart, and no secret: the id is


class BatchActions:
    """What the tab's controls do; safe for many visitors at once."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions
        self.jobs = BatchJobs(actions.engine, actions.limits.batch_seconds)
        self.foresight = Foresight(actions)
        actions.company.append(self.company)

    def company(self) -> list[str]:
        """The batches that are running, for others who run a prompt meanwhile: they go first."""
        lines = []
        for job in self.jobs.running():
            progress = job.standing.progress
            done = f"{progress.done:,} of {progress.total:,}" if progress else f"{job.order.rows:,}"
            lines.append(f"before a batch ({done} rows)")
        return lines

    def look(self, path: str | None, plain_quotes: bool, name: str, *values: Any) -> tuple[Any, ...]:
        """Show an uploaded file: the table, what was found, its first rows, whether quotes may be plain characters, and
        `choose`."""
        table, found, preview = source.looked_at(path, ROW_LIMIT, self.actions.limits, plain_quotes=plain_quotes)
        chosen = self.choose(table, name, *[None] * MAX_INPUTS, *values)
        return table, found, preview, source.quotes_update(table), *chosen

    def choose(self, table: Table | None, name: str, *values: Any) -> tuple[Any, ...]:
        """The pickers for a prompt over the file: what is wrong with the prompt, its columns, how labels are compared,
        how it may answer."""
        columns, controls = values[:MAX_INPUTS], values[MAX_INPUTS:]
        template, wrong = chosen_or_wrong(name, self.actions, controls)
        labels = template is not None and bool(template.labels)
        return (
            wrong,
            *source.column_updates(template, table, columns),
            gr.Dropdown(visible=labels),
            gr.Radio(visible=labels),
        )

    def pick(self, table: Table | None, name: str, *values: Any) -> tuple[Any, ...]:
        """`choose` for a prompt that was just picked, and its attention."""
        try:
            asked = chosen(name, self.actions, values[MAX_INPUTS:]).attention
        except PlaygroundError:
            asked = None
        return *self.choose(table, name, *values), self.actions.engine.resolve(asked)

    def begin(
        self, table: Table | None, name: str, how: str | None, rule: LabelRule, attention: Any, *values: Any
    ) -> tuple[Any, ...]:
        """Start a job: its id, and `view`; nothing where `how` is None, as the visitor keeps the run that there is."""
        if how is None:
            return (gr.skip(),) * (1 + VIEW)
        columns, controls = values[:MAX_INPUTS], values[MAX_INPUTS:]
        try:
            need_model(self.actions.engine)
            template = chosen(name, self.actions, controls)
            order = Order(
                source.needed(table),
                template,
                source.picked(template, columns),
                labels=how == "labels" and bool(template.labels),
                attention=attention,
                rule=check_rule(rule),
                limit=self.actions.limits.rows,
            )
            job = self.jobs.begin(order)
        except PlaygroundError as error:
            return gr.skip(), not_begun(str(error)), *[gr.skip()] * (VIEW - 1)
        return job.id, *self.view(job)

    def watch(self, id: Any, seen: Any = None) -> tuple[Any, ...]:
        """The state of the job of that id: `view`.

        Args:
            id: the job's, as the browser keeps it.
            seen: what the page shows of its rows.
        """
        job = self.jobs.find(id)
        if job is None:
            return no_job() if id in (None, NONE) else forgotten(), *_buttons(None, seen)
        return self.view(job, seen)

    def stop(self, id: Any, seen: Any = None) -> tuple[Any, ...]:
        """Stop the job; what is done stays."""
        if job := self.jobs.find(id):
            job.stop()
        return self.watch(id, seen)

    def resume(self, id: Any, seen: Any = None) -> tuple[Any, ...]:
        """Continue a job that was stopped."""
        if job := self.jobs.find(id):
            job.resume()
        return self.watch(id, seen)

    def delete(self, id: Any, cache: str) -> tuple[Any, ...]:
        """Delete the job with all its files: no file, no id, and `view`."""
        if id is None:  # not confirmed
            return (gr.skip(),) * (2 + VIEW)
        self.jobs.delete(id, cache)
        return None, NONE, deleted(), *_buttons(None, None)

    def fetch(self, id: Any, format: str) -> tuple[str | None, str]:
        """The rows so far as a file, or the line that says why there is none."""
        job = self.jobs.find(id)
        if job is None:
            return None, problem("this run is no longer kept here")
        try:
            return str(job.fetch(format)), ""
        except PlaygroundError as error:
            return None, problem(str(error))

    def view(self, job: BatchJob, seen: Any = None) -> tuple[Any, ...]:
        """A job's card, and what can be done with it."""
        return batch_card(job), *_buttons(job, seen)


def _buttons(job: BatchJob | None, seen: Any) -> tuple[Any, ...]:
    """All of a `view` but the card, in its order."""
    running = job is not None and not job.standing.finished
    stopped = job is not None and job.resumable
    counts = job.counts() if job else None
    now = [job.id, counts.answered, running] if job and counts else None
    shown: Any = answers(job) if job else ""
    whole = counts is not None and counts.answered == counts.total
    rows = f"Download the {count(counts.answered, 'row')} so far" if counts and counts.answered else _NO_ROWS
    return (
        gr.skip() if now is not None and now == seen else shown,
        gr.Button(interactive=not running, variant="secondary" if stopped else "primary"),
        gr.Button(interactive=running),
        gr.Button(visible=stopped),
        gr.Row(visible=job is not None),
        gr.Button("Download" if whole else rows, interactive=bool(counts and counts.answered)),
        gr.Button(visible=job is not None),
        gr.Button(visible=not running and counts is not None and counts.answered > 0),
        gr.Timer(active=running),
        now,
    )


VIEW = 11
"""Values in a `view`: the card, and the others."""
_SURE = """(id) => confirm("Delete your file and its answers from this server?") ? id : null"""
_ANEW = """(...values) => {
  const stopped = document.getElementById("batch-resume")?.checkVisibility();
  const kept = document.querySelector("#batch-card .job[data-only-here]");
  const file = document.querySelector("#batch-preview td"); // without one nothing begins
  const asked = stopped
    ? "A new run begins with the first row, and the answers so far go. Begin anew?"
    : "The answers of your last run were not downloaded, and a new run takes their place. Begin anew?";
  if (file && (stopped || kept) && !confirm(asked)) values[2] = null;
  return values;
}"""
_NO_ROWS = "No row is answered yet"


@dataclass(frozen=True)
class Batches:
    """What other tabs need of this one.

    Attributes:
        jobs: all runs.
        kept: the id of the visitor's run, in their browser.
        review: the button that asks for a review of its answers.
    """

    jobs: BatchJobs
    kept: gr.BrowserState
    review: gr.Button


def batch_memory() -> tuple[gr.BrowserState, gr.Timer]:
    """What keeps the visitor's job, and what looks after it; outside all tabs, as a tab is built when it is opened."""
    kept = gr.BrowserState(None, storage_key=_KEPT, secret=_KEPT)
    return kept, gr.Timer(LOOK_SECONDS, active=False)


def batch_tab(
    blocks: gr.Blocks, actions: Actions, play: Playground, tab: gr.Tab, memory: tuple[gr.BrowserState, gr.Timer]
) -> Batches:
    """Build the tab inside the open `tab`."""
    kept, timer = memory
    do = BatchActions(actions)
    engine = actions.engine
    table, seen = gr.State(None), gr.State(None)
    with gr.Row(elem_classes="data-columns", equal_height=False):
        with gr.Column(elem_classes="data-panel", min_width=300, scale=2):
            file = gr.File(
                label="File: CSV, TSV, JSON, Excel or Parquet",
                elem_id="batch-file",
                elem_classes="data-file",
                height=120,
            )
            paste = pasting("batch")
            found = gr.HTML("", elem_id="batch-found", elem_classes="said", apply_default_css=False)
            plain = source.quotes_box("batch")
            name = gr.Dropdown(
                choices(actions.templates), value=PLAYGROUND, label="Prompt", filterable=False, elem_id="batch-template"
            )
            wrong = gr.HTML("", elem_id="batch-wrong", elem_classes="said", apply_default_css=False)
            columns = source.column_pickers("batch")
            how = gr.Radio(
                [("One of the labels, and how sure the model is", "labels"), ("Free text", "text")],
                value="labels",
                label="Answer with",
                visible=False,
                elem_id="batch-how",
            )
            rule = source.rule_picker("batch")
            attention = gr.Radio(
                [("Prefix", "prefix"), ("Causal", "causal")],
                label="Attention",
                elem_id="batch-attention",
                **attention_control(engine, engine.attention),
            )
            actions.arrival.later(attention, lambda _: causal_alone(engine))
        with gr.Column(elem_classes="data-result", min_width=320, scale=3):
            with gr.Row(elem_classes="data-actions"):
                run = gr.Button("Run", variant="primary", elem_id="batch-run", scale=3, min_width=120)
                stop = gr.Button("Stop", elem_id="batch-stop", scale=1, min_width=80, interactive=False)
                resume = gr.Button(
                    "Continue", variant="primary", elem_id="batch-resume", scale=2, min_width=110, visible=False
                )
            before = gr.HTML("", elem_id="batch-ahead", elem_classes="said", apply_default_css=False)
            card = gr.HTML(no_job(), elem_id="batch-card", apply_default_css=False)
            with gr.Row(visible=False, elem_classes="data-downloads", equal_height=False) as downloads:
                format = gr.Dropdown(
                    FORMATS, value="csv", label="Format", filterable=False, elem_id="batch-format", min_width=120
                )
                fetch = gr.Button("Download the rows so far", elem_id="batch-fetch", min_width=200)
                given = gr.DownloadButton(elem_classes="given", elem_id="batch-given")
                delete = gr.Button(
                    "Delete", variant="stop", elem_id="batch-delete", visible=False, scale=0, min_width=90
                )
            review = gr.Button("Review these answers", visible=False, elem_id="batch-review")
            refused = gr.HTML("", elem_id="batch-refused", elem_classes="said", apply_default_css=False)
            shown = gr.HTML("", elem_id="batch-answers", elem_classes="said", apply_default_css=False)
            preview = gr.HTML("", elem_id="batch-preview", elem_classes="said", apply_default_css=False)

    picks = [wrong, *columns, rule, how]
    picked = [table, name, *columns, *play.controls]
    view = [card, shown, run, stop, resume, downloads, fetch, delete, review, timer, seen]
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def foresee(request: gr.Request, *values: Any) -> Iterator[str]:
        yield from do.foresight.look(_session(request), *values)

    def begin(request: gr.Request, *values: Any) -> tuple[Any, ...]:
        id, *seen = do.begin(*values)
        if not isinstance(id, str):  # what was foreseen stays, as nothing has begun
            return gr.skip(), id, *seen
        do.foresight.drop(_session(request))
        return "", id, *seen

    def leave(request: gr.Request) -> None:
        do.foresight.drop(_session(request))

    blocks.unload(leave)
    of_the_file = [table, found, preview, plain, *picks]

    def look(path: str | None, *values: Any) -> tuple[Any, ...]:
        return do.look(path, False, *values)  # another file: what was said of the one before does not hold for it

    looked = file.change(
        look, [file, name, *play.controls], of_the_file, show_progress="hidden", api_visibility="private"
    )
    again = plain.input(do.look, [file, plain, name, *play.controls], of_the_file, **quiet)
    paste.use.click(taken, [paste.cells, paste.named], [file, paste.cells, paste.wrong], **quiet)
    named = name.select(do.pick, picked, [*picks, attention], **quiet)
    opened = tab.select(do.choose, picked, picks, **quiet)
    asked = [table, name, how, attention, *columns, *play.controls]
    events: list[Any] = [
        looked.then,
        again.then,
        named.then,
        opened.then,
        how.input,
        attention.input,
        *(each.input for each in columns),
    ]
    for event in events:
        event(
            foresee,
            asked,
            before,
            show_progress="hidden",
            api_visibility="private",
            concurrency_limit=LOOKS_AT_ONCE,
            concurrency_id="foreseeing",
            trigger_mode="multiple",
        )
    run.click(
        begin,
        [table, name, how, rule, attention, *columns, *play.controls],
        [before, kept, *view],
        js=_ANEW,
        show_progress="hidden",
        api_visibility="private",
        concurrency_id=BATCHES,
    )
    stop.click(do.stop, [kept, seen], view, **quiet)
    resume.click(do.resume, [kept, seen], view, **quiet)
    gr.on([timer.tick, blocks.load], do.watch, [kept, seen], view, **quiet)

    def delete_run(id: Any) -> tuple[Any, ...]:
        return do.delete(id, given.GRADIO_CACHE)

    delete.click(delete_run, kept, [file, kept, *view], js=_SURE, trigger_mode="multiple", **quiet)
    fetch.click(do.fetch, [kept, format], [given, refused], show_progress="hidden", api_visibility="private").success(
        None, given, None, js=SAVE, show_progress="hidden", api_visibility="private"
    ).then(do.watch, [kept, seen], view, **quiet)
    return Batches(do.jobs, kept, review)


def _session(request: gr.Request) -> str:
    return request.session_hash or ""
