"""What runs and batches leave in the page's process: nothing that grows with the visitors."""

from __future__ import annotations

import gc
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
from gptjt_demo.templates.libraries import Library
from gptjt_demo.ui.batch.job import BatchJobs
from gptjt_demo.ui.batch.order import Order
from gptjt_demo.ui.heap import give_back
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.work import Work


def until(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("failing", [False, True])
def test_what_work_has_freed_goes_back_to_the_system_once_its_result_is_there(
    failing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    work: list[Work[Any, str]] = []

    def give_back() -> None:
        until(lambda: bool(work))
        order.append("ended" if work[0].standing.finished else "running")

    def function(cancel: threading.Event, tell: Any) -> str:
        if failing:
            raise RuntimeError("scripted failure")
        return "done"

    monkeypatch.setattr("gptjt_demo.ui.work.give_back", give_back)
    work.append(Work(function))
    assert work[0].wait(10)
    until(lambda: order == ["ended"])


def test_giving_back_does_no_harm_wherever_it_runs() -> None:
    kept = [bytearray(b"x" * 100_000) for _ in range(100)]
    del kept[::2]
    give_back()
    assert all(block == b"x" * 100_000 for block in kept)


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
