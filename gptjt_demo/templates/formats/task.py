"""A task of lm-evaluation-harness that `harness` wrote, read back. In: its YAML. Out: the template.

Of the Jinja in it only what we write ourselves is read, and nothing is rendered; what a task does not hold (the title,
a check, other stops) is not there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gptjt_demo.errors import TemplateError
from gptjt_demo.settings import Sampling
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.formats.names import slug, stem
from gptjt_demo.templates.formats.places import readings
from gptjt_demo.templates.prompt_text import BLANKS
from gptjt_demo.templates.template import Template

_FIELDS = ("task", "doc_to_text", "doc_to_target")
_VALUE = r'(?:(?P<joined>\(" " if \w+\[:1\] not in \["", "\\n"\] else ""\) ~ ))?(?P<column>[a-z_]\w*)'
_EXPRESSION = re.compile(rf'\{{\{{ (?:(?P<text>"(?:[^"\\]|\\.)*")|{_VALUE}) \}}\}}')
_AT_END = re.compile(r'\{\{ \((?P<parts>.*)\)\.rstrip\(" \\t"\) \}\}\Z', re.DOTALL)
_PART = re.compile(rf'(?:\A| ~ )(?:(?P<text>"(?:[^"\\]|\\.)*")|{_VALUE})')
_SETTINGS = {"max_gen_toks": "max_new_tokens", "temperature": "temperature", "top_k": "top_k", "top_p": "top_p"}


def is_task(fields: list[str]) -> bool:
    """Whether top-level fields are those of a task."""
    return all(name in fields for name in _FIELDS)


def read(text: str, where: str = "") -> Template:
    """One template.

    Raises:
        TemplateError: no such YAML, or a task of other making.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("#")]
    fields, _ = yaml_text.read("".join("\n" if line.startswith("#") else line for line in lines), where=where)
    try:
        places, tail = _places(str(fields["doc_to_text"]))
        rows = [json.loads(line[2:]) for line in comments if line.startswith("# {")]
        pieces = [part for place in places for part in (place.before + place.joint, place.column)]
        found = [*readings([*pieces, tail], {}), _unread(places, tail)]
        template = next(each for each in found if _asks(each, places, tail))
        return _whole(template, pieces[1::2], fields, rows)
    except (StopIteration, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        mend = "export the template as YAML, or paste a prompt"
        raise TemplateError("a task that was not exported here, or was changed", where=where, mend=mend) from None


class _Place(NamedTuple):
    """A value's place: the text before it, a blank that only stands before a value that is there, and the column."""

    before: str
    joint: str
    column: str


def _places(jinja: str) -> tuple[list[_Place], str]:
    """The values' places, and the text after the last."""
    end = _AT_END.search(jinja)
    parts = [*_found(_EXPRESSION, jinja[: end.start()] if end else jinja)]
    inner = [*_found(_PART, end["parts"])] if end else []
    if any(isinstance(part, str) for part in inner):
        raise ValueError("an expression that is not ours")
    places, before = [], ""
    for found in [*parts, *inner]:
        before += found if isinstance(found, str) else json.loads(found["text"]) if found["text"] else ""
        if not isinstance(found, str) and found["column"]:
            places.append(_Place(before, " " if found["joined"] else "", found["column"]))
            before = ""
    return places, before


def _unread(places: Sequence[_Place], tail: str) -> Template:
    """A template whose rows stay text within its instruction, and whose cues are all that stands between its values."""
    first = places[0]
    cut = max(first.before.rfind("\n") + 1, len(first.before) - 60) if first.joint else len(first.before)
    cut = cut if cut > 1 else 0  # of one character, no instruction is left before its gap
    head, cue = first.before[:cut], first.before[cut:]
    cues = [cue, *(place.before for place in places[1:])]
    return Template.model_validate(
        {
            "name": "task",
            "title": "Task",
            "instruction": head[:-1],
            "instruction_separator": head[-1:] or None,
            "inputs": [
                {"name": "input" if len(cues) == 1 else f"input-{n}", "cue": cue} for n, cue in enumerate(cues, 1)
            ],
            "output_cue": tail,
            "separator": "",
            "field_separator": "",
        }
    )


def _asks(template: Template, places: Sequence[_Place], tail: str) -> bool:
    """Whether a template renders to what the task does, also for values that are blank or begin a line."""
    for value in ("x", "", "\nx"):
        joint = "" if value[:1] in ("", "\n") else " "
        text = "".join(place.before + (place.joint and joint) + value for place in places) + tail
        if template.render(dict.fromkeys(template.query, value)) != text.rstrip(BLANKS):
            return False
    return True


def _found(pattern: re.Pattern[str], text: str) -> Iterator[str | re.Match[str]]:
    """The matches, and the text between them."""
    place = 0
    for match in pattern.finditer(text):
        if match.start() > place:
            yield text[place : match.start()]
        yield match
        place = match.end()
    if place < len(text):
        yield text[place:]


def _whole(template: Template, columns: list[str], fields: Mapping[str, Any], rows: list[dict[str, str]]) -> Template:
    """The template with the task's name, labels, settings and rows."""
    task = str(fields["task"])
    given = fields.get("generation_kwargs", {})
    settings = {own: given[name] for name, own in _SETTINGS.items() if name in given}
    if given.get("do_sample") == "false":
        settings["temperature"] = 0
    Sampling.read(settings)
    names = [item.name for item in template.inputs]
    values = [dict(zip(names, (row[column] for column in columns), strict=True)) for row in rows]
    asked = rows == [{**rows[0], "output": "the right answer"}] if rows else True
    return template.revised(
        name=slug(task),
        title=stem(task) or "Task",
        labels=fields.get("doc_to_choice", []),
        generation={**settings, "stop": given.get("until", [])},
        query=values[0] if values else {},
        checks=[] if asked else [{**row, "output": each["output"]} for row, each in zip(values, rows, strict=True)],
    )
