"""The picture of a run: its loss, step by step and on held-out samples.

In: lines of a training log. Out: a PNG file. Does not know how they came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gptjt_demo.evaluation.plots import DOTS_PER_INCH, LIGHT, Palette

SMOOTHED = 0.1  # weight of a step in the running mean
_DASHES = ("-", "--", "-.", ":")


def draw(
    steps: Sequence[Mapping[str, Any]], held_out: Sequence[Mapping[str, Any]], path: Path, palette: Palette = LIGHT
) -> None:
    """Draw losses over training tokens.

    Args:
        steps: log lines of kind `step`.
        held_out: log lines of kind `held-out`.
        path: the PNG file.
        palette: its colours.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    tokens = [step["tokens"] for step in steps]
    losses = [step["loss"] for step in steps]
    axes.plot(tokens, losses, color=palette.ink, linewidth=0.8, alpha=0.35, label="training, each step")
    axes.plot(tokens, _running(losses), color=palette.ink, linewidth=1.6, label="training, running mean")
    for index, name in enumerate(sorted({name for line in held_out for name in line["losses"]})):
        points = [(line["tokens"], line["losses"][name]) for line in held_out if name in line["losses"]]
        colour, dash = (palette.accent, palette.second)[index % 2], _DASHES[index // 2 % len(_DASHES)]
        axes.plot(*zip(*points, strict=True), f"o{dash}", color=colour, markersize=4, label=f"held out: {name}")
    axes.set_xlabel("training tokens")
    axes.set_ylabel("loss, nats a counted token")
    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9)  # where no line runs behind it
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path)


def _running(losses: Sequence[float]) -> list[float]:
    means: list[float] = []
    for loss in losses:
        means.append(loss if not means else (1 - SMOOTHED) * means[-1] + SMOOTHED * loss)
    return means
