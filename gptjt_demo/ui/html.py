"""What several tabs show and do in the same way: a problem's line, a progress bar, a file saved, a part scrolled to.

In: text, counts, a `Standing`. Out: HTML for a gr.HTML value, every text escaped, or a step of JavaScript for an event.
Knows nothing of any tab.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from gptjt_demo.batch.progress import Progress, count, duration
from gptjt_demo.ui.work import Standing


def problem(line: str) -> str:
    """A user's mistake in one line, read out by a screen reader as it appears; nothing for no line."""
    return f'<p class="problem" role="alert">{escape(line)}</p>' if line else ""


def progress_bar(standing: Standing[Progress, Any], *, noun: str = "rows") -> str:
    """The bar of work that is running."""
    progress = standing.progress
    if progress is None:
        return bar(0.0, standing.title, "starting…")
    part = progress.done / progress.total if progress.total else 0.0
    facts = [f"{progress.done:,} of {progress.total:,} {noun}"]
    if not progress.done and not standing.stopping:
        facts.append(f"the first {noun} are on their way…")
    if progress.rate:
        facts.append(f"{progress.rate:,.1f} {noun}/s")
    if progress.seconds_left is not None and progress.done < progress.total:
        facts.append(f"{duration(progress.seconds_left)} left")
    if progress.errors:
        facts.append(count(progress.errors, "error"))
    if standing.stopping:
        facts.append("stopping…")
    return bar(part, standing.title, " · ".join(facts))


def bar(part: float, title: str, facts: str) -> str:
    """A bar of a share of 0 to 1, with a title over it and a line under it."""
    percent = f"{100 * part:.0f}"
    name = title or "Progress"
    return (
        (f'<p class="bar-title">{escape(title)}</p>' if title else "")
        + f'<div class="bar" role="progressbar" aria-label="{escape(name)}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}" aria-valuetext="{escape(facts)}">'
        f'<span style="width:{100 * part:.2f}%"></span></div>'
        f'<p class="bar-facts">{escape(facts)}</p>'
    )


# --- steps in the browser, after the server has answered

# A component of gradio gives a file to the browser only when it is clicked: this click is the page's own.
SAVE = """(file) => {
    if (!file) return;
    const link = Object.assign(document.createElement("a"), { href: file.url, download: file.orig_name ?? "" });
    document.body.append(link);
    link.click();
    link.remove();
}"""


def into_view(id: str) -> str:
    """Scroll to a part of the page, no further than is needed for it to be seen."""
    return f"""() => {{
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("{id}")?.scrollIntoView({{ behavior: still ? "auto" : "smooth", block: "nearest" }});
}}"""


def focus_on(*places: str) -> str:
    """The focus, which was on a tab that is no longer shown, goes to the first of these places that there is on the one
    that is; without any, to its name. A tab may be drawn some frames after it was chosen.

    Args:
        places: selectors of CSS.
    """
    return f"""async () => {{
    const find = (places) => places.map((each) => document.querySelector(each)).find((node) => node?.checkVisibility());
    const gone = () => document.activeElement === document.body || !document.activeElement?.checkVisibility();
    const places = {json.dumps(places)};
    const there = () => gone() && (!places.length || find(places));
    for (let frames = 0; frames < 300 && !there(); frames += 1) await new Promise(requestAnimationFrame);
    if (gone()) (find(places) ?? find(['[role="tab"][aria-selected="true"]']))?.focus();
}}"""
