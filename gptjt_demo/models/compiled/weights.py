"""Weights as they are stored: 8-bit ones are read as int16, others as float32, a group of 64 columns at a time.

With 8-bit weights activations are int16 within +-`ACTIVATION`, with a float32 scale a group; weights become int16
within +-`WEIGHT`, with one scale a row: so the sums of a group fit int32, are exact, and only the sum over groups is
float32, in an order that depends on nothing but the row. That is why a row's result is equal to the bit, whatever rows
stand beside it.

A weight is stored in one of these ways:

    codes   the hivemind layout's own bytes. bitsandbytes' signed dynamic code (Dettmers et al. 2022, "8-bit Optimizers
            via Block-wise Quantization") is odd and, from nought on, the largest of a few straight lines; so a code is
            read by two look-ups where the processor has AVX-512 VBMI, with look-ups of its upper half, `in_order`, on
            x86 else, and with arithmetic elsewhere. A block's absmax enters as a ratio to the row's largest.
    int8    a scale a row
    floats  float32, float16 or bfloat16, of small models in other layouts: multiplied with float32 activations, so that
            nothing is lost. A lane's sum is one over its columns in their order, which keeps the promise of equal bits.

Where there are many rows, 8-bit weights are made int16 first, and multiplied as such.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gptjt_demo.models.compiled.processor import way

GROUP = 64
# Groups of activations that share a scale: as many as the lanes of an int32 vector can sum exactly, 8 products each.
UNIT = max(1, 8 * (way().lanes // 2) // GROUP)
ACTIVATION = 16383 if way().lanes > 8 else 8191  # narrow vectors have 16 products a lane in a single group
WEIGHT = 16000  # code 1.0; then the lines' slopes are whole numbers
CODES, INT8, INT16, FLOAT32, FLOAT16, BFLOAT16 = range(6)
BYTES = {CODES: 1, INT8: 1, INT16: 2, FLOAT32: 4, FLOAT16: 2, BFLOAT16: 2}
PIECE = 4 << 20  # codes that a thread puts in order at a time
CHUNK = 256 << 10  # ... of which so many are in its core's cache at once
# The positive half of the dynamic code at 1.0 = WEIGHT: the largest of these lines (slope, offset) and 0, at most 1.
LINES = ((225, -12687), (45, -1257), (9, -123), (2, -12))
# The same by the upper four bits of the distance from nought: slope, start, rest. The smallest sixteen are a line, too,
# to 6 in 16000.
NIBBLES = ((1, 0, 0), (9, 14, 2), (45, 28, 2), (45, 28, 2), (225, 56, -88))


def ordered() -> bool:
    """Whether codes are put `in_order` when they are loaded; else they stay as stored."""
    return way().x86 and not way().lookups


def in_order(
    codes: NDArray[np.uint8],
    out: NDArray[np.uint8],
    *,
    threads: int = 1,
    read: Callable[[int, int], None] = lambda start, stop: None,
) -> None:
    """Write codes so that their upper four bits name their line: below nought 0 to 126, from nought on 128 to 255.

    1.0, at most one value in 4096, becomes the code before it, 0.993: there is no room for it on the last line.

    Args:
        codes: by rows.
        out: of the same shape.
        threads: that work at it.
        read: is told of rows, from one up to another, that are needed no more; by the thread that read them.
    """
    width = max(1, codes[:1].size)
    piece, chunk = max(1, PIECE // width), max(1, CHUNK // width)

    def work(mine: int) -> None:
        most = np.full((chunk, *codes.shape[1:]), 254, np.uint8)  # an array is 20 times as fast here as a number
        after = np.empty_like(most)
        for start in range(mine * piece, len(codes), threads * piece):
            stop = min(start + piece, len(codes))
            for first in range(start, stop, chunk):
                given, found = codes[first : min(first + chunk, stop)], out[first : min(first + chunk, stop)]
                size = len(given)
                np.greater(given, 126, out=after[:size].view(bool))
                np.minimum(given, most[:size], out=found)
                np.add(found, after[:size], out=found)
            read(start, stop)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


def order() -> list[int]:
    """Where the columns of a group stand in memory, once they are int16: as the fastest way of widening leaves them."""
    if not way().x86:
        return list(range(GROUP))
    lanes = way().lanes // 8  # of 16 bytes, within which x86 interleaves
    bases = range(0, GROUP, 16 * lanes)
    return [
        base + 16 * lane + 8 * half + k for base in bases for half in (0, 1) for lane in range(lanes) for k in range(8)
    ]
