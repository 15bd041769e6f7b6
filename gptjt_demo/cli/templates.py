"""The commands over templates: list, show, check, link, import, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gptjt_demo.cli.options import (
    DeviceOption,
    InputOption,
    ModelOption,
    PromptsOption,
    TemplateArgument,
    open_engine,
    open_library,
    open_template,
    query,
)
from gptjt_demo.cli.output import is_utf8, say, write
from gptjt_demo.cli.versions import begin_histories
from gptjt_demo.errors import PlaygroundError


def list_templates(prompts: PromptsOption = None) -> None:
    """List the templates."""
    library = open_library(prompts)
    width = max(len(name) for name in library.names)
    for template in library:
        print(f"{template.name:{width}}  {template.title}: {template.description}")
    for problem in library.problems:
        say(f"left out: {problem}")


def show_template(
    name: TemplateArgument,
    prompt: Annotated[bool, typer.Option("--prompt", help="Print the exact prompt and nothing else.")] = False,
    input: InputOption = None,
    prompts: PromptsOption = None,
) -> None:
    """Show a template's file, or the exact prompt for a query."""
    chosen = open_template(name, prompts)
    if prompt or input:
        write(chosen.render(query(chosen, input)))
    else:
        write(chosen.to_yaml(ascii=not is_utf8()))


def check_templates(
    files: Annotated[list[Path], typer.Argument(help="Template files.")],
    run: Annotated[bool, typer.Option("--run", help="Put each template's checks to the model.")] = False,
    model: ModelOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Check template files; every problem is one line, and the exit status is 2 if there is one.

    With --run a wrong answer is a line too, but no problem: it says something about the model.
    """
    from gptjt_demo.templates.lint.finding import count
    from gptjt_demo.templates.template import Template

    good, problems = [], 0
    for file in files:
        try:
            template = Template.load(file)
        except PlaygroundError as error:
            problems += 1
            say(f"error: {error}")
        else:
            good.append(template)
            size = f"{count(len(template.examples), 'example')}, {count(len(template.labels), 'label')}"
            print(f"{file}: {template.name}, {size}, valid")
    if run and good:
        from gptjt_demo.evaluation.checks import run_checks

        engine = open_engine(model, device)
        for template in good:
            report = run_checks(engine, template)
            print(f"{template.name}: {report}", *(f"  {result}" for result in report.wrong), sep="\n")
    if problems:
        raise typer.Exit(2)


def link_template(name: TemplateArgument, prompts: PromptsOption = None) -> None:
    """Print a link's part from # on; added to a page's address, it opens the template there."""
    from gptjt_demo.templates.link import to_fragment

    print(to_fragment(open_template(name, prompts)))


def import_templates(
    source: Annotated[
        str, typer.Argument(help="A link, a file, - for standard input, or hf:OWNER/REPO[/PATH]@REVISION.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="A folder to write a file for each into; else they are printed.")
    ] = None,
) -> None:
    """Read a link, the page's history (Download JSON), an exported program, a model card's widget, an llm template, a
    raw prompt, or the templates of a repository of the hub."""
    from gptjt_demo.cli.hub import fetched, is_hub_name
    from gptjt_demo.templates.formats import load, save

    found = fetched(source) if is_hub_name(source) else load(source)
    if out is None:
        write("---\n".join(template.to_yaml(ascii=not is_utf8()) for template in found))
        return
    files = save(found, out)
    print(*files, sep="\n")
    if source.lower().endswith(".json") and not is_hub_name(source):
        begin_histories(source, found, files)


def export_template(
    name: TemplateArgument,
    to: Annotated[str, typer.Option(help="yaml, hf-widget, lm-eval, python, curl or gradio-client.")],
    prompts: PromptsOption = None,
) -> None:
    """Print a template in another tool's format."""
    from gptjt_demo.templates.formats import export, left_out

    template = open_template(name, prompts)
    write(export(template, to, ascii=not is_utf8()))
    if lost := left_out(template, to):
        say(f"{to}: {lost}")
