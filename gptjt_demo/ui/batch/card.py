"""A batch job's card as HTML: how far it is, how it ended, and its first rows.

In: a `BatchJob`. Out: HTML for a gr.HTML value, every text escaped. Knows nothing of gradio.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.batch.run import Result
from gptjt_demo.tables.sheet import Row
from gptjt_demo.ui.batch.job import BatchJob
from gptjt_demo.ui.html import count, duration, problem, progress_bar
from gptjt_demo.ui.rows.rows_table import ROWS, rows_table


def no_job() -> str:
    """Before the first run."""
    return _card("idle", "", '<p class="hint">Choose a file, then press <b>Run</b>: every row is answered.</p>')


def forgotten() -> str:
    """In the place of a job that is no more."""
    return _card(
        "idle",
        "",
        '<p class="hint">Your last run is no longer kept here: the app was restarted, or a day has passed.</p>',
    )


def not_begun(line: str) -> str:
    """In the place of a job that was not begun, with the one line that says why."""
    return _card("error", "", problem(line))


def batch_card(job: BatchJob) -> str:
    """How a job stands."""
    name = job.order.source.path.name
    standing = job.standing
    if not standing.finished:
        hint = '<p class="hint">It goes on if you close this page. Come back to fetch what is there.</p>'
        return _card("running", name, progress_bar(standing) + hint)
    if standing.result is None:
        return _card("error", name, problem(standing.error))
    return _card("done", name, f'<p class="settled" role="status">{escape(_outcome(standing.result))}</p>{_facts(job)}')


def answers(job: BatchJob) -> str:
    """The first rows of the output, once the job has ended."""
    if not job.standing.finished:
        return ""
    rows = job.rows(ROWS)
    if not rows:
        return ""
    result = job.standing.result
    total = result.rows if result else len(rows)
    status = f"the first {ROWS} of {total:,}" if total > ROWS else ""
    columns, rows = _ours_first(job, rows)
    return (
        '<section class="card preview"><header><h2>Answers</h2>'
        f'<span class="status">{status}</span></header>{rows_table(columns, rows, label="Answers")}</section>'
    )


def _ours_first(job: BatchJob, rows: list[Row]) -> tuple[Row, list[Row]]:
    """The answers' columns before the file's own, as a screen is narrow; those that are blank throughout left out."""
    own = len(job.order.source.columns)
    used = [place for place in range(own, len(job.columns)) if any(row[place] for row in rows)]
    order = [*used, *range(own)]
    return tuple(job.columns[place] for place in order), [tuple(row[place] for place in order) for row in rows]


def _outcome(result: Result) -> str:
    if result.finished:
        return f"All {result.total:,} rows are answered." if result.total > 1 else "The row is answered."
    return f"Stopped after {result.rows:,} of {result.total:,} rows. What is done is kept; it can go on from there."


def _facts(job: BatchJob) -> str:
    result = job.standing.result
    assert result is not None
    facts = {
        "Model": job.model,
        "Attention": result.attention,
        "Errors": f"{result.errors:,}",
        "Flagged": f"{result.flagged:,}" if job.order.template.check else "no check",
        "Time": duration(result.seconds),
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    note = ""
    if result.errors:
        note = f'<p class="hint">{count(result.errors, "row")} could not be answered; the column “error” says why.</p>'
    return f'<dl class="facts">{items}</dl>{note}'


def _card(state: str, status: str, body: str) -> str:
    return (
        f'<section class="card job" data-state="{state}" aria-labelledby="job-title">'
        f'<header><h2 id="job-title">Run</h2><span class="status">{escape(status)}</span></header>{body}</section>'
    )
