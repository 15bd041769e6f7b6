"""The words around the rows: cues and separators as a grid of one row, and back.

In and out: a grid's value whose `names` are the inputs' names, each with its cue, then the output's cue, the separator,
the field separator and the instruction's (blank: as between rows), line feeds typed as `\\n`. What a browser sends is
not to be trusted.
"""

from __future__ import annotations

import re
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.template import MAX_INPUTS, Template
from gptjt_demo.ui.rows.grid import Cells, read_rows

WHERE = "Cues and separators"

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t"}
_WRITTEN = {written: text for text, written in _ESCAPES.items()}


def escaped(text: str) -> str:
    """The text as it is typed in one line: a line feed as `\\n`, a tab as `\\t`, a backslash as `\\\\`."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def unescaped(typed: str) -> str:
    """What was typed as the text it means; a backslash before any other letter is a backslash."""
    return re.sub(r"\\[\\nt]", lambda found: _WRITTEN[found.group()], typed)


def wording_cells(template: Template) -> Cells:
    """The template's words as a grid."""
    cues = [field.cue for field in template.inputs]
    words = (
        *cues,
        template.output_cue,
        template.separator,
        template.field_separator,
        template.instruction_separator or "",
    )
    ordinal = [f" {number}" if len(cues) > 1 else "" for number in range(1, len(cues) + 1)]
    return {
        "columns": [
            *(f"Cue before input{nth}" for nth in ordinal),
            "Cue before output",
            "Between rows",
            "Within a row",
            "After the instruction",
        ],
        "rows": [[escaped(word) for word in words]],
        "names": [field.name for field in template.inputs],
    }


def read_wording(value: Any) -> dict[str, Any]:
    """The words as fields of a template.

    Raises:
        TemplateError: it is not such a grid.
    """
    names = value.get("names") if isinstance(value, dict) else None
    if not isinstance(names, list) or not 0 < len(names) <= MAX_INPUTS:
        raise TemplateError("the inputs have no names", where=WHERE, mend="reset the template")
    rows = read_rows(value, len(names) + 4, WHERE)
    if len(rows) != 1:
        raise TemplateError(f"{len(rows)} rows instead of one", where=WHERE, mend="reset the template")
    *cues, output_cue, separator, field_separator, instruction_separator = map(unescaped, rows[0])
    return {
        "inputs": [{"name": name, "cue": cue} for name, cue in zip(names, cues, strict=True)],
        "output_cue": output_cue,
        "separator": separator,
        "field_separator": field_separator,
        "instruction_separator": instruction_separator or None,
    }
