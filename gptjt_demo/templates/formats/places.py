"""A text with places for values, as other tools' templates are, read as templates that render to it.

In: text and variables' names by turns. Out: templates that give the same text for every value. Knows no tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import product

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.formats.names import slug
from gptjt_demo.templates.prompt_text import BLANKS
from gptjt_demo.templates.template import Template


def filled(pieces: list[str], values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with values in their places, and the variables that have none."""
    names = pieces[1::2]
    filled = [values.get(piece, "") if i % 2 else piece for i, piece in enumerate(pieces)]
    return "".join(filled), [name for name in names if name not in values]


def readings(pieces: list[str], defaults: Mapping[str, str]) -> Iterator[Template]:
    """Templates that render to the text whatever the variables' values are, the one with most inputs first."""
    for fixed in ({}, {name: value for name, value in defaults.items() if name != "input"}):
        names = [name for name in pieces[1::2] if name not in fixed]
        if len(set(names)) < len(names):
            continue
        marks = {name: _mark(number, "".join(pieces)) for number, name in enumerate(names)}
        text, _ = filled(pieces, marks | fixed)
        text = text.rstrip(BLANKS)
        for found in _templates(text, list(marks.values())):
            template = found.revised(query={})
            slots = [item.name for item in template.inputs]
            if template.render(dict(zip(slots, marks.values(), strict=True))) == text:
                renamed = _renamed(template, names)
                inputs = (item.name for item in renamed.inputs)
                yield renamed.revised(query=dict(zip(inputs, (defaults.get(name, "") for name in names), strict=True)))


def _mark(number: int, text: str) -> str:
    """A word that does not occur in the text, to stand for a variable's value."""
    return next(mark for n in range(len(text) + 1) if (mark := f"zq{number}v{n}qz") not in text)


def _templates(text: str, marks: list[str]) -> Iterator[Template]:
    """Templates whose inputs are the marks, in their order."""
    with suppress(TemplateError):
        template, query = Template.parse(text)
        rest = template.revised(query={}).to_yaml()
        if list(query.values()) == marks and not any(mark in rest for mark in marks):
            yield template
    if len(marks) != 1:
        return
    before, _, after = text.partition(marks[0])
    head, gap, line = before.rpartition("\n\n")
    leads = ((head, "\n\n" if gap else "", line.rstrip(BLANKS).removesuffix(":")), (before, "", ""))
    blank = re.match(r"\s*", after)
    tails = ((blank[0] if blank else "", after.lstrip()), (after, ""))
    for (instruction, separator, cue), (field_separator, output_cue) in product(leads, tails):
        with suppress(TemplateError):
            yield Template.model_validate(
                {
                    "name": "read-template",
                    "title": "Read template",
                    "instruction": instruction,
                    "inputs": [{"name": "input", "cue": cue}],
                    "separator": separator,
                    "field_separator": field_separator,
                    "output_cue": output_cue,
                }
            )


def _renamed(template: Template, names: list[str]) -> Template:
    """The template with its inputs named as the variables were."""
    new: list[str] = []
    for name in names:
        new.append(slug(name, (*new, "output"), "input"))
    old = [item.name for item in template.inputs]
    rows = [
        {**{to: row.inputs[name] for name, to in zip(old, new, strict=True)}, "output": row.output}
        for row in template.examples
    ]
    inputs = [{"name": name, "cue": item.cue} for name, item in zip(new, template.inputs, strict=True)]
    return template.revised(inputs=inputs, examples=rows, query={})
