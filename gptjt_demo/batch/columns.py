"""Which column of a file is which input of a template, and which one holds the right answers: as asked, or by name.

In: a template and a file's column names. Out: a column for each input. Names are compared by what is seen of them, but
for case. A name is a guess only where one column fits: of two that fit none is taken, and whoever asked is asked back.
Knows nothing of rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from gptjt_demo.errors import SettingError
from gptjt_demo.tables.sheet import visible
from gptjt_demo.templates.template import Template

GOLD_NAMES = ("output", "gold", "label", "answer", "expected", "target", "class", "category")
TEXT_NAMES = ("input", "text", "sentence", "content", "message", "tweet", "post", "comment", "review")

_NUMBERED = re.compile(r" \(\d+\)$")  # what tells columns of one name apart


def guess_inputs(template: Template, columns: Sequence[str], *, gold: str | None = None) -> dict[str, str]:
    """A column for each input that exactly one fits: by the input's name or cue; the only input also by a usual name of
    texts, or as the only column that can be meant.

    Args:
        template: whose inputs are to be filled.
        columns: the file's.
        gold: a column that is no input.
    """
    fitting = fitting_inputs(template, columns, gold)
    return {name: found[0] for name, found in fitting.items() if len(found) == 1}


def asked_inputs(
    template: Template, asked: Sequence[str], columns: Sequence[str], *, where: str, gold: str | None = None
) -> dict[str, str]:
    """What a command line says: ``COLUMN`` for the only input, ``NAME=COLUMN`` for each of several, or nothing for
    columns that are named like the inputs.

    Args:
        template: whose inputs are to be filled.
        asked: as typed.
        columns: the file's.
        where: the option's name, for messages.
        gold: a column that is no input.

    Raises:
        SettingError: an input is left without a column, or several columns fit it.
    """
    names = [field.name for field in template.inputs]
    chosen = {} if asked else guess_inputs(template, columns, gold=gold)
    for text in asked:
        name, sign, column = text.partition("=")
        if len(names) == 1 and (text in columns or not (sign and name == names[0])):
            name, sign, column = names[0], "=", text
        if not sign:
            raise SettingError(f"{text!r} is not NAME=COLUMN", where=where, mend=f"the inputs are {', '.join(names)}")
        if name in chosen:
            raise SettingError(f"the input {name!r} is given twice", where=where, mend="give it once")
        chosen[name] = column
    fitting = fitting_inputs(template, columns, gold)
    for name in names:
        if name not in chosen:
            form = "COLUMN" if len(names) == 1 else f"{name}=COLUMN"
            if not asked and (several := fitting[name][1:]):
                what = f"the columns {_quoted([fitting[name][0], *several])} could all be the input {name!r}"
                raise SettingError(what, where=where, mend=f"give {form}")
            what = f"the input {name!r} has no column"
            raise SettingError(what, where=where, mend=f"give {form}; the columns are {_quoted(columns[:20])}")
    return chosen


def asked_gold(
    template: Template, asked: str | None, columns: Sequence[str], *, where: str, taken: Iterable[str] = ()
) -> str:
    """The column of right answers, as a command line says, or by its name.

    Args:
        template: whose answers they are.
        asked: as typed; None: by its name.
        columns: the file's.
        where: the option's name, for messages.
        taken: columns that are inputs.

    Raises:
        SettingError: none has such a name, or several have.
    """
    if asked is not None:
        return asked
    found = fitting_gold(template, columns, taken)
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingError(
            f"the columns {_quoted(found)} could all hold the right answers", where=where, mend="name one"
        )
    raise SettingError("no column of right answers", where=where, mend=f"choose one of {_quoted(columns[:20])}")


def taken_words(columns: Mapping[str, str], gold: str | None = None) -> str:
    """Which columns were taken, in words: the input "text" from the column 'tweet', …"""
    words = [f"{name} from the column {column!r}" for name, column in columns.items()]
    return "; ".join([*words, *([f"right answers from the column {gold!r}"] if gold is not None else [])])


def fitting_inputs(template: Template, columns: Sequence[str], gold: str | None) -> dict[str, list[str]]:
    """For each input the columns that could be meant: `guess_inputs` takes one that is alone."""
    free = [column for column in columns if column != gold]
    found: dict[str, list[str]] = {}
    for field in template.inputs:
        found[field.name] = _named(free, (field.name, field.cue))
        free = [column for column in free if column not in found[field.name]]
    if len(found) == 1 and not any(found.values()):
        found[template.inputs[0].name] = _named(free, TEXT_NAMES) or (free if len(free) == 1 else [])
    return found


def fitting_gold(template: Template, columns: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """The columns that could hold the right answers, by their names."""
    inputs = {_plain(name) for field in template.inputs for name in (field.name, field.cue)}
    free = [column for column in columns if _plain(column) not in inputs and column not in set(taken)]
    return _named(free, (template.output_cue, *GOLD_NAMES))


def _named(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns that have one of the names."""
    wanted = {_plain(name) for name in names}
    return [column for column in columns if {_plain(column), _plain(_NUMBERED.sub("", column))} & wanted]


def _plain(cue: str) -> str:
    return visible(cue).removesuffix(":").rstrip().casefold()


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns))
