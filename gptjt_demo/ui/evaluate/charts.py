"""Plots as HTML figures: one picture for light and one for dark, with a sentence that says what they show.

In: a `Diagnosis` and its name, or how far confidences hold. Out: HTML for a gr.HTML value. Knows nothing of gradio or
of how it was found.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from gptjt_demo.batch.progress import count
from gptjt_demo.evaluation import plots
from gptjt_demo.evaluation.diagnostics import Diagnosis
from gptjt_demo.evaluation.metrics import Reliability
from gptjt_demo.evaluation.report import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "order": "Order of the examples",
    "influence": "Influence of each example",
    "prior": "Bias towards a label",
    "number": "Number of examples",
}


def chart(name: str, found: Diagnosis) -> str:
    """One diagnostic as a figure; the sentence is its caption and says all that the plot shows."""
    pictures = both_themes(partial(plots.diagnosis, name, found)) if found.points else ""
    return (
        f'<figure class="card chart"><header><h3>{TITLES[name]}</h3></header>{pictures}'
        f"<figcaption>{escape(found.sentence)}</figcaption></figure>"
    )


def reliability_chart(found: Reliability) -> str:
    """How far the model's confidence is what comes true; nothing where no row has one."""
    if not found.n:
        return ""
    surest = next(each for each in reversed(found.bins) if each.n)
    said = (
        f"Calibration error {percent(found.error)}: so far is the confidence from what comes true, on average over "
        f"{count(found.n, 'row')}. Where the model is surest, {percent(surest.confidence)} on average, "
        f"{percent(surest.accuracy)} of {count(surest.n, 'row')} are right. On the dashed line the two are equal."
    )
    pictures = both_themes(partial(plots.reliability, found))
    return (
        f'<figure class="chart"><h3>How far its confidence holds</h3>{pictures}<figcaption>{said}</figcaption></figure>'
    )


def no_chart(name: str, line: str) -> str:
    """In the place of one that cannot be made, with the reason."""
    return (
        f'<figure class="card chart"><header><h3>{TITLES[name]}</h3></header>'
        f'<figcaption class="hint">Not shown: {escape(line)}.</figcaption></figure>'
    )


_PALETTES = (
    ("light", plots.Palette(ink="#44403c", accent="#0f766e", second="#b45309")),
    ("dark", plots.Palette(ink="#d6d3d1", accent="#5eead4", second="#fbbf24")),
)


def both_themes(draw: Callable[[plots.Palette], Figure]) -> str:
    """One picture for light and one for dark, of which the page shows one."""
    return "".join(_picture(draw(palette), theme) for theme, palette in _PALETTES)


def _picture(figure: Figure, theme: str) -> str:
    data = base64.b64encode(plots.picture(figure, "svg")).decode()
    return f'<img class="only-{theme}" alt="" src="data:image/svg+xml;base64,{data}">'
