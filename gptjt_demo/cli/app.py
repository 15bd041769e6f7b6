"""The command line: each command is a few lines around one function of the package, and all are registered here.

Results go to standard output, everything else to standard error; a user's mistake is one line and exit status 2.
Libraries are imported by the command that needs them, so that `--help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import typer

from gptjt_demo.cli.bench import bench
from gptjt_demo.cli.models import convert, doctor, verify
from gptjt_demo.cli.output import say
from gptjt_demo.cli.prompt import complete, score
from gptjt_demo.cli.rows import batch, diagnose, evaluate
from gptjt_demo.cli.serve import serve
from gptjt_demo.cli.templates import (
    check_templates,
    export_template,
    import_templates,
    link_template,
    list_templates,
    show_template,
)
from gptjt_demo.cli.train import figures, train
from gptjt_demo.errors import PlaygroundError

COMMANDS: tuple[Callable[..., None], ...] = (
    complete,
    score,
    batch,
    evaluate,
    diagnose,
    serve,
    doctor,
    verify,
    convert,
    train,
    figures,
    bench,
)
TEMPLATE_COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_templates,
    "show": show_template,
    "check": check_templates,
    "link": link_template,
    "import": import_templates,
    "export": export_template,
}


def command_line() -> typer.Typer:
    """The program with all of its commands."""
    program = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Few-shot prompting with GPT-JT in 8-bit, with prefix attention.",
    )
    templates = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, check and share templates.")
    for command in COMMANDS:
        program.command()(command)
    for name, command in TEMPLATE_COMMANDS.items():
        templates.command(name)(command)
    program.add_typer(templates, name="templates")
    return program


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; a user's mistake becomes one line on standard error and exit status 2."""
    from gptjt_demo.batch import sharding

    mistake = ""
    try:
        status = command_line()(arguments, prog_name="gptjt-demo", standalone_mode=False)
    except PlaygroundError as error:
        mistake, status = str(error), 2
    except typer.TyperException as error:  # a wrong option or argument
        mistake, status = " ".join(error.format_message().split()), 2
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    if mistake and sharding.first():  # one line, not one a process
        say(f"error: {mistake}")
    sys.exit(status)
