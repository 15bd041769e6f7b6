"""Rounds in which contenders take turns, because machines are noisy: a change of its speed meets all alike.

In: contenders and what each is asked. Out: its value of every round but the first, which only warms up; and ratios of
pairs from one round. Does not know what a contender is.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gptjt_demo.benchmark.contender import Asked, Failed

PAUSE = 0.3  # seconds between turns: OpenMP threads of the last one spin for 0.2 of them


@dataclass
class Rounds:
    """What was measured.

    Attributes:
        values: by contender and question, one value a round.
        failures: by contender, why it has none.
    """

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def hold(
        self,
        turns: Sequence[tuple[Asked, Sequence[str]]],
        rounds: int,
        *,
        told: Callable[[str], None] = lambda line: None,
        pause: float = PAUSE,
    ) -> None:
        """Ask every contender every question of its own, one after another, `rounds` times and once before that.

        One that fails is not asked again, its values are dropped, and the others are asked further.
        """
        questions = list(dict.fromkeys(question for _, asked in turns for question in asked))
        for round_ in range(rounds + 1):
            told(f"round {round_} of {rounds}" if round_ else "warming up")
            for question in questions:
                for contender, asked in turns:
                    name = contender.name
                    if question not in asked or name in self.failures:
                        continue
                    time.sleep(pause)
                    try:
                        value = float(contender.ask(question))
                    except Failed as error:
                        self.failures[name] = f"{question}: {error}"
                        self.values.pop(name, None)
                        told(f"{name}: {self.failures[name]}")
                        continue
                    if round_:
                        self.values.setdefault(name, {}).setdefault(question, []).append(value)

    def median(self, name: str, question: str) -> float | None:
        """Of a contender's values, or None where it has none."""
        values = self.values.get(name, {}).get(question)
        return statistics.median(values) if values else None

    def ratio(self, above: tuple[str, str], below: tuple[str, str]) -> float | None:
        """Median over rounds of one contender's value over another's; None where either has none."""
        tops, bottoms = (self.values.get(name, {}).get(question, []) for name, question in (above, below))
        if not tops or not bottoms:
            return None
        return statistics.median(a / b for a, b in zip(tops, bottoms, strict=True))

    def speed_ratio(self, name: str, peers: Sequence[str], question: str) -> float | None:
        """How many times as fast as the fastest of some peers one is: its seconds below theirs. Larger is better."""
        ratios = [self.ratio((peer, question), (name, question)) for peer in peers]
        return min((ratio for ratio in ratios if ratio is not None), default=None)
