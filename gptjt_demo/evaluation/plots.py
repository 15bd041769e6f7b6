"""Pictures of figures: how far confidences hold, shares, and a diagnostic's points.

In: numbers with their names, and a palette. Out: a matplotlib `Figure` with a transparent background, drawn without a
display and without pyplot's global state, so that many threads may draw at once. Does not know where numbers come from.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gptjt_demo.evaluation.diagnostics import Diagnosis, Point
    from gptjt_demo.evaluation.metrics import Reliability
    from gptjt_demo.evaluation.review.risk import Risk, Step

DOTS_PER_INCH = 144
_LETTERS = 24  # of a name that an axis shows


@dataclass(frozen=True)
class Palette:
    """Colours as #rrggbb. The default's ink can be read on white and on black."""

    ink: str = "#7a828e"
    accent: str = "#3b82f6"
    second: str = "#f59e0b"


LIGHT = Palette(ink="#1f2937", accent="#2563eb", second="#d97706")


def reliability(found: Reliability, palette: Palette = Palette()) -> Figure:
    """Confidence across, the part that is right up: where the two agree, points lie on the dashed line. A point's size
    goes with its rows; the line to it is how far it is off."""
    figure, axes = _canvas(4.2, 3.6, palette)
    axes.plot([0, 1], [0, 1], color=palette.second, linestyle="--", linewidth=1.2)
    for each in found.bins:
        if each.n:
            where = [each.confidence, each.confidence]
            axes.plot(where, [each.confidence, each.accuracy], color=palette.accent, linewidth=1.4, alpha=0.55)
            size = 4 + 10 * (each.n / found.n) ** 0.5
            axes.plot(where[:1], [each.accuracy], "o", color=palette.accent, markersize=size)
            axes.annotate(
                f"{each.n:,}",
                (each.confidence, each.accuracy),
                xytext=(0, size / 2 + 3 if each.accuracy < 0.9 else -size / 2 - 11),
                textcoords="offset points",
                ha="center",
                color=palette.ink,
                fontsize=8,
            )
    axes.set_xlabel("confidence of the model")
    axes.set_ylabel("part that is right")
    _percentages(axes, "x", 1.04)
    _percentages(axes, "y", 1.04)
    return figure


def risk_coverage(steps: Sequence[Step], found: Risk, palette: Palette = Palette()) -> Figure:
    """The part of the rows that is looked at across, the part that is right then up, with its bounds; the advice is
    marked, and what one wants is the dashed line."""
    figure, axes = _canvas(4.2, 3.2, palette)
    across = [step.looked for step in steps]
    axes.fill_between(
        across,
        [step.low for step in steps],
        [step.high for step in steps],
        color=palette.accent,
        alpha=0.2,
        linewidth=0,
    )
    axes.plot(across, [step.right for step in steps], color=palette.accent, linewidth=1.6)
    axes.axhline(found.target, color=palette.second, linestyle="--", linewidth=1.2)
    place = found.look / found.rows
    axes.plot([place, place], [found.low, found.high], color=palette.second, linewidth=1.6)
    axes.plot([place], [found.reached], "o", color=palette.second, markersize=7)
    axes.set_xlabel("looked at")
    axes.set_ylabel("right then")
    _percentages(axes, "x", 1.02)
    axes.xaxis.get_major_ticks()[-1].label1.set_horizontalalignment("right")
    low = min(min(step.low for step in steps), found.target)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_ylim(max(0.0, low - 0.03), 1.01)
    return figure


def bars(names: Sequence[str], parts: Sequence[float], palette: Palette = Palette(), *, even: bool = False) -> Figure:
    """Parts of 1 as bars across, with their percentage; `even` marks where all would be equal."""
    figure, axes = _canvas(4.6, 0.36 * len(names) + 1, palette)
    axes.barh(range(len(names)), list(parts), color=palette.accent, height=0.62)
    for row, part in enumerate(parts):
        axes.text(part + 0.01, row, f"{100 * part:.0f} %", va="center", color=palette.ink, fontsize=9)
    if even and names:
        axes.axvline(1 / len(names), color=palette.second, linestyle="--", linewidth=1.2)
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.invert_yaxis()
    _percentages(axes, "x", 1.12)
    return figure


def points(found: Sequence[Point], palette: Palette = Palette(), *, label: str = "", joined: bool = False) -> Figure:
    """A diagnostic's accuracies with their 95 % intervals, the first one marked; `joined` draws a line through them."""
    figure, axes = _canvas(max(4.5, 0.55 * len(found) + 1.5), 3.4, palette)
    for x, point in enumerate(found):
        colour = palette.second if x == 0 and not joined else palette.accent
        axes.plot([x, x], point.interval, color=colour, linewidth=1.4, alpha=0.55)
        axes.plot([x], [point.accuracy], "o", color=colour, markersize=6)
    if joined:
        axes.plot(range(len(found)), [point.accuracy for point in found], color=palette.accent, linewidth=1.6)
    elif found:
        axes.axhline(found[0].accuracy, color=palette.second, linestyle="--", linewidth=0.9)
    names = [_short(point.name) for point in found]
    crowded = any(len(name) > 4 for name in names)
    axes.set_xticks(range(len(found)), names, rotation=35 if crowded else 0, ha="right" if crowded else "center")
    axes.set_xlabel(label)
    axes.set_ylabel("accuracy")
    _percentages(axes, "y", 1.02)
    return figure


def diagnosis(name: str, found: Diagnosis, palette: Palette = Palette()) -> Figure:
    """The picture that fits a diagnostic of `diagnostics.DIAGNOSTICS`."""
    from gptjt_demo.evaluation.diagnostics import Prior

    if isinstance(found, Prior):
        return bars(found.labels, found.shares, palette, even=True)
    label = {"order": "order of the examples", "number": "number of examples"}.get(name, "")
    return points(found.points, palette, label=label, joined=name == "number")


def picture(figure: Figure, format: Literal["png", "svg"] = "png") -> bytes:
    """The figure as a file's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, transparent=True)
    return buffer.getvalue()


def _canvas(width: float, height: float, palette: Palette) -> tuple[Figure, Axes]:
    """An empty figure; sizes in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=palette.ink, labelsize=9)
    axes.xaxis.label.set_color(palette.ink)
    axes.yaxis.label.set_color(palette.ink)
    for name, side in axes.spines.items():
        side.set_color(palette.ink)
        side.set_alpha(0.4)
        side.set_visible(name in ("left", "bottom"))
    return figure, axes


def _percentages(axes: Axes, axis: Literal["x", "y"], end: float) -> None:
    ticks = [0, 0.25, 0.5, 0.75, 1]
    names = [f"{100 * tick:.0f} %" for tick in ticks]
    if axis == "x":
        axes.set_xlim(0, end)
        axes.set_xticks(ticks, names)
    else:
        axes.set_ylim(-0.02, end)
        axes.set_yticks(ticks, names)


def _short(name: str) -> str:
    name = " ".join(name.split()).replace("$", r"\$")  # a dollar would begin a formula
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
