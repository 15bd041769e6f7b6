"""The command line: each command is a few lines around one function of the package, and all are registered here.

Results go to standard output, everything else to standard error; a user's mistake is one line and exit status 2.
Libraries are imported by the command that needs them, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperOption

from gptjt_demo.cli.bench import bench
from gptjt_demo.cli.evaluate import diagnose, evaluate
from gptjt_demo.cli.harness import UNREAD, lm_eval
from gptjt_demo.cli.improve import improve
from gptjt_demo.cli.models import convert, doctor, verify
from gptjt_demo.cli.output import escaping, leave_closed_pipe, say
from gptjt_demo.cli.prompt import complete, score
from gptjt_demo.cli.review import review
from gptjt_demo.cli.rows import batch
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
from gptjt_demo.cli.versions import diff_templates, restore_template, save_template, show_history
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import environment

SPINS = 10_000  # see `_wait_briefly`

COMMANDS: tuple[Callable[..., None], ...] = (
    complete,
    score,
    batch,
    review,
    evaluate,
    diagnose,
    improve,
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
    "save": save_template,
    "history": show_history,
    "diff": diff_templates,
    "restore": restore_template,
}
NAMING = ("model", "host")
"""Options that name something: nothing is not the default."""
ALONE = (serve, doctor, bench, list_templates)
"""Commands that have something to do without a single argument; the others then print their help."""


class Command(TyperCommand):
    """A command that refuses an option given twice instead of silently taking the last one, and a name that is empty
    instead of taking the folder that it is started in, or the default."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and self.no_args_is_help:
            print(ctx.get_help())
            raise typer.Exit(2)  # nothing was done, and a script should know
        values, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for number, option in enumerate(given):
            if not isinstance(option, TyperOption) or option.multiple or option.is_flag:
                continue
            if option in given[:number]:
                raise typer.BadParameter("it is given twice", ctx=ctx, param=option)
        rest = super().parse_args(ctx, args)
        for parameter in given:
            typed, read = (_listed(found.get(parameter.name or "")) for found in (values, ctx.params))
            if "" in typed and (parameter.name in NAMING or any(isinstance(each, Path) for each in read)):
                raise typer.BadParameter("the name is empty", ctx=ctx, param=cast(Any, parameter))
        return rest


def command_line() -> typer.Typer:
    """The program with all of its commands."""
    program = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        callback=_help_alone,
        invoke_without_command=True,
        help="Few-shot prompting with GPT-JT in 8-bit, with prefix attention.",
    )
    templates = typer.Typer(
        rich_markup_mode=None,
        callback=_help_alone,
        invoke_without_command=True,
        help="List, show, check, share and compare templates, and keep their versions.",
    )
    for command in COMMANDS:
        program.command(cls=Command, no_args_is_help=command not in ALONE)(command)
    program.command("lm-eval", context_settings=UNREAD)(lm_eval)
    for name, command in TEMPLATE_COMMANDS.items():
        templates.command(name, cls=Command, no_args_is_help=command not in ALONE)(command)
    program.add_typer(templates, name="templates")
    return program


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command.

    A user's mistake becomes one line on standard error and exit status 2; an error inside the program one line and
    status 1, after its traceback where GPTJT_TRACEBACK is set.
    """
    _wait_briefly()
    with escaping():
        status = _run(arguments)
    sys.exit(status)


def _wait_briefly() -> None:
    """Have torch's threads look for new work some 10,000 times before they sleep, not 300,000 times.

    A thread that only waits uses up its share of a core that another program keeps busy: then a token of GPT-J's shape
    takes 3 times as long instead of twice. Without such a program it makes no difference. libgomp reads this when torch
    is imported. What a user set stays.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)


def _run(arguments: Sequence[str] | None) -> int:
    from gptjt_demo.batch import sharding

    mistake = ""
    try:
        status = int(command_line()(arguments, prog_name="gptjt-demo", standalone_mode=False) or 0)
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk is found here, and not when Python ends
    except PlaygroundError as error:
        mistake, status = str(error), 2
    except typer.TyperException as error:  # a wrong option or argument
        mistake, status = _misused(error), 2
    except (KeyboardInterrupt, typer.Abort):
        status = 130
    except BrokenPipeError:
        leave_closed_pipe()
        status = 1
    except Exception as error:  # whatever it is, people read a line; the traceback is for those who ask for it
        if environment.TRACEBACK.read():
            traceback.print_exc()
        say(f"error: {_unexpected(error)}")  # in every process of a launch: it may have happened in this one only
        status = 1
        try:
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError:  # said already; Python would say it again where it ends
            leave_closed_pipe()
    if mistake and sharding.first():  # one line, not one a process
        say(f"error: {mistake}")
    return status


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


def _misused(error: typer.TyperException) -> str:
    """A wrong option or argument in one line that holds what was typed."""
    what = " ".join(error.format_message().replace("Value error, ", "").split())
    typed = error.__cause__.errors()[0]["input"] if isinstance(error.__cause__, ValidationError) else ""
    return what if not typed or repr(typed) in what else f"{what}; {typed!r} was given"


def _unexpected(error: Exception) -> str:
    """An error that nobody put into words: what it is, and how to see where it came from."""
    what = " ".join(str(error).split())
    return f"{type(error).__name__}: {what or 'no more is known'}; GPTJT_TRACEBACK=1 shows where it comes from"
