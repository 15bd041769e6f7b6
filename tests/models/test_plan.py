"""A plan is made once, from a device and a model's size, and says where each module goes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
import tiny
import torch

from gptjt_demo.models import plan as planning
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.int8.cpu_layers import CpuLayers
from gptjt_demo.models.int8.llm_int8 import CudaLayers
from gptjt_demo.models.plan import Plan

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return Checkpoint(tiny.save(tiny.model("gptj"), tmp_path_factory.mktemp("made"), hivemind=False))


def test_a_small_model_has_two_planes_and_float32_on_the_cpu_and_a_large_one_neither(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Plan.of(CPU, checkpoint)
    assert (small.dtype, small.planes, small.layers) == (torch.float32, 2, CpuLayers(2))
    monkeypatch.setattr(planning, "SMALL", 0)
    large = Plan.of(CPU, checkpoint)
    assert (large.dtype, large.planes, large.layers) == (torch.bfloat16, 1, CpuLayers(1))


def test_on_cuda_every_model_is_run_by_llm_int8_between_float16(checkpoint: Checkpoint) -> None:
    plan = Plan.of(CUDA, checkpoint)
    assert (plan.dtype, plan.planes) == (torch.float16, 1)
    assert isinstance(plan.layers, CudaLayers)
    assert plan.one_device
    assert plan.device("transformer.h.0.attn") == CUDA


def test_a_module_goes_where_the_innermost_named_one_around_it_goes(checkpoint: Checkpoint) -> None:
    first, second = torch.device("cuda", 0), torch.device("cuda", 1)
    plan = Plan.of(CUDA, checkpoint).split({"transformer": first, "transformer.h.1": second, "lm_head": second})
    assert not plan.one_device
    names = ("transformer.h.0.mlp", "transformer.h.1", "transformer.h.1.mlp.fc_in", "transformer.h.10", "lm_head")
    assert [plan.device(name) for name in names] == [first, second, second, first, second]


def test_a_plan_cannot_be_changed(checkpoint: Checkpoint) -> None:
    plan = Plan.of(CPU, checkpoint)
    with pytest.raises(FrozenInstanceError):
        plan.planes = 1  # type: ignore[misc]


def test_memory_is_asked_for_a_byte_a_value_and_plane(checkpoint: Checkpoint) -> None:
    plan = Plan.of(CPU, checkpoint)
    stored = sum(count * size for _, count, size in checkpoint.sizes())
    assert plan.weight_bytes(checkpoint) == 2 * stored  # tensors this small are not made 8-bit
    assert replace(plan, planes=1).weight_bytes(checkpoint) == stored
