"""Keys and values of some sequences, each with its own columns and room behind them.

Knows neither the network nor what the columns hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROOM = 64  # columns behind what is held, at least; and an eighth
SLACK = 16  # columns behind the last one that are read, and not used


@dataclass
class State:
    """Keys and values of some sequences, and the logits of the last token of each.

    Attributes:
        keys: float32 (layers, slots, key heads, head width, room).
        values: float32 (layers, slots, key heads, room, head width).
        slots: int64 (sequences,): where in keys and values each sequence lies, no two in one place.
        lengths: int64 (sequences,): columns that are held.
        keep: bool (sequences, columns): which of what was given is real; for what is read behind it.
        logits: float32 (sequences, vocabulary).
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    slots: NDArray[np.int64]
    lengths: NDArray[np.int64]
    keep: Tensor
    logits: Tensor

    def repeat(self, rows: int) -> State:
        """A copy for this many rows, of a state of one."""
        own = self._packed()
        return State(
            np.repeat(own.keys, rows, axis=1),
            np.repeat(own.values, rows, axis=1),
            np.arange(rows),
            np.repeat(own.lengths, rows),
            own.keep.expand(rows, -1),
            own.logits.expand(rows, -1),
        )

    def select(self, rows: Sequence[int]) -> State:
        """Keep these rows of the batch only, each once. None is moved: that would cost as much as a step."""
        index = list(rows)
        return State(
            self.keys, self.values, self.slots[index], self.lengths[index], self.keep[index], self.logits[index]
        )

    @classmethod
    def joined(cls, states: Sequence[State]) -> State:
        """The rows of several states, which were given as many columns."""
        if len(states) == 1:
            return states[0]
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
        )

    def crop(self, columns: int) -> State:
        """Forget the last columns of every sequence. The logits stay those after the last one that was read."""
        keep = self.keep[:, : self.keep.shape[1] - columns]
        return State(self.keys, self.values, self.slots, self.lengths - columns, keep, self.logits)

    def make_room(self, columns: int) -> None:
        """Have room for this many."""
        room = self.keys.shape[-1]
        if columns + SLACK > room:
            self.enlarge(whole(columns + max(ROOM, columns // 8)))

    def enlarge(self, larger: int) -> None:
        """Have room for this many columns, and what is read behind them; sequences that were left out are forgotten."""
        layers, _, heads, width, room = self.keys.shape
        if larger <= room:
            return
        sequences = len(self.slots)
        keys = np.zeros((layers, sequences, heads, width, larger), np.float32)
        values = np.zeros((layers, sequences, heads, larger, width), np.float32)
        held = int(self.lengths.max(initial=0))
        for new, old in enumerate(self.slots.tolist()):
            keys[:, new, ..., :held] = self.keys[:, old, ..., :held]
            values[:, new, :, :held] = self.values[:, old, :, :held]
        self.keys, self.values, self.slots = keys, values, np.arange(sequences)

    def _packed(self) -> State:
        """With nothing in its memory but its own sequences, in their order."""
        if np.array_equal(self.slots, np.arange(self.keys.shape[1])):
            return self
        keys, values = np.take(self.keys, self.slots, axis=1), np.take(self.values, self.slots, axis=1)
        return State(keys, values, np.arange(len(self.slots)), self.lengths, self.keep, self.logits)


def whole(columns: int) -> int:
    """Columns as there is room for them: whole vectors."""
    return -(-columns // SLACK) * SLACK
