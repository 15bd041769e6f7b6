"""The `widget:` block of a Hugging Face model card: its examples to templates, and a template to a block.

A block or a whole README with YAML front matter comes in; every example's text is read back into rows, and
`inference.parameters` become the settings. Parameters that a Sampling does not have are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gptjt_demo.errors import SettingError, TemplateError
from gptjt_demo.settings import Sampling
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.formats.names import slug
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.yaml_text import Data, Value

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?\r?\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_CARD_FIELDS = "license|language|tags|datasets|pipeline_tag|library_name|base_model|inference|model-index|widget"
_CARD_FIELD = re.compile(rf"^(?:{_CARD_FIELDS}):", re.MULTILINE)
_WIDGET = re.compile(r"^widget:[ \t]*(?:#.*)?\r?\n\s*-", re.MULTILINE)
_ITEMS = re.compile(r"\A\s*^-[ \t]*\n?[ \t]+(?:text|example_title):", re.MULTILINE)
_SETTINGS = ("max_new_tokens", "temperature", "top_k", "top_p", "seed", "stop")


def is_card(text: str) -> bool:
    """Whether a text is a model card or the block of one."""
    front = _FRONT_MATTER.match(text)
    return bool(_CARD_FIELD.search(front[1]) if front else _WIDGET.search(text) or _ITEMS.match(text))


def read(text: str, where: str = "") -> list[Template]:
    """All examples of a card's widget, in order.

    Args:
        text: a README with front matter, or a block that holds `widget:` or is its list.
        where: the file's name, for messages.

    Raises:
        TemplateError: there is no example, one has no text, or a setting is out of its range; says where.
    """
    front = _FRONT_MATTER.match(text)
    if not front and not _WIDGET.search(text):
        text = f"widget:\n{text}"
    fields, lines = yaml_text.read(_only(("widget", "inference"), f"\n{front[1]}" if front else text), where=where)
    items = fields.get("widget")
    if not isinstance(items, list) or not items:
        raise TemplateError("the card has no widget examples", where=where, mend="paste a prompt of it instead")
    inference = fields.get("inference")
    parameters = inference.get("parameters") if isinstance(inference, dict) else None
    templates: list[Template] = []
    for number, item in enumerate(items):
        path = f"widget[{number}]"
        here = ", ".join(part for part in (where, f"line {lines[path]}" if path in lines else "", path) if part)
        item = {"text": item} if isinstance(item, str) else item
        prompt = item.get("text") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(prompt, str):
            raise TemplateError("this example has no text", where=here, mend="only prompts can be read: remove it")
        title = " ".join(str(item.get("example_title", "")).split())[:500] or f"Example {number + 1}"
        name = slug(title, [template.name for template in templates], f"example-{number + 1}")
        settings = _settings(parameters, where) | _settings(item.get("parameters"), here)
        try:
            template, _ = Template.parse(prompt)
        except TemplateError as error:
            raise TemplateError(error.what, where=here, mend=error.mend) from None
        templates.append(template.revised(name=name, title=title, generation=settings))
    return templates


def write(template: Template, query: Mapping[str, str], *, ascii: bool = False) -> str:
    """A block for a model card's front matter, whose example is the exact prompt for a query."""
    parameters = dict(template.model_dump(mode="json")["generation"])
    parameters.pop("seed", None)
    if not template.generation.temperature:  # the hub refuses a temperature of 0
        parameters = {"do_sample": False} | {k: v for k, v in parameters.items() if k != "temperature"}
    block: dict[str, Value] = {
        "inference": {"parameters": parameters},
        "widget": [{"example_title": template.title, "text": template.render(query)}],
    }
    text = yaml_text.write(block, ascii=ascii)
    yaml_text.check_length(text, where=template.name)
    return text


def _only(names: tuple[str, ...], text: str) -> str:
    """The text with every line of other top-level fields blank, so that line numbers stay what they are."""
    kept, keep = [], True
    for line in text.splitlines():
        if re.match(r"[^\s#-]", line):
            keep = line.partition(":")[0] in names
        kept.append(line if keep else "")
    return "\n".join(kept) + "\n"


def _settings(parameters: Data | None, where: str) -> dict[str, Any]:
    """Settings by name. Numbers arrive as the text they are in the file."""
    if not isinstance(parameters, dict):
        return {}
    found: dict[str, Any] = {name: parameters[name] for name in _SETTINGS if name in parameters}
    if isinstance(found.get("stop"), str):
        found["stop"] = [found["stop"]]
    if str(parameters.get("do_sample", "")).lower() == "false":
        found["temperature"] = 0
    try:
        Sampling.read(found)
    except SettingError as error:
        here = ", ".join(part for part in (where, f"parameters.{error.where}") if part)
        raise TemplateError(error.what, where=here, mend=error.mend) from None
    return found
