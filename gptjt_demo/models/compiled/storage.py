"""Weights of a checkpoint as they are multiplied, in the kinds of `weights`.

In: a checkpoint. Out: a `Stored` for each weight, whose memory is kept alive here. In the hivemind layout weights are
used as they lie in the file, or with their codes in another order, or made int8. Loads no transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled import operations, weights
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.weights import BFLOAT16, CODES, FLOAT16, FLOAT32, GROUP, INT8, NARROWED, WEIGHT
from gptjt_demo.models.int8.linear import quantize
from gptjt_demo.models.layout import BLOCK, Blockwise, RowWise

PIECE = 192 << 10  # bytes of a weight that a thread takes at a time, at most
_FLOATS = {torch.float32: FLOAT32, torch.float16: FLOAT16, torch.bfloat16: BFLOAT16}


def padded(columns: int) -> int:
    """Columns as they are stored: whole groups."""
    return -(-columns // GROUP) * GROUP


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros that begin at a multiple of 64 bytes, with room for a vector to be read behind them."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 128, dtype=np.uint8)
    offset = -raw.ctypes.data % 64
    found: NDArray[Any] = raw[offset : offset + size].view(dtype).reshape(shape)
    return found


@dataclass(frozen=True)
class Stored:
    """A weight, by addresses; 0 where its kind has no such thing."""

    kind: int
    weight: int
    absmax: int
    scales: int
    table: int
    meaning: int
    rows: int
    columns: int
    bytes: int


class Storage:
    """The weights of a network.

    Attributes:
        first: operations that are to be done once.
        kept: what addresses point at.
        bytes: of the weights.

    Args:
        checkpoint: where they are.
        small: whether floats stay as they are, and are not made int8.
    """

    def __init__(self, checkpoint: Checkpoint, small: bool) -> None:
        self.checkpoint, self.small = checkpoint, small
        self.first: list[list[int]] = []
        self.kept: list[Any] = []
        self.bytes = 0

    def keep(self, values: NDArray[Any]) -> int:
        """Keep an array alive; its address."""
        self.kept.append(values)
        return values.ctypes.data

    def floats(self, name: str) -> int:
        """The address of a tensor of floats, or 0 where there is none."""
        if name not in self.checkpoint.names:
            return 0
        values = self.checkpoint.tensor(name).float().numpy()
        copy = aligned(values.shape, np.float32)
        copy[:] = values
        return self.keep(copy)

    def stored(self, name: str) -> Stored:
        """A linear's or embedding's weight, as it is multiplied."""
        weight = self.checkpoint.weight(name)
        columns = (weight if isinstance(weight, Tensor) else weight.weight).shape[1]
        if isinstance(weight, Blockwise) and columns % GROUP == 0 and readable(weight.code):
            return self._codes(weight)
        if isinstance(weight, RowWise) and columns % GROUP == 0:
            return self._bytes(weight.weight, weight.scale)
        if self.small or columns % GROUP:
            return self._floats(weight if isinstance(weight, Tensor) else weight.rows(0, len(weight.weight)))
        return self._bytes(*quantize(weight))

    def _codes(self, weight: Blockwise) -> Stored:
        rows, columns = weight.weight.shape
        absmax = weight.absmax.float().numpy()
        first = np.arange(rows, dtype=np.int64) * columns // BLOCK
        last = (np.arange(1, rows + 1, dtype=np.int64) * columns - 1) // BLOCK
        largest = absmax[first]
        for k in range(1, int((last - first).max()) + 1):
            largest = np.maximum(largest, absmax[np.minimum(first + k, last)])
        scales = (largest / WEIGHT * np.float32(32768 / 32766)).astype(np.float32)
        meaning = weight.code.float().numpy()
        whole = np.round(meaning.astype(np.float64) * WEIGHT).astype("<i2").view(np.uint8).reshape(256, 2)
        table = aligned((512,), np.uint8)
        table[:256], table[256:] = whole[:, 0], whole[:, 1]
        # To read codes by arithmetic in every step takes longer than to wait for a large model's memory.
        narrow = not (self.small or way().lookups)
        codes = weight.weight.contiguous().numpy()
        if weights.ordered():
            codes = self._in_order(weight.weight)
            meaning = np.insert(meaning[:-1], 127, 0)
        elif narrow:
            codes = codes.copy()
        self.bytes += codes.nbytes + absmax.nbytes + scales.nbytes
        row = CODES, self.keep(codes), self.keep(absmax), self.keep(scales), rows, columns
        looked = self.keep(table)
        if not narrow:
            return Stored(*row[:4], looked, self.keep(np.ascontiguousarray(meaning)), rows, columns, rows * columns)
        self.first.append([operations.NARROW, 0, 0, 0, *row, 0, 0, 0, max(1, PIECE // columns), looked, 0])
        made = self.keep(scales * np.float32(32768 / NARROWED))
        return Stored(INT8, row[1], 0, made, 0, 0, rows, columns, rows * columns)

    def _in_order(self, stored: Tensor) -> NDArray[np.uint8]:
        """A copy of codes, put in order.

        What a file holds is given back as it is read, so that no weight is there twice. In place would take as much
        memory, leave the checkpoint altered, and cost a fault for each page that was read before it is written. NumPy's
        own memory asks for huge pages: finding them takes longer than all the rest, and no token is faster.
        """
        codes: NDArray[np.uint8] = torch.empty(stored.shape, dtype=torch.uint8).numpy()

        def read(start: int, stop: int) -> None:
            self.checkpoint.release(stored[start:stop])

        weights.in_order(stored.numpy(), codes, threads=torch.get_num_threads(), read=read)
        self.checkpoint.release(stored)  # with the pages that two pieces share
        return codes

    def _bytes(self, weight: Tensor, scale: Tensor) -> Stored:
        rows, columns = weight.shape
        scales = scale.float().numpy()
        self.kept.append(weight)
        self.bytes += weight.numel() + scales.nbytes
        return Stored(INT8, weight.data_ptr(), 0, self.keep(scales), 0, 0, rows, columns, rows * columns)

    def _floats(self, weight: Tensor) -> Stored:
        """As they are stored, unless rows have to be padded."""
        rows, columns = weight.shape
        if columns % GROUP or weight.dtype not in _FLOATS:
            padding = torch.zeros(rows, padded(columns))
            padding[:, :columns] = weight
            weight = padding
        weight = weight.contiguous()
        self.kept.append(weight)
        self.bytes += weight.nbytes
        scales = self.keep(np.ones(rows, np.float32))
        return Stored(_FLOATS[weight.dtype], weight.data_ptr(), 0, scales, 0, 0, rows, weight.shape[1], weight.nbytes)


def readable(code: Tensor) -> bool:
    """Whether codes of this meaning can be multiplied as they are: by look-ups any, by arithmetic bitsandbytes' own."""
    if bool((code.abs() > 1.0001).any()):
        return False
    if way().lookups:
        return True
    distance = np.arange(256) - 127
    size = np.abs(distance)
    lines = np.max([slope * size + offset for slope, offset in weights.LINES], axis=0).clip(0, WEIGHT)
    return bool(np.abs(np.sign(distance) * lines / WEIGHT - code.float().numpy()).max() < 5e-4)
