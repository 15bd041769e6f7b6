"""A run that `accelerate launch` splits over processes leaves the same file as one that runs alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from batch_run import FREE, Backwards

from gptjt_demo.batch.sharding import Shard
from gptjt_demo.evaluation.evaluate import evaluate
from gptjt_demo.evaluation.pair import report
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

ROWS = 700  # more than a window of both processes together
SCRIPT = Path(__file__).parents[1] / "batch_run.py"


def test_every_row_has_one_process() -> None:
    rows = list(range(11))
    shares = [Shard(rank, 3).share(rows) for rank in range(3)]
    assert sorted(row for share in shares for row in share) == rows


def test_a_process_alone_loads_nothing_to_be_a_group() -> None:
    code = "import sys; from gptjt_demo.batch.sharding import Shard; assert Shard.current() == Shard(); "
    code += "assert not {'torch', 'accelerate'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPT.parent.parent)


def launch(*arguments: object) -> subprocess.CompletedProcess[str]:
    launcher = "from accelerate.commands.accelerate_cli import main; main()"
    # Its --cpu starts one process, or MPI; --multi_gpu starts as many as it is told, with a GPU or without.
    options = ["launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"]
    options += ["--dynamo_backend", "no", "--main_process_port", "0"]
    command = [sys.executable, "-c", launcher, *options, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    rows = [(f"{n:03}", f"row {n}", "joy" if n % 7 else f"so row {n}") for n in range(ROWS)]
    rowfile.write(path, ["n", "text", "gold"], rows)
    return path


def test_two_processes_split_the_rows_and_gather_one_file_in_order(source: Path, tmp_path: Path) -> None:
    target, log = tmp_path / "out.csv", tmp_path / "log"
    done = launch(source, target, log)
    assert done.returncode == 0, done.stderr
    found = list(read(target))
    assert [row[0] for row in found] == [f"{n:03}" for n in range(ROWS)]
    assert all(row[3] == f"so {row[1]}" for row in found)
    asked = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert len(asked) == ROWS
    processes = [process for process, _ in asked]
    assert len(set(processes)) == 2
    assert min(map(processes.count, set(processes))) == ROWS // 2
    assert not (tmp_path / "out.csv.run").exists()


def test_two_processes_give_the_figures_of_one(source: Path, tmp_path: Path) -> None:
    target, log = tmp_path / "figures.json", tmp_path / "log"
    done = launch(source, target, log, "--evaluate")
    assert done.returncode == 0, done.stderr
    engine: Any = Backwards()
    alone = evaluate(engine, FREE, source, columns={"input": "text"}, gold="gold")
    assert alone.right == ROWS // 7
    assert json.loads(target.read_text()) == report([alone])
