from __future__ import annotations

import pytest
import tiny
import torch
from torch import nn

from gptjt_demo.models.int8 import kernels
from gptjt_demo.models.int8.joint import Joint, Part, readers
from gptjt_demo.models.int8.linear import Int8Linear, quantize

IDS = torch.tensor([[72, 101, 108, 108, 111, 10]])


def network(family: str, planes: int):
    """A tiny model of transformers over int8 linears."""
    made = tiny.model(family).eval()
    for name, module in list(made.named_modules()):
        if isinstance(module, nn.Linear):
            bias = None if module.bias is None else module.bias.detach()
            made.set_submodule(name, Int8Linear(*quantize(module.weight.detach(), planes), bias, planes))
    return made


def joined(family: str, planes: int, *, united: bool = True):
    """... with joints, and the joints."""
    made, joints = network(family, planes), []
    for names in readers(made.config):
        joint = Joint([made.get_submodule(name) for name in names])
        for name, part in zip(names, joint.parts, strict=True):
            made.set_submodule(name, part)
        if united:
            joint.unite()
        joints.append(joint)
    return made, joints


# Queries, keys and values read one tensor in every family; in GPT-J, whose two halves stand side by side, fc_in too.
JOINED = {
    "gptj": [["attn.q_proj", "attn.k_proj", "attn.v_proj", "mlp.fc_in"]],
    "llama": [["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["mlp.gate_proj", "mlp.up_proj"]],
}


@pytest.mark.parametrize("family", JOINED)
def test_linears_that_read_one_tensor_are_found_in_their_order(family):
    found = readers(tiny.config(family))
    depth = tiny.config(family).num_hidden_layers
    assert len(found) == depth * len(JOINED[family])
    for layer in range(depth):
        for names in JOINED[family]:
            assert any([name.split(f".{layer}.")[-1] for name in one] == names for one in found)


def test_a_network_that_cannot_be_run_so_has_no_joints():
    from transformers import BloomConfig

    assert readers(BloomConfig(hidden_size=16, n_layer=1, n_head=2, vocab_size=32)) == []


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("family", JOINED)
def test_joined_linears_compute_the_same_to_the_bit_in_one_product(family, planes):
    alone, (made, joints) = network(family, planes), joined(family, planes)
    for unit in (*joints, *(m for m in (*alone.modules(), *made.modules()) if isinstance(m, Int8Linear))):
        unit.block()
    with torch.inference_mode():
        assert torch.equal(made(input_ids=IDS).logits, alone(input_ids=IDS).logits)


def test_a_deferred_joint_answers_the_same_to_the_bit_before_and_after_it_is_blocked(monkeypatch):
    if not kernels.kernels().blocked:
        pytest.skip("without AVX-512 VNNI no weight is handed to oneDNN")
    monkeypatch.setattr(kernels, "BLOCKED", 0)
    made, joints = joined("gptj", 1, united=False)
    for joint in joints:
        joint.defer()
    assert all(joint.deferred and len(joint.weights) == 4 for joint in joints)
    with torch.inference_mode():
        before = made(input_ids=IDS).logits
        for joint in joints:
            joint.block()
        after = made(input_ids=IDS).logits
    assert not any(joint.deferred or joint.weights for joint in joints)
    assert torch.equal(before, after)


def test_a_joint_holds_on_to_nothing_once_all_its_linears_were_asked():
    made, joints = joined("llama", 2)
    with torch.inference_mode():
        made(input_ids=IDS)
    assert all(joint._input is None and not joint._outputs for joint in joints)


def test_a_linear_that_is_asked_twice_with_two_tensors_answers_each():
    made, _ = joined("llama", 2)
    part = next(module for module in made.modules() if isinstance(module, Part))
    width = made.config.hidden_size
    x, y = torch.randn(2, width), torch.randn(2, width)
    with torch.inference_mode():
        first = part(x)
        assert not torch.equal(part(y), first)
        assert torch.equal(part(x), first)
