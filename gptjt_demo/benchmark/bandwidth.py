"""How fast this machine reads memory, the bound of decoding: every weight is read once a token.

Several loops that only read a buffer far larger than any cache, on all threads; the fastest counts, because a loop can
fall short of the memory and never exceed it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

BYTES = 1 << 30  # of the buffer; a power of four, for a square matrix of float32
SWEEPS = 3  # of each loop, the fastest of which counts


class Bandwidth:
    """Reads a buffer of `size` bytes on `threads` threads.

    Attributes:
        loops: by name, how many bytes each reads, and what reads them.
    """

    def __init__(self, *, threads: int, size: int = BYTES) -> None:
        torch.set_num_threads(threads)
        self.facts = {"bytes": size}
        self._best = (float("inf"), "")
        floats = torch.full((size // 4,), 0.5)
        side = int((size // 4) ** 0.5)
        matrix, vector = floats[: side * side].view(side, side), torch.ones(side)
        parts = np.array_split(floats.numpy().view(np.uint64), threads)
        pool = ThreadPoolExecutor(threads)
        self.loops: dict[str, tuple[int, Callable[[], Any]]] = {
            "torch, sum of float32": (size, floats.sum),
            "torch, maximum of int32": (size, floats.view(torch.int32).amax),
            "torch, float32 matrix times vector": (side * side * 4, lambda: matrix.mv(vector)),
            "numpy, maximum of uint64 in a thread each": (size, lambda: list(pool.map(np.max, parts))),
            "numpy, or of uint64 in a thread each": (size, lambda: list(pool.map(np.bitwise_or.reduce, parts))),
        }

    def read(self) -> float:
        """Seconds that reading a gigabyte (1e9 bytes) takes."""
        fastest = float("inf")
        for way, (size, loop) in self.loops.items():
            for _ in range(SWEEPS):
                started = time.perf_counter()
                loop()
                seconds = (time.perf_counter() - started) / size * 1e9
                self._best = min(self._best, (seconds, way))
                fastest = min(fastest, seconds)
        return fastest

    def way(self) -> str:
        """The loop that was the fastest so far."""
        return self._best[1]
