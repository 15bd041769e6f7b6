"""Templates of Simon Willison's `llm`: YAML with a `prompt`, a `system` text, or both, and `$name` where values go.

`$input` and other variables become inputs where a template can render the same text for every value; a variable that
has a default is filled in where it cannot. What has no counterpart here is refused by name.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from gptjt_demo.errors import SettingError, TemplateError
from gptjt_demo.settings import Sampling
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.formats.names import slug, stem
from gptjt_demo.templates.formats.places import filled, readings
from gptjt_demo.templates.template import Template

TEXTS = ("prompt", "system")
_READ = (*TEXTS, "name", "model", "defaults", "options")
_UNREAD = ("extract", "extract_last", "schema_object", "fragments", "system_fragments", "attachments")
FIELDS = (*_READ, *_UNREAD, "attachment_types", "tools", "functions")
_OPTIONS = {"max_tokens": "max_new_tokens", "num_predict": "max_new_tokens", "max_output_tokens": "max_new_tokens"}
_OPTIONS |= {name: name for name in Sampling.model_fields}


def read(text: str, where: str = "") -> Template:
    """One template.

    Args:
        text: the YAML file's text.
        where: the file's name, for messages, and for the template's name where the text gives none.

    Raises:
        TemplateError: not such YAML, or it asks for what cannot be done here.
    """
    fields, _ = yaml_text.read(text, where=where)

    def refuse(field: str, what: str, mend: str) -> TemplateError:
        return TemplateError(what, where=", ".join(part for part in (where, field) if part), mend=mend)

    def mapping(field: str) -> dict[str, str]:
        values = fields.get(field) or {}
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise refuse(field, "not a list of names with a value each", "write `name: value` lines, indented")
        return {name: str(value) for name, value in values.items()}

    parts = {field: fields.get(field, "") for field in TEXTS}
    for field in fields:
        if field not in _READ and fields[field] not in ("false", [], {}):
            raise refuse(field, "this has no counterpart here", "remove it, if the prompt works without it")
    for field, value in parts.items():
        if not isinstance(value, str):
            raise refuse(field, "not one text", "write one text, in quotes if it holds : # or brackets")
    system, prompt = str(parts["system"]), str(parts["prompt"])
    if not system.strip() and not prompt.strip():
        raise refuse("prompt", "there is nothing in it", "write a prompt")
    defaults = mapping("defaults")
    title = str(fields.get("name") or stem(where) or "llm template")
    extra: dict[str, Any] = {"name": slug(title, (), "llm-template"), "title": title}
    extra["generation"] = _settings(mapping("options"), refuse)
    if model := fields.get("model"):
        extra["source"] = f"an llm template for {model}"
    if not prompt.strip():  # the input is all that is said after the system text
        system, missing = filled(_pieces(system, "system", refuse), defaults)
        if missing:
            raise refuse("system", f"${missing[0]} has no value", "give it one under defaults")
        return Template.model_validate({"instruction": system.rstrip("\n"), **extra})
    both = "\n\n".join(part for part in (system.rstrip("\n"), prompt) if part.strip())
    pieces = _pieces(both, "prompt", refuse)
    if "input" not in pieces[1::2]:  # llm then adds it on a line of its own
        pieces = [*pieces[:-1], f"{pieces[-1]}\n", "input", ""]
    for template in readings(pieces, defaults):
        return template.revised(**extra)
    mend = "put each on a line after its cue, once, and end with a cue: `Text: $input` and then `Answer:`"
    raise refuse("prompt", "its variables stand where a template has no place for them", mend)


def _pieces(text: str, field: str, refuse: Any) -> list[str]:
    """Text and variables' names by turns: text, name, text, name, text."""
    pieces, end = [""], 0
    for match in string.Template.pattern.finditer(text):
        pieces[-1] += text[end : match.start()]
        end = match.end()
        if name := match["named"] or match["braced"]:
            pieces += [name, ""]
        elif match["escaped"]:
            pieces[-1] += "$"
        else:
            raise refuse(field, f"a $ that begins no variable: {text[match.start() :][:20]!r}", "write $$ for a dollar")
    pieces[-1] += text[end:]
    return pieces


def _settings(options: Mapping[str, str], refuse: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for option, value in options.items():
        if option not in _OPTIONS:
            raise refuse(f"options.{option}", "this has no counterpart here", "remove it")
        found[_OPTIONS[option]] = [value] if option == "stop" else value
    try:
        Sampling.read(found)
    except SettingError as error:
        raise refuse(f"options.{error.where}", error.what, error.mend) from None
    return found
