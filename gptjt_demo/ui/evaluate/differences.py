"""Two runs side by side as HTML: their figures in one table with what differs, and the rows that they answer
differently.

In: two runs over the same rows and their names. Out: HTML for a gr.HTML value, every text escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from gptjt_demo.batch.progress import count
from gptjt_demo.evaluation.pair import SHOWN, differing
from gptjt_demo.evaluation.report import interval, percent
from gptjt_demo.evaluation.run import Outcome, Run


def side_by_side(first: Run, second: Run, names: Sequence[str]) -> str:
    """The table, and after it the rows."""
    return _table(first, second, names) + _rows(first, second, names)


def _table(first: Run, second: Run, names: Sequence[str]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Figure", *names, "Difference"))
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td>{percent(one)}</td><td>{percent(other)}</td>'
        f"<td>{_points(one, other)}</td></tr>"
        for name, one, other in _figures(first, second)
    ]
    sure = f"<td>{interval(first)}</td><td>{interval(second)}</td><td></td>"
    rows.insert(1, f'<tr><th scope="row">95 % interval</th>{sure}</tr>')
    body = "".join(rows)
    return (
        '<section class="card compared" aria-labelledby="compared-title"><header>'
        '<h2 id="compared-title">Side by side</h2></header>'
        '<div class="rows-scroll" tabindex="0" role="region" aria-label="Figures side by side">'
        f'<table class="labels"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _figures(first: Run, second: Run) -> Iterator[tuple[str, float, float]]:
    yield "Accuracy" if first.labels else "Exact match", first.accuracy, second.accuracy
    if first.macro_f1 is not None and second.macro_f1 is not None:
        yield "Macro-F1", first.macro_f1, second.macro_f1
    if first.list_figures is not None and second.list_figures is not None:
        yield "List F1", first.list_figures.f1, second.list_figures.f1
    others = {each.label: each for each in second.label_figures}
    for each in first.label_figures:
        if each.label in others:
            yield f"F1 of {each.label}", each.f1, others[each.label].f1


def _points(one: float, other: float) -> str:
    """The second against the first, in percentage points."""
    points = round(100 * (other - one), 1)
    return "same" if not points else f"{points:+.1f}".replace("-", "−")


def _rows(first: Run, second: Run, names: Sequence[str]) -> str:
    pairs = differing(first, second)
    title = f"{count(len(pairs), 'row')} answered differently" if pairs else "Both answer every row alike"
    status = f"the first {SHOWN} shown" if len(pairs) > SHOWN else ""
    items = "".join(_item(one, other, names) for one, other in pairs[:SHOWN])
    return (
        '<section class="card compared" aria-labelledby="differing-title"><header>'
        f'<h2 id="differing-title">{title}</h2><span class="status">{status}</span></header>'
        + (
            f'<div class="cell-rows"><ol tabindex="0" aria-labelledby="differing-title">{items}</ol></div>'
            if items
            else ""
        )
        + "</section>"
    )


def _item(one: Outcome, other: Outcome, names: Sequence[str]) -> str:
    query = "".join(f"<p>{escape(text)}</p>" for text in one.row.query.values())
    answers = " · ".join(
        f"{escape(name)}: <b>{escape(each.reply.error or each.reply.text)}</b> ({'right' if each.right else 'wrong'})"
        for name, each in zip(names, (one, other), strict=True)
    )
    gold = f"right answer <b>{escape(one.row.gold)}</b>"
    return f'<li>{query}<div class="cell-facts"><span>{gold} · {answers}</span></div></li>'
