"""The command that looks for better examples: improve.

Figures and examples go to standard output, all else to standard error; a bar is drawn only where a person watches.
Knows nothing of how sets of examples are made or measured.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gptjt_demo.cli.bar import bar
from gptjt_demo.cli.files import named, read_table
from gptjt_demo.cli.gold import Gold, GoldColumn, Measured, sample_of, weighed
from gptjt_demo.cli.options import (
    AttentionOption,
    DeviceOption,
    InputsOption,
    JsonOption,
    LimitOption,
    ModelOption,
    PlainQuotesOption,
    PromptsOption,
    RuleOption,
    TemplateOption,
    open_engine,
    open_template,
)
from gptjt_demo.cli.output import print_json, tell
from gptjt_demo.errors import PlaygroundError, SettingError
from gptjt_demo.evaluation.limits import SEARCH_CALLS, SEARCH_CALLS_AT_LEAST

if TYPE_CHECKING:
    from gptjt_demo.evaluation.improve.improve import Improvement
    from gptjt_demo.templates.template import Template


def improve(
    template: TemplateOption,
    gold: Gold = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", help="The new template's file. Default: the template's name and -improved.yaml."),
    ] = None,
    examples: Annotated[
        int | None, typer.Option("--examples", "-k", help="How many a prompt shows. Default: as many as now.", min=1)
    ] = None,
    budget: Annotated[
        int, typer.Option(help="Prompts that the model may be given, all in all.", min=SEARCH_CALLS_AT_LEAST)
    ] = SEARCH_CALLS,
    nearest: Annotated[
        bool,
        typer.Option(
            "--nearest/--no-nearest", help="Try also to show each input the examples of the pool that are most like it."
        ),
    ] = True,
    seed: Annotated[int, typer.Option(help="Same seed, same halves and same search.", min=0)] = 0,
    generate: Annotated[
        bool, typer.Option("--generate", help="Generate text and read the label from it, instead of weighing labels.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where this search was cut off.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")] = False,
    input_column: InputsOption = None,
    output_column: GoldColumn = None,
    rule: RuleOption = "logprob",
    attention: AttentionOption = None,
    plain_quotes: PlainQuotesOption = False,
    limit: LimitOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    json_: JsonOption = False,
) -> None:
    """Look for better examples among labelled rows: searched on one half, told on the other, which it never sees."""
    from gptjt_demo.batch.question import Question
    from gptjt_demo.evaluation.improve import report
    from gptjt_demo.evaluation.improve.improve import improve as search
    from gptjt_demo.evaluation.improve.journal import JournalKept, check_journal, identity_of
    from gptjt_demo.training.run.interrupts import interrupts

    chosen = open_template(template, prompts)
    by_label = weighed(chosen, generate)
    target = output or Path(f"{chosen.name}-improved.yaml")
    _check_target(target, overwrite)
    check_journal(target, resume=resume, overwrite=overwrite)
    said = not json_ and bool(gold)
    table = read_table(gold or sample_of(chosen), said=said, plain_quotes=plain_quotes)
    job = Measured.of(chosen, table, input_column, output_column, limit, said=said)
    engine = open_engine(model, device)
    question = Question(engine, chosen, by_label, attention or chosen.attention, rule)
    with named(target):
        kept = JournalKept(target, identity_of(question, table, job.rows.columns, job.rows.gold), resume=resume)
    over = False
    try:
        if resume and not json_:
            tell(f"{len(kept):,} replies were there")
        with interrupts() as cancel, bar("improve", unit="calls", hidden=json_) as told:
            found = search(
                question,
                job.rows,
                examples=examples,
                budget=budget,
                seed=seed,
                nearest=nearest,
                kept=kept,
                cancel=cancel,
                progress=told,
            )
        over = found.finished
    except PlaygroundError:
        over = not len(kept)  # nothing was asked yet
        raise
    finally:
        kept.close(delete=over)
    if json_:
        print_json(found.to_json())
    else:
        print("\n".join(report.lines(found)))
        tell(f"{engine.name}, {question.mode} attention; {report.how(found)}")
    if not found.finished:
        tell(f"stopped; the same command with --resume goes on, also with a larger --budget, to {target}")
        raise typer.Exit(130)
    if not found.changed:
        tell("nothing is written: the present examples stay")
        return
    with named(target):
        _write(found, target, table.path.name)


def _check_target(target: Path, overwrite: bool) -> None:
    if target.suffix not in (".yaml", ".yml"):
        raise SettingError("no template's file", where=str(target), mend="let its name end in .yaml")
    if target.exists() and not overwrite:
        raise SettingError(
            "it is there already", where=str(target), mend="choose another with --output, or --overwrite"
        )
    if not target.parent.is_dir():
        raise SettingError("there is no such folder", where=str(target.parent), mend="make it, or choose another")


def _write(found: Improvement, target: Path, file: str) -> None:
    """Write the new template. What it replaces is kept as a version; where there are versions, so is the new one, with
    the figures of the unseen rows."""
    from gptjt_demo.evaluation.measured import measured_of
    from gptjt_demo.templates.versions.history import history_file, keep, record

    if target.exists():
        keep(target, "before better examples")
    target.write_text(_named(found.template, target).to_yaml(), encoding="utf-8")
    tell(f"written to {target}")
    if history_file(target).exists():
        keep(target, "better examples")
        runs = [replace(run, file=f"{file}, unseen half") for run in (found.present, found.better) if run is not None]
        record(target, [measured_of(run) for run in runs])
        tell(f"kept in {history_file(target)}")


def _named(template: Template, target: Path) -> Template:
    """The template under the file's name, where that can be one: a library asks for both to be the same."""
    fits = re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", target.stem)
    return template.revised(name=target.stem) if fits else template
