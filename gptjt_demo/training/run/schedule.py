"""The learning rate of a step: a linear rise, then half a cosine down. No state: a resumed run needs none."""

from __future__ import annotations

import math

from gptjt_demo.training.settings import TrainSettings


def rate(settings: TrainSettings, step: int) -> float:
    """Learning rate of step `step`, the first being 1; the last is `final_rate` of the peak."""
    if step <= settings.warmup:
        return settings.learning_rate * step / settings.warmup
    part = min(1.0, (step - settings.warmup) / max(1, settings.steps - settings.warmup))
    low = settings.final_rate
    return settings.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * part)))
