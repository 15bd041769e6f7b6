"""What the page's history is downloaded as, one JSON file: its templates again.

In: the file's text: a list of saved prompts, of runs and of figures, or one of them, or one template as JSON. Out: the
saved prompts as they are now, and of the runs those that are no saved prompt; and what is known of a saved prompt's
past. JSON as strict as our YAML: a key that is given twice, a number that is none and deep nesting are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.formats.names import slug
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.history import MAX_NOTE, Version
from gptjt_demo.templates.versions.measured import Measured, now, prompt_key

MAX_CHARACTERS = 8 * 1024 * 1024  # more than a browser lets a page keep
MOST = 300  # templates
_BEGINNING = re.compile(r'\ufeff?\s*\[?\s*\{\s*"(?:id|time|kind|title|template|name)"\s*:')
_DOWNLOADED = re.compile(r'\ufeff?\s*\[\s*\{\s*"id"\s*:\s*"\d{4}-')


def is_kept(text: str, where: str = "") -> bool:
    """Whether a text is meant as such JSON, whole or not. A prompt may begin like JSON; it does not end so."""
    if where.lower().endswith(".json") or _DOWNLOADED.match(text):
        return True
    try:
        return _BEGINNING.match(text) is not None and bool(json.loads(text.removeprefix("\ufeff")))
    except (ValueError, RecursionError):
        return False


def read(text: str, where: str = "") -> list[Template]:
    """The templates, the newest first; of two with one name, the second gets a number.

    Args:
        text: the file's.
        where: its name, for messages.

    Raises:
        TemplateError: it is no such JSON, holds no template, or one that is not valid.
    """
    if len(text) > MAX_CHARACTERS:
        raise TemplateError(f"more than {MAX_CHARACTERS:,} characters", where=where, mend="delete some of it first")
    data = _parsed(text.removeprefix("\ufeff"), where)
    things = data if isinstance(data, list) else [data]
    found: list[Template] = []
    for kind in ("template", "run"):  # what somebody saved comes before what somebody ran
        for index, thing in enumerate(things):
            if isinstance(thing, dict) and "kind" not in thing and "template" not in thing:
                thing = {"template": thing}
            if not isinstance(thing, dict) or thing.get("kind", "template") != kind:
                continue
            here = ", ".join(part for part in (where, f"[{index}]" if isinstance(data, list) else "") if part)
            template = _template(thing.get("template"), here)
            if kind == "template" or not any(_same(template, other) for other in found):
                found.append(template)
    if not found:
        raise TemplateError("there is no template in it", where=where, mend="give a file of Download JSON")
    if len(found) > MOST:
        raise TemplateError(f"{len(found):,} templates, {MOST} are read", where=where, mend="delete some of it first")
    taken: list[str] = []
    for template in found:
        taken.append(template.name if template.name not in taken else slug(template.name, taken))
    return [each if each.name == name else each.revised(name=name) for each, name in zip(found, taken, strict=True)]


def pasts(text: str, templates: Sequence[Template]) -> list[tuple[list[Version], list[Measured]]]:
    """For each of the templates that `read` gave, the versions that were kept, the oldest first, and their figures.

    What cannot be read of them is left out: the templates themselves have been.
    """
    data = _parsed(text.removeprefix("\ufeff"), "")
    things = [thing for thing in (data if isinstance(data, list) else [data]) if isinstance(thing, dict)]
    saved = [thing for thing in things if thing.get("kind", "template") == "template"]  # as `read` takes them
    figures: list[Measured] = []
    for thing in reversed(things):
        with suppress(TemplateError):
            figures += [Measured.read(thing)] if thing.get("kind") == "measured" else []
    found = []
    for index, template in enumerate(templates):
        thing = saved[index] if index < len(saved) else {}
        older = thing.get("versions")
        kept = [
            _version(each, template.name) for each in reversed([thing, *(older if isinstance(older, list) else [])])
        ]
        versions = [Version(n, each.time, each.text, each.note) for n, each in enumerate(filter(None, kept), 1)]
        keys = {prompt_key(each.template()) for each in versions}
        found.append((versions, [each for each in figures if each.key in keys]))
    return found


def _version(data: Any, name: str) -> Version | None:
    """One version, as a file of that name would have it; None for what is none."""
    data = data if isinstance(data, dict) else {}
    time, note = str(data.get("time", "")), data.get("note", "")
    when = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", time)
    try:
        text = _template(data.get("template"), "").revised(name=name).to_yaml()
    except TemplateError:
        return None
    return Version(1, f"{when[0]}Z" if when else now(), text, note[:MAX_NOTE] if isinstance(note, str) else "")


def _template(data: Any, where: str) -> Template:
    if not isinstance(data, dict):
        raise TemplateError("there is no template in it", where=where, mend="give a file of Download JSON")
    try:
        return Template.model_validate(data)
    except TemplateError as error:
        here = ", ".join(part for part in (where, error.where) if part)
        raise TemplateError(error.what, where=here, mend=error.mend) from None


def _same(one: Template, other: Template) -> bool:
    """Whether a run was of that template, whatever it asked and drew."""
    plain = [{**each.model_dump(), "query": None} for each in (one, other)]
    for each in plain:
        each["generation"] = {**each["generation"], "seed": None}
    return plain[0] == plain[1]


def _parsed(text: str, where: str) -> Any:
    def refuse(what: str, mend: str = "download it again") -> NoReturn:
        raise TemplateError(what, where=where, mend=mend)

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(found)
        if len(fields) < len(found):
            twice = next(name for number, (name, _) in enumerate(found) if name in [key for key, _ in found[:number]])
            refuse(f"{twice!r} is given twice", "keep one of the two")
        return fields

    def constant(name: str) -> Any:
        refuse(f"{name} is no number of JSON", "write a number")

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        return refuse(f"line {error.lineno}: no JSON ({error.msg})")
    except (ValueError, RecursionError):  # a number of thousands of digits; brackets within brackets
        return refuse("it cannot be read as JSON")
