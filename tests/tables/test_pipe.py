"""A pipe is read like a file, and its copy is gone with the table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile, table

ROOT = Path(__file__).parents[2]
CODE = (
    "import sys; from gptjt_demo.tables.table import read; t = read(sys.argv[1]); "
    "print(list(t), list(t) == list(t), t.path.name, oct(t.path.stat().st_mode & 0o077))"
)
KILLED = (
    "import os, signal, sys; from gptjt_demo.tables.table import read; t = read('-'); print(list(t), flush=True); "
    "os.kill(os.getpid(), signal.SIGKILL)"
)


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_read_as_often_as_wanted_by_this_user_alone(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, name], input=b"a,b\n1,2\n", capture_output=True, cwd=ROOT, check=True
    )
    assert done.stdout == b"[('1', '2')] True standard input 0o0\n"


def test_a_killed_process_leaves_nothing_of_what_came_through_its_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        input=b"a,b\n1,2\n",
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"[('1', '2')]\n")
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_comes_through_a_pipe_too(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "in.xlsx", ["a"], [("1",), ("2",)])
    data = (tmp_path / "in.xlsx").read_bytes()
    done = subprocess.run([sys.executable, "-c", CODE, "-"], input=data, capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.startswith(b"[('1',), ('2',)] True standard input")


def test_a_closed_standard_input_is_said() -> None:
    command = f'{sys.executable} -c "{CODE}" - <&-'
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=ROOT, check=False)
    assert b"TableError: -: standard input is closed" in done.stderr


def test_a_named_pipe_and_a_substituted_command_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    writer = threading.Thread(target=lambda: (tmp_path / "rows.jsonl").write_bytes(b'{"a": 1}\n'))
    writer.start()
    found = table.read(tmp_path / "rows.jsonl")
    writer.join()
    assert list(found) == [("1",)]
    copy = Path(str(found.path))
    assert copy.exists()
    del found
    assert not copy.exists()
    command = f'{sys.executable} -c "{CODE}" <(printf "a\\n1\\n2\\n")'
    done = subprocess.run(["bash", "-c", command], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.startswith(b"[('1',), ('2',)] True pipe")


def test_a_pipe_that_gives_nothing_is_called_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    writer = threading.Thread(target=lambda: (tmp_path / "p").write_bytes(b""))
    writer.start()
    with pytest.raises(TableError, match="nothing came through the pipe"):
        table.read(tmp_path / "p")
    writer.join()
