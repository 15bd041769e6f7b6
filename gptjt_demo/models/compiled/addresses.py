"""Arrays at addresses, for code that Numba compiles."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from gptjt_demo.models.compiled.kept import KEPT  # before the first function: what is compiled for is then decided
from gptjt_demo.models.compiled.threads import memory_at


@njit(inline="always", cache=KEPT)
def floats(address, count):
    return carray(memory_at(address), count, dtype=np.float32)


@njit(inline="always", cache=KEPT)
def int16s(address, count):
    return carray(memory_at(address), count, dtype=np.int16)


@njit(inline="always", cache=KEPT)
def int32s(address, count):
    return carray(memory_at(address), count, dtype=np.int32)


@njit(inline="always", cache=KEPT)
def bytes_at(address, count):
    return carray(memory_at(address), count, dtype=np.uint8)


@njit(inline="always", cache=KEPT)
def signed_bytes(address, count):
    return carray(memory_at(address), count, dtype=np.int8)
