"""The programs that a template is exported as, read back: Python over the package, gradio_client, curl.

In: such a program's text. Out: the template, or the prompt and settings that it asks with. Nothing of it is run: of
Python only literals are read, of a shell command only the JSON that it sends.
"""

from __future__ import annotations

import json
import re
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.settings import Sampling
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.formats.literals import literal
from gptjt_demo.templates.template import Template

_PYTHON = re.compile(r"^template = Template\.model_validate\(", re.MULTILINE)
_QUERY = re.compile(r"^prompt = template\.render\(", re.MULTILINE)
_CLIENT = re.compile(r"^answer = client\.predict\(", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+)=", re.MULTILINE)
_CURL = re.compile(r"^id=\$\(curl .*/gradio_api/call/(?:v2/)?complete", re.MULTILINE)
_BODY = re.compile(r"^ +-d '([^']*)' \| cut ", re.MULTILINE)


def is_program(text: str) -> bool:
    """Whether a text is one of our programs."""
    return any(kind.search(text) for kind in (_PYTHON, _CLIENT, _CURL))


def read(text: str, where: str = "") -> Template:
    """The template of a program, with the query that it asks.

    Raises:
        TemplateError: it was changed so that the template cannot be found in it, or is not valid.
    """
    yaml_text.check_length(text, where=where)
    try:
        if (begun := _PYTHON.search(text)) and (asked := _QUERY.search(text, begun.end())):
            fields, query = literal(text, begun.end()), literal(text, asked.end())
            return Template.model_validate({**fields, "query": query})
        if begun := _CLIENT.search(text):
            arguments = _ARGUMENT.finditer(text, begun.end())
            return _asked({each[1]: literal(text, each.end()) for each in arguments if each[1] != "api_name"})
        if _CURL.search(text) and (body := _BODY.search(text)):
            return _asked(json.loads(body[1]))
    except (ValueError, TypeError, SyntaxError, RecursionError):
        pass  # said below
    except TemplateError as error:
        here = ", ".join(part for part in (where, error.where) if part)
        raise TemplateError(error.what, where=here, mend=error.mend) from None
    mend = "export it again, or paste the prompt alone"
    raise TemplateError("no prompt is found in this program; it was changed", where=where, mend=mend)


def _asked(fields: dict[str, Any]) -> Template:
    """The template of what the page's `/complete` is asked."""
    if not isinstance(fields.get("prompt"), str):
        raise ValueError("no prompt")
    template, _ = Template.parse(fields["prompt"])
    settings = {name: value for name, value in fields.items() if name in Sampling.model_fields}
    more = {"attention": fields["attention"]} if "attention" in fields else {}
    if "shape" in fields:
        more["shape"] = _shape(fields["shape"])
    try:
        return template.revised(generation=settings, **more)
    except TemplateError:  # rows have stops of their own, which what is asked need not bear: a template without rows
        bare = {"output_cue": "", "separator": "", "field_separator": "", "inputs": [{"name": "input", "cue": ""}]}
        plain = {"name": template.name, "title": template.title, "query": {"input": fields["prompt"]}}
        return Template.model_validate({**plain, **bare, "generation": settings, **more})


def _shape(data: dict[str, Any]) -> dict[str, Any]:
    """A template's shape of what a call asks for. The texts that items are of are the query's."""
    if "items_of" not in data:
        return data
    return {"from_input": True, **{name: value for name, value in data.items() if name == "separator"}}
