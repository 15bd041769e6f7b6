from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from bitsandbytes.functional import quantize_blockwise

from gptjt_demo.models.int8 import kernels
from gptjt_demo.models.int8.linear import Int8Linear, quantize
from gptjt_demo.models.layout import Blockwise

OUT, IN = 192, 1024


def weight(seed: int = 0) -> torch.Tensor:
    """float32 (out, in)."""
    return torch.randn(OUT, IN, generator=torch.Generator().manual_seed(seed)) * 0.02


def activations(rows: int, outliers: int = 0) -> torch.Tensor:
    """bfloat16 (rows, in), some of whose columns are as large as those of models past 6 B."""
    x = torch.randn(rows, IN, generator=torch.Generator().manual_seed(1))
    x[:, : 7 * outliers : 7] *= 40
    return x.bfloat16()


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.double() - expected.double()).norm() / expected.double().norm())


def hivemind() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A weight as float32 before the hivemind layout, and what `quantize` makes of it after."""
    original = weight()
    codes, state = quantize_blockwise(original, blocksize=4096)
    stored = Blockwise(codes.reshape(OUT, IN), state.absmax.float(), state.code.float())
    return original, *quantize(stored)


def plain_dot(stored: torch.Tensor, scale: torch.Tensor) -> kernels.Dot:
    """What every `Dot` must compute, in arithmetic without rounding."""
    return lambda rows, dtype: ((rows.double() @ stored.double().t()) * scale.double()).float().to(dtype)


DOTS = {"reference": plain_dot, "blocked": kernels.blocked, "unblocked": kernels.unblocked}


@pytest.fixture(params=DOTS)
def dot(request: pytest.FixtureRequest) -> Any:
    if request.param != "reference" and not kernels.kernels().blocked:
        pytest.skip("this processor has no such kernel")
    return DOTS[request.param]


@pytest.mark.parametrize("rows", [1, 2, 7, 48, 49, 160])
def test_products_are_exact(dot: Any, rows: int) -> None:
    _, stored, scale = hivemind()
    x = torch.randint(-127, 128, (rows, IN), dtype=torch.int8)
    for dtype in (torch.float32, torch.bfloat16):
        assert torch.equal(dot(stored, scale)(x, dtype), plain_dot(stored, scale)(x, dtype))


@pytest.mark.parametrize("rows", [1, 16, kernels.FINE_ROWS])
@pytest.mark.parametrize("outliers", [0, 6, 140])
def test_few_rows_lose_nothing_to_their_rounding(dot: Any, rows: int, outliers: int) -> None:
    _, stored, scale = hivemind()
    x = activations(rows, outliers)
    exact = x.double() @ (stored.double() * scale.double()[:, None]).t()
    assert error(kernels.integer(x, dot(stored, scale)), exact) < 1.05 * error(exact.bfloat16(), exact)


@pytest.mark.parametrize("rows", [kernels.FINE_ROWS + 1, 160])
@pytest.mark.parametrize("outliers", [0, 1, 6, 64, 140])
def test_8_bit_activations_with_outlier_columns_stay_within_1_2_times_the_error_of_weight_only(
    dot: Any, rows: int, outliers: int
) -> None:
    original, stored, scale = hivemind()
    x = activations(rows, outliers)
    exact = x.double() @ original.double().t()
    weight_only = kernels.converted(x, stored, scale, torch.bfloat16)
    assert error(kernels.integer(x, dot(stored, scale)), exact) < 1.2 * error(weight_only, exact)


def test_without_the_outlier_columns_apart_that_bound_would_break(monkeypatch: pytest.MonkeyPatch) -> None:
    original, stored, scale = hivemind()
    x = activations(160, 6)
    exact = x.double() @ original.double().t()
    monkeypatch.setattr(kernels, "OUTLIER", float("inf"))
    rounded = kernels.integer(x, plain_dot(stored, scale))
    assert error(rounded, exact) > 1.2 * error(kernels.converted(x, stored, scale, torch.bfloat16), exact)


def test_a_row_among_few_does_not_depend_on_the_rows_beside_it(dot: Any) -> None:
    _, stored, scale = hivemind()
    x = activations(kernels.FINE_ROWS, 6)
    product = dot(stored, scale)
    together = kernels.integer(x, product)
    for row in (0, 5, 47):
        assert torch.equal(kernels.integer(x[row : row + 1], product)[0], together[row])


@pytest.mark.parametrize("rows", [1, 100])
def test_rows_of_zeros_give_zeros(dot: Any, rows: int) -> None:
    _, stored, scale = hivemind()
    assert not kernels.integer(torch.zeros(rows, IN).bfloat16(), dot(stored, scale)).any()


def test_every_way_to_multiply_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    _, stored, scale = hivemind()
    x = activations(16, 3)
    exact = x.float() @ (stored.float() * scale.float()[:, None]).t()
    for found in (
        kernels.packed(x, stored, scale),
        kernels.converted(x, stored, scale, torch.bfloat16),
        kernels.converted(x, stored, scale, torch.float32),
        kernels.integer(x, plain_dot(stored, scale)),
    ):
        assert found.dtype == torch.bfloat16
        assert error(found, exact) < 0.004


def test_a_large_weight_is_handed_over_and_a_small_one_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _, stored, scale = hivemind()
    small = Int8Linear(stored, scale)
    small.block()
    assert small.weight is stored
    if kernels.kernels().blocked:
        monkeypatch.setattr(kernels, "BLOCKED", stored.numel())
        large = Int8Linear(stored, scale, torch.ones(OUT).bfloat16())
        large.block()
        assert large.weight is None
        assert not any(buffer.data_ptr() == stored.data_ptr() for buffer in large.buffers())


@pytest.mark.parametrize("rows", [1, 48, 160])
def test_a_weight_that_waits_to_be_handed_over_computes_the_same_to_the_bit(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    if not kernels.kernels().blocked:
        pytest.skip("this processor has no such kernel")
    _, stored, scale = hivemind()
    monkeypatch.setattr(kernels, "BLOCKED", stored.numel())
    linear = Int8Linear(stored, scale, torch.ones(OUT).bfloat16())
    x = activations(rows, 5)
    linear.defer()
    assert linear.deferred
    before = linear(x)
    linear.block()
    assert linear.blocked
    assert not linear.deferred
    assert torch.equal(linear(x), before)


# oneDNN and torch pretend to be on an older processor; then nothing may be wrong, and the report says what is missing.
@pytest.mark.parametrize("isa", ["AVX2", "SSE41"])
def test_an_older_processor_falls_back_to_right_numbers_and_says_so(isa: str) -> None:
    code = """
import torch
from gptjt_demo.models.int8 import kernels
capabilities = torch.cpu.get_capabilities()
torch.cpu.get_capabilities = lambda: {**capabilities, "avx512_vnni": False, "amx_int8": False}
from gptjt_demo.models.int8.linear import Int8Linear, quantize
kernels.BLOCKED = 0
torch.manual_seed(0)
weight, scale = quantize(torch.randn(64, 256))
linear = Int8Linear(weight, scale)
linear.block()
for rows in (1, 16, 17, 100):
    x = torch.randn(rows, 256).bfloat16()
    exact = x.double() @ (weight.double() * scale.double()[:, None]).t()
    assert (linear(x).double() - exact).norm() / exact.norm() < 0.006, rows
print(kernels.kernels().report(small=False))
"""
    environment = {"ONEDNN_MAX_CPU_ISA": isa, "ATEN_CPU_CAPABILITY": "avx2" if isa == "AVX2" else "default"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "converted to float32" in done.stdout
    assert "no fast int8 products" in done.stdout


def test_a_kernel_with_wrong_sums_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        kernels, "blocked", lambda weight, scale: lambda rows, dtype: torch.zeros(len(rows), len(weight))
    )
    monkeypatch.setattr(kernels, "packed", lambda rows, weight, scale: 1 / 0 if rows is None else rows[:, :1])
    found = kernels.kernels.__wrapped__()
    assert not found.blocked
    assert not found.packed
