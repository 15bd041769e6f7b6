"""The Gallery tab: the library's cards, a search, and their checks put to the model.

Wires `gallery.cards`; a template is opened in the playground. The reports live in the visitor's session.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.evaluation.checks import run_checks
from gptjt_demo.ui import static
from gptjt_demo.ui.gallery.cards import RUNNING, Report, cards
from gptjt_demo.ui.html import focus_on
from gptjt_demo.ui.line import CHECKS
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.playground.tab import Playground
from gptjt_demo.ui.session import session
from gptjt_demo.ui.work import Work

_HINT = (
    '<p class="hint">Open a template and change it to fit your job. Its checks are inputs with a known answer: run '
    "them to see how well {model} does it.</p>"
)
CHECKS_AT_ONCE = 2
"""Templates whose checks run at the same time; later ones wait."""


def gallery_tab(actions: Actions, play: Playground, tabs: gr.Tabs) -> None:
    """Build the tab's content inside the open `gr.Tab`.

    Args:
        actions: what the page does.
        play: where a template is opened.
        tabs: all tabs; the first one is the playground.
    """
    library = actions.templates
    reports = gr.State({})
    gr.HTML(_HINT.format(model=escape(actions.engine.name)), apply_default_css=False, elem_id="gallery-hint")
    with gr.Row(elem_id="gallery-tools", equal_height=False):
        search = gr.Textbox(
            label="Search the gallery", lines=1, max_lines=1, elem_id="gallery-search", buttons=[], max_length=200
        )
        everything = gr.Button("Run all checks", elem_id="gallery-check-all", size="md", scale=0, min_width=150)
    shown = gr.HTML(
        cards(library),
        js_on_load=static.read("gallery.js"),
        apply_default_css=False,
        elem_id="gallery",
    )

    def find(words: str, known: dict[str, Report]) -> str:
        return cards(library, words, known)

    def open_template(request: gr.Request, event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        try:
            opened = play.opening.picked(session(request), _name(event), Controls(*values))
        except PlaygroundError as error:
            return (*play.opening.refused(str(error)).flat(), gr.skip())
        return (*opened.flat(), gr.update(selected="playground"))

    def check(event: gr.EventData, words: str, known: dict[str, Report]) -> Iterator[tuple[Any, Any]]:
        yield from checked([_name(event)], words, known)

    def check_all(words: str, known: dict[str, Report]) -> Iterator[tuple[Any, Any]]:
        yield from checked([item.name for item in library if item.checks and item.name not in known], words, known)

    def checked(names: list[str], words: str, known: dict[str, Report]) -> Iterator[tuple[Any, Any]]:
        for name in names:
            running = {**known, name: RUNNING}
            yield cards(library, words, running), known
            work = checking(actions, name)
            try:
                for _ in work.watch():
                    yield gr.skip(), gr.skip()
            finally:
                work.stop()  # nobody looks any more, or it has ended
            known = {**known, name: work.standing.result or work.standing.error}
            yield cards(library, words, known), known

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    search.change(find, [search, reports], shown, queue=False, trigger_mode="always_last", **quiet)
    opened = shown.select(open_template, play.controls, [*play.page.flat(), tabs], queue=False, **quiet)
    play.landing(opened).then(None, js=focus_on(), queue=False, **quiet)
    limits: dict[str, Any] = {"concurrency_limit": CHECKS_AT_ONCE, "concurrency_id": CHECKS}
    shown.submit(check, [search, reports], [shown, reports], **limits, **quiet)
    everything.click(check_all, [search, reports], [shown, reports], **limits, **quiet)


def checking(actions: Actions, name: str) -> Work[None, Report]:
    """A template's checks, put to the model in a thread."""
    return Work(lambda cancel, tell: report(actions, name, cancel), "checks")


def report(actions: Actions, name: str, cancel: threading.Event | None = None) -> Report:
    """What came of a template's checks, or the line that says why nothing did."""
    try:
        return run_checks(actions.engine, actions.templates[name], cancel=cancel)
    except PlaygroundError as error:
        return str(error)


def _name(event: gr.EventData) -> str:
    data = event._data
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and name else "-"
