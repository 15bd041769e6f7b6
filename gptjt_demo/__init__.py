"""Few-shot prompting with GPT-JT in 8-bit, with prefix attention.

    from gptjt_demo import load, Template

    engine = load("mini")
    template = Template.load("currency")
    engine.complete(template.render("Japan"), template.generation).text

Names are imported on first use, so that a template or a link can be read without loading torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gptjt_demo.engine.calibration import mean_shares, reshared
    from gptjt_demo.engine.engine import Engine
    from gptjt_demo.engine.results import Completion, LabelScore, Token
    from gptjt_demo.errors import PlaygroundError
    from gptjt_demo.models.loading import load
    from gptjt_demo.models.pipeline import pipeline
    from gptjt_demo.settings import Sampling
    from gptjt_demo.settings.shape import CsvRecord, ItemsOf, OneOf, Pattern
    from gptjt_demo.templates.neutral import neutral_prompts
    from gptjt_demo.templates.template import Template

__version__ = "0.1.0"

__all__ = [
    "Completion",
    "CsvRecord",
    "Engine",
    "ItemsOf",
    "LabelScore",
    "OneOf",
    "Pattern",
    "PlaygroundError",
    "Sampling",
    "Template",
    "Token",
    "load",
    "mean_shares",
    "neutral_prompts",
    "pipeline",
    "reshared",
]

_HOMES = {
    "Completion": "engine.results",
    "CsvRecord": "settings.shape",
    "Engine": "engine.engine",
    "ItemsOf": "settings.shape",
    "LabelScore": "engine.results",
    "OneOf": "settings.shape",
    "Pattern": "settings.shape",
    "PlaygroundError": "errors",
    "Sampling": "settings",
    "Template": "templates.template",
    "Token": "engine.results",
    "load": "models.loading",
    "mean_shares": "engine.calibration",
    "neutral_prompts": "templates.neutral",
    "pipeline": "models.pipeline",
    "reshared": "engine.calibration",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
