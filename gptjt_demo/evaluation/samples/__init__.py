"""Labelled rows for each of the model card's five tasks, to measure a template on before one has rows of one's own.

In: a task's name, which is also its template's. Out: the path of a CSV file with the columns `input` and `output`.
Reads neither templates nor the files; README.md beside them says what they hold.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from gptjt_demo.errors import TableError
from gptjt_demo.templates.shipped import CARD


def names() -> tuple[str, ...]:
    """The tasks that have a sample, in the model card's order."""
    return CARD


def path(name: str) -> Path:
    """Where a task's sample lies.

    Raises:
        TableError: there is none of that name.
    """
    if name not in CARD:
        raise TableError(f"no sample is named {name!r}", mend=f"choose one of {', '.join(CARD)}")
    # A real path: the package is installed as files, as its weights, which are mapped into memory, need it too.
    return Path(str(resources.files(__name__) / f"{name}.csv"))
