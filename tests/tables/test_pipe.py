"""A pipe is read like a file, and its copy is gone with the table."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gptjt_demo.errors import TableError
from gptjt_demo.tables import table

ROOT = Path(__file__).parents[2]
CODE = (
    "import sys; from gptjt_demo.tables.table import read; t = read(sys.argv[1]); "
    "print(list(t), list(t) == list(t), t.path.name, t.path.stat().st_mode & 0o777, t.path.parent)"
)


def piped(name: str, data: bytes) -> str:
    done = subprocess.run([sys.executable, "-c", CODE, name], input=data, capture_output=True, cwd=ROOT, check=True)
    return done.stdout.decode()


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_read_as_often_as_wanted_and_its_copy_is_deleted(name: str) -> None:
    found = piped(name, b"a,b\n1,2\n")
    assert found.startswith("[('1', '2')] True standard input")
    assert not Path(found.split()[-1]).exists()


def test_a_named_pipe_and_a_substituted_command_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    writer = threading.Thread(target=lambda: (tmp_path / "rows.jsonl").write_bytes(b'{"a": 1}\n'))
    writer.start()
    found = table.read(tmp_path / "rows.jsonl")
    writer.join()
    assert list(found) == [("1",)]
    folder = found.path.parent
    del found
    assert not folder.exists()
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
