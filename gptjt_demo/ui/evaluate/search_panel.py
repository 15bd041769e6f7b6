"""The evaluate tab's search for better examples: how many calls, a button, how far it is, and what was found.

Lays out the controls and wires them to `Searching`; decides nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.evaluation.limits import SEARCH_CALLS_AT_LEAST, SEARCH_CALLS_ON_PAGE
from gptjt_demo.settings import Limits
from gptjt_demo.templates.template import MAX_EXAMPLES
from gptjt_demo.ui.evaluate.actions import EvaluateActions
from gptjt_demo.ui.evaluate.searching import MOST_CALLS, Searched, Searching
from gptjt_demo.ui.html import into_view
from gptjt_demo.ui.playground.controls import Controls, unchanged
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.template_choice import PLAYGROUND
from gptjt_demo.ui.session import session

if TYPE_CHECKING:
    from gptjt_demo.ui.playground.tab import Playground

_HINT = (
    '<p class="hint">Which rows of the file make the best examples, and in which order? They are looked for on one '
    "half of the rows and measured on the other, which the search never sees, beside the prompt as it is.</p>"
)


@dataclass(frozen=True)
class SearchPanel:
    """Its components."""

    budget: gr.Number
    examples: gr.Number
    nearest: gr.Checkbox
    find: gr.Button
    stop: gr.Button
    bar: gr.HTML
    shown: gr.HTML
    use: gr.Button
    used: gr.HTML


def search_panel(limits: Limits) -> SearchPanel:
    """Lay it out."""
    most = max(SEARCH_CALLS_AT_LEAST, source.fewer(MOST_CALLS, limits.rows))
    with gr.Accordion("Find better examples", open=False, elem_id="evaluate-search", elem_classes="folded"):
        gr.HTML(_HINT, apply_default_css=False)
        with gr.Row(elem_classes="search-numbers"):
            budget = gr.Number(
                min(SEARCH_CALLS_ON_PAGE, most),
                label="Model calls, at most",
                info="One call is one prompt.",
                precision=0,
                minimum=SEARCH_CALLS_AT_LEAST,
                maximum=most,
                elem_id="evaluate-budget",
                min_width=140,
            )
            examples = gr.Number(
                0,  # a Number turns a blank into 0 here
                label="Examples in a prompt",
                info="0: as many as now.",
                precision=0,
                minimum=0,
                maximum=MAX_EXAMPLES,
                elem_id="evaluate-count",
                min_width=140,
            )
        nearest = gr.Checkbox(
            True,
            label="Try also to show each input the examples that are most like it",
            container=False,
            elem_id="evaluate-nearest",
        )
        with gr.Row(elem_classes="data-actions"):
            find = gr.Button("Find better examples", elem_id="evaluate-find", scale=3, min_width=160)
            stop = gr.Button("Stop", elem_id="evaluate-find-stop", scale=1, min_width=80)
        bar = gr.HTML("", elem_id="evaluate-finding", elem_classes="said", apply_default_css=False)
        shown = gr.HTML("", elem_id="evaluate-better", elem_classes="said", apply_default_css=False)
        use = gr.Button("Use these examples in the playground", visible=False, elem_id="evaluate-use")
        used = gr.HTML("", elem_id="evaluate-used", elem_classes="said", apply_default_css=False)
    return SearchPanel(budget, examples, nearest, find, stop, bar, shown, use, used)


def connect(
    panel: SearchPanel,
    blocks: gr.Blocks,
    do: EvaluateActions,
    play: Playground,
    name: gr.Dropdown,
    asked: Sequence[Any],
    measuring: dict[str, Any],
) -> None:
    """Wire it.

    Args:
        panel: its components.
        blocks: the page.
        do: the tab's actions.
        play: the playground, which takes what was found.
        name: the picker of the prompt.
        asked: the inputs of a measurement.
        measuring: how an event that measures is queued.
    """
    searching = Searching(do, play.opening)
    searched = gr.State(None)
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

    def search(request: gr.Request, *values: Any) -> Iterator[tuple[Any, ...]]:
        yield from searching.search(session(request), *values)

    def stop(request: gr.Request) -> None:
        do.stop(session(request))

    def take(request: gr.Request, found: Searched | None, *values: Any) -> tuple[Any, ...]:
        page, said = searching.take(session(request), found, Controls(*values))
        line = f'<p class="settled" role="status">{escape(said)}</p>' if said else ""
        if page is None:
            return (*unchanged().flat(), gr.skip(), line)
        return (*page.flat(), PLAYGROUND, line)

    def leave(request: gr.Request) -> None:
        searching.leave(session(request))

    blocks.unload(leave)
    panel.find.click(
        lambda: (None, "", gr.update(visible=False)), None, [searched, panel.used, panel.use], **quiet
    ).then(
        search,
        [panel.budget, panel.examples, panel.nearest, *asked],
        [searched, panel.bar, panel.shown, panel.use],
        **measuring,
    ).then(None, js=into_view("evaluate-better"), **quiet)
    panel.stop.click(stop, None, None, **quiet)
    taken = panel.use.click(take, [searched, *play.controls], [*play.page.flat(), name, panel.used], **quiet)
    play.landing(taken).then(None, js=into_view("evaluate-used"), **quiet)
