"""Prompts of a template that hold no case: what a model answers to them is what it would say anyway.

In: a template and the rule that the prompts are wanted for. Out: exact prompts. Does not know how labels are weighed.
"""

from __future__ import annotations

from typing import Literal, get_args

from gptjt_demo.errors import SettingError
from gptjt_demo.templates.prompt_text import complete_cue
from gptjt_demo.templates.template import Template

# Inputs that say nothing: what a model answers to them is its prior. After Zhao et al. 2021, "Calibrate Before Use",
# with an ellipsis for their empty text, which no cell of a file and no query may be.
CONTENT_FREE = ("N/A", "[MASK]", "…")

Neutral = Literal["prior", "pmi"]
"""The rules that ask the model beside the case: with empty inputs, or with the answer's cue alone."""


def neutral_prompts(template: Template, rule: Neutral) -> tuple[str, ...]:
    """The prompts that a rule divides by.

    Args:
        template: whose labels are weighed.
        rule: "prior": the whole prompt with inputs that say nothing; "pmi": the answer's cue and nothing before it.

    Raises:
        SettingError: no such rule, or the template has no cue to ask with.
    """
    if not isinstance(template, Template):
        raise SettingError(f"it is {type(template).__name__}", where="template", mend="give a Template")
    if rule == "prior":
        names = [item.name for item in template.inputs]
        return tuple(template.render(dict.fromkeys(names, text)) for text in CONTENT_FREE)
    if rule != "pmi":
        mend = f"use one of {', '.join(get_args(Neutral))}"
        raise SettingError(f"{rule!r} has no prompts of its own", where="rule", mend=mend)
    cue = complete_cue(template.output_cue)
    if not cue.strip():
        raise SettingError(
            "the answer has no cue, and PMI asks with that alone", where=template.name, mend="use another rule"
        )
    return (cue,)
