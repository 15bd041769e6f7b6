"""A batch job's card as HTML: how far it is, how it ended, and the rows that are answered.

In: a `BatchJob`. Out: HTML for a gr.HTML value, every text escaped. Knows nothing of gradio.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.batch.answered import Counts
from gptjt_demo.batch.progress import count, duration
from gptjt_demo.batch.question import LABEL_COLUMNS
from gptjt_demo.tables.sheet import Row
from gptjt_demo.ui.batch.job import BatchJob
from gptjt_demo.ui.batch.sureness import sureness
from gptjt_demo.ui.html import problem, progress_bar
from gptjt_demo.ui.playground.rules import FILE_RULES
from gptjt_demo.ui.rows.rows_table import ROWS, rows_table

_KEPT = (
    '<p class="hint">Your file and its answers are kept on this server for a day after you last looked at them, then '
    "deleted; <b>Delete</b> deletes them at once.</p>"
)
_LATER = (
    '<p class="hint">Until the last row is answered, labels are compared by their sum; then all rows are calibrated at '
    "once.</p>"
)


def no_job() -> str:
    """Before the first run."""
    return _card("idle", "", '<p class="hint">Choose a file and press <b>Run</b>: the model answers every row.</p>')


def forgotten() -> str:
    """In the place of a job that is no more."""
    return _card(
        "idle",
        "",
        '<p class="hint">Your last run is no longer kept here: a day has passed, or the app has moved.</p>',
    )


def deleted() -> str:
    """In the place of a job that its owner deleted."""
    return _card("idle", "", '<p class="settled" role="status">Your file and its answers are deleted.</p>')


def not_begun(line: str) -> str:
    """In the place of a job that was not begun, with the one line that says why."""
    return _card("error", "", problem(line))


def batch_card(job: BatchJob) -> str:
    """The state of a job."""
    name = job.order.source.path.name
    standing = job.standing
    if not standing.finished:
        said = "The run continues if you close this page. Come back at any time to download the answers."
        hint = f'<p class="hint">{said}</p>{_LATER if job.order.later else ""}'
        return _card("running", name, progress_bar(standing) + hint + _KEPT)
    counts = job.counts()
    if standing.result is None:
        kept = f'<p class="settled">{escape(_so_far(counts))}</p>' if counts.answered else ""
        return _card("error", name, problem(standing.error) + kept + _KEPT)
    said = _outcome(counts, standing.result.finished)
    later = _LATER if job.order.later and not standing.result.finished else ""
    late = "" if standing.result.finished else problem(standing.error)
    body = late + (
        f'<p class="settled" role="status">{escape(said)}</p>{later}{_facts(job, counts)}{sureness(job.tenths)}{_KEPT}'
    )
    return _card("done", name, body, only_here=standing.result.finished and not job.fetched)


def answers(job: BatchJob) -> str:
    """The first rows that are answered, as long as it runs too."""
    found = job.rows(ROWS)
    if not found:
        return ""
    counts = job.counts()
    status = f"the first {ROWS} of {counts.answered:,}" if counts.answered > ROWS else ""
    if not status and counts.answered < counts.total:
        status = f"{counts.answered:,} of {counts.total:,} rows, in the file’s order"
    columns, rows = _ours_first(job, [row for _, row in found])
    table = rows_table(columns, rows, label="Answers", numbers=[number for number, _ in found])
    return (
        '<section class="card preview"><header><h2>Answers</h2>'
        f'<span class="status">{status}</span></header>{table}</section>'
    )


def _ours_first(job: BatchJob, rows: list[Row]) -> tuple[Row, list[Row]]:
    """The answers' columns before the file's own, as a screen is narrow; those that are blank throughout left out."""
    own = len(job.order.source.columns)
    hidden = own + LABEL_COLUMNS.index("check") if job.order.labels else None  # the shares, which are for a review
    used = [index for index in range(own, len(job.columns)) if index != hidden and any(row[index] for row in rows)]
    order = [*used, *range(own)]
    return tuple(job.columns[index] for index in order), [tuple(row[index] for index in order) for row in rows]


def _outcome(counts: Counts, finished: bool) -> str:
    good = counts.answered - counts.errors
    if not finished:
        return f"Stopped. {_so_far(counts)}"
    if not counts.errors:
        return f"All {counts.total:,} rows are answered." if counts.total > 1 else "The row is answered."
    if not good:
        return "No row could be answered; the column “error” says why." if counts.total > 1 else _NO_ANSWER
    return (
        f"{good:,} of {count(counts.total, 'row')} {'is' if good == 1 else 'are'} answered; "
        f"{counts.errors:,} could not be, and the column “error” says why."
    )


_NO_ANSWER = "The row could not be answered; the column “error” says why."


def _so_far(counts: Counts) -> str:
    good = counts.answered - counts.errors
    said = f"{good:,} of {count(counts.total, 'row')} {'is' if good == 1 else 'are'} answered"
    if counts.errors:
        said += f", {counts.errors:,} could not be"
    more = "You can download these rows, or continue with the rest." if counts.answered else "You can continue."
    return f"{said}. {more}"


def _facts(job: BatchJob, counts: Counts) -> str:
    result = job.standing.result
    assert result is not None
    facts = {
        "Model": job.model,
        "Attention": result.attention,
        **({"Labels by": FILE_RULES[job.order.rule][0]} if job.order.labels else {}),
        "Errors": f"{counts.errors:,}",
        "Flagged": f"{counts.flagged:,}" if job.order.template.check or job.order.template.shape else "no check",
        **({} if result.was_complete else {"Time": duration(result.seconds)}),
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{items}</dl>'


def _card(state: str, status: str, body: str, *, only_here: bool = False) -> str:
    kept = " data-only-here" if only_here else ""  # a new run asks before it takes the place of such answers
    return (
        f'<section class="card job" data-state="{state}"{kept} aria-labelledby="job-title">'
        f'<header><h2 id="job-title">Progress</h2><span class="status">{escape(status)}</span></header>{body}</section>'
    )
