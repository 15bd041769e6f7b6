"""What this machine is, and whether a run fits its disk and memory. Loads no torch."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import psutil

from gptjt_demo.errors import DoesNotFit
from gptjt_demo.models import memory
from gptjt_demo.models.registry import GIB

_LAYER = 12 * 4096**2  # weights of a layer of GPT-J-6B
_ENDS = 2 * 50400 * 4096  # ... of its embedding and its head

# In sizes of the 8-bit weights. On disk beside the checkpoint: bfloat16 twice, CTranslate2 once. In memory at once:
# ours, bfloat16, bitsandbytes and CTranslate2 twice, with what they need to run. A peer in float32 needs twice as much
# as in bfloat16, and is left out where that is not there.
_PEERS_DISK = 3.1
_PEERS_MEMORY = 6.5
_PEER_OVERHEAD = 1.1  # memory of a peer over its weights


def cores() -> int:
    """Physical cores: two threads on one share what these loops need."""
    return psutil.cpu_count(logical=False) or os.cpu_count() or 1


def line() -> str:
    """The processor's model name, its cores, the memory."""
    name = platform.processor() or platform.machine()
    try:
        for text in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if text.startswith("model name"):
                name = text.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {cores()} cores, {psutil.virtual_memory().total / GIB:.0f} GiB of memory"


def checkpoint_bytes(layers: int) -> int:
    """Bytes of a random checkpoint in 8 bits."""
    return int((layers * _LAYER + _ENDS) * 1.002)


def lacking(layers: int, bytes_a_weight: int) -> str:
    """Why a peer that holds its weights at this size cannot be loaded beside what is there; "" where it can."""
    needed, free = checkpoint_bytes(layers) * bytes_a_weight * _PEER_OVERHEAD / GIB, memory.available_gib()
    return "" if needed <= free else f"needs {needed:.1f} GiB of memory and {free:.1f} GiB are available"


def require_disk(folder: Path, layers: int, beside: int) -> None:
    """Refuse a run whose files do not fit; what an earlier one left counts as free.

    Args:
        folder: where they go.
        layers: of ours, written and converted.
        beside: layers of the run with peers; 0 where there is none.

    Raises:
        DoesNotFit: with both figures.
    """
    needed = 2.0 * checkpoint_bytes(layers)
    if beside:
        needed += checkpoint_bytes(beside) * (_PEERS_DISK + (beside < layers))
    there = folder
    while not there.exists():
        there = there.parent
    kept = sum(file.stat().st_size for number in {layers, beside} for file in folder.glob(f"gpt-j-random-{number}-*/*"))
    free = shutil.disk_usage(there).free + kept
    if needed > free:
        raise DoesNotFit(
            f"needs {needed / GIB:.1f} GiB of disk and {free / GIB:.1f} GiB are available",
            where=str(folder),
            mend=f"name a folder on a larger disk with --dir, or fewer layers with --layers{_or_no_peers(beside)}",
        )


def require_memory(layers: int, beside: int) -> None:
    """Refuse a run that memory does not hold.

    Raises:
        DoesNotFit: with both figures.
    """
    ours = checkpoint_bytes(layers) * memory.OVERHEAD
    needed = max(ours, checkpoint_bytes(beside) * _PEERS_MEMORY if beside else 0) / GIB
    free = memory.available_gib()
    if needed > free:
        raise DoesNotFit(
            f"needs {needed:.1f} GiB of memory and {free:.1f} GiB are available",
            where=f"{layers} layers",
            mend=f"use fewer with --layers{_or_no_peers(beside)}",
        )


def _or_no_peers(beside: int) -> str:
    return ", or --no-peers" if beside else ""
