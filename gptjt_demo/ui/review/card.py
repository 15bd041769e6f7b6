"""One row of a review as HTML: the input, the model's answer, the shares as bars, why it is here, and what can be done.

In: a `Review` and a row. Out: HTML for a gr.HTML value, every text escaped; a button carries `data-act`, and what it
acts on as numbers. Knows nothing of gradio.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from gptjt_demo.batch.progress import count
from gptjt_demo.evaluation.review.answers import Answer
from gptjt_demo.evaluation.review.review import Review
from gptjt_demo.ui.html import problem

KEYS = 9
"""Labels that have a key."""
_LONGEST = 20_000  # characters of a cell that are shown


def no_review(line: str = "") -> str:
    """Before there is one."""
    return _card(
        "Review",
        "",
        problem(line) + '<p class="hint">Run a file in <b>Batch</b> and press <b>Review these answers</b>, or choose a '
        "file that has answers. You see one row at a time, those that need eyes first.</p>",
        "idle",
    )


def deleted() -> str:
    """In the place of one that its owner deleted."""
    return _card("Review", "", '<p class="settled" role="status">Your file and your decisions are deleted.</p>', "idle")


def row_card(review: Review, row: int | None, *, last: int | None = None, line: str = "", turn: int = 0) -> str:
    """A row, or what is said where all are looked at.

    Args:
        review: whose.
        row: its index; None where all are decided.
        last: the row that was decided just now.
        line: why something could not be done.
        turn: the browser's number of what it asked, which it waits for.
    """
    after = _after(review, last) if last is not None and last != row else ""
    looked = f"{review.looked:,} of {count(len(review.order), 'row')} looked at"
    if row is None:
        said = '<p class="settled" role="status">All rows are looked at. Download the file, or go back with ←.</p>'
        tools = _tools(None)
        return _card("All done", looked, f"{said}{problem(line)}{tools}{after}", "done", turn, row=-1)
    answer, place = review.answer(row), review.place(row)
    where = "not in the queue" if place is None else f"{place + 1:,} of {len(review.order):,}"
    body = (
        f'<p class="review-why">{escape(review.why(row))}</p>{_cells(review, row)}'
        f"{_answer(review, row, answer)}{_labels(review, row, answer)}{_editor(review, row, answer)}"
        f"{problem(line)}{_tools(answer)}{_own(review, row)}{after}"
    )
    return _card(f"Row {row + 1:,}", f"{where} · {looked}", body, "open", turn, row=row)


def _cells(review: Review, row: int) -> str:
    inputs, others = review.inputs(row), review.others(row)
    shown = inputs or others
    more = ""
    if inputs and others:
        more = (
            f'<details class="fold review-more"><summary>{count(len(others), "other cell")} of this row</summary>'
            f"{_list(others)}</details>"
        )
    return _list(shown) + more


def _list(cells: Mapping[str, str]) -> str:
    blank = '<i class="hint">blank</i>'
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(_cut(text)) if text.strip() else blank}</dd></div>"
        for name, text in cells.items()
    )
    return f'<dl class="review-cells">{rows}</dl>'


def _answer(review: Review, row: int, answer: Answer) -> str:
    text = f"<b>{escape(_cut(answer.text))}</b>" if answer.text.strip() else '<i class="hint">none</i>'
    decided = review.decided(row)
    yours = ""
    if decided is not None:
        whose = "kept" if decided == answer.text and not answer.error else "yours"
        shown = f"<b>{escape(_cut(decided))}</b>" if decided.strip() else '<i class="hint">blank</i>'
        yours = f'<div class="review-yours"><dt>Decided, {whose}</dt><dd>{shown}</dd></div>'
    return f'<dl class="review-cells review-answer"><div><dt>The model’s answer</dt><dd>{text}</dd></div>{yours}</dl>'


def _labels(review: Review, row: int, answer: Answer) -> str:
    """A button for each label, with its share as a bar; always in the same order, so that a key keeps its meaning."""
    if not review.about.labels:
        return ""
    held = review.decided(row)
    shares = answer.shares or ({} if answer.confidence is None else {answer.text: answer.confidence})
    items = []
    for place, label in enumerate(review.about.labels):
        share = shares.get(label)
        key = f"<kbd>{place + 1}</kbd>" if place < KEYS else "<kbd></kbd>"
        part = "" if share is None else f"{100 * share:.0f} %"
        items.append(
            f'<li{" class=best" if label == answer.text else ""}><button type="button" data-act="label" '
            f'data-label="{place}" aria-pressed="{"true" if label == held else "false"}">{key}'
            f'<span class="share-label">{escape(label)}</span><span class="share-track" aria-hidden="true">'
            f'<span style="width:{100 * (share or 0):.2f}%"></span></span><span class="share-value">{part}</span>'
            "</button></li>"
        )
    return f'<ol class="review-labels" aria-label="Labels">{"".join(items)}</ol>'


def _editor(review: Review, row: int, answer: Answer) -> str:
    held = review.decided(row)
    text = answer.text if held is None else held
    # HTML drops one line feed that stands first
    return (
        f'<div class="review-editor" hidden><textarea rows="2" aria-label="Your answer">\n{escape(text)}</textarea>'
        '<p class="review-tools"><button type="button" class="quiet" data-act="save">Keep <kbd>Enter</kbd></button>'
        '<button type="button" class="quiet" data-act="cancel">Cancel <kbd>Esc</kbd></button></p></div>'
    )


def _tools(answer: Answer | None) -> str:
    """Always the same buttons in the same places: what is pressed twice is not another the second time."""
    none = " disabled" if answer is None or answer.error else ""
    gone = " disabled" if answer is None else ""
    return (
        f'<p class="review-tools"><button type="button" class="quiet review-accept" data-act="accept"{none}>Accept '
        f'<kbd>Enter</kbd></button><button type="button" class="quiet" data-act="edit"{gone}>Edit <kbd>E</kbd></button>'
        '<button type="button" class="quiet" data-act="undo">Undo <kbd>U</kbd></button>'
        '<button type="button" class="quiet" data-act="back" aria-label="Back">Back <kbd>←</kbd></button>'
        '<button type="button" class="quiet" data-act="next" aria-label="Next">Next <kbd>→</kbd></button></p>'
    )


def _own(review: Review, row: int) -> str:
    """What can be made of the row itself, once it is decided."""
    return f'<p class="review-last">{_uses(review, row)}</p>' if review.decided(row) is not None else ""


def _after(review: Review, row: int) -> str:
    """The row that was decided just now, and what can be made of it."""
    held = review.decided(row)
    if held is None:
        return ""
    said = f"Row {row + 1:,}: <b>{escape(_cut(held, 80)) or 'blank'}</b>"
    return f'<p class="review-last"><span role="status">{said}</span>{_uses(review, row)}</p>'


def _uses(review: Review, row: int) -> str:
    kept = row in review.decisions.gold
    number = f" data-row={row}"
    return (
        f'<button type="button" class="quiet" data-act="example"{number} aria-label="Add row {row + 1:,} to the '
        f'examples">Add to the examples</button>'
        f'<button type="button" class="quiet" data-act="gold"{number} aria-pressed="{"true" if kept else "false"}" '
        f'aria-label="Row {row + 1:,} as a gold row">{"Kept as a gold row" if kept else "Keep as a gold row"}</button>'
    )


def _card(title: str, status: str, body: str, state: str, turn: int = 0, *, row: int | None = None) -> str:
    shown = "" if row is None else f' data-shown="{row}"'
    return (
        f'<section class="card review" data-state="{state}" data-turn="{turn}"{shown} aria-labelledby="review-title">'
        f'<header><h2 id="review-title" tabindex="-1">{title}</h2><span class="status">{status}</span></header>'
        f"{body}</section>"
    )


def _cut(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
