"""Measured runs as HTML: the big figures, what weighing labels tells, and the matrix, whose cells are buttons.

In: runs. Out: HTML for a gr.HTML value, every text escaped; a cell's button carries `data-run`, `data-gold` and
`data-predicted` as numbers, indices into the run's own lists. Knows nothing of gradio or of how runs came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gptjt_demo.batch.progress import count
from gptjt_demo.evaluation.pair import names as names_of
from gptjt_demo.evaluation.report import interval, paired_sentence, percent
from gptjt_demo.evaluation.run import Outcome, Run, compare
from gptjt_demo.ui.evaluate.charts import reliability_chart
from gptjt_demo.ui.evaluate.differences import side_by_side
from gptjt_demo.ui.evaluate.weighing import rules, suspicious

ROWS = 100


def figures(runs: Sequence[Run], asked: Sequence[str] = ()) -> str:
    """All of it.

    Args:
        runs: one, or two that are compared.
        asked: what the two are called; else they are called by their attention or their names.
    """
    if not runs or not runs[0].n:
        return ""
    compared = ""
    names = [f"{run.attention} attention" for run in runs]
    if len(runs) == 2:
        if runs[0].attention == runs[1].attention:
            names = list(asked) or names_of(runs)
        test = f'<p class="paired" role="status">{escape(paired_sentence(compare(*runs), *names))}</p>'
        compared = test + side_by_side(runs[0], runs[1], names)
    cards = "".join(_run(index, run, name) for index, (run, name) in enumerate(zip(runs, names, strict=True)))
    return f'{compared}<div class="runs">{cards}</div>'


def rows_list(run: Run, index: int, gold: str, predicted: str | None, outcomes: Sequence[Outcome]) -> str:
    """The rows of a cell, each with a button that carries `data-run` and `data-row`.

    Args:
        run, index: the run and its index among the runs.
        gold, predicted: what the cell is called; `predicted` is None for free text, where `gold` says all.
        outcomes: its rows.
    """
    title = gold if predicted is None else f"{gold} → {predicted}"
    shown = outcomes[:ROWS]
    status = count(len(outcomes), "row") + (f", the first {ROWS} shown" if len(outcomes) > ROWS else "")
    items = "".join(_item(index, outcome, bool(run.labels)) for outcome in shown)
    hint = '<p class="hint">No row is in this cell.</p>' if not outcomes else ""
    return (
        '<section class="card cell-rows" aria-labelledby="cell-title" tabindex="-1">'
        f'<header><h2 id="cell-title">{escape(title)}</h2>'
        f'<span class="status" role="status">{status}, {run.attention}</span></header>'
        f"{hint}<ol>{items}</ol></section>"
    )


def _run(index: int, run: Run, name: str) -> str:
    what = "Accuracy" if run.labels else "Exact match"
    big = [(what, percent(run.accuracy), f"{run.right:,} of {run.n:,} rows; 95 % interval {interval(run)}")]
    if run.macro_f1 is not None:
        big.append(("Macro-F1", percent(run.macro_f1), "the mean over the labels"))
    if run.list_figures is not None:
        lists = run.list_figures
        precise = f"as comma-separated lists: precision {percent(lists.precision)}, recall {percent(lists.recall)}"
        big.append(("List F1", percent(lists.f1), precise))
    tiles = "".join(
        f'<div class="tile"><dt>{name}</dt><dd><b>{value}</b><span>{detail}</span></dd></div>'
        for name, value, detail in big
    )
    notes = [*run.notes, *([f"{count(run.errors, 'row')} failed and count as wrong."] if run.errors else [])]
    if not run.finished:
        notes.insert(0, "Stopped early: these figures cover the rows so far.")
    lines = "".join(f'<p class="notice" role="note">{escape(note)}</p>' for note in notes)
    if run.labels:
        beside = reliability_chart(run.reliability) if run.reliability is not None else ""
        matrix = _matrix(index, run)
        matrix = f'<div class="matrix-beside"><div>{matrix}</div>{beside}</div>' if beside else matrix
        body = suspicious(run) + matrix + _labels(run) + rules(run)
    else:
        body = _outcomes(index, run)
    return (
        f'<section class="card run" aria-label="{escape(name)}"><header>'
        f"<h2>{escape(name[:1].upper() + name[1:])}</h2>"
        f'<span class="status">{escape(f"{run.model}, {run.template}, {run.attention}")}</span></header>'
        f'<dl class="tiles">{tiles}</dl>{lines}{body}</section>'
    )


def _labels(run: Run) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(each.label)}</th>'
        + "".join(f"<td>{percent(value)}</td>" for value in (each.precision, each.recall, each.f1))
        + f"<td>{each.support:,}</td></tr>"
        for each in run.label_figures
    )
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Label", "Precision", "Recall", "F1", "Rows"))
    return (
        '<div class="rows-scroll" tabindex="0" role="region" aria-label="Figures of each label">'
        f'<table class="labels"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _matrix(index: int, run: Run) -> str:
    heads = "".join(f'<th scope="col"><span>{escape(name)}</span></th>' for name in run.predicted_labels)
    body = "".join(
        f'<tr><th scope="row">{escape(gold)}</th>'
        + "".join(_cell(index, run, row, column, number, sum(counts)) for column, number in enumerate(counts))
        + "</tr>"
        for row, (gold, counts) in enumerate(zip(run.gold_labels, run.matrix, strict=True))
    )
    return (
        '<p class="matrix-hint">Down: the right answer. Across: the model’s answer. Press a cell to see its rows.</p>'
        '<div class="rows-scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="matrix">'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(index: int, run: Run, row: int, column: int, number: int, total: int) -> str:
    part = number / total if total else 0.0
    gold, predicted = run.gold_labels[row], run.predicted_labels[column]
    name = f"{gold} answered as {predicted}: {count(number, 'row')}"
    kind = "right" if gold == predicted else "wrong"
    return (
        f'<td><button type="button" class="cell {kind}" style="--part:{100 * part:.0f}%" '
        f'data-strong="{int(part > 0.55)}" '
        f'data-run="{index}" data-gold="{row}" data-predicted="{column}" aria-label="{escape(name)}"'
        f"{'' if number else ' disabled'}>{number:,}</button></td>"
    )


def _outcomes(index: int, run: Run) -> str:
    """Free text has no matrix: three buttons instead of it."""
    buttons = "".join(
        f'<button type="button" class="free-cell" data-run="{index}" data-gold="{number}" data-predicted="0"'
        f"{'' if found else ' disabled'}>{name}: {len(found):,}</button>"
        for number, (name, found) in enumerate(free_cells(run))
    )
    return f'<p class="matrix-hint">Press one to see its rows.</p><p class="free-cells">{buttons}</p>'


def free_cells(run: Run) -> list[tuple[str, list[Outcome]]]:
    """The rows of a run over free text by how they came out."""
    return [
        ("Right", [each for each in run.outcomes if each.right]),
        ("Wrong", [each for each in run.outcomes if not each.right and not each.reply.error]),
        ("Failed", [each for each in run.outcomes if each.reply.error]),
    ]


def _item(index: int, outcome: Outcome, labels: bool) -> str:
    query = "".join(f"<p>{escape(text)}</p>" for text in outcome.row.query.values())
    answer = outcome.reply.error or outcome.reply.text
    confidence = "" if outcome.reply.confidence is None else f", {percent(outcome.reply.confidence)} sure"
    facts = f"right answer <b>{escape(outcome.row.gold)}</b>"
    if not outcome.right or not labels:
        facts += f" · answered <b>{escape(answer)}</b>{confidence}"
    return (
        f'<li>{query}<div class="cell-facts"><span>{facts}</span><button type="button" class="add-example" '
        f'data-run="{index}" data-row="{outcome.row.index}">Add to the examples</button></div></li>'
    )
