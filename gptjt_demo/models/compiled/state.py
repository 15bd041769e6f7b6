"""Keys and values of some sequences, each with its own columns and room behind them, and of what all begin with.

Knows neither the network nor what the columns hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROOM = 64  # columns behind what is held, at least; and an eighth
SLACK = 16  # columns behind the last one that are read, and not used


@dataclass(frozen=True)
class Header:
    """What all sequences of a state begin with. It is read where it lies, by any number of states, and never written.

    Attributes:
        keys: float32 (layers, slots, key heads, head width, room).
        values: float32 (layers, slots, key heads, room, head width).
        slot: where in keys and values it lies.
        columns: that are its own, the first ones there.
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    slot: int
    columns: int


@dataclass
class State:
    """Keys and values of some sequences, and the logits of the last token of each.

    Attributes:
        keys: float32 (layers, slots, key heads, head width, room).
        values: float32 (layers, slots, key heads, room, head width).
        slots: int64 (sequences,): where in keys and values each sequence lies, no two in one place.
        lengths: int64 (sequences,): columns that are held there, behind the header's.
        keep: bool (sequences, columns): which of what was given is real; for what is read behind it.
        logits: float32 (sequences, vocabulary).
        header: what they all begin with; None is nothing.
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    slots: NDArray[np.int64]
    lengths: NDArray[np.int64]
    keep: Tensor
    logits: Tensor
    header: Header | None = None

    @property
    def before(self) -> int:
        """Columns of the header."""
        return self.header.columns if self.header else 0

    def repeat(self, rows: int) -> State:
        """So many rows that begin with a state of one. What it holds is shared, not copied: more may be read behind it,
        as its rows do, but nothing of it may be cropped and written anew while they are there."""
        own = self._merged()
        layers, _, heads, width, _ = own.keys.shape
        return State(
            np.zeros((layers, rows, heads, width, 0), np.float32),
            np.zeros((layers, rows, heads, 0, width), np.float32),
            np.arange(rows),
            np.zeros(rows, np.int64),
            own.keep.expand(rows, -1),
            own.logits.expand(rows, -1),
            Header(own.keys, own.values, int(own.slots[0]), int(own.lengths[0])),
        )

    def select(self, rows: Sequence[int]) -> State:
        """Keep these rows of the batch only, each once. None is moved: that would cost as much as a step."""
        index = list(rows)
        return replace(
            self, slots=self.slots[index], lengths=self.lengths[index], keep=self.keep[index], logits=self.logits[index]
        )

    @classmethod
    def joined(cls, states: Sequence[State]) -> State:
        """The rows of several states, which were given as many columns."""
        if len(states) == 1:
            return states[0]
        header = states[0].header
        if any(state.header is not header for state in states):
            header, states = None, [state._merged() for state in states]
        packed = [state._packed() for state in states]
        room = max(state.keys.shape[-1] for state in packed)
        for state in packed:
            state.enlarge(room)
        keys = np.concatenate([state.keys for state in packed], axis=1)
        return cls(
            keys,
            np.concatenate([state.values for state in packed], axis=1),
            np.arange(keys.shape[1]),
            np.concatenate([state.lengths for state in packed]),
            torch.cat([state.keep for state in packed]),
            torch.cat([state.logits for state in packed]),
            header,
        )

    def crop(self, columns: int) -> State:
        """Forget the last columns of every sequence. The logits stay those after the last one that was read."""
        held = self._merged() if self.lengths.min() < columns else self
        return replace(held, lengths=held.lengths - columns, keep=held.keep[:, : held.keep.shape[1] - columns])

    def make_room(self, columns: int) -> None:
        """Have room for this many of their own."""
        room = self.keys.shape[-1]
        if columns + SLACK > room:
            self.enlarge(whole(columns + max(ROOM, columns // 8)))

    def enlarge(self, larger: int) -> None:
        """Have room for this many columns, and what is read behind them; sequences that were left out are forgotten."""
        if larger > self.keys.shape[-1]:
            self.keys, self.values = self._copied(0, larger)
            self.slots = np.arange(len(self.slots))

    def _copied(self, start: int, room: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The sequences' keys and values in their order, from column `start` on, in memory of their own."""
        layers, _, heads, width, _ = self.keys.shape
        keys = np.zeros((layers, len(self.slots), heads, width, room), np.float32)
        values = np.zeros((layers, len(self.slots), heads, room, width), np.float32)
        held = int(self.lengths.max(initial=0))
        for new, old in enumerate(self.slots.tolist()):
            keys[:, new, ..., start : start + held] = self.keys[:, old, ..., :held]
            values[:, new, :, start : start + held] = self.values[:, old, :, :held]
        return keys, values

    def _packed(self) -> State:
        """With nothing in its memory but its own sequences, in their order."""
        if np.array_equal(self.slots, np.arange(self.keys.shape[1])):
            return self
        keys, values = self._copied(0, self.keys.shape[-1])
        return replace(self, keys=keys, values=values, slots=np.arange(len(self.slots)))

    def _merged(self) -> State:
        """With a copy of the header in each sequence's own columns."""
        if self.header is None:
            return self
        header, before = self.header, self.before
        keys, values = self._copied(before, whole(before + int(self.lengths.max(initial=0)) + ROOM))
        keys[..., :before] = header.keys[:, header.slot, None, ..., :before]
        values[:, :, :, :before] = header.values[:, header.slot, None, :, :before]
        slots, lengths = np.arange(len(self.slots)), self.lengths + before
        return replace(self, keys=keys, values=values, slots=slots, lengths=lengths, header=None)


def whole(columns: int) -> int:
    """Columns as there is room for them: whole vectors."""
    return -(-columns // SLACK) * SLACK
