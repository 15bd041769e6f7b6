"""What a template can be exported as: the formats, named for a menu, and the one function that writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gptjt_demo.errors import SettingError, nearest
from gptjt_demo.templates.formats import calls, harness, widget
from gptjt_demo.templates.template import Template

ADDRESS = "http://127.0.0.1:7860"  # where `gptjt-demo serve` opens the page
MODEL = "mini"


@dataclass(frozen=True)
class Format:
    """One of the formats.

    Attributes:
        name: for programs and the command line.
        title: for people.
        ending: of a file, with its dot.
        description: one line for a menu.
    """

    name: str
    title: str
    ending: str
    description: str


FORMATS = (
    Format("yaml", "YAML", ".yaml", "The template's own file: everything in it, to keep and to load again."),
    Format("hf-widget", "Model card widget", ".yaml", "A widget: block for a Hugging Face model card."),
    Format("lm-eval", "lm-evaluation-harness", ".yaml", "A task that gives models this exact prompt for every row."),
    Format("python", "Python", ".py", "A program that loads the model and answers the query."),
    Format("curl", "curl", ".sh", "Shell commands that ask this page."),
    Format("gradio-client", "gradio_client", ".py", "A Python program that asks this page."),
)


def left_out(template: Template, format: str) -> str:
    """What a format has no place for although answers depend on it, a sentence; empty where there is nothing."""
    if template.shape is not None and format in ("hf-widget", "lm-eval"):
        return "It has no place for the shape of answers: they come as free text there."
    return ""


def export(
    template: Template,
    format: str,
    query: str | Mapping[str, str] | None = None,
    *,
    address: str = ADDRESS,
    model: str = MODEL,
    ascii: bool = False,
) -> str:
    """The template in a format.

    Args:
        template: what to export.
        format: the name of one of `FORMATS`.
        query: what a prompt in it asks; by default the template's sample.
        address: of the page, for calls to it.
        model: for programs and commands that load one.
        ascii: write YAML's other characters as escapes, for where UTF-8 does not arrive.

    Raises:
        SettingError: there is no such format.
        TemplateError: the query does not fit the template, or the text is larger than can be read back.
    """
    if isinstance(query, str):
        query = {item.name: query for item in template.inputs[:1]}
    asked = template.query if query is None else template.revised(query=query).query
    writers: dict[str, Callable[[], str]] = {
        "yaml": lambda: template.revised(query=asked).to_yaml(ascii=ascii),
        "hf-widget": lambda: widget.write(template, asked, ascii=ascii),
        "lm-eval": lambda: harness.write(template, model, ascii=ascii),
        "python": lambda: calls.python(template, asked, model),
        "curl": lambda: calls.curl(template, asked, address),
        "gradio-client": lambda: calls.gradio_client(template, asked, address),
    }
    if format not in writers:
        raise SettingError(f"there is no format {format!r}", where="format", mend=nearest(format, writers))
    return writers[format]()
