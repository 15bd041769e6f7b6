"""Whether the step is compiled for this processor, and having it compiled in a process of its own while answers come.

Compiling takes some seconds, once for a processor and a version. It would hold up the threads of this process, and a
command would end before it is done, so another process does it; what it leaves is read here within half a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

from gptjt_demo.models.compiled import cache
from gptjt_demo.models.compiled.processor import asked_way

_MARK = "ready"


def wanted() -> bool:
    """Whether a compiled step is to be used at all: `GPTJT_WAY=torch` says no, and so does a missing cache."""
    return asked_way() != "torch" and cache.directory() is not None


def is_ready() -> bool:
    """Whether it is compiled."""
    found = cache.directory()
    return found is not None and (found / _MARK).is_file()


def compile_here() -> None:
    """Compile it now, in this process; a step without phases does that, or reads what was compiled from the cache."""
    import numpy as np

    from gptjt_demo.models.compiled import step, weights
    from gptjt_demo.models.compiled.program import BUFFERS, aligned

    counters, operations = np.zeros(step.COUNTERS, np.int64), np.zeros((0, step.WIDTH), np.int64)
    rows, angles = np.zeros((1, 7), np.int64), np.zeros((1, 1), np.float32)
    few, order = np.zeros(1, np.int64), np.array(weights.order(), np.int64)
    buffers, held, numbers = np.zeros(BUFFERS, np.int64), np.zeros(4, np.int64), np.zeros(1, np.float32)
    own = [aligned((weights.GROUP,), dtype) for dtype in (np.float32, np.int16, np.float32)]
    step.work(counters, operations, few, buffers, held, numbers, rows, few, angles, angles, order, *own, 1)
    found = cache.directory()
    if found is not None:
        (found / _MARK).touch()


def compile_elsewhere(then: Callable[[], None]) -> None:
    """Have another process compile it; `then` is called, in a thread of its own, when that is done.

    The process goes on when this one ends, so that the next start finds it.
    """
    command = [sys.executable, "-m", "gptjt_demo.models.compiled.ready"]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    except OSError:
        return

    def wait() -> None:
        if process.wait() == 0 and is_ready():
            then()

    threading.Thread(target=wait, name="compiling", daemon=True).start()


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(5)
    compile_here()
