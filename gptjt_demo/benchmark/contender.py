"""A contender in a process of its own, seen from the side that asks it.

In: what to run and in which environment. Out: its answers, or why there is none. While it is not asked it waits on a
pipe, so that one of several measures at a time, its peak memory is its own, and OpenMP run-times do not mix.
Does not know what is measured.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

LONG = 1800.0  # seconds; loading 12 GB from a slow disk is one answer


@dataclass(frozen=True)
class Patience:
    """For how many seconds a contender is waited for. One that takes longer is ended.

    Attributes:
        setup: until it is set up.
        answer: for each answer.
        together: for all its answers.
    """

    setup: float = LONG
    answer: float = LONG
    together: float = float("inf")


PATIENT = Patience()


class Failed(Exception):
    """A contender has no answer: it is not installed, refused, died, or took too long. `str()` is one line."""


class Asked(Protocol):
    """What rounds are held with: a `Contender`, or a stand-in within this process."""

    name: str

    def ask(self, what: str) -> Any:
        """Do something and give the result; raises `Failed`."""


class Contender:
    """A worker process; `gptjt_demo.benchmark.worker` is its other end.

    Attributes:
        facts: what it said of itself once it was set up.
        process: the worker's.

    Args:
        name: as the table calls it.
        kind: a key of `worker.KINDS`.
        settings: the arguments of that class.
        threads: how many it may use.
        environment: what is set for it alone.
        patience: for how long it is waited for.

    Raises:
        Failed: it could not be set up; the process is gone.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        settings: Mapping[str, Any],
        *,
        threads: int,
        environment: Mapping[str, str] = {},
        patience: Patience = PATIENT,
    ) -> None:
        self.name = name
        self._patience, self._left, self._late = patience, patience.together, ""
        variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        if kind == "ours":  # `--model` may name a hub's
            offline = {}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gptjt_demo.benchmark.worker", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, **dict.fromkeys(variables, str(threads)), **offline, **environment},
        )
        try:
            self.facts: dict[str, Any] = self._talk({"threads": threads, **settings}, patience.setup)
        except BaseException:
            self.close()
            raise

    def ask(self, what: str) -> Any:
        """The result of the worker's method of this name.

        Raises:
            Failed: it raised, the process died, or it took too long and was ended.
        """
        started = time.monotonic()
        try:
            return self._talk(what, min(self._patience.answer, self._left))
        finally:
            self._left -= time.monotonic() - started

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._said.close()

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None:  # it may be busy, and nobody waits for its answer
            self.process.kill()
        self.close()

    def _talk(self, message: Any, limit: float) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        alarm = threading.Timer(max(0.0, limit), self._end, [f"took longer than {max(0.0, limit):.3g} s"])
        alarm.daemon = True
        alarm.start()
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            alarm.cancel()
        if not line:
            status = self.process.wait()
            raise Failed(self._late or f"the process ended with status {status}{self._last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["value"]

    def _end(self, why: str) -> None:
        self._late = why
        self.process.kill()

    def _last_words(self) -> str:
        size = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size - 2000))
        lines = self._said.read().decode(errors="replace").split("\n")
        words = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f" ({words[:160]})" if words else ""
