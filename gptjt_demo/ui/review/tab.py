"""The review tab: the answers of a file one at a time, those that need eyes first, decided by keys or buttons.

Lays out the controls and wires them to `ReviewActions`; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.evaluation.review.risk import TARGETS
from gptjt_demo.ui import static
from gptjt_demo.ui.batch.tab import FORMATS, Batches
from gptjt_demo.ui.html import SAVE, focus_on, into_view
from gptjt_demo.ui.line import BATCHES
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.review.actions import AIMS, NO_GOLD, ReviewActions, View
from gptjt_demo.ui.review.card import no_review

if TYPE_CHECKING:
    from gptjt_demo.ui.page import Page
    from gptjt_demo.ui.playground.tab import Playground

_KEPT = "gptjt-review"  # names and encrypts what a browser keeps; the same after a restart, and no secret: the key is
_SURE = """(key) => confirm("Delete your file and your decisions from this server?") ? key : null"""
_TO_ROW = focus_on(".review-accept", "#review-card button", "#review-title")
_LOST = "() => document.dispatchEvent(new Event('unreviewed'))"


@dataclass(frozen=True)
class Reviews:
    """What other tabs need of this one.

    Attributes:
        kept: the visitor's key.
        measure: the button that asks for a measurement on the gold rows.
        gold_rows: of a key, the file of these rows, the tabs with that of the measurement opened, and what is wrong.
        wrong: shows that.
    """

    kept: gr.BrowserState
    measure: gr.Button
    gold_rows: Callable[[Any], tuple[Any, ...]]
    wrong: gr.HTML


def review_memory() -> gr.BrowserState:
    """What keeps the visitor's key; outside all tabs, as a tab is built when it is opened."""
    return gr.BrowserState(None, storage_key=_KEPT, secret=_KEPT)


def review_tab(
    blocks: Page, actions: Actions, play: Playground, batches: Batches, tabs: gr.Tabs, kept: gr.BrowserState
) -> Reviews:
    """Build the tab inside the open `gr.Tab`.

    Args:
        blocks: the page.
        actions: what it does.
        play: where a row becomes an example.
        batches: whose answers can be reviewed.
        tabs: all tabs.
        kept: see `review_memory`.
    """
    do = ReviewActions(actions, batches.jobs)
    blocks.sweeps.append(do.shelf.sweep)
    with gr.Row(elem_classes="data-columns", equal_height=False):
        with gr.Column(elem_classes="data-result", min_width=320, scale=3):
            card = gr.HTML(
                no_review(), elem_id="review-card", apply_default_css=False, js_on_load=static.read("review.js")
            )
            added = gr.HTML("", elem_id="review-added", elem_classes="said", apply_default_css=False)
            far = gr.HTML("", elem_id="review-far", elem_classes="said", apply_default_css=False)
            with gr.Column(visible=False, elem_id="review-files") as tools:
                with gr.Row(elem_classes="data-downloads", equal_height=False):
                    format = gr.Dropdown(
                        FORMATS, value="csv", label="Format", filterable=False, elem_id="review-format", min_width=120
                    )
                    fetch = gr.Button("Download the file", elem_id="review-fetch", min_width=160)
                    delete = gr.Button("Delete", variant="stop", elem_id="review-delete", scale=0, min_width=90)
                with gr.Row(visible=False, elem_classes="data-downloads", equal_height=False) as gold_tools:
                    gold_fetch = gr.Button("Download the gold rows", elem_id="review-gold-fetch", min_width=160)
                    measure = gr.Button("Measure on the gold rows", elem_id="review-measure", min_width=160)
                given = gr.DownloadButton(elem_classes="given", elem_id="review-given")
                gr.Checkbox(
                    True,
                    label="Keys decide: 1 to 9, Enter, E, U and the arrows",
                    elem_id="review-keys",
                    interactive=True,
                    container=False,
                )
            refused = gr.HTML("", elem_id="review-refused", elem_classes="said", apply_default_css=False)
        with gr.Column(elem_classes="data-panel", min_width=300, scale=2):
            file = gr.File(
                label="File with answers: what Batch wrote, or what came back from here",
                elem_id="review-file",
                elem_classes="data-file",
                height=120,
            )
            wrong = gr.HTML("", elem_id="review-wrong", elem_classes="said", apply_default_css=False)
            gold = gr.Dropdown(
                [("No column", NO_GOLD)],
                value=NO_GOLD,
                label="Column with right answers",
                visible=False,
                filterable=False,
                elem_id="review-gold",
            )
            target = gr.Dropdown(
                AIMS,
                value=TARGETS[1],
                label="Rows that are to be right",
                visible=False,
                filterable=False,
                elem_id="review-target",
            )
            many = gr.HTML("", elem_id="review-many-card", elem_classes="said", apply_default_css=False)

    view = [
        *View(
            key=kept,
            wrong=wrong,
            card=card,
            far=far,
            many=many,
            gold=gold,
            target=target,
            tools=tools,
            gold_tools=gold_tools,
        )
    ]
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    heavy: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "concurrency_id": BATCHES}

    def act(key: Any, event: gr.EventData) -> tuple[Any, ...]:
        return do.act(key, event._data)

    def add(key: Any, event: gr.EventData, *values: Any) -> tuple[Any, str]:
        return do.add(key, event._data, Controls(*values))

    def from_batch(key: Any, id: Any) -> tuple[Any, ...]:
        return *do.review_job(key, id), gr.update(selected="review")

    blocks.load(do.show, kept, view, **quiet)
    file.upload(do.look, [kept, file], view, **heavy).then(lambda: ("", None), None, [added, file], **quiet)
    batches.review.click(from_batch, [kept, batches.kept], [*view, tabs], **heavy).then(None, js=_TO_ROW, **quiet)
    card.click(act, kept, [card, far, gold_tools], trigger_mode="multiple", **quiet).failure(None, js=_LOST, **quiet)
    adding = card.select(add, [kept, *play.controls], [play.controls.examples, added], **quiet)
    adding.then(None, js=into_view("review-added"), **quiet)
    adding.then(lambda *values: actions.preview(Controls(*values)), play.controls, play.previews, **quiet)
    gr.on([gold.select, target.select], do.learn, [kept, gold, target], [card, far, many, wrong], **quiet)
    loud: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    for button, handler, inputs in ((fetch, do.fetch, [kept, format]), (gold_fetch, do.fetch_gold, [kept])):
        button.click(handler, inputs, [given, refused], **loud).success(None, given, None, js=SAVE, **loud)
    delete.click(do.delete, kept, view, js=_SURE, trigger_mode="multiple", **quiet).then(
        lambda: (None, ""), None, [file, added], **quiet
    )

    def gold_rows(key: Any) -> tuple[Any, ...]:
        return do.measure(key)

    return Reviews(kept, measure, gold_rows, refused)
