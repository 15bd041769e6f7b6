"""How sure a batch of labels was: the rows' confidences counted by tenths, and drawn as a table of bars.

In: confidences. Out: counts, and HTML for a gr.HTML value. Does not know where rows come from.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from gptjt_demo.batch.progress import count

TENTHS = 10
UNSURE = 5
"""Below so many tenths a row is worth a look."""


def tenths(confidences: Iterable[str]) -> tuple[int, ...]:
    """How many rows lie in each tenth, the lowest first. A row without a confidence has no answer, and is left out."""
    counts = [0] * TENTHS
    for text in confidences:
        if text:
            counts[min(int(float(text) * TENTHS), TENTHS - 1)] += 1
    return tuple(counts)


def sureness(counts: tuple[int, ...]) -> str:
    """The bars, the surest first, with what they say in a sentence; nothing where there is no row."""
    total = sum(counts)
    if not total:
        return ""
    most = max(counts)
    lowest = next(index for index, rows in enumerate(counts) if rows)
    bars = "".join(_bar(index, counts[index], most) for index in range(TENTHS - 1, lowest - 1, -1))
    return (
        '<figure class="sure"><figcaption><h3>How sure the model was</h3>'
        f"<p>{escape(_sentence(counts, total))}</p></figcaption>"
        '<table><thead class="unseen"><tr><th scope="col">Confidence</th><th scope="col">Rows</th></tr></thead>'
        f"<tbody>{bars}</tbody></table></figure>"
    )


def _bar(index: int, rows: int, most: int) -> str:
    name = f"{index * 100 // TENTHS}–{(index + 1) * 100 // TENTHS} %"
    kind = "unsure" if index < UNSURE else "surer"
    return (
        f'<tr><th scope="row">{name}</th><td><span class="sure-bar {kind}" style="width:{100 * rows / most:.1f}%" '
        f'aria-hidden="true"></span><span class="sure-count">{rows:,}</span></td></tr>'
    )


def _sentence(counts: tuple[int, ...], total: int) -> str:
    sure, unsure = counts[-1], sum(counts[:UNSURE])
    said = f"{sure:,} of {count(total, 'row')} with 90 % or more"
    if unsure:
        return f"{said}; {unsure:,} with less than 50 %: look at {'it' if unsure == 1 else 'these'} first."
    return f"{said}, none with less than 50 %."
