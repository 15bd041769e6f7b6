"""Two runs over the same rows: what they are called beside each other, the rows that they answer differently, and both
as plain data.

In: runs. Out: names, pairs of outcomes, JSON. The test of the two is `run.compare`. Does not know how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from gptjt_demo.evaluation.run import Outcome, Run, compare
from gptjt_demo.templates.answer_check import same_answer

SHOWN = 50
"""Rows that are answered differently, of which more are counted and not listed."""


def names(runs: Sequence[Run], asked: Sequence[str] = ()) -> list[str]:
    """What two runs are called.

    Args:
        runs: they.
        asked: as what two templates were asked for; none where one was asked for in both modes.

    Returns:
        Their modes, or their templates' names, or where these are the same the words they were asked for by.
    """
    templates = [run.template for run in runs]
    for called in (templates, list(asked)) if asked else ([run.attention for run in runs], templates):
        if len(set(called)) == len(runs):
            return [str(name) for name in called]
    return ["the first", "the second"]


def differing(first: Run, second: Run) -> list[tuple[Outcome, Outcome]]:
    """The rows that both have and answer differently; those first where one of them is right."""
    others = {outcome.row.index: outcome for outcome in second.outcomes}
    pairs = [(one, others[one.row.index]) for one in first.outcomes if one.row.index in others]
    found = [(one, other) for one, other in pairs if not same_answer(one.predicted, other.predicted)]
    return sorted(found, key=lambda pair: pair[0].right == pair[1].right)


def report(runs: Iterable[Run]) -> dict[str, Any]:
    """What `evaluate --json` prints: `runs`; and where there are two, `paired` and the rows that are `differing`."""
    runs = list(runs)
    found: dict[str, Any] = {"runs": [run.to_json() for run in runs]}
    if len(runs) == 2:
        found["paired"] = asdict(compare(*runs))
        found["differing"] = [_row(pair) for pair in differing(*runs)]
    return found


def _row(pair: tuple[Outcome, Outcome]) -> dict[str, Any]:
    one, other = pair
    return {
        "row": one.row.index + 1,
        "inputs": dict(one.row.query),
        "gold": one.row.gold,
        "answers": [each.reply.error or each.reply.text for each in pair],
        "right": [one.right, other.right],
    }
