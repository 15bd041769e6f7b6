"""Which prompt a file is put to: the one in the playground as it is edited there, or one of the library.

In: a picker's value and the playground's values. Out: a `Template`. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.controls import Controls

if TYPE_CHECKING:
    from gptjt_demo.templates.libraries import Library
    from gptjt_demo.ui.playground.actions import Actions

PLAYGROUND = ""
"""The picker's value for the playground's own prompt."""


def choices(library: Library) -> list[tuple[str, str]]:
    """What a picker shows, and its values."""
    return [("The prompt in the playground", PLAYGROUND), *((item.title, item.name) for item in library)]


def chosen(name: str, actions: Actions, values: Sequence[Any]) -> Template:
    """The template that a picker's value means.

    Args:
        name: the picker's value.
        actions: has the library and reads the playground's controls.
        values: of the playground's controls.

    Raises:
        PlaygroundError: the edits in the playground make no template, or there is none of that name.
    """
    return actions.templates[name] if name else actions.whole(Controls(*values))


def chosen_or_wrong(name: str, actions: Actions, values: Sequence[Any]) -> tuple[Template | None, str]:
    """`chosen`, or the line that says why there is none, as HTML."""
    try:
        return chosen(name, actions, values), ""
    except PlaygroundError as error:
        return None, problem(str(error))


def begun_as(name: str, values: Sequence[Any]) -> str:
    """The name of the library's template that a prompt began as, however it was edited since.

    Args:
        name: the picker's value.
        values: of the playground's controls.
    """
    base = Controls(*values).base
    return name or (base.name if isinstance(base, Template) else "")
