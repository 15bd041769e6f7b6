"""The command that answers every row of a file: batch.

What is said goes to standard error; a bar is drawn only where a person watches. Under `accelerate launch` only the
first process speaks. Knows nothing of how rows are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gptjt_demo.cli.bar import bar
from gptjt_demo.cli.ending import ending_in_order
from gptjt_demo.cli.files import check_out, columns_of, named, read_table
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
from gptjt_demo.engine.calibration import LABEL_RULES
from gptjt_demo.errors import PlaygroundError, SettingError

if TYPE_CHECKING:
    from gptjt_demo.batch.question import Query, Question


def batch(
    source: Annotated[Path, typer.Argument(metavar="IN", help="CSV, TSV, JSONL or XLSX; - for standard input.")],
    target: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="Ends in .csv, .tsv, .jsonl or .xlsx; --dry-run needs none.")
    ] = None,
    *,
    template: TemplateOption,
    input_column: InputsOption = None,
    labels: Annotated[bool, typer.Option("--labels", help="Pick one of the template's labels.")] = False,
    shares: Annotated[
        bool, typer.Option("--shares", help="Write the shares of all labels too, for `review` and the tab Review.")
    ] = False,
    rule: RuleOption = "logprob",
    shape: ShapeOption = None,
    attention: AttentionOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue where this run was cut off.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace OUT if it is there; with --resume, redo what is wrong.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what the run would come to, from a probe of a few rows; write nothing."),
    ] = False,
    plain_quotes: PlainQuotesOption = False,
    limit: LimitOption = None,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    json_: JsonOption = False,
) -> None:
    """Answer every row of a file; the answers are in columns beside the file's own."""
    from gptjt_demo.batch.columns import taken_words
    from gptjt_demo.batch.progress import count
    from gptjt_demo.batch.question import Question
    from gptjt_demo.batch.run import capped, query_of, run
    from gptjt_demo.tables import rowfile

    chosen = with_shape(open_template(template, prompts), shape)
    mode = attention or chosen.attention
    if target is None and not dry_run:
        raise SettingError("no file for the answers", where="OUT", mend="name one, or ask with --dry-run what it takes")
    if json_ and not dry_run:
        raise SettingError("it is for the figures of --dry-run", where="--json", mend="leave it out")
    if target is not None:
        with named(target):
            rowfile.format_of(target)
    if labels and len(chosen.labels) < 2:
        what = "one label is no choice" if chosen.labels else "it has no labels"
        raise SettingError(what, where=chosen.name, mend="leave out --labels")
    if shape is not None and labels:
        raise SettingError("labels are weighed and not written", where="--shape", mend="leave out one of the two")
    if rule != "logprob" and not labels:
        raise SettingError("it compares labels, and none are asked for", where="--rule", mend="add --labels")
    if shares and not labels:
        raise SettingError("they are of labels, and none are asked for", where="--shares", mend="add --labels")
    later = rule == "batch"
    table = read_table(source, said=not json_, plain_quotes=plain_quotes)
    columns = columns_of(table, chosen, input_column)
    total = capped(table, limit)
    if target is None or dry_run:
        if target is not None:
            check_out(table, target, total, labels=labels, resume=resume, overwrite=overwrite, later=later)
        if not json_:
            tell(taken_words(columns))
        query, engine = query_of(table, chosen, columns), open_engine(model, device)
        _foretell(Question(engine, chosen, labels, mode, rule), lambda: map(query, islice(table, total)), total, json_)
        return
    named_shares = chosen.labels if shares else ()
    check_out(table, target, total, labels=labels, resume=resume, overwrite=overwrite, later=later, shares=named_shares)
    tell(taken_words(columns))
    if later:
        tell("labels are by the sum until the last row is answered; then all are divided by their mean shares at once")
    engine = open_engine(model, device)
    with ending_in_order(), _resumable(target), bar(hidden=not leads()) as told:
        result = run(
            engine,
            chosen,
            table,
            target,
            columns=columns,
            labels=labels,
            attention=mode,
            rule=rule,
            resume=resume,
            overwrite=overwrite,
            limit=limit,
            shares=shares,
            progress=told,
        )
    if result.was_complete:
        were = f"all {result.rows:,} rows were" if result.rows > 1 else "its row was"
        tell(f"{target}: {were} there; which prompt and model answered them is not recorded")
        return
    rate = f", {result.rows / result.seconds:.1f} rows/s" if result.seconds and not resume else ""
    tell(
        f"{target}: {count(result.rows, 'row')}, {count(result.errors, 'error')}, {result.flagged:,} flagged; "
        f"{engine.name}, {result.attention} attention{f'; labels by {LABEL_RULES[rule]}' if labels else ''}{rate}"
    )


@contextmanager
def _resumable(target: Path) -> Iterator[None]:
    """Whatever ends the run within, people are told that what is answered is kept, and how to go on."""
    try:
        yield
    except PlaygroundError:
        raise
    except (KeyboardInterrupt, Exception):
        tell(f"stopped; the same command with --resume continues {target}")
        raise


def _foretell(question: Question, queries: Callable[[], Iterable[Query]], rows: int, json_: bool) -> None:
    """What a run would come to, on standard output."""
    from gptjt_demo.batch.estimate import estimates, lines

    *_, found = estimates(question, queries, rows)
    if not leads():
        return
    if json_:
        print_json({"model": question.engine.name, "attention": question.mode, **found.to_json()})
        return
    print("\n".join(lines(found)))
    tell(f"{question.engine.name}, {question.mode} attention; nothing is written")
