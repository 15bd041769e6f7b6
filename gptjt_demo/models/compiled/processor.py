"""Which way of multiplying this processor has, and the switch that forces another: `GPTJT_WAY`.

Out: a `Way`, decided once for a process. Knows nothing of models; loads llvmlite and nothing else.
"""

from __future__ import annotations

import functools
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass

from gptjt_demo.errors import SettingError
from gptjt_demo.settings import environment


@dataclass(frozen=True)
class Way:
    """How products are made.

    Attributes:
        name: in one word, for reports.
        cpu: the processor that LLVM compiles for; empty for this one.
        features: those of it, as LLVM writes them; empty for this one's.
        lanes: int16 values in a vector.
        x86: whether x86's own instructions are there.
        lookups: whether a table of 128 bytes is read by one instruction (AVX-512 VBMI).
        posix: whether the system is one.
        registers: for vectors.
    """

    name: str
    cpu: str
    features: str
    lanes: int
    x86: bool
    lookups: bool
    posix: bool
    registers: int


def asked_way() -> str:
    """What `GPTJT_WAY` asks for.

    Raises:
        SettingError: that is no way.
    """
    return environment.WAY.read()


@functools.cache
def way() -> Way:
    """The way of this process: what `GPTJT_WAY` asks for, else the best that the processor has.

    Raises:
        SettingError: the setting names no way, or one that this processor does not have.
    """
    import llvmlite.binding as llvm

    asked = asked_way()
    has = llvm.get_host_cpu_features()
    posix = os.name == "posix"
    if platform.machine().lower() not in ("x86_64", "amd64"):
        name = "neon" if platform.machine().lower() in ("aarch64", "arm64") else "plain"
        return Way(name, "", "", 8, False, False, posix, 32)
    wide = bool(has.get("avx512bw") and has.get("avx512vl"))
    if asked == "vnni" and not (wide and has.get("avx512vnni")):
        raise SettingError("this processor has no AVX-512 VNNI", where="GPTJT_WAY", mend="use auto")
    if wide and asked != "avx2":
        lookups = bool(has.get("avx512vbmi"))
        return Way(
            "vnni" if has.get("avx512vnni") else "avx512", "", "", 32 if lookups else 16, True, lookups, posix, 32
        )
    if has.get("avx2") and has.get("fma"):
        name = "avx-vnni" if has.get("avxvnni") and asked != "avx2" else "avx2"
        if asked == "avx2":
            return Way(name, "haswell", _without_later(has), 16, True, False, posix, 16)
        return Way(name, "", "", 16, True, False, posix, 16)
    if asked == "avx2":
        raise SettingError("this processor has no AVX2", where="GPTJT_WAY", mend="use auto")
    return Way("plain", "", "", 8, False, False, posix, 16)


def target() -> tuple[str, str]:
    """The processor that code is made for, and its features, as LLVM writes them."""
    import llvmlite.binding as llvm

    found = way()
    return found.cpu or llvm.get_host_cpu_name(), found.features or llvm.get_host_cpu_features().flatten()


def _without_later(has: Mapping[str, bool]) -> str:
    """This processor's features but for those that came after AVX2."""
    later = ("avx512", "avxvnni", "avx10", "avxifma", "avxne", "amx", "vaes", "vpclmulqdq", "gfni", "evex", "apx")
    return ",".join(f"{'+' if there and not name.startswith(later) else '-'}{name}" for name, there in has.items())
