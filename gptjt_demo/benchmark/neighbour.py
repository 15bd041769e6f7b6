"""A process that keeps one core busy, as another program on the same machine does.

In: nothing. Out: a context in which it runs. It ends with the context, with the process that started it, and after
`SECONDS` in any case. It is tied to no core: which one it takes is the system's choice, as with any neighbour.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 120.0  # that it lives at most


@contextmanager
def busy(seconds: float = SECONDS) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a core busy for as long as the context is open.

    Args:
        seconds: when it ends by itself.
    """
    command = [sys.executable, "-m", "gptjt_demo.benchmark.neighbour", str(seconds), str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.read(1)  # it is busy from here on
            yield process
        finally:
            process.kill()


def main(seconds: float, parent: int) -> None:
    """Compute nothing, as fast as possible."""
    end = time.monotonic() + seconds
    os.write(1, b".")
    while time.monotonic() < end and os.getppid() == parent:
        sum(range(100_000))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
