"""Advice about the shape of answers: examples that show the model what it may not write.

In: a template. Out: findings. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from gptjt_demo.errors import SettingError
from gptjt_demo.settings.shape_grammar import fits
from gptjt_demo.templates.lint.finding import Finding, count
from gptjt_demo.templates.prompt_text import BLANKS
from gptjt_demo.templates.template import Template


def shape(template: Template) -> Iterator[Finding]:
    """Examples whose answer lacks the shape."""
    if template.shape is None:
        return
    other = []
    for index, row in enumerate(template.examples):
        asked = template.shape.over([row.inputs[item.name] for item in template.inputs])
        with suppress(SettingError):
            if row.output.strip() and not fits(asked, row.output.strip(BLANKS)):
                other.append(index)
    if other:
        more = f", and {count(len(other) - 1, 'other example')} too" if len(other) > 1 else ""
        message = f"it does not have the shape that answers are held to{more}: the model is shown what it may not write"
        yield Finding("other-shape", f"examples[{other[0]}].output", message)
