"""Weights as they are stored: 8-bit ones are read as int16, others as float32, a group of 64 columns at a time.

With 8-bit weights activations are int16, with a float32 scale for some groups, as `Coding` says; weights become int16,
with one scale a row: so the sums of those groups fit int32, are exact, and only the sum over groups is float32, in an
order that depends on nothing but the row. That is why a row's result is equal to the bit, whatever rows stand beside
it.

A weight is stored in one of these ways:

    codes   the hivemind layout's own bytes. bitsandbytes' signed dynamic code (Dettmers et al. 2022, "8-bit Optimizers
            via Block-wise Quantization") is odd and, from nought on, the largest of a few straight lines; so a code is
            read by two look-ups where the processor has AVX-512 VBMI, with look-ups of its upper half, `in_order`, on
            x86 else, and with arithmetic elsewhere. As int16 they are within +-`WEIGHT`, which leaves 14 bits to
            activations. A block's absmax enters as a ratio to the row's largest.
    int8    a scale a row; activations have 15 bits, and more groups are summed at once
    floats  float32, float16 or bfloat16, of small models in other layouts: multiplied with float32 activations, so that
            nothing is lost. A lane's sum is one over its columns in their order, which keeps the promise of equal bits.

Where there are many rows, 8-bit weights are made int16 first, and multiplied as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gptjt_demo.models.compiled.processor import way

GROUP = 64
WEIGHT = 16000  # code 1.0; then the lines' slopes are whole numbers
CODES, INT8, CODES_WIDE, INT8_WIDE, FLOAT32, FLOAT16, BFLOAT16 = range(7)  # the wide ones are int16 in the cache
BYTES = {CODES: 1, INT8: 1, CODES_WIDE: 2, INT8_WIDE: 2, FLOAT32: 4, FLOAT16: 2, BFLOAT16: 2}
NARROWED = 260  # of 32768: what a code as int16 is times, to be int8: 1.0 becomes 127
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


@dataclass(frozen=True)
class Coding:
    """How activations are made int16, for weights of one kind.

    Attributes:
        limit: they are within +- this.
        unit: groups that share a scale: the lanes of an int32 vector sum so many exactly.
        order: where the columns of a group stand: as the fastest way of widening weights leaves these.
    """

    limit: int
    unit: int
    order: tuple[int, ...]


def _for_codes() -> Coding:
    """Eight products a lane are summed exactly; vectors of eight lanes have sixteen in a single group."""
    lanes = way().lanes
    order: Iterable[int] = range(GROUP)
    if way().x86:
        parts = lanes // 8  # of 16 bytes, within which x86 interleaves
        bases = range(0, GROUP, 16 * parts)
        starts = [base + 16 * part + 8 * half for base in bases for half in (0, 1) for part in range(parts)]
        order = [start + k for start in starts for k in range(8)]
    return Coding(16383 if lanes > 8 else 8191, max(1, 8 * (lanes // 2) // GROUP), tuple(order))


def _for_int8() -> Coding:
    """Even columns of some, then odd ones: two bytes of a word are parted by shifts."""
    order: Iterable[int] = range(GROUP)
    if way().x86:
        starts = [base + odd for base in range(0, GROUP, 2 * way().lanes) for odd in (0, 1)]
        order = [start + 2 * k for start in starts for k in range(way().lanes)]
    return Coding(32767, 4, tuple(order))


FOR_CODES, FOR_INT8 = _for_codes(), _for_int8()
