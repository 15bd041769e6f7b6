"""Advice about the current prompt, as HTML: a line for each finding, and a button where it can be mended at once.

In: findings, and which row of the page each example of the template is. Out: HTML for a gr.HTML value, every text
escaped; empty for no findings. advice.js tells which button was pressed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from gptjt_demo.templates.lint.finding import Finding

_FIELDS = {"prompt": "Prompt", "instruction": "Instruction", "labels": "Labels", "examples": "Examples"}
_WORDS = {
    "output_cue": "Cue before output",
    "separator": "Between rows",
    "field_separator": "Within a row",
    "instruction_separator": "After the instruction",
}


def advice(findings: Sequence[Finding], rows: Sequence[int] = ()) -> str:
    """The lines, in their order.

    Args:
        findings: what there is to say.
        rows: for each example of the template, its row on the page, from 0; none: the same.
    """
    lines = "".join(_line(index, finding, rows) for index, finding in enumerate(findings))
    return f'<ul class="advice" aria-label="Advice about the prompt">{lines}</ul>' if lines else ""


def place_name(where: str, rows: Sequence[int] = ()) -> str:
    """A finding's place as it is called on the page: `examples[2].output` is `Example 3, output`."""
    if match := re.fullmatch(r"examples\[(\d+)\](?:\.(\w+))?", where):
        number = int(match[1])
        row = rows[number] if number < len(rows) else number
        return f"Example {row + 1}{f', {match[2]}' if match[2] else ''}"
    if match := re.fullmatch(r"inputs\[(\d+)\]\.cue", where):
        return f"Cue before input {int(match[1]) + 1}"
    return _FIELDS.get(where) or _WORDS.get(where) or where


def _line(index: int, finding: Finding, rows: Sequence[int]) -> str:
    mend = (
        f'<button type="button" class="quiet" data-mend="{index}" data-rule="{escape(finding.rule, quote=True)}">'
        f"{escape(finding.mend)}</button>"
        if finding.mend and finding.fixed is not None
        else ""
    )
    return f"<li><b>{escape(place_name(finding.where, rows))}</b>: {escape(finding.message)} {mend}</li>"
