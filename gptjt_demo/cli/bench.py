"""The `bench` command: a table, then one JSON line on standard output; progress goes to standard error."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from gptjt_demo.cli.output import print_json, say
from gptjt_demo.errors import PlaygroundError, SettingError
from gptjt_demo.settings import environment


def bench(
    model: Annotated[
        str | None,
        typer.Option(help="A known name, a folder or a hub id. Default: GPT-J-6B's shape with random weights."),
    ] = None,
    layers: Annotated[
        int | None, typer.Option(help="Of GPT-J-6B's 28 layers, for the random weights.", min=1, max=28)
    ] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="With --model: where it runs.")] = "cpu",
    rounds: Annotated[int, typer.Option(help="How often each thing is measured.", min=1)] = 5,
    threads: Annotated[int | None, typer.Option(help="Default: one for each physical core.", min=1)] = None,
    peers: Annotated[bool, typer.Option(help="Measure other libraries too, where installed.")] = True,
    way: Annotated[
        str | None,
        typer.Option(
            envvar=environment.WAY.name,
            help="Force a way of multiplying: auto, vnni, avx2 or torch. With avx2 the peers go it too.",
            show_default="the processor's",
        ),
    ] = None,
    dir: Annotated[
        Path | None, typer.Option(help="Keep what is built here, and use it again. Default: a temporary folder.")
    ] = None,
    page: Annotated[
        bool,
        typer.Option("--page", help="With --model: how soon the page can be used, and how long beside a batch, too."),
    ] = False,
    day: Annotated[
        bool, typer.Option("--day", help="With --model: what 300 runs of visitors and three batches leave in memory.")
    ] = False,
) -> None:
    """Measure speeds on this machine: a table, then one JSON line.

    Without --model a checkpoint of GPT-J-6B's size is built (6 GB, as much converted, and 8 GB for the peers).
    """
    from gptjt_demo.benchmark import machine
    from gptjt_demo.benchmark.run import LAYERS, Bench

    if model is not None and layers is not None:
        raise SettingError("a model has its own layers", where="--layers", mend="leave out one of --model and --layers")
    if model is None and (page or day or device != "cpu"):
        raise SettingError("only a known model has this", where="--page, --day, --device", mend="name one with --model")
    if way is not None and way not in environment.WAYS:
        raise SettingError(f"{way!r} is no way", where="--way", mend=f"use one of {', '.join(environment.WAYS)}")
    with _folder(dir) as folder:
        run = Bench(folder, rounds, threads or machine.cores(), peers, page, way, told=say, day=day)
        report = run.random(layers or LAYERS) if model is None else run.known(model, device)
    print(*report.lines(), sep="\n")
    print_json(report.json())


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="gptjt-bench-") as made:
            yield Path(made)
        return
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlaygroundError(f"cannot be written ({error.strerror or error})", where="--dir") from None
    yield kept
