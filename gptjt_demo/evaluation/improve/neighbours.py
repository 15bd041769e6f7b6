"""Sets of examples to try: balanced ones by chance, those that differ from one in a single example, other orders of it.

In: which of the cases may be shown, the output of each, how many a prompt shows, and chance. Out: sets, each in the
order in which it is shown. Cases are numbers here; does not know their texts, nor what is good.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import combinations

Chosen = tuple[int, ...]
"""The cases that a prompt shows, by number, in its order."""

_REPEATS = 50
"""Draws in a row that give nothing new, after which there is no more to draw."""


def drawn(cases: Sequence[int], outputs: Sequence[str], count: int, dice: random.Random) -> Iterator[Chosen]:
    """Different sets by chance, with as many cases of each output as can be.

    Args:
        cases: to choose from.
        outputs: of every case, by its number; those of free text may all be the same word.
        count: how many a set has, at most as many as there are cases.
        dice: chance.
    """
    seen: set[Chosen] = set()
    repeats = 0
    while repeats < _REPEATS:
        found = _balanced(cases, outputs, count, dice)
        if found in seen:
            repeats += 1
            continue
        seen.add(found)
        repeats = 0
        yield found


def exchanged(shown: Chosen, free: Sequence[int], outputs: Sequence[str], dice: random.Random) -> Iterator[Chosen]:
    """The set with one case in another's place, by chance; first those that leave as many of each output."""
    pairs = [(place, case) for place in range(len(shown)) for case in free]
    dice.shuffle(pairs)
    pairs.sort(key=lambda pair: outputs[shown[pair[0]]] != outputs[pair[1]])
    for place, case in pairs:
        yield (*shown[:place], case, *shown[place + 1 :])


def reordered(shown: Chosen, dice: random.Random) -> Iterator[Chosen]:
    """The set with two of its cases in each other's place, by chance."""
    pairs = list(combinations(range(len(shown)), 2))
    dice.shuffle(pairs)
    for first, second in pairs:
        order = list(shown)
        order[first], order[second] = order[second], order[first]
        yield tuple(order)


def _balanced(cases: Sequence[int], outputs: Sequence[str], count: int, dice: random.Random) -> Chosen:
    heaps: dict[str, list[int]] = {}
    for case in cases:
        heaps.setdefault(outputs[case], []).append(case)
    for heap in heaps.values():
        dice.shuffle(heap)
    names = sorted(heaps)
    dice.shuffle(names)
    chosen: list[int] = []
    while len(chosen) < count:
        for name in names:
            if heaps[name] and len(chosen) < count:
                chosen.append(heaps[name].pop())
    dice.shuffle(chosen)
    return tuple(chosen)
