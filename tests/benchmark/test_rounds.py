from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from gptjt_demo.benchmark.contender import Failed
from gptjt_demo.benchmark.rounds import Rounds


class Scripted:
    """A contender whose answers are written down; an exception among them is raised."""

    def __init__(self, name: str, answers: Iterable[Any], log: list[Any]) -> None:
        self.name, self._answers, self._log = name, iter(answers), log

    def ask(self, what: str) -> Any:
        self._log.append((self.name, what))
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def held(rounds: int, *contenders: Any, told: Callable[[str], None] = lambda line: None) -> Rounds:
    result = Rounds()
    result.hold(contenders, rounds, told=told, pause=0)
    return result


def test_contenders_take_turns_at_each_question() -> None:
    log: list[Any] = []
    a, b = Scripted("a", [1.0] * 4, log), Scripted("b", [1.0] * 4, log)
    held(1, (a, ("x", "y")), (b, ("x", "y")))
    assert log == [("a", "x"), ("b", "x"), ("a", "y"), ("b", "y")] * 2


def test_the_first_round_does_not_count() -> None:
    result = held(3, (Scripted("a", [99.0, 1.0, 5.0, 3.0], []), ("x",)))
    assert result.values == {"a": {"x": [1.0, 5.0, 3.0]}}
    assert result.median("a", "x") == 3.0


def test_a_slower_peer_gives_a_speed_ratio_above_one() -> None:
    result = held(1, (Scripted("ours", [1.0, 1.0], []), ("x",)), (Scripted("peer", [3.0, 3.0], []), ("x",)))
    assert result.speed_ratio("ours", ["peer"], "x") == 3.0


def test_of_several_peers_the_fastest_counts_and_an_absent_one_does_not() -> None:
    result = held(
        1,
        (Scripted("ours", [1.0, 1.0], []), ("x",)),
        (Scripted("slow", [4.0, 4.0], []), ("x",)),
        (Scripted("fast", [0.5, 0.5], []), ("x",)),
    )
    assert result.speed_ratio("ours", ["slow", "fast", "not here"], "x") == 0.5
    assert result.speed_ratio("ours", ["not here"], "x") is None


def test_ratios_are_of_pairs_within_a_round_so_that_a_machine_that_slows_down_changes_none() -> None:
    ours, peer = Scripted("ours", [1.0, 1.0, 10.0, 100.0], []), Scripted("peer", [2.0, 2.0, 20.0, 200.0], [])
    assert held(3, (ours, ("x",)), (peer, ("x",))).ratio(("peer", "x"), ("ours", "x")) == 2.0


def test_one_that_fails_is_named_and_left_out_while_the_others_go_on() -> None:
    told: list[Any] = []
    dying = Scripted("dying", [1.0, 1.0, Failed("the process ended with status -9")], [])
    well = Scripted("well", [1.0] * 4, [])
    result = held(3, (dying, ("x",)), (well, ("x",)), told=told.append)
    assert result.failures == {"dying": "x: the process ended with status -9"}
    assert set(result.values) == {"well"}
    assert len(result.values["well"]["x"]) == 3
    assert any("dying" in line for line in told)
    assert result.median("dying", "x") is None


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        held(1, (Scripted("a", [ZeroDivisionError()], []), ("x",)))
