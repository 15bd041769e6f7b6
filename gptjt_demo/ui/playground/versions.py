"""A kept prompt's versions, between the browser that keeps them and the code that compares and measures them.

In: what a browser sends of its versions, runs that were measured. Out: plain data for kept.js: what changed from each
version to the next, figures to keep; and the template of a version. Knows nothing of how it is drawn.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.evaluation.measured import measured_of
from gptjt_demo.evaluation.run import Run
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.difference import Change, differences, marked, summary
from gptjt_demo.ui.playground.kept import read_record

MOST = 20
"""Versions of one prompt; kept.js keeps as many."""

LINES = 200
"""Lines of one change that are shown, and of each its first characters."""
CHARACTERS = 2_000


def compared(data: Any) -> dict[str, Any]:
    """What changed from each version to the next.

    Args:
        data: {id, templates: the oldest first}, as a browser sends it.

    Returns:
        For kept.js: the id again, and for each version but the first {summary, changes}; a version that cannot be read
        has the line that says so.
    """
    data = data if isinstance(data, dict) else {}
    sent, id = data.get("templates"), data.get("id")
    read = [_read(each) for each in sent[:MOST]] if isinstance(sent, list) else []
    return {
        "kind": "differences",
        "nonce": secrets.token_hex(8),
        "id": id if isinstance(id, str) else "",
        "differences": [_difference(before, after) for before, after in pairwise(read)],
    }


def rival(data: Any) -> tuple[Template, str]:
    """A version to measure against, and what it is called.

    Raises:
        TemplateError: there is none in it.
    """
    template = read_record(data)
    number = data.get("number")
    version = f", version {number}" if type(number) is int else ""
    return template, f"{template.title}{version}"


def measured(runs: Sequence[Run]) -> dict[str, Any]:
    """The figures of runs that came to their end, for kept.js."""
    kept = [measured_of(run) for run in runs if run.finished and run.n]
    told = [{**each.model_dump(mode="json"), "sentence": each.sentence} for each in kept]
    return {"kind": "measured", "nonce": secrets.token_hex(8), "measured": told}


def _read(data: Any) -> Template | str:
    try:
        return read_record({"template": data})
    except TemplateError as error:
        return str(error)


def _difference(before: Template | str, after: Template | str) -> dict[str, Any]:
    for each in (after, before):
        if isinstance(each, str):
            return {"summary": each, "changes": []}
    assert isinstance(before, Template) and isinstance(after, Template)  # noqa: PT018
    changes = differences(before, after)
    return {"summary": summary(changes), "changes": [_shown(change) for change in changes]}


def _shown(change: Change) -> dict[str, Any]:
    lines = [[mark, line[:CHARACTERS]] for mark, line in marked(change)]
    more = len(lines) - LINES
    return {"words": change.words, "lines": lines[:LINES], "more": max(more, 0)}
