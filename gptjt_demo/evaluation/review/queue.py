"""The order in which a person looks at answers: what needs eyes first, near-duplicates apart; and why a row is here.

In: how sure each answer is, and which rows read alike. Out: the rows' indices in that order, and a sentence for a row.
A row without an answer comes first, then one that failed its check, then the smallest margin between the first two
labels. A near-duplicate of a row comes `APART` rows after it at the earliest, as long as there are others.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Sequence

from gptjt_demo.evaluation.review.answers import Answer, Sureness

APART = 10
CLOSE = 0.2
"""Below such a margin two labels are said to be close."""


def queue(surenesses: Sequence[Sureness], groups: Sequence[int], rows: Sequence[int] | None = None) -> list[int]:
    """The order.

    Args:
        surenesses: of each row of the file.
        groups: of each row the number of its near-duplicates' group.
        rows: indices of the rows that are meant; all of them without.
    """
    members: dict[int, deque[tuple[Sureness, int]]] = defaultdict(deque)
    for row in sorted(range(len(surenesses)) if rows is None else rows, key=lambda row: (surenesses[row], row)):
        members[groups[row]].append((surenesses[row], row))
    ready = [(*each[0], group) for group, each in members.items()]  # of each group the least sure
    heapq.heapify(ready)
    waiting: deque[tuple[int, int]] = deque()  # from which place on the next of a group may come
    order: list[int] = []
    while ready or waiting:
        while waiting and (waiting[0][0] <= len(order) or not ready):
            group = waiting.popleft()[1]
            heapq.heappush(ready, (*members[group][0], group))
        *_, row, group = heapq.heappop(ready)
        order.append(row)
        members[group].popleft()
        if members[group]:
            waiting.append((len(order) - 1 + APART, group))
    return order


def reason(answer: Answer, like: int | None = None) -> str:
    """Why a row is where it is, in a sentence or two.

    Args:
        answer: the row's.
        like: the number of a row before it that reads alike.
    """
    said = _reason(answer)
    return f"{said} It reads like row {like:,}, which came before." if like is not None else said


def _reason(answer: Answer) -> str:
    if answer.error:
        return f"It could not be answered: {answer.error.rstrip('.')}."
    if not answer.text.strip():
        return "The answer is blank."
    if answer.check:
        return f"It failed the template’s check: {answer.check.rstrip('.')}."
    if answer.margin is None:
        return "Nothing says how sure the model was; it stands in the file’s order."
    first = f"“{answer.text}”"
    ranked = sorted(answer.shares.items(), key=lambda pair: -pair[1])
    if len(ranked) > 1:
        second, share = next((name, share) for name, share in ranked if name != ranked[0][0])
        top = ranked[0][1]
        apart = f"“{ranked[0][0]}” {_percent(top)}, “{second}” {_percent(share)}"
        if answer.margin < CLOSE:
            return f"Two labels are close: {apart}."
        return f"{apart}. The least sure rows come first."
    sure = _percent(answer.confidence or 0.0)
    next_one = f", with “{answer.runner_up}” next" if answer.runner_up else ""
    if answer.margin < CLOSE:
        return f"The model is {sure} sure of {first}{next_one}."
    return f"The model is {sure} sure of {first}{next_one}. The least sure rows come first."


def _percent(part: float) -> str:
    return f"{100 * part:.0f} %"
