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
    from gptjt_demo.completion import Completion, LabelScore, Token
    from gptjt_demo.engine import Engine
    from gptjt_demo.errors import PlaygroundError
    from gptjt_demo.loading import load
    from gptjt_demo.sampling import Sampling
    from gptjt_demo.template import Template
    from gptjt_demo.text_pipeline import pipeline

__version__ = "0.1.0"

__all__ = [
    "Completion",
    "Engine",
    "LabelScore",
    "PlaygroundError",
    "Sampling",
    "Template",
    "Token",
    "load",
    "pipeline",
]

_HOMES = {
    "Completion": "completion",
    "Engine": "engine",
    "LabelScore": "completion",
    "PlaygroundError": "errors",
    "Sampling": "sampling",
    "Template": "template",
    "Token": "completion",
    "load": "loading",
    "pipeline": "text_pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
