from __future__ import annotations

import weakref
from typing import Any

import pytest
import tiny
import torch
from torch import nn

from gptjt_demo.models.int8 import kernels
from gptjt_demo.models.int8.fused import FusedLinears, FusedPart, fusable
from gptjt_demo.models.int8.linear import Int8Linear, quantize

IDS = torch.tensor([[72, 101, 108, 108, 111, 10]])


def network(family: str, planes: int) -> Any:
    """A tiny model of transformers over int8 linears."""
    made = tiny.model(family).eval()
    for name, module in list(made.named_modules()):
        if isinstance(module, nn.Linear):
            bias = None if module.bias is None else module.bias.detach()
            made.set_submodule(name, Int8Linear(*quantize(module.weight.detach(), planes), bias, planes))
    return made


def with_fused(family: str, planes: int, *, fuse: bool = True) -> Any:
    """... with its linears fused, and the groups."""
    made, groups = network(family, planes), []
    for names in fusable(made.config):
        group = FusedLinears([made.get_submodule(name) for name in names])
        for name, part in zip(names, group.parts, strict=True):
            made.set_submodule(name, part)
        if fuse:
            group.fuse()
        groups.append(group)
    return made, groups


# Queries, keys and values read one tensor in every family; in GPT-J, whose two halves stand side by side, fc_in too.
FUSED = {
    "gptj": [["attn.q_proj", "attn.k_proj", "attn.v_proj", "mlp.fc_in"]],
    "llama": [["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["mlp.gate_proj", "mlp.up_proj"]],
}


@pytest.mark.parametrize("family", FUSED)
def test_linears_that_read_one_tensor_are_found_in_their_order(family: str) -> None:
    found = fusable(tiny.config(family))
    depth = tiny.config(family).num_hidden_layers
    assert len(found) == depth * len(FUSED[family])
    for layer in range(depth):
        for names in FUSED[family]:
            assert any([name.split(f".{layer}.")[-1] for name in one] == names for one in found)


def test_a_network_that_cannot_be_run_so_has_nothing_to_fuse() -> None:
    from transformers import BloomConfig

    assert fusable(BloomConfig(hidden_size=16, n_layer=1, n_head=2, vocab_size=32)) == []


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("family", FUSED)
def test_fused_linears_compute_the_same_to_the_bit_in_one_product(family: str, planes: int) -> None:
    alone, (made, groups) = network(family, planes), with_fused(family, planes)
    for unit in (*groups, *(m for m in (*alone.modules(), *made.modules()) if isinstance(m, Int8Linear))):
        unit.block()
    with torch.inference_mode():
        assert torch.equal(made(input_ids=IDS).logits, alone(input_ids=IDS).logits)


def test_deferred_linears_answer_the_same_to_the_bit_before_and_after_they_are_blocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not kernels.kernels().blocked:
        pytest.skip("without AVX-512 VNNI no weight is handed to oneDNN")
    monkeypatch.setattr(kernels, "BLOCKED", 0)
    made, groups = with_fused("gptj", 1, fuse=False)
    for group in groups:
        group.defer()
    assert all(group.deferred and len(group.weights) == 4 for group in groups)
    with torch.inference_mode():
        before = made(input_ids=IDS).logits
        for group in groups:
            group.block()
        after = made(input_ids=IDS).logits
    assert not any(group.deferred or group.weights for group in groups)
    assert torch.equal(before, after)


def test_fused_linears_hold_on_to_nothing_once_all_were_asked() -> None:
    made, _ = with_fused("llama", 2)
    held: list[weakref.ref[torch.Tensor]] = []

    def note(_: nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> None:
        held.extend((weakref.ref(given[0]), weakref.ref(out)))

    parts = [module for module in made.modules() if isinstance(module, FusedPart)]
    for part in parts:
        part.register_forward_hook(note)
    with torch.inference_mode():
        made(input_ids=IDS, use_cache=False)
    assert len(held) == 2 * len(parts) > 0
    assert [each for each in held if each() is not None] == []


def test_a_linear_that_is_asked_twice_with_two_tensors_answers_each() -> None:
    made, _ = with_fused("llama", 2)
    part = next(module for module in made.modules() if isinstance(module, FusedPart))
    width = made.config.hidden_size
    x, y = torch.randn(2, width), torch.randn(2, width)
    with torch.inference_mode():
        first = part(x)
        assert not torch.equal(part(y), first)
        assert torch.equal(part(x), first)
