"""Options that several commands share, and how what they name is opened.

In: an option's value as it was typed. Out: an engine, a library, a template, a prompt. Heavy libraries are imported
when something is opened, so that `--help` answers at once. Knows no command.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gptjt_demo.engine.calibration import LabelRule
from gptjt_demo.errors import PromptError
from gptjt_demo.settings import Attention, Device, environment

if TYPE_CHECKING:
    from gptjt_demo.engine.engine import Engine
    from gptjt_demo.templates.libraries import Library
    from gptjt_demo.templates.template import Template

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        envvar=environment.MODEL.name,
        help="A known name, a folder or a hub id.",
        show_default=environment.MODEL.default,
    ),
]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where the model runs.")]
PromptsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--prompts",
        help=f"A folder of your own templates; may be given twice.  [env var: GPTJT_PROMPTS, joined by {os.pathsep}]",
    ),
]
TemplateArgument = Annotated[str, typer.Argument(metavar="NAME", help="A template's name or file.")]
TemplateOption = Annotated[
    str, typer.Option("--template", "-t", help="A template's name or file, or NAME@3 for a version of it.")
]
InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input", "-i", help="The query; NAME=TEXT for each of several inputs. Default: the template's sample query."
    ),
]
AttentionOption = Annotated[
    Attention | None,
    typer.Option("--attention", help="How the prompt is read. Default: the template's way, else the model's."),
]
InputsOption = Annotated[
    list[str] | None,
    typer.Option("--input-column", "-c", help="The input's column; NAME=COLUMN for each of several inputs."),
]
RuleOption = Annotated[
    LabelRule,
    typer.Option("--rule", help="How labels are compared; batch divides by their mean shares over the file's rows."),
]
PlainQuotesOption = Annotated[
    bool, typer.Option("--plain-quotes", help="Quotation marks in the file are plain characters: each line is a row.")
]
ShapeOption = Annotated[
    str | None,
    typer.Option(
        "--shape",
        metavar="KIND[:VALUE]",
        help="What answers must be, instead of the template's word: none, csv:COLUMNS, items[:SEPARATOR] of the input, "
        "pattern:REGEX, or one-of:A,B.",
    ),
]
LimitOption = Annotated[int | None, typer.Option("--limit", help="Only so many rows, from the start.", min=1)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def open_library(prompts: list[Path] | None) -> Library:
    """The shipped templates, after those of `--prompts` or, without it, of GPTJT_PROMPTS.

    Raises:
        TemplateError: a folder does not exist.
    """
    from gptjt_demo.templates.libraries import Library
    from gptjt_demo.templates.shipped import own_folders

    return Library.open(prompts or own_folders(environment.PROMPTS.read()))


def open_template(name: str, prompts: list[Path] | None) -> Template:
    """The template of that name or file.

    Raises:
        TemplateError: there is none, or it is not valid.
    """
    return open_library(prompts).load(name)


def with_shape(template: Template, shape: str | None) -> Template:
    """The template with what `--shape` says of its answers.

    Raises:
        TemplateError: that is no shape, or none that an answer of this template can have.
    """
    if shape is None:
        return template
    from gptjt_demo.errors import TemplateError
    from gptjt_demo.templates.answer_shape import read_shape_words

    kind, _, value = shape.partition(":")
    try:
        return template.revised(shape=read_shape_words(kind.strip(), value))
    except TemplateError as error:
        raise TemplateError(error.what, where="--shape", mend=error.mend) from None


def open_engine(model: str | None, device: Device) -> Engine:
    """The model of `--model`, loaded; a bar is drawn where a person watches.

    Raises:
        ModelError: there is no such model, or it does not run here.
    """
    from gptjt_demo.models.loading import load
    from gptjt_demo.models.registry import DEFAULT_MODEL

    return load(model or DEFAULT_MODEL, device=device, progress=sys.stderr.isatty())


def query(template: Template, inputs: list[str] | None) -> str | dict[str, str]:
    """What `--input` asks: TEXT for one input, NAME=TEXT for each of several; without any, the sample query.

    Raises:
        PromptError: one input is given twice, or one of several without its name.
    """
    if not inputs:
        return template.query
    if len(template.inputs) == 1:
        if len(inputs) > 1:
            raise PromptError(f"{template.name} has one input", where="--input", mend="give it once")
        return inputs[0]
    pairs = [text.partition("=") for text in inputs]
    for name, sign, _ in pairs:
        if not sign:
            mend = f"{template.name} has {', '.join(item.name for item in template.inputs)}"
            raise PromptError(f"{name!r} is not NAME=TEXT", where="--input", mend=mend)
    names = [name for name, _, _ in pairs]
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise PromptError(f"{twice[0]!r} is given twice", where="--input", mend="give each input once")
    return {name: text for name, _, text in pairs}
