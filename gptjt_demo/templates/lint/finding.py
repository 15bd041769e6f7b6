"""Finding: one piece of advice about a template, with its place and, where there is one, the mended template.

In: a rule, a place, a line, and changes. Out: plain data for a page or a terminal. Knows no rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.template import Template


@dataclass(frozen=True)
class Finding:
    """One piece of advice.

    Attributes:
        rule: its short name, such as `trailing-space`.
        where: the field, as `TemplateError.where` names it: `examples[2].output`; `prompt` for the whole of it.
        message: one line.
        mend: what a button that mends it says; empty where a person has to decide.
        fixed: the template as mended.
        query: the query that belongs to `fixed`, where mending changes it, too.
    """

    rule: str
    where: str
    message: str
    mend: str = ""
    fixed: Template | None = None
    query: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        for field in ("message", "mend"):  # they may quote text of several lines
            object.__setattr__(self, field, " ".join(getattr(self, field).split()))


def mended(rule: str, where: str, message: str, mend: str, template: Template, **changes: Any) -> Finding:
    """A finding that is mended by changes of fields, unless they do not make a template."""
    with suppress(TemplateError):
        return Finding(rule, where, message, mend, template.revised(**changes))
    return Finding(rule, where, message)


def count(number: int, thing: str) -> str:
    """`1 example`, `2 examples`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`; at most six of them."""
    *most, last = words if len(words) <= 6 else (*words[:5], f"{len(words) - 5} more")
    return f"{', '.join(most)} and {last}" if most else last
