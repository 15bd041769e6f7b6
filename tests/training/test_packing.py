"""Which samples share a sequence: nothing is lost, cut, padded or starved, and a stopped packer continues the same."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from gptjt_demo.training.data.packing import WAITING, Packed, Packer, pack
from gptjt_demo.training.data.sample import Sample


def of(first: int, length: int) -> Sample:
    return Sample(tuple(range(first, first + length)), 1, (False,) + (True,) * (length - 1))


def endless(lengths: list[int]) -> Callable[[], Sample]:
    """Samples of these lengths, over and over; the first id of each is its number."""
    count = iter(range(10**6))
    return lambda: of((k := next(count)), lengths[k % len(lengths)])


def test_two_samples_side_by_side_are_these_tensors() -> None:
    packed = Packed.of([Sample((7, 8, 9), 2, (False, False, True)), Sample((5, 6), 1, (False, True))])
    assert packed.ids.tolist() == [[7, 8, 9, 5, 6]]
    assert packed.positions.tolist() == [[0, 1, 2, 0, 1]]
    assert packed.counted.int().tolist() == [0, 0, 1, 0, 1]
    found = [(document.first, document.start, document.split, document.stop) for document in packed.documents]
    assert found == [(0, 0, 2, 3), (3, 3, 4, 5)]


def test_sequences_in_one_pass_do_not_see_each_other() -> None:
    sequences = [[of(1, 2), of(3, 3)], [of(6, 2), of(8, 1)]]
    packed = Packed.side_by_side(sequences, across=True)
    assert packed.ids.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2]]
    assert [(document.first, document.start) for document in packed.documents] == [(0, 0), (0, 2), (5, 5), (5, 7)]


def test_the_oldest_comes_first_and_then_whichever_fits() -> None:
    packer = Packer(endless([6, 5, 3, 4, 2]), 10)
    assert [[sample.ids[0] for sample in packer.next()] for _ in range(3)] == [[0, 2], [1, 3], [4, 5, 9]]


def test_every_sample_is_used_once_and_whole_and_none_waits_for_long() -> None:
    rng = random.Random(1)
    lengths = [rng.randint(2, 50) for _ in range(997)]
    packer, used = Packer(endless(lengths), 64), []
    for row in range(200):
        sequence = packer.next()
        assert sum(map(len, sequence)) <= 64
        used += [sample.ids[0] for sample in sequence]
        assert min(set(range(max(used) + 1)) - set(used), default=max(used) + 1) > row  # one a row at least
    assert len(used) == len(set(used))
    assert sum(lengths[k] for k in used) / (200 * 64) > 0.95


def test_a_restored_packer_goes_on_the_same() -> None:
    one = Packer(endless([3, 9, 4, 7, 5]), 12)
    for _ in range(5):
        one.next()
    state = json.loads(json.dumps(one.state()))
    drawn = max(sample[0][0] for sample in state) + 1
    source = endless([3, 9, 4, 7, 5])
    for _ in range(drawn):
        source()
    other = Packer(source, 12)
    other.restore(state)
    assert len(state) < WAITING
    assert [one.next() for _ in range(20)] == [other.next() for _ in range(20)]


def test_a_finite_set_is_packed_whole() -> None:
    samples = [of(10 * k, n) for k, n in enumerate([2, 9, 4, 6, 3])]
    rows = list(pack(samples, 10))
    assert sorted(sample.ids for row in rows for sample in row) == sorted(sample.ids for sample in samples)
    assert all(sum(map(len, row)) <= 10 for row in rows)
    assert list(pack([], 10)) == []


def test_a_sample_longer_than_a_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="11 tokens and a sequence 10"):
        Packer(endless([11]), 10).next()
    with pytest.raises(ValueError, match="11 tokens and a sequence 10"):
        list(pack([of(0, 11)], 10))
