"""The commands over a model's files and this machine: convert, verify, doctor.

Results go to standard output, all else to standard error; a bar is drawn only where a person watches. Knows nothing of
layouts or of how a model is run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gptjt_demo.cli.options import DeviceOption, JsonOption, ModelOption, open_engine
from gptjt_demo.cli.output import print_json
from gptjt_demo.models.registry import GIB

if TYPE_CHECKING:
    from gptjt_demo.cli.doctor import Fact, Trial

_MIB = 2**20


def convert(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A folder, a known name or a hub id.")],
    target: Annotated[Path, typer.Argument(metavar="DST", help="A folder that is empty or not there yet.")],
    layout: Annotated[str, typer.Option(help="int8, which the CPU runs on as it is, or hivemind.")] = "int8",
    shard_mib: Annotated[int, typer.Option(help="Most MiB of tensors a file.", min=1)] = 4096,
) -> None:
    """Write a model in an 8-bit layout, so that it starts in seconds."""
    from gptjt_demo.models.convert import convert
    from gptjt_demo.models.hub import fetch
    from gptjt_demo.models.origin import with_origin
    from gptjt_demo.models.registry import resolve
    from gptjt_demo.models.tokenizer import has_tokenizer

    spec = resolve(source)
    watched = sys.stderr.isatty()
    folder = spec.source if isinstance(spec.source, Path) else fetch(spec.source, progress=watched)
    tokenizer = None
    if spec.tokenizer and not has_tokenizer(folder):
        tokenizer = fetch(spec.tokenizer, weights=False, progress=watched)
    made = convert(
        folder,
        target,
        layout,  # type: ignore[arg-type]  # a string from the command line, refused there if it is none
        spec=None if spec.local else with_origin(spec, folder),  # what a local folder says of itself goes along
        tokenizer=tokenizer,
        shard_bytes=shard_mib * _MIB,
        progress=watched,
    )
    print(f"{made.folder}: {made.layout} layout, {made.tensors} tensors, {made.bytes / GIB:.2f} GiB")


def verify(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A folder, a known name or a hub id.")],
    json_: JsonOption = False,
) -> None:
    """Look at every tensor of a model and name whatever is missing or damaged; exit status 2 if anything is."""
    from gptjt_demo.models.hub import fetch
    from gptjt_demo.models.registry import resolve
    from gptjt_demo.models.verify import verify

    spec = resolve(path)
    watched = sys.stderr.isatty() and not json_
    folder = spec.source if isinstance(spec.source, Path) else fetch(spec.source, progress=watched)
    found = verify(folder, progress=watched)
    if json_:
        print_json(
            {
                "path": str(folder),
                "whole": found.whole,
                "layout": found.layout,
                "tensors": found.tensors,
                "bytes": found.bytes,
                "problems": [{"where": p.where, "what": p.what, "mend": p.mend} for p in found.problems],
            }
        )
    else:
        for problem in found.problems:
            print(problem)
        sized = f"{found.layout} layout, {found.tensors} tensors, {found.bytes / GIB:.2f} GiB"
        print(f"{folder}: {'whole' if found.whole else f'{len(found.problems)} problems'}; {sized}")
    if not found.whole:
        raise typer.Exit(2)


def doctor(model: ModelOption = None, device: DeviceOption = "auto", json_: JsonOption = False) -> None:
    """Say what this machine can run, and try a model on the prompts of GPT-JT's card; exit status 2 if it fails."""
    from gptjt_demo.cli.doctor import Trial, examine
    from gptjt_demo.models.registry import DEFAULT_MODEL

    headed = False

    def told(item: Fact | Trial) -> None:
        nonlocal headed
        if isinstance(item, Trial) and not headed:
            print(
                f"\n{'template':10} {'attention':9} {'seconds':>8} {'first':>7} {'tokens/s':>8} {'checks':>6}  answer"
            )
            headed = True
        print(_row(item) if isinstance(item, Trial) else _fact(item), flush=True)

    name = model or DEFAULT_MODEL
    found = examine(name, lambda: open_engine(model, device), (lambda _: None) if json_ else told)
    if json_:
        print_json(found.report())
    else:
        print(f"\n{found.verdict}")
    if found.problems:
        raise typer.Exit(2)


def _fact(fact: Fact) -> str:
    mend = f"; {fact.mend}" if fact.mend else ""
    return f"{fact.subject:15} {'PROBLEM: ' if fact.problem else ''}{fact.text}{mend}"


def _row(trial: Trial) -> str:
    answer = " ".join(trial.answer.split())
    shown = answer if len(answer) <= 48 else f"{answer[:47]}…"
    note = f" ({trial.note})" if trial.note else ""
    return (
        f"{trial.template:10} {trial.attention:9} {trial.seconds:8.2f} {trial.seconds_to_first_token:7.2f} "
        f"{trial.tokens_per_second:8.1f} {f'{trial.right}/{trial.checks}':>6}  {shown}{note}"
    )
