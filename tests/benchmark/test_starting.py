from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gptjt_demo.benchmark import neighbour
from gptjt_demo.benchmark.contender import Contender, Failed
from gptjt_demo.benchmark.starting import Starting


def interpreter(folder: Path, text: str) -> Any:
    """A stand-in for Python, as a path."""
    made = folder / "python"
    made.write_text(f"#!{sys.executable} -IS\n{text}\n")
    made.chmod(0o755)
    return str(made)


def starting(folder: Path, text: str, **more: Any) -> Any:
    return Starting(threads=1, model="a-model", python=interpreter(folder, text), **more)


def test_a_command_is_started_as_it_is_typed_and_its_memory_is_its_own(tmp_path: Path) -> None:
    text = (
        f"import sys; open({str(tmp_path / 'typed')!r}, 'w').write(' '.join(sys.argv[1:])); held = b'.' * 300_000_000"
    )
    settings = {"model": "a-model", "python": interpreter(tmp_path, text)}
    # In a worker: what this process has held, its children would seem to have held.
    with Contender("starting", "starting", settings, threads=1) as worker:
        assert worker.ask("complete") > 0
        peak = worker.ask("peak_bytes")
    typed = (tmp_path / "typed").read_text()
    assert typed == "-m gptjt_demo complete --template currency --input Japan --model a-model --device cpu"
    assert 3e8 < peak < 4e8


def test_loading_takes_the_seconds_that_the_process_says(tmp_path: Path) -> None:
    assert starting(tmp_path, "print('a banner'); print(1.25)").load() == 1.25


def test_a_command_that_fails_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"^gptjt_demo ended with status 2 \(error: no such model\)$"):
        starting(tmp_path, "import sys; print('error: no such model', file=sys.stderr); sys.exit(2)").complete()


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="status -9"):
        starting(tmp_path, "import time; time.sleep(600)", limit=0.5).complete()


def test_the_process_that_is_timed_while_loading_is_well_formed() -> None:
    with pytest.raises(Failed, match="no-such-model"):
        Starting(threads=1, model="./no-such-model").load()


def test_a_busy_neighbour_is_there_for_as_long_as_it_is_wanted() -> None:
    with neighbour.busy() as process:
        assert process.poll() is None
    assert process.poll() is not None


def test_a_busy_neighbour_ends_by_itself() -> None:
    with neighbour.busy(seconds=0.2) as process:
        assert process.wait(60) == 0


def test_a_busy_neighbour_ends_with_the_process_that_started_it() -> None:
    code = """
import os
from gptjt_demo.benchmark import neighbour
with neighbour.busy() as process:
    print(process.pid, flush=True)
    os._exit(0)
"""
    # Its standard output is the end of a pipe of its parent's; the test waits on one that it inherits.
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert starter.stdout is not None
    assert starter.stderr is not None
    assert int(starter.stdout.readline())
    starter.wait(60)
    assert starter.stderr.read() == b""  # which ends when the last process that holds it does
