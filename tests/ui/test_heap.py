"""What runs and batches leave in the page's process: nothing that grows with the visitors."""

from __future__ import annotations

import gc
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch

from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.results import Completion
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.library import Library
from gptjt_demo.ui.batch.job import BatchJobs, Order
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.work import Work

ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory is read from Linux's /proc")
BLOCK, BLOCKS, PIN, THREADS = 100_000, 400, 2_000, 6


def until(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@ON_LINUX
def test_what_the_threads_of_runs_have_freed_goes_back_to_the_system() -> None:
    together = threading.Barrier(THREADS)

    def function(cancel: threading.Event, tell: Any) -> list[bytearray]:
        blocks, kept = [], []
        for block in range(BLOCKS):  # 40 MB, with something small between that lasts, as a result does
            blocks.append(bytearray(b"x" * BLOCK))
            if block % 10 == 0:
                kept.append(bytearray(b"x" * PIN))
        together.wait(10)
        return kept

    before = tiny.resident_mib()
    works = [Work(function) for _ in range(THREADS)]
    assert all(work.wait(20) for work in works)
    until(lambda: tiny.resident_mib() - before < 48)
    assert all(work.standing.result for work in works)


def held() -> tuple[int, int]:
    """Bytes of tensors, and completions, that anything still refers to."""
    gc.collect()
    objects = gc.get_objects()
    tensors = {each.untyped_storage().data_ptr(): each for each in objects if issubclass(type(each), torch.Tensor)}
    return (
        sum(each.untyped_storage().nbytes() for each in tensors.values()),
        sum(type(each) is Completion for each in objects),
    )


def test_runs_and_batches_that_are_over_hold_no_tensor_and_no_answer(tmp_path: Path) -> None:
    library = Library.open()
    engine = Engine(tiny.model("llama"), tiny.tokenizer(), name="tiny", context=1024)
    actions, jobs = Actions(engine, library), BatchJobs(engine)
    template = library["currency"].revised(instruction="", labels=["a", "b"])
    held_controls = actions.controls(template)._replace(max_new_tokens=4)
    rowfile.write(tmp_path / "in.csv", ["text"], [(f"row {n}",) for n in range(5)])

    def day(runs: int) -> None:
        for run in range(runs):
            assert list(actions.run(f"visitor {run}", False, "logprob", held_controls))
        for labels in (True, False):
            job = jobs.begin(Order(read(tmp_path / "in.csv"), template, {"input": "text"}, labels=labels))
            assert job.wait(60)
            assert jobs.delete(job.id, str(tmp_path))

    day(1)
    before = held()
    day(5)
    assert held() == before
    assert len(actions.runs) == len(jobs) == 0
