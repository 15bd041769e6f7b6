"""How much memory this machine can give to a model, and the refusal when that is too little."""

from __future__ import annotations

from pathlib import Path

import psutil

from gptjt_demo.errors import DoesNotFit
from gptjt_demo.models.registry import GIB, largest_that_fits

# Measured with 8-bit weights of 6 B: activations, keys and values of a full context, and the libraries.
OVERHEAD = 1.25

_CGROUP = Path("/sys/fs/cgroup")


def available_gib() -> float:
    """Free memory, GiB: the machine's, or the container's where that has less."""
    free = float(psutil.virtual_memory().available)
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = (_CGROUP / "memory.current").read_text().strip()
        if limit != "max":
            free = min(free, float(limit) - float(used))
    except (OSError, ValueError):  # no such limit on this machine
        pass
    return free / GIB


def require(weights_gib: float, free_gib: float, *, name: str, where: str) -> None:
    """Refuse a model that would not fit, before anything of it is read.

    Args:
        weights_gib: size of its 8-bit weights.
        free_gib: memory there is.
        name: the model's.
        where: which memory, for the message.

    Raises:
        DoesNotFit: with both figures and a model that would fit.
    """
    needed = weights_gib * OVERHEAD
    if needed <= free_gib:
        return
    other = largest_that_fits(free_gib, OVERHEAD)
    raise DoesNotFit(
        f"needs {needed:.2f} GiB of {where} and {free_gib:.2f} GiB are available",
        where=name,
        mend=f"{other} would fit" if other else "no known model would fit",
    )
