from __future__ import annotations

import time
from pathlib import Path

import pytest
import tiny
import torch

from gptjt_demo.engine.engine import Engine
from gptjt_demo.models import loading, plan
from gptjt_demo.models.blueprint import read_config, skeleton
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.convert import convert
from gptjt_demo.models.int8 import kernels
from gptjt_demo.models.int8.blocking import block_later
from gptjt_demo.models.int8.linear import Int8Linear
from gptjt_demo.settings import Sampling

LONG = Sampling(max_new_tokens=24)


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in the int8 layout, every weight of which counts as a large one."""
    if not kernels.kernels().blocked:
        pytest.skip("without AVX-512 VNNI no weight is handed to oneDNN")
    monkeypatch.setattr(plan, "SMALL", 0)
    monkeypatch.setattr(kernels, "BLOCKED", 0)
    return convert(tiny.save(tiny.model("gptj"), tmp_path / "made"), tmp_path / "int8").folder


def linears(engine: Engine) -> list[Int8Linear]:
    return [module for module in tiny.network(engine).modules() if isinstance(module, Int8Linear)]


def waited(engine: Engine) -> bool:
    for _ in range(200):
        if all(linear.blocked for linear in linears(engine)):
            return True
        time.sleep(0.05)
    return False


def test_a_mapped_model_answers_at_once_and_is_blocked_behind_its_requests_with_the_same_words(
    mapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    with monkeypatch.context() as patched:
        patched.setattr(loading, "block_later", lambda *arguments: started.append(arguments))
        engine = loading.load(mapped, progress=False)
    before = engine.complete("Input: India\nOutput:", LONG)
    assert all(linear.deferred for linear in linears(engine))
    block_later(*started[0])
    during = engine.complete("Input: India\nOutput:", LONG)
    assert waited(engine)
    after = engine.complete("Input: India\nOutput:", LONG)
    tokens = [[(token.id, token.logprob) for token in answer.tokens] for answer in (before, during, after)]
    assert tokens[0] == tokens[1] == tokens[2]


def test_weights_that_were_handed_over_are_given_back_once_each(mapped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(Checkpoint, "release", lambda self, *tensors: given.extend(tensors))
    engine = loading.load(mapped, progress=False)
    assert waited(engine)
    time.sleep(0.05)
    addresses = [tensor.data_ptr() for tensor in given if tensor.dtype == torch.int8]
    whole = skeleton(read_config(mapped))
    assert len(addresses) == len(set(addresses)) == sum(isinstance(m, torch.nn.Linear) for m in whole.modules())


def test_nothing_is_started_for_a_model_that_has_nothing_to_hand_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTJT_WAY", "torch")
    engine = loading.load(tiny.save(tiny.model("gptj"), tmp_path), progress=False)
    assert block_later(tiny.network(engine), engine.pause, lambda tensor: None) is None
