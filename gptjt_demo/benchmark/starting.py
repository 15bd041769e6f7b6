"""How long commands take from the start of their process to its end, and how much memory.

In: a model's name. Out: seconds of fresh processes, one at a time. Loads nothing itself, so that a child's peak memory
is its own: a process begins with the peak of the one it was forked from.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from gptjt_demo.benchmark.contender import Failed

LIMIT = 300.0  # seconds for one process

_IMPORT = "import torch"
_LOAD = """
import sys, time
import torch
started = time.perf_counter()
from gptjt_demo import load
load(sys.argv[1], device="cpu", progress=False)
print(time.perf_counter() - started)
"""


class Starting:
    """Starts processes; a method gives seconds, if it does not say otherwise.

    Args:
        threads: not used; the environment has them.
        model: a name, folder or hub id.
        python: the interpreter that is started.
        limit: seconds after which a process is ended.
    """

    def __init__(self, *, threads: int, model: str, python: str = sys.executable, limit: float = LIMIT) -> None:
        self.facts: dict[str, Any] = {}
        self._model, self._python, self._limit = model, python, limit
        self._peaks: list[int] = []

    def import_torch(self) -> float:
        """A process that imports torch and ends."""
        return self._run("-c", _IMPORT)[0]

    def complete(self) -> float:
        """`complete` with the currency template, as it is typed."""
        arguments = ("complete", "--template", "currency", "--input", "Japan", "--model", self._model)
        seconds, peak, _ = self._run("-m", "gptjt_demo", *arguments, "--device", "cpu")
        self._peaks.append(peak)
        return seconds

    def load(self) -> float:
        """`load()` in a process that has imported torch and nothing else."""
        return float(self._run("-c", _LOAD, self._model)[2].split()[-1])

    def peak_bytes(self) -> float:
        """The peak memory of `complete`, the median of those that ran, bytes."""
        return statistics.median(self._peaks)

    def _run(self, *arguments: str) -> tuple[float, int, str]:
        """Seconds, peak memory in bytes, and standard output of a Python process."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
            started = time.perf_counter()
            process = subprocess.Popen([self._python, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=said)
            alarm = threading.Timer(self._limit, process.kill)
            alarm.daemon = True
            alarm.start()
            _, status, usage = os.wait4(process.pid, 0)  # what `wait` gives, and what it used
            seconds = time.perf_counter() - started
            alarm.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                words = said.read().decode(errors="replace").strip().splitlines() or ["no message"]
                raise Failed(f"{arguments[1]} ended with status {process.returncode} ({words[-1][:160]})")
            out.seek(0)
            unit = 1 if sys.platform == "darwin" else 1024
            return seconds, usage.ru_maxrss * unit, out.read().decode(errors="replace")
