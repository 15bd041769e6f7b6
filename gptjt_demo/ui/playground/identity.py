"""Whose a prompt on the page is: the template's that it began as, an edited one's, or somebody's own.

In: the template, what was made of it, and the name typed for it. Out: the same with the name, licence, source, checks
and notices that are true of it. Knows nothing of controls.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from gptjt_demo.templates.answer_check import match_label
from gptjt_demo.templates.template import PROMPT_FIELDS, Template

Origin = Literal["same", "edited", "own"]

BLANK = Template(name="new-prompt", title="New prompt")
"""What one's own prompt begins as."""

OWN_TITLE = "My prompt"


def slug(title: str) -> str:
    """A template's short name, and its file's, made of its title."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower())[:64].strip("-") or "my-prompt"


def origin(base: Template, template: Template) -> Origin:
    """What a template has to do with the one that it began as.

    `same`: its words are the base's; `own`: neither its instruction nor any of its examples are; else `edited`.
    """
    if all(getattr(base, field) == getattr(template, field) for field in (*PROMPT_FIELDS, "labels")):
        return "same"
    shared = any(row in base.examples for row in template.examples)
    return "edited" if shared or (base.instruction and base.instruction == template.instruction) else "own"


def identified(base: Template, template: Template, title: str) -> Template:
    """The template under its own name. What is true only of the base is left out where it is no longer the base.

    Args:
        base: what it began as.
        template: what was made of it, still with all that the base says of itself.
        title: as typed; the base's, or blank, where nobody typed one.
    """
    made = origin(base, template)
    typed = " ".join(title.split())[:100]
    named = typed if typed and typed != base.title else ""
    theirs = bool(base.licence or base.source or base.checks)
    changes: dict[str, Any] = {}
    if made != "same":
        changes |= {"licence": "", "source": "", "checks": ()}
        if not named and theirs:
            named = OWN_TITLE if made == "own" else f"{base.title} (edited)"
    if made == "own":
        changes |= {"description": "", "notice": "", "check": None}
    if named:
        changes |= {"title": named, "name": slug(named)}
    return template.revised(**changes) if changes else template


def outputs_seen(template: Template) -> list[str]:
    """The examples' different outputs where they could be labels: two or more, short and of one line. Of those that
    look alike, which could not stand beside each other, the first."""
    seen: list[str] = []
    for output in (row.output.strip() for row in template.examples):
        if output and match_label(output, seen) is None:
            seen.append(output)
    fits = 2 <= len(seen) <= 20 and all(len(output) <= 40 and "\n" not in output for output in seen)
    return seen if fits else []
