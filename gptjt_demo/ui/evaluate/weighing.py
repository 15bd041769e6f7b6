"""What a run that weighed labels says beside its matrix, as HTML: right answers to look at, and the rules side by side.

In: a run. Out: HTML for a gr.HTML value, every text escaped; nothing for a run over free text. Knows nothing of gradio.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.evaluation.report import percent, suspicious_sentence
from gptjt_demo.evaluation.run import SUSPICIOUS_SHOWN, Outcome, Run
from gptjt_demo.ui.playground.rules import FILE_RULES


def suspicious(run: Run) -> str:
    """The rows whose right answer the model contradicts, the surest first."""
    if not run.suspicious:
        return ""
    items = "".join(_item(each) for each in run.suspicious[:SUSPICIOUS_SHOWN])
    return (
        '<section class="cell-list suspicious" aria-label="Right answers to look at"><h3>Right answers to look at</h3>'
        f'<p class="matrix-hint">{suspicious_sentence(run)} Many such are mistakes of whoever wrote them.</p>'
        f'<ol tabindex="0" aria-label="The rows">{items}</ol></section>'
    )


def rules(run: Run) -> str:
    """Every rule's accuracy on these rows, and which to take."""
    if run.rules is None:
        return ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("Labels compared by", "Accuracy", "95 % interval"))
    body = "".join(
        f'<tr><th scope="row" title="{FILE_RULES[each.rule][1]}">{FILE_RULES[each.rule][0]}'
        f"{' (in use)' if each.rule == run.rules.in_use else ''}</th><td>{percent(each.accuracy)}</td>"
        f"<td>{100 * each.interval[0]:.1f} to {100 * each.interval[1]:.1f} %</td></tr>"
        for each in run.rules.figures
    )
    return (
        '<div class="rows-scroll" tabindex="0" role="region" aria-label="Ways to compare labels">'
        f'<table class="labels"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="matrix-hint">{escape(run.rules.sentence)}</p>'
    )


def _item(outcome: Outcome) -> str:
    query = "".join(f"<p>{escape(text)}</p>" for text in outcome.row.query.values())
    return (
        f'<li>{query}<div class="cell-facts"><span>row {outcome.row.index + 1:,} · right answer '
        f"<b>{escape(outcome.row.gold)}</b>, {percent(outcome.gold_share or 0.0)} · answered "
        f"<b>{escape(outcome.reply.text)}</b>, {percent(outcome.reply.confidence or 0.0)}</span></div></li>"
    )
