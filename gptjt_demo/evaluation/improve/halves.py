"""Labelled rows in the parts that a search needs: to take examples from, to score on, and those that it never sees.

In: labelled rows, the template whose examples are to be replaced, a seed. Out: `Halves`. Rows whose inputs read alike
stay together, so that no answer is on both sides, and rows that the template shows already are never in the half that
is reported. Every part has its share of each right answer. Asks no model.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.evaluation.run import Labelled
from gptjt_demo.tables.sheet import fault_of
from gptjt_demo.templates.answer_check import match_label, normalised
from gptjt_demo.templates.example import Example
from gptjt_demo.templates.template import MAX_EXAMPLES, Template

FEWEST = 20
"""Different inputs below which there is nothing to search on: half of them says too little."""
POOL_FOR_EACH = 8
"""Rows to choose from, for each example that is shown; at most half of the rows of the search."""
POOL_AT_LEAST = 16

Key = tuple[str, ...]
"""An input as it is compared: the same for rows that read alike."""


@dataclass(frozen=True)
class Halves:
    """The rows by what they are for. `pool` and `scored` are the half that is searched on.

    Attributes:
        pool: the solved cases to choose from, each input once.
        scored: what sets of examples are measured on. None is in the pool. Any number of the first ones has about as
            many of each right answer as all have.
        unseen: the other half, in the same kind of order: nothing of it is asked, or shown, before the search is over.
        searched: the indices of all rows of the first half.
    """

    pool: tuple[Example, ...]
    scored: tuple[Labelled, ...]
    unseen: tuple[Labelled, ...]
    searched: tuple[int, ...]


@dataclass(frozen=True)
class _Group:
    """Rows whose inputs read alike."""

    rows: tuple[Labelled, ...]
    stratum: str
    example: Example | None
    own: bool


def halves(rows: Sequence[Labelled], template: Template, *, labels: bool, count: int, seed: int) -> Halves:
    """Split rows in two, and the first half again.

    Args:
        rows: with their right answers.
        template: whose examples are to be replaced.
        labels: its labels are weighed: only rows whose answer is one can be examples.
        count: examples that a prompt will show.
        seed: of the split.

    Raises:
        TableError: there are too few rows, or all have one right answer.
    """
    groups = _groups(rows, template, labels)
    if len(groups) < FEWEST:
        raise TableError(
            f"{len(groups)} different inputs with a right answer are too few to search on one half and report on the "
            f"other",
            mend=f"give at least {FEWEST}",
        )
    answers = {_answer(row, template, labels) for row in rows}
    if len(answers) == 1:
        what = f"every row has the right answer {answers.pop()!r}, so no examples are better than others"
        raise TableError(what, mend="give rows of several answers")
    dice = random.Random(seed)
    first, second = _dealt(groups, 0.5, dice)
    wanted = min(len(first) // 2, max(POOL_AT_LEAST, POOL_FOR_EACH * count), MAX_EXAMPLES)
    able = [group for group in first if group.example is not None or group.own]
    unable = [group for group in first if group.example is None and not group.own]
    chosen, rest = _dealt(able, wanted / len(able), dice) if able else ([], [])
    pool = tuple(group.example for group in chosen if group.example is not None)
    if not pool:
        mend = f"the labels are {', '.join(map(repr, template.labels[:5]))}" if labels else "give other rows"
        raise TableError("no row of it can be shown as an example", mend=mend)
    return Halves(
        pool=pool,
        scored=_mixed([*rest, *unable], dice),
        unseen=_mixed(second, dice),
        searched=tuple(sorted(row.index for group in first for row in group.rows)),
    )


def key_of(inputs: Mapping[str, str]) -> Key:
    """A case's inputs as they are compared."""
    return tuple(normalised(text) for text in inputs.values())


def check_count(count: int | None, template: Template, found: Halves) -> int:
    """How many examples a prompt will show: as many as are asked for, else as the template has, or one for each label,
    as far as there are rows to choose from.

    Raises:
        SettingError: more are asked for than there are.
    """
    room = len(found.pool)
    if count is None:
        return min(default_count(template), room)
    if not 1 <= count <= room:
        what = f"{count} examples, and the half to search on has {room} rows to choose them from"
        raise SettingError(what, where="examples", mend="ask for fewer, or give more labelled rows")
    return count


def default_count(template: Template) -> int:
    """How many examples a prompt shows where nobody says it."""
    return template.nearest_examples or len(template.examples) or max(4, min(len(template.labels), 12))


def _groups(rows: Sequence[Labelled], template: Template, labels: bool) -> list[_Group]:
    names = [field.name for field in template.inputs]
    own = {key_of({name: row.inputs[name] for name in names}) for row in template.examples}
    answers = [_answer(row, template, labels) for row in rows]
    often = Counter(answers)
    found: dict[Key, list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(key_of(row.query), []).append(place)
    groups = []
    for key, places in found.items():
        answer = answers[places[0]]
        # Answers that occur once are one stratum, so that chance deals them.
        stratum = answer if often[answer] > 1 else ""
        example = _example(rows[places[0]], template, labels)
        groups.append(_Group(tuple(rows[place] for place in places), stratum, example, key in own))
    return groups


def _answer(row: Labelled, template: Template, labels: bool) -> str:
    return (match_label(row.gold, template.labels) if labels else None) or normalised(row.gold)


def _example(row: Labelled, template: Template, labels: bool) -> Example | None:
    """The row as a solved case; None where it cannot be shown as one."""
    output = match_label(row.gold, template.labels) if labels else row.gold
    texts = list(row.query.values())
    if output is None or any(map(fault_of, texts)) or not any(map(str.strip, texts)):
        return None
    return Example(inputs=dict(row.query), output=output)


def _dealt(groups: Sequence[_Group], part: float, dice: random.Random) -> tuple[list[_Group], list[_Group]]:
    """Two sides by chance; the first has about `part` of the rows of each stratum, and all that the template shows."""
    strata: dict[str, list[_Group]] = {}
    for group in groups:
        strata.setdefault(group.stratum, []).append(group)
    sides: tuple[list[_Group], list[_Group]] = ([], [])
    on_first = dealt = 0
    for name in sorted(strata):
        mine = strata[name]
        dice.shuffle(mine)
        mine.sort(key=lambda group: (not group.own, -len(group.rows)))  # what leaves no choice comes first
        here = seen = 0
        for group in mine:
            size = len(group.rows)
            there, here_too = abs(here - part * (seen + size)), abs(here + size - part * (seen + size))
            if abs(there - here_too) < 1e-9:  # this stratum does not mind: the whole decides
                there, here_too = (
                    abs(on_first - part * (dealt + size)),
                    abs(on_first + size - part * (dealt + size)),
                )
            first = group.own or here_too < there or (here_too == there and dice.random() < 0.5)
            sides[0 if first else 1].append(group)
            seen, dealt = seen + size, dealt + size
            if first:
                here, on_first = here + size, on_first + size
    return sides


def _mixed(groups: Sequence[_Group], dice: random.Random) -> tuple[Labelled, ...]:
    """Their rows by chance, but so that every stratum is spread evenly over all of them."""
    strata: dict[str, list[Labelled]] = {}
    for group in groups:
        strata.setdefault(group.stratum, []).extend(group.rows)
    placed = []
    for name in sorted(strata):
        mine = strata[name]
        dice.shuffle(mine)
        placed += [((place + dice.random()) / len(mine), row.index, row) for place, row in enumerate(mine)]
    return tuple(row for _, _, row in sorted(placed, key=lambda each: each[:2]))
