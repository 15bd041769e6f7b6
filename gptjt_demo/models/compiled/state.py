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
        keys: float32 (layers, sequences, key heads, head width, room).
        values: float32 (layers, sequences, key heads, room, head width).
        lengths: int64 (sequences,): columns that are held.
        keep: bool (sequences, columns): which of what was given is real; for what is read behind it.
        logits: float32 (sequences, vocabulary).
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    lengths: NDArray[np.int64]
    keep: Tensor
    logits: Tensor

    def repeat(self, rows: int) -> State:
        """A copy for this many rows, of a state of one."""
        return State(
            np.repeat(self.keys, rows, axis=1),
            np.repeat(self.values, rows, axis=1),
            np.repeat(self.lengths, rows),
            self.keep.expand(rows, -1),
            self.logits.expand(rows, -1),
        )

    def select(self, rows: Sequence[int]) -> State:
        """Keep these rows of the batch only."""
        index = list(rows)
        keys, values = np.take(self.keys, index, axis=1), np.take(self.values, index, axis=1)  # laid out as they were
        return State(keys, values, self.lengths[index], self.keep[index], self.logits[index])

    @classmethod
    def joined(cls, states: Sequence[State]) -> State:
        """The rows of several states, which were given as many columns."""
        if len(states) == 1:
            return states[0]
        room = max(state.keys.shape[-1] for state in states)
        for state in states:
            state.enlarge(room)
        return cls(
            np.concatenate([state.keys for state in states], axis=1),
            np.concatenate([state.values for state in states], axis=1),
            np.concatenate([state.lengths for state in states]),
            torch.cat([state.keep for state in states]),
            torch.cat([state.logits for state in states]),
        )

    def crop(self, columns: int) -> State:
        """Forget the last columns of every sequence. The logits stay those after the last one that was read."""
        keep = self.keep[:, : self.keep.shape[1] - columns]
        return State(self.keys, self.values, self.lengths - columns, keep, self.logits)

    def make_room(self, columns: int) -> None:
        """Have room for this many."""
        room = self.keys.shape[-1]
        if columns + SLACK > room:
            self.enlarge(whole(columns + max(ROOM, columns // 8)))

    def enlarge(self, larger: int) -> None:
        """Have room for this many columns, and what is read behind them."""
        layers, sequences, heads, width, room = self.keys.shape
        if larger <= room:
            return
        keys = np.zeros((layers, sequences, heads, width, larger), np.float32)
        values = np.zeros((layers, sequences, heads, larger, width), np.float32)
        keys[..., :room], values[:, :, :, :room] = self.keys, self.values
        self.keys, self.values = keys, values


def whole(columns: int) -> int:
    """Columns as there is room for them: whole vectors."""
    return -(-columns // SLACK) * SLACK
