"""Which column of a file is which input of a template, and which one holds the right answers: as asked, or by name.

In: a template and a file's column names. Out: a column for each input. Knows nothing of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from gptjt_demo.errors import SettingError
from gptjt_demo.templates.template import Template

GOLD_NAMES = ("output", "gold", "label", "answer", "expected", "target", "class", "category")
TEXT_NAMES = ("input", "text", "sentence", "content", "message", "tweet", "post", "comment", "review")


def guess_inputs(template: Template, columns: Sequence[str], *, gold: str | None = None) -> dict[str, str]:
    """A column for each input that has one by its name or cue; the only input also takes a usual name of texts, or the
    only column that can be meant.

    Args:
        template: whose inputs are to be filled.
        columns: the file's.
        gold: a column that is no input.
    """
    free = [column for column in columns if column != gold]
    found = {}
    for field in template.inputs:
        column = _named(free, (field.name, field.cue))
        if column is not None:
            found[field.name] = column
            free.remove(column)
    if not found and len(template.inputs) == 1:
        column = _named(free, TEXT_NAMES) or (free[0] if len(free) == 1 else None)
        if column is not None:
            found[template.inputs[0].name] = column
    return found


def guess_gold(template: Template, columns: Sequence[str]) -> str | None:
    """The column of right answers by its name, if one has such a name."""
    inputs = {column.casefold() for field in template.inputs for column in (field.name, _plain(field.cue))}
    free = [column for column in columns if column.casefold() not in inputs]
    return _named(free, (template.output_cue, *GOLD_NAMES))


def asked_inputs(template: Template, asked: Sequence[str], columns: Sequence[str], *, where: str) -> dict[str, str]:
    """What a command line says: ``COLUMN`` for the only input, ``NAME=COLUMN`` for each of several, or nothing for
    columns that are named like the inputs.

    Args:
        template: whose inputs are to be filled.
        asked: as typed.
        columns: the file's.
        where: the option's name, for messages.

    Raises:
        SettingError: an input is left without a column.
    """
    names = [field.name for field in template.inputs]
    chosen = {} if asked else guess_inputs(template, columns)
    for text in asked:
        name, sign, column = text.partition("=")
        if len(names) == 1 and (text in columns or not (sign and name == names[0])):
            name, sign, column = names[0], "=", text
        if not sign:
            raise SettingError(f"{text!r} is not NAME=COLUMN", where=where, mend=f"the inputs are {', '.join(names)}")
        if name in chosen:
            raise SettingError(f"the input {name!r} is given twice", where=where, mend="give it once")
        chosen[name] = column
    for name in names:
        if name not in chosen:
            form = "COLUMN" if len(names) == 1 else f"{name}=COLUMN"
            raise SettingError(
                f"the input {name!r} has no column",
                where=where,
                mend=f"give {form}; the columns are {', '.join(columns[:20])}",
            )
    return chosen


def _named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The first column that has one of the names, but for case; names in front count first."""
    for name in names:
        for column in columns:
            if column.strip().casefold() == _plain(name):
                return column
    return None


def _plain(cue: str) -> str:
    return cue.strip().removesuffix(":").rstrip().casefold()
