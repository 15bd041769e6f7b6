"""The app: the tabs over one engine and one library, what programs may call, and how it is launched.

`build_app(engine, library).launch(**launch_options(engine))` serves it. Nothing it serves asks another host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.api import PATHS, api_routes, letting_in
from gptjt_demo.engine.limited import limited
from gptjt_demo.settings import NO_LIMITS, Limits
from gptjt_demo.settings.environment import API_KEY, ORIGINS
from gptjt_demo.ui import theme
from gptjt_demo.ui.about.tab import about_tab
from gptjt_demo.ui.api import publish
from gptjt_demo.ui.banner import NAME, banner
from gptjt_demo.ui.batch.tab import batch_memory, batch_tab
from gptjt_demo.ui.evaluate.tab import evaluate_memory, evaluate_tab
from gptjt_demo.ui.gallery.tab import gallery_tab
from gptjt_demo.ui.health import health
from gptjt_demo.ui.heap import give_back
from gptjt_demo.ui.loading import await_model, loading_bar
from gptjt_demo.ui.page import Page, refuse_call
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.tab import playground
from gptjt_demo.ui.review.tab import review_memory, review_tab
from gptjt_demo.ui.session import session

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers
    from gptjt_demo.templates.libraries import Library


def build_app(engine: Answers, library: Library, limits: Limits = NO_LIMITS) -> Page:
    """The page and its API.

    Args:
        engine: answers every request; its name and mask are shown.
        library: the templates to pick from; at least one.
        limits: what the server does for one visitor.
    """
    engine = limited(engine, limits)
    actions = Actions(engine, library, limits)
    blocks = Page(limits, title=NAME, fill_width=True)
    with blocks:
        head = gr.HTML(_banner(engine), elem_id="banner", apply_default_css=False)
        actions.arrival.later(head, lambda _: {"value": _banner(engine)})
        loading = engine.loading
        bar = gr.HTML(
            "" if loading is None else loading_bar(engine.name, loading),
            elem_id="loading",
            elem_classes="said",
            apply_default_css=False,
        )
        actions.arrival.later(bar, lambda _: {"value": ""}, new=True)
        memory, reviews, report = batch_memory(), review_memory(), evaluate_memory()
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab("Playground", id="playground"):
                play = playground(blocks, actions)
            with gr.Tab("Gallery", id="gallery"):
                gallery_tab(actions, play, tabs)
            with gr.Tab("Batch", id="batch") as batch:
                batches = batch_tab(blocks, actions, play, batch, memory)
                blocks.sweeps.append(batches.jobs.sweep)
            with gr.Tab("Review", id="review"):
                reviewed = review_tab(blocks, actions, play, batches, tabs, reviews)
            with gr.Tab("Evaluate", id="evaluate") as evaluate:
                evaluate_tab(blocks, actions, play, reviewed, evaluate, tabs, report)
            with gr.Tab("About", id="about") as about:
                about_tab(actions, play, about)

        def leave(request: gr.Request) -> None:
            actions.leave(session(request))

        blocks.unload(leave)
        blocks.load(  # how the model runs may have changed since the page was built: a compiled step comes later
            lambda: _banner(engine), None, head, show_progress="hidden", queue=False, api_visibility="private"
        )
        publish(engine, library, limits)
        if loading is not None:
            timers = await_model(engine, actions.arrival, bar, play.controls, play.previews, actions.preview)
            blocks.when_loaded = lambda: actions.arrival.take_place(timers)
    blocks.open_queue()
    return blocks


def _banner(engine: Answers) -> str:
    return banner(
        engine.name,
        engine.attention,
        engine.supports_prefix,
        engine.notes,
        stand_in=engine.stand_in,
        notice=engine.notice,
    )


def launch_options(engine: Answers, limits: Limits = NO_LIMITS, *, tools: bool = False) -> dict[str, Any]:
    """Arguments for `gr.Blocks.launch`: looks, quiet footer, and `/health` and `/v1` beside the page.

    Args:
        engine: the model that answers.
        limits: what the server does for one visitor.
        tools: serve what programs may call as tools of the Model Context Protocol too; needs the package `mcp`.
    """
    programs = api_routes(limited(engine, limits), limits, key=API_KEY.read(), after=give_back)
    return {
        "theme": theme.theme(),
        "css": theme.css(),
        "head": theme.head(),
        "footer_links": ["api"],
        "ssr_mode": False,
        "run_history": False,
        "pwa": False,
        "enable_monitoring": False,
        "mcp_server": tools,
        "app_kwargs": {
            "routes": [health(engine), *programs],
            "lifespan": letting_in(ORIGINS.read(), PATHS),
            "exception_handlers": {TypeError: refuse_call, KeyError: refuse_call},
        },
    }
