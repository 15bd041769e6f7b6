"""The commands that measure a template on labelled rows: evaluate, diagnose.

Figures go to standard output, all else to standard error; a bar is drawn only where a person watches. Under
`accelerate launch` only the first process speaks. Knows nothing of how rows are answered or figures made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    ShapeOption,
    TemplateOption,
    open_engine,
    open_template,
    with_shape,
)
from gptjt_demo.cli.output import leads, print_json, tell
from gptjt_demo.cli.versions import keep_figures
from gptjt_demo.engine.calibration import LABEL_RULES, LabelRule
from gptjt_demo.errors import SettingError
from gptjt_demo.evaluation.limits import DIAGNOSED_ROWS
from gptjt_demo.settings import Attention, Device

if TYPE_CHECKING:
    from gptjt_demo.engine.engine import Engine
    from gptjt_demo.evaluation.run import Run
    from gptjt_demo.templates.template import Template


def evaluate(
    gold: Gold = None,
    template: Annotated[
        str | None, typer.Option("--template", "-t", help="A template's name or file, or NAME@3.")
    ] = None,
    input_column: InputsOption = None,
    output_column: GoldColumn = None,
    attention: Annotated[
        Literal["prefix", "causal", "both"] | None,
        typer.Option(
            help="How prompts are read; both compares the two. Default: the template's way, else the model's."
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Another template, or a version such as NAME@3, to compare on the same rows.")
    ] = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Generate text and read the label from it, instead of weighing labels.")
    ] = False,
    samples: Annotated[
        bool, typer.Option("--samples", help="All shipped templates on their samples, as a Markdown table.")
    ] = False,
    rule: RuleOption = "logprob",
    shape: ShapeOption = None,
    plots: Annotated[
        Path | None, typer.Option(help="A folder for the picture of how far confidences hold, as PNG.")
    ] = None,
    plain_quotes: PlainQuotesOption = False,
    limit: LimitOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    json_: JsonOption = False,
) -> None:
    """Measure a template on a file with right answers, or two of them, or both attentions, on the same rows."""
    if samples:
        if gold or template or input_column or output_column or against or plots or shape:
            raise SettingError("it takes its own templates and files", where="--samples", mend="leave those out")
        _evaluate_samples(attention or "both", generate, rule, limit, model, device, json_)
        return
    if template is None:
        raise SettingError("no template", where="--template", mend="name one, or measure all five with --samples")
    from gptjt_demo.evaluation import pair, report, run

    first = with_shape(open_template(template, prompts), shape)
    if shape is not None and first.labels and not generate:
        raise SettingError("labels are weighed and not written", where="--shape", mend="add --generate")
    path = gold or sample_of(first)
    if against:
        if attention == "both":
            raise SettingError("two comparisons at once", where="--against", mend="choose one attention")
        asked: list[tuple[Template, Attention | None]] = [
            (each, attention or each.attention) for each in (first, open_template(against, prompts))
        ]
    else:
        asked = [(first, mode) for mode in _modes(attention, first)]
    for each, _ in asked:
        weighed(each, generate)
    said = not json_ and bool(gold)
    table = read_table(path, said=said, plain_quotes=plain_quotes)  # once: it may come through a pipe
    jobs = [
        (Measured.of(each, table, input_column, output_column, limit, said=said and not index), mode)
        for index, (each, mode) in enumerate(asked)
    ]
    if plots is not None:
        _make_folder(plots)
    engine = open_engine(model, device)
    runs = _runs(engine, jobs, generate, rule, json_)
    if not leads():
        return
    if plots is not None:
        _draw(runs, plots)
    typed = [template, against] if against else []
    keep_figures(list(zip(typed or [template] * len(runs), runs, strict=True)), prompts)
    if json_:
        print_json(pair.report(runs))
        return
    print("\n\n".join("\n".join(report.run_lines(run)) for run in runs))
    if len(runs) == 2:
        names = pair.names(runs, typed)
        print(f"\n{report.paired_sentence(run.compare(*runs), *names)}")
        for line in report.differing_lines(runs[0], runs[1], names):
            print(line)


def diagnose(
    template: TemplateOption,
    gold: Gold = None,
    input_column: InputsOption = None,
    output_column: GoldColumn = None,
    attention: AttentionOption = None,
    plots: Annotated[Path | None, typer.Option(help="A folder for the pictures, one PNG each.")] = None,
    limit: Annotated[
        int, typer.Option(help="Rows, from the start; a diagnostic takes as many runs as it has points.", min=1)
    ] = DIAGNOSED_ROWS,
    plain_quotes: PlainQuotesOption = False,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    json_: JsonOption = False,
) -> None:
    """Say what a template's figures rest on: the order of its examples, each example, their number, label priors."""
    from gptjt_demo.batch.question import Question
    from gptjt_demo.evaluation.diagnostics import DIAGNOSTICS
    from gptjt_demo.evaluation.plots import diagnosis as draw
    from gptjt_demo.evaluation.plots import picture

    chosen = open_template(template, prompts)
    mode = attention or chosen.attention
    by_label = weighed(chosen)
    said = not json_ and bool(gold)
    table = read_table(gold or sample_of(chosen), said=said, plain_quotes=plain_quotes)
    job = Measured.of(chosen, table, input_column, output_column, limit, said=said)
    if plots is not None:
        _make_folder(plots)
    engine = open_engine(model, device)
    question = Question(engine, chosen, by_label, mode)
    found: dict[str, Any] = {}
    for name, function in DIAGNOSTICS.items():
        try:
            with bar(name, hidden=json_ or not leads()) as told:
                diagnosis = function(question, job.rows, progress=told)
        except SettingError as error:
            found[name] = {"sentence": f"Left out: {error}."}
        else:
            found[name] = diagnosis.to_json()
            if plots is not None and leads():
                with named(plots):
                    (plots / f"{name}.png").write_bytes(picture(draw(name, diagnosis)))
        if not json_ and leads():
            print(f"{name}: {found[name]['sentence']}")
    if json_ and leads():
        taken = {"columns": job.rows.columns, "gold_column": job.rows.gold}
        print_json({**taken, "rows": job.rows.asked, "without_gold": job.rows.without_gold, **found})


def _modes(asked: Attention | Literal["both"] | None, template: Template) -> list[Attention | None]:
    return ["prefix", "causal"] if asked == "both" else [asked or template.attention]


def _make_folder(path: Path) -> None:
    with named(path):
        path.mkdir(parents=True, exist_ok=True)


def _draw(runs: list[Run], folder: Path) -> None:
    """How far confidences hold, as a picture; of two runs the second's name ends in -2."""
    from gptjt_demo.evaluation import plots

    for number, run in enumerate(runs, 1):
        end = "" if number == 1 else f"-{number}"
        with named(folder):
            if run.reliability is not None:
                drawn = plots.reliability(run.reliability)
                (folder / f"reliability{end}.png").write_bytes(plots.picture(drawn))


def _runs(
    engine: Engine, jobs: list[tuple[Measured, Attention | None]], generate: bool, rule: LabelRule, quiet: bool
) -> list[Run]:
    from gptjt_demo.batch.progress import Meter
    from gptjt_demo.batch.question import Question
    from gptjt_demo.evaluation.evaluate import measure

    if not engine.supports_prefix and len({mode for _, mode in jobs}) > 1:
        raise SettingError(
            f"{engine.name} does not see a prefix mask, so there is nothing to compare",
            where="--attention",
            mend="use causal",
        )
    runs = []
    for job, mode in jobs:
        question = Question(engine, job.template, weighed(job.template, generate), mode, rule)
        with bar(f"{job.template.name}, {question.mode}", hidden=quiet or not leads()) as told:
            runs.append(measure(question, job.rows, meter=Meter(len(job.rows), told), rules=True))
    return runs


def _evaluate_samples(
    attention: Attention | Literal["both"],
    generate: bool,
    rule: LabelRule,
    limit: int | None,
    model: str | None,
    device: Device,
    json_: bool,
) -> None:
    from gptjt_demo.evaluation import pair, report, samples

    chosen = [open_template(name, None) for name in samples.names()]
    modes = _modes(attention, chosen[0])
    engine = open_engine(model, device)
    if attention == "both" and not engine.supports_prefix:
        modes = ["causal"]
        tell(f"{engine.name} does not see a prefix mask: only causal attention is measured")
    pairs: dict[str, list[Run]] = {}
    for template in chosen:
        job = Measured.of(template, read_table(samples.path(template.name), said=False), limit=limit)
        pairs[template.name] = _runs(engine, [(job, mode) for mode in modes], generate, rule, json_)
    if not leads():
        return
    if json_:
        print_json({name: pair.report(runs) for name, runs in pairs.items()})
        return
    print("\n".join(report.markdown_table(pairs)))
    how = "labels are generated" if generate else f"labels are weighed by {LABEL_RULES[rule]}"
    tell(f"{engine.name}; accuracy, of free text exact match, with its 95 % interval; {how}; p by McNemar's exact test")
