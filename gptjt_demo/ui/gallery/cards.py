"""The template library as cards, as HTML: what each is for, and what a model made of its checks.

In: templates, words to search for, check reports by template. Out: HTML for a gr.HTML value, every text escaped.
gallery.js tells which button of which card was pressed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from gptjt_demo.evaluation.checks import CheckReport
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.banner import about
from gptjt_demo.ui.html import problem

Report = CheckReport | str
"""What came of a template's checks, or one line in its place."""

CHARACTERS = 200
"""Of an example's text, on a card."""

RUNNING = "…"
"""The line of a report that is on its way."""


def cards(templates: Iterable[Template], words: str = "", reports: Mapping[str, Report] | None = None) -> str:
    """The cards of the templates that hold all the words."""
    wanted = words.casefold().split()
    hits = [item for item in templates if all(word in _text(item) for word in wanted)]
    if not hits:
        return '<p class="hint">No template contains these words.</p>'
    return f'<ul class="cards">{"".join(_card(item, (reports or {}).get(item.name)) for item in hits)}</ul>'


def _text(template: Template) -> str:
    texts = (template.title, template.name, template.description, template.instruction, *template.labels)
    return " ".join(texts).casefold()


def _card(template: Template, report: Report | None) -> str:
    name, title = escape(template.name, quote=True), escape(template.title, quote=True)
    facts = [_count(len(template.examples), "example"), _count(len(template.checks), "check")]
    facts.insert(1, _count(len(template.labels), "label") if template.labels else "free text")
    running = report == RUNNING
    off = "" if template.checks and not running else " disabled"
    label = "Checking…" if running else "Run its checks"
    return (
        f'<li class="card gallery-card"><h2>{title}</h2>'
        f"{about(template.description, template.notice, '', '')}{_example(template)}"
        f'<p class="gallery-facts">{" · ".join(facts)}</p>{_report(report)}'
        f'<p class="gallery-buttons"><button type="button" class="quiet" data-open="{name}" '
        f'aria-label="Open {title} in the playground">Open in playground</button>'
        f'<button type="button" class="quiet" data-check="{name}" aria-label="{label}: {title}"{off}>{label}</button>'
        "</p></li>"
    )


def _example(template: Template) -> str:
    """A case of the prompt with its answer: the shortest, so that it can be seen whole."""
    if not template.examples:
        return ""
    example = min(template.examples, key=lambda each: sum(map(len, each.inputs.values())))
    rows = [(field.cue, example.inputs[field.name]) for field in template.inputs]
    given = "".join(f"<div><dt>{_cue(cue)}</dt><dd>{_cut(text)}</dd></div>" for cue, text in rows)
    answer = f'<div class="gallery-answer"><dt>{_cue(template.output_cue)}</dt><dd>{_cut(example.output)}</dd></div>'
    return f'<dl class="gallery-example">{given}{answer}</dl>'


def _cue(cue: str) -> str:
    return escape(cue.strip().removesuffix(":").rstrip())


def _cut(text: str) -> str:
    return escape(text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…")


def _report(report: Report | None) -> str:
    if report is None or report == RUNNING:
        return ""
    if isinstance(report, str):
        return problem(report)
    wrong = "".join(f"<li>{escape(str(result))}</li>" for result in report.wrong)
    return (
        '<div class="gallery-report" role="status">'
        f"<p><b>{escape(str(report))}</b> with {report.attention} attention</p>"
        + (f"<ul>{wrong}</ul>" if wrong else "")
        + "</div>"
    )


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
