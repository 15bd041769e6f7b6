"""Diagnostics as HTML figures: a plot for light and one for dark, with its sentence.

In: a `Diagnosis` and its name. Out: HTML for a gr.HTML value. Knows nothing of gradio or of how it was found.
"""

from __future__ import annotations

import base64
from html import escape

from gptjt_demo.evaluation import plots
from gptjt_demo.evaluation.diagnostics import Diagnosis

TITLES = {
    "order": "Order of the examples",
    "influence": "Influence of each example",
    "prior": "Bias towards a label",
    "number": "Number of examples",
}


def chart(name: str, found: Diagnosis) -> str:
    """One diagnostic as a figure; the sentence is its caption and says all that the plot shows."""
    pictures = "".join(_picture(name, found, palette, theme) for theme, palette in _PALETTES) if found.points else ""
    return (
        f'<figure class="card chart"><header><h3>{TITLES[name]}</h3></header>{pictures}'
        f"<figcaption>{escape(found.sentence)}</figcaption></figure>"
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


def _picture(name: str, found: Diagnosis, palette: plots.Palette, theme: str) -> str:
    data = base64.b64encode(plots.picture(plots.diagnosis(name, found, palette), "svg")).decode()
    return f'<img class="only-{theme}" alt="" src="data:image/svg+xml;base64,{data}">'
