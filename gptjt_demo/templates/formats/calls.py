"""A template's prompt as a call that somebody can run: Python over the package, gradio_client and curl over the page.

User text stands in the code only as Python's own literals or as ASCII JSON without a single quote, so that no shell
and no interpreter reads anything in it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pprint import pformat
from textwrap import indent
from typing import Any

from gptjt_demo.settings.shape import shape_data
from gptjt_demo.templates.template import Template


def python(template: Template, query: Mapping[str, str], model: str) -> str:
    """A program that loads a model and answers the query."""
    fields = template.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    fields = {name: value for name, value in fields.items() if name not in ("query", "checks")}
    asked = _literal(dict(query))
    shape = ["shape = template.shape_for(", f"{asked},", ")"] if template.shape else []
    held = ", shape=shape" if template.shape else ""
    lines = [
        "from gptjt_demo import Template, load",
        "",
        "template = Template.model_validate(",
        f"{_literal(fields)},",
        ")",
        "prompt = template.render(",
        f"{asked},",
        ")",
        *shape,
        f"engine = load({model!r})",
        f"answer = engine.complete(prompt, template.generation, attention=template.attention{held})",
        "print(answer.text)",
    ]
    if template.labels:
        lines += [
            "for label in engine.score(prompt, template.labels, attention=template.attention):",
            '    print(f"{label.share:6.1%}  {label.label}")',
        ]
    return "\n".join(lines) + "\n"


def gradio_client(template: Template, query: Mapping[str, str], address: str) -> str:
    """A program that asks a page for the answer; it needs `pip install gradio_client` and no model."""
    lines = ["from gradio_client import Client", "", f"client = Client({address!r})", "answer = client.predict("]
    for name, value in _request(template, query).items():
        literal = pformat(value, width=100).replace("\n", "\n" + " " * len(f"    {name}="))
        lines.append(f"    {name}={literal},")
    return "\n".join([*lines, '    api_name="/complete",', ")", 'print(answer["text"])']) + "\n"


def curl(template: Template, query: Mapping[str, str], address: str) -> str:
    """Shell commands that ask a page for the answer; it arrives as a line of JSON."""
    body = re.sub("['\x7f]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(_request(template, query)))
    return (
        f"page={shlex.quote(address.rstrip('/'))}\n"
        "id=$(curl -sS \"$page/gradio_api/call/v2/complete\" -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}' | cut -d '\"' -f 4)\n"
        'curl -sSN "$page/gradio_api/call/v2/complete/$id"\n'
    )


def _request(template: Template, query: Mapping[str, str]) -> dict[str, Any]:
    """What the page's `/complete` is given: the prompt and what differs from its defaults."""
    attention = {"attention": template.attention} if template.attention else {}
    settings = template.generation.model_dump(mode="json", exclude_defaults=True)
    shape = template.shape_for(query)
    held = {} if shape is None else {"shape": shape_data(shape)}
    return {"prompt": template.render(query), **attention, **settings, **held}


def _literal(value: object) -> str:
    return indent(pformat(value, width=108, sort_dicts=False), "    ")
