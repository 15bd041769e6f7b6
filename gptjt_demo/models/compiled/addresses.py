"""Arrays at addresses, for code that Numba compiles."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from gptjt_demo.models.compiled.threads import memory_at


@njit(inline="always")
def floats(address, count):
    return carray(memory_at(address), count, dtype=np.float32)


@njit(inline="always")
def int32s(address, count):
    return carray(memory_at(address), count, dtype=np.int32)


@njit(inline="always")
def bytes_at(address, count):
    return carray(memory_at(address), count, dtype=np.uint8)


@njit(inline="always")
def signed_bytes(address, count):
    return carray(memory_at(address), count, dtype=np.int8)


@njit(inline="always")
def int64s(address, count):
    return carray(memory_at(address), count, dtype=np.int64)


@njit(inline="always")
def table(address, rows, columns):
    return carray(memory_at(address), (rows, columns), dtype=np.int64)


@njit(inline="always")
def float_table(address, rows, columns):
    return carray(memory_at(address), (rows, columns), dtype=np.float32)
