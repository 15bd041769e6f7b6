"""Samples packed to sequences of one length: which share a sequence, and the sequence as tensors.

In: a source of samples. Out: `Packed`, one sequence a time. A sequence is as long as its samples, so that nothing is
ever padded. Does not know masks or models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gptjt_demo.training.data.sample import Sample

WAITING = 32  # samples that are looked through for one that fits; of them, the oldest always comes first


@dataclass(frozen=True)
class Document:
    """A sample's place in a sequence.

    Attributes:
        first: the first token that its tokens may see: its own, or its sequence's.
        start: its first token.
        split: the index after its prefix.
        stop: the index after its last token.
    """

    first: int
    start: int
    split: int
    stop: int


@dataclass(frozen=True)
class Packed:
    """Documents in a row, of one sequence or several.

    Attributes:
        ids: int64 (1, tokens).
        positions: int64 (1, tokens): they restart with every document, or run on where documents see earlier ones.
        counted: bool (tokens,): whether a token's prediction is part of the loss.
        documents: their places, in order.
    """

    ids: Tensor
    positions: Tensor
    counted: Tensor
    documents: tuple[Document, ...]

    @classmethod
    def of(cls, samples: Sequence[Sample], *, across: bool = False) -> Packed:
        """A sequence of samples; `across` lets each see all of the earlier ones."""
        return cls.side_by_side([samples], across=across)

    @classmethod
    def side_by_side(cls, sequences: Sequence[Sequence[Sample]], *, across: bool = False) -> Packed:
        """Several sequences, which do not see each other, in one row: a longer pass, of the same loss."""
        documents: list[Document] = []
        positions: list[int] = []
        start = 0
        for samples in sequences:
            first = start
            for sample in samples:
                stop = start + len(sample)
                documents.append(Document(first if across else start, start, start + sample.prefix, stop))
                positions += range(start - documents[-1].first, stop - documents[-1].first)
                start = stop
        flat = [sample for samples in sequences for sample in samples]
        return cls(
            torch.tensor([[id for sample in flat for id in sample.ids]]),
            torch.tensor([positions]),
            torch.tensor([counts for sample in flat for counts in sample.counted]),
            tuple(documents),
        )

    def __len__(self) -> int:
        return int(self.ids.shape[1])

    def to(self, device: torch.device) -> Packed:
        """The same, its tensors on a device."""
        return Packed(self.ids.to(device), self.positions.to(device), self.counted.to(device), self.documents)


class Packer:
    """Draws samples and packs them, the oldest first, then whichever fits of those that wait.

    Args:
        draw: gives the next sample.
        length: most tokens of a sequence.
    """

    def __init__(self, draw: Callable[[], Sample], length: int) -> None:
        self._draw, self._length = draw, length
        self._waiting: list[Sample] = []

    def next(self) -> tuple[Sample, ...]:
        """The samples of the next sequence.

        Raises:
            ValueError: a sample is longer than a sequence.
        """
        while len(self._waiting) < WAITING:
            sample = self._draw()
            if len(sample) > self._length:
                raise ValueError(f"a sample has {len(sample)} tokens and a sequence {self._length}")
            self._waiting.append(sample)
        taken, self._waiting = _fill(self._waiting, self._length)
        return taken

    def state(self) -> list[list[Any]]:
        """The samples that wait, as JSON can hold them."""
        return [[list(s.ids), s.prefix, [int(counts) for counts in s.counted]] for s in self._waiting]

    def restore(self, state: Iterable[list[Any]]) -> None:
        """Continue with these waiting."""
        self._waiting = [Sample(tuple(ids), prefix, tuple(map(bool, counted))) for ids, prefix, counted in state]


def pack(samples: Sequence[Sample], length: int) -> Iterator[tuple[Sample, ...]]:
    """A finite set of samples, each in one sequence.

    Raises:
        ValueError: a sample is longer than a sequence.
    """
    waiting = sorted(samples, key=len, reverse=True)
    if waiting and len(waiting[0]) > length:
        raise ValueError(f"a sample has {len(waiting[0])} tokens and a sequence {length}")
    while waiting:
        taken, waiting = _fill(waiting, length)
        yield taken


def _fill(waiting: list[Sample], length: int) -> tuple[tuple[Sample, ...], list[Sample]]:
    """What goes into a sequence, in order, and what stays."""
    taken, left, room = [], [], length
    for sample in waiting:
        if len(sample) <= room:
            taken.append(sample)
            room -= len(sample)
        else:
            left.append(sample)
    return tuple(taken), left
