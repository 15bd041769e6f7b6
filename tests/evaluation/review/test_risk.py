"""What a few right answers say about the rest of a file holds on the rest of the file, nine times in ten."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from gptjt_demo.errors import SettingError
from gptjt_demo.evaluation.review.answers import Sureness
from gptjt_demo.evaluation.review.risk import curve, risk

# How likely an answer is wrong at a margin: as a good model, one that knows nothing of itself, one that is sure of its
# mistakes, and one that is nearly always right.
WORLDS: dict[str, Callable[[float], float]] = {
    "knows": lambda margin: 0.45 * (1 - margin) ** 2,
    "blind": lambda margin: 0.15,
    "sure of its mistakes": lambda margin: 0.05 + 0.15 * margin,
    "good": lambda margin: 0.04 * (1 - margin),
}
TRIALS = 80


def drawn(draw: random.Random, wrong: Callable[[float], float], rows: int) -> list[tuple[Sureness, bool]]:
    found: list[tuple[Sureness, bool]] = []
    for _ in range(rows):
        margin = round(draw.betavariate(2, 1), 4)
        failed = draw.random() < 0.03
        found.append(((1 if failed else 2, margin, margin), draw.random() >= (0.5 if failed else wrong(margin))))
    return found


def after(rows: list[tuple[Sureness, bool]], limit: Sureness | None) -> float:
    """The part of the rows that is right once those up to the limit are mended."""
    return sum(right or (limit is not None and sure <= limit) for sure, right in rows) / len(rows)


@pytest.mark.parametrize("n", [30, 60, 150])
@pytest.mark.parametrize("world", WORLDS)
def test_the_sentence_holds_on_rows_kept_back_nine_times_in_ten(world: str, n: int) -> None:
    draw = random.Random(f"{world} {n}")
    held = said = 0
    for target in (0.9, 0.95):
        for _ in range(TRIALS):
            gold, rest = drawn(draw, WORLDS[world], n), drawn(draw, WORLDS[world], 240)
            found = risk(gold, [sure for sure, _ in rest], target)
            assert found is not None
            if found.too_few:
                continue
            said += 1
            assert found.reached >= target - 1e-9
            assert found.look == sum(found.limit is not None and sure <= found.limit for sure, _ in rest)
            held += abs(after(rest, found.limit) - found.reached) <= found.off
    assert said == 0 or held >= 0.9 * said, (held, said)


def test_it_says_something_where_the_model_knows_itself() -> None:
    draw = random.Random(3)
    looks = []
    for _ in range(50):
        gold, rest = drawn(draw, WORLDS["knows"], 150), drawn(draw, WORLDS["knows"], 240)
        found = risk(gold, [sure for sure, _ in rest], 0.95)
        assert found is not None
        looks.append(found.look)
        assert found.off < 0.08
    assert sum(looks) / len(looks) < 0.5 * 240  # less than half of the rows, for 95 %


def test_too_few_right_answers_are_said_and_nothing_is_promised() -> None:
    gold: list[tuple[Sureness, bool]] = [((2, n / 10, 0.5), n > 0) for n in range(10)]
    found = risk(gold, [(2, 0.5, 0.5)] * 40, 0.95)
    assert found is not None
    assert found.too_few
    assert found.look == 40
    assert found.sentence == (
        "The 10 rows with right answers, of which the model has 9, do not show that less than all rows will do for "
        "95 %: it takes 20 at least."
    )


def test_the_sentence_names_rows_aim_and_doubt() -> None:
    gold: list[tuple[Sureness, bool]] = [((2, n / 100, 0.5), n >= 20) for n in range(100)]
    others: list[Sureness] = [(2, n / 300, 0.5) for n in range(300)]
    found = risk(gold, others, 0.95)
    assert found is not None
    assert found.sentence == (
        "Look at the least sure 46 rows of the 300 rows to reach 95 % ± 5 %: that holds 9 times in 10, by the 100 rows "
        "with right answers, of which the model has 80."
    )
    assert found.to_json()["look"] == 46


def test_where_all_rows_have_right_answers_it_speaks_of_further_ones() -> None:
    gold: list[tuple[Sureness, bool]] = [((2, n / 100, 0.5), n >= 20) for n in range(100)]
    found = risk(gold, [], 0.95)
    assert found is not None
    assert found.coming
    assert "of the 100 further rows like these" in found.sentence


def test_the_curve_goes_from_the_model_alone_to_all_looked_at() -> None:
    gold: list[tuple[Sureness, bool]] = [((2, n / 100, 0.5), n >= 20 and n % 30 != 0) for n in range(100)]
    steps = curve(gold, 300)
    assert (steps[0].looked, steps[0].right) == (0.0, 0.77)
    assert (steps[-1].looked, steps[-1].right) == (1.0, 1.0)
    assert len(steps) <= 62
    parts = [step.right for step in steps]
    assert parts == sorted(parts)
    assert all(step.low <= step.right <= step.high for step in steps)


def test_without_right_answers_or_where_all_are_equally_sure_nothing_is_said() -> None:
    assert risk([], [(2, 0.5, 0.5)]) is None
    assert risk([((2, 0.0, 0.0), True)] * 50, [(2, 0.0, 0.0)] * 50) is None


@pytest.mark.parametrize("target", [0.0, 1.0, -1, 95, float("nan")])
def test_an_aim_that_is_no_part_is_refused(target: float) -> None:
    with pytest.raises(SettingError, match="is no part of the rows"):
        risk([((2, 0.1, 0.5), True), ((2, 0.2, 0.5), True)], [], target)
