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

from gptjt_demo.models.compiled import cache, machine_code
from gptjt_demo.models.compiled.processor import asked_way


def wanted() -> bool:
    """Whether a compiled step is to be used at all: `GPTJT_WAY=torch` says no, and so does a missing cache."""
    return asked_way() != "torch" and cache.directory() is not None


def is_ready() -> bool:
    """Whether it is compiled."""
    found = machine_code.kept()
    return found is not None and found.is_file()


def compile_here() -> None:
    """Compile it now, in this process, unless it is."""
    if not is_ready():
        machine_code.keep(machine_code.make())


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
