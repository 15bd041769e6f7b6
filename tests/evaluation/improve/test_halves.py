"""The split: nothing is on both sides, each side has its share of every answer, and the seed decides all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from improve_world import FREE, KINDS, MOOD, rows

from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.evaluation.improve.halves import check_count, halves, key_of
from gptjt_demo.evaluation.run import Labelled
from gptjt_demo.templates.answer_check import normalised


def test_no_input_is_on_both_sides_and_no_scored_row_is_an_example() -> None:
    given = rows(60)
    again = [replace(row, index=100 + row.index, query={"input": f" {row.query['input'].upper()}. "}) for row in given]
    found = halves([*given, *again[::2]], MOOD, labels=True, count=2, seed=3)
    parts = [
        {key_of(example.inputs) for example in found.pool},
        {key_of(row.query) for row in found.scored},
        {key_of(row.query) for row in found.unseen},
    ]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    assert len(found.searched) + len(found.unseen) == 90
    assert not {*found.searched} & {row.index for row in found.unseen}


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from("xyz")), min_size=40, max_size=80), st.integers(0, 9))
def test_whatever_the_rows_are_nothing_leaks_and_nothing_is_lost(pairs: list[tuple[int, str]], seed: int) -> None:
    given = [Labelled(index, {"input": f"text {text}"}, answer) for index, (text, answer) in enumerate(pairs)]
    template = MOOD.revised(examples=({"input": "Text 3", "output": "x"},))
    try:
        found = halves(given, template, labels=True, count=1, seed=seed)
    except TableError:
        return
    searched = {given[index].query["input"] for index in found.searched}
    unseen = {row.query["input"] for row in found.unseen}
    assert not searched & unseen
    assert "text 3" not in unseen
    assert "text 3" not in {row.query["input"] for row in found.scored}
    assert sorted([*found.searched, *(row.index for row in found.unseen)]) == list(range(len(given)))
    assert {example.output for example in found.pool} <= {"x", "y"}


def test_every_part_has_its_share_of_each_answer() -> None:
    found = halves(rows(96), MOOD.revised(examples=()), labels=True, count=2, seed=1)
    assert Counter(row.gold for row in found.unseen) == {"x": 24, "y": 24}
    assert Counter(example.output for example in found.pool) == {"x": 8, "y": 8}
    for size in (8, 16, 32):
        counted = Counter(row.gold for row in found.scored[:size])
        assert abs(counted["x"] - counted["y"]) <= 2


def test_what_the_template_shows_is_never_reported() -> None:
    shown = [{"input": f"{kind} number {number}", "output": "x"} for number, kind in enumerate(KINDS)]
    for seed in range(20):
        found = halves(rows(48), MOOD.revised(examples=tuple(shown)), labels=True, count=6, seed=seed)
        own = {normalised(example["input"]) for example in shown}
        assert not own & {normalised(row.query["input"]) for row in (*found.unseen, *found.scored)}


def test_the_same_seed_gives_the_same_halves_and_another_other_ones() -> None:
    first, again, other = (halves(rows(), MOOD, labels=True, count=2, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.searched != other.searched
    # Answers that all differ are dealt by chance, too.
    different = [replace(row, gold=f"answer {row.index}") for row in rows()]
    one, two = (halves(different, FREE, labels=False, count=2, seed=seed) for seed in (1, 2))
    assert one.searched != two.searched


def test_a_row_whose_answer_is_no_label_is_no_example() -> None:
    given = [replace(row, gold="other") if row.index % 4 == 0 else row for row in rows()]
    found = halves(given, MOOD, labels=True, count=2, seed=0)
    assert {example.output for example in found.pool} == {"x", "y"}
    assert any(row.gold == "other" for row in found.scored)
    with pytest.raises(TableError, match="no row of it can be shown as an example; the labels are 'x', 'y'"):
        halves([replace(row, gold=f"other {row.index % 2}") for row in rows()], MOOD, labels=True, count=2, seed=0)


def test_what_cannot_be_split_is_said() -> None:
    with pytest.raises(TableError, match="19 different inputs with a right answer are too few"):
        halves(rows(19), MOOD, labels=True, count=2, seed=0)
    with pytest.raises(TableError, match="every row has the right answer 'x'"):
        halves([replace(row, gold="x") for row in rows()], MOOD, labels=True, count=2, seed=0)
    found = halves(rows(24), MOOD, labels=True, count=2, seed=0)
    with pytest.raises(SettingError, match=r"7 examples, and the half to search on has \d rows to choose them from"):
        check_count(7, MOOD, found)
    assert check_count(None, MOOD, found) == 2
