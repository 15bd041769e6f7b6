"""What came of looking for better examples, as HTML: the sentence, both figures, and the examples.

In: an `Improvement`. Out: HTML for a gr.HTML value, every text escaped. Knows nothing of gradio or of how it was found.
"""

from __future__ import annotations

from html import escape

from gptjt_demo.evaluation.improve.improve import Improvement
from gptjt_demo.evaluation.improve.report import how, sentence
from gptjt_demo.evaluation.report import interval, percent
from gptjt_demo.evaluation.run import Run
from gptjt_demo.ui.playground.draft import columns


def better(found: Improvement, model: str) -> str:
    """All of it.

    Args:
        found: what came of it.
        model: the name of whoever was asked.
    """
    tiles = ""
    if found.present is not None and found.better is not None:
        tiles = _tile("The present examples", found.present)
        tiles += _tile("The new examples", found.better) if found.changed else ""
        tiles = f'<dl class="tiles">{tiles}</dl>'
    status = "reported on rows that had no part in the search" if found.finished else "stopped"
    return (
        '<section class="card better" aria-labelledby="better-title">'
        f'<header><h2 id="better-title">Better examples</h2><span class="status">{status}</span></header>'
        f'<p class="paired" role="status">{escape(sentence(found))}</p>{tiles}{_examples(found)}'
        f'<p class="hint">{escape(model)}; {escape(how(found))}.</p></section>'
    )


def _tile(name: str, run: Run) -> str:
    detail = f"{run.right:,} of {run.n:,} unseen rows; 95 % interval {interval(run)}"
    return f'<div class="tile"><dt>{name}</dt><dd><b>{percent(run.accuracy)}</b><span>{detail}</span></dd></div>'


def _examples(found: Improvement) -> str:
    if not found.changed:
        return ""
    template = found.template
    names = [field.name for field in template.inputs]
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns(template))
    rows = "".join(
        f'<tr><th scope="row">{number}</th>'
        + "".join(f"<td>{escape(text)}</td>" for text in (*(row.inputs[name] for name in names), row.output))
        + "</tr>"
        for number, row in enumerate(template.examples, 1)
    )
    title = f"The best {len(template.examples)} examples, in their order"
    if template.nearest_examples is not None:
        title = (
            f"For each input the prompt shows the {template.nearest_examples} that are most like it, of these "
            f"{len(template.examples)} examples"
        )
    return (
        f'<p class="bar-title">{title}</p>'
        '<div class="rows-scroll" tabindex="0" role="region" aria-label="The examples">'
        '<table class="rows shown-examples"><thead><tr><th scope="col"><span class="unseen">Number</span></th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
