"""The page before its model is there: a bar while it is loaded, and what changes when it has come.

In: an engine that says how far its load is, and from the page's parts what they show once it is there. Out: a bar and
two timers; on every page that is open the parts are put right without touching what was typed, and pages that are
opened later are built right from the start. A page whose model is there from the beginning gets none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.errors import NotReady
from gptjt_demo.ui.html import bar, problem
from gptjt_demo.ui.playground.controls import Controls

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers, Loading

LOOK_SECONDS = 0.6

Shown = Callable[[Controls | None], dict[str, Any]]
"""A component's arguments once the model is there; for an open page what its controls hold, for a new one None."""


@dataclass(frozen=True)
class Part:
    """A component that shows something of the model. `new`: only pages that are opened later need it."""

    component: Any
    shown: Shown
    new: bool = False


class Arrival:
    """The parts of one page that wait for its model."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def later(self, component: Any, shown: Shown, *, new: bool = False) -> None:
        """Show this in a component when the model has come."""
        self.parts.append(Part(component, shown, new))

    def take_place(self, components: Sequence[Any] = ()) -> None:
        """Build pages that are opened from now on with the model as it is.

        Args:
            components: timers that they do not need.
        """
        for part in self.parts:
            for name, value in part.shown(None).items():
                setattr(part.component, name, value)
        for timer in components:
            timer.active = False


def causal_alone(engine: Answers) -> dict[str, Any]:
    """Arguments of a control for the attention, where the model has no choice; none where it has."""
    if engine.supports_prefix:
        return {}
    return {"value": "causal", "interactive": False, "info": f"{engine.name} can only run causally."}


def attention_control(engine: Answers, value: str) -> dict[str, Any]:
    """Arguments of a control for the attention, as it is built."""
    return {"value": value, "interactive": True, **causal_alone(engine)}


def need_model(engine: Answers) -> None:
    """Refuse what takes long while the model is loaded.

    Raises:
        NotReady: it is not there yet.
    """
    if engine.loading is not None:
        share = f"it is still being loaded ({100 * engine.loading.share:.0f} %)"
        raise NotReady(share, where=engine.name, mend="press again when it is there")


def loading_bar(name: str, loading: Loading) -> str:
    """How far the load is, and what can be done meanwhile."""
    title = f"{name} is being loaded. You can read and edit everything; a Run in the playground waits for it."
    facts = f"{loading.phase}… {100 * loading.share:.0f} %"
    return f'<section class="loading">{bar(loading.share, title, facts)}</section>'


def arrived(engine: Answers) -> str:
    """The line that takes the bar's place."""
    return f'<p class="settled" role="status">{escape(engine.name)} is loaded.</p>'


def failed(error: Exception) -> str:
    """The line that takes the bar's place where there will be no model."""
    return problem(str(error))


def await_model(
    engine: Answers, arrival: Arrival, shown: gr.HTML, controls: Controls, previews: Sequence[Any], preview: Any
) -> list[gr.Timer]:
    """Wire the bar, inside the open Blocks; returns its timers.

    Args:
        engine: what is loaded.
        arrival: what changes then.
        shown: where the bar stands.
        controls: the playground's.
        previews: what `preview` fills.
        preview: of the controls' values.
    """
    looks = gr.Timer(LOOK_SECONDS, active=engine.loading is not None)
    once = gr.Timer(0.05, active=False)
    parts = [part for part in arrival.parts if not part.new]

    def look() -> tuple[Any, Any, Any]:
        loading = engine.loading
        if loading is None:
            return arrived(engine), gr.Timer(active=False), gr.Timer(active=True)
        error = getattr(engine, "error", None)
        if error is not None:
            return failed(error), gr.Timer(active=False), gr.skip()
        return loading_bar(engine.name, loading), gr.skip(), gr.skip()

    def put_right(*values: Any) -> tuple[Any, ...]:
        held = Controls(*values)
        return gr.Timer(active=False), *(gr.update(**part.shown(held)) for part in parts), *preview(held)

    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    looks.tick(look, None, [shown, looks, once], **quiet)
    once.tick(put_right, controls, [once, *(part.component for part in parts), *previews], **quiet)
    return [looks, once]
