from __future__ import annotations

import pytest
import tiny
import torch
from torch import nn

from gptjt_demo.int8 import Int8Linear, quantize
from gptjt_demo.joint import Part, join

IDS = torch.tensor([[72, 101, 108, 108, 111, 10]])


def network(family: str, planes: int):
    """A tiny model of transformers over int8 linears."""
    made = tiny.model(family).eval()
    for name, module in list(made.named_modules()):
        if isinstance(module, nn.Linear):
            bias = None if module.bias is None else module.bias.detach()
            made.set_submodule(name, Int8Linear(*quantize(module.weight.detach(), planes), bias, planes))
    return made


# Queries, keys and values read one tensor in every family; in GPT-J, whose two halves stand side by side, fc_in too.
JOINED = {"gptj": ["k_proj", "v_proj", "q_proj", "fc_in"], "llama": ["q_proj", "k_proj", "v_proj", "gate_proj"]}


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("family", JOINED)
def test_joined_linears_compute_the_same_to_the_bit_in_one_product(family, planes):
    alone, made = network(family, planes), network(family, planes)
    join(made)
    for module in (*alone.modules(), *made.modules()):
        if isinstance(module, Int8Linear):
            module.block()
    with torch.inference_mode():
        assert torch.equal(made(input_ids=IDS).logits, alone(input_ids=IDS).logits)
    joined = {name.rpartition(".")[2] for name, module in made.named_modules() if isinstance(module, Part)}
    assert joined >= set(JOINED[family])


def test_a_joint_holds_on_to_nothing_once_all_its_linears_were_asked():
    made = network("llama", 2)
    join(made)
    with torch.inference_mode():
        made(input_ids=IDS)
    joints = {module._joint for module in made.modules() if isinstance(module, Part)}
    assert all(joint._input is None and not joint._outputs for joint in joints)


def test_a_linear_that_is_asked_twice_with_two_tensors_answers_each():
    made = network("llama", 2)
    join(made)
    part = next(module for module in made.modules() if isinstance(module, Part))
    width = made.config.hidden_size
    x, y = torch.randn(2, width), torch.randn(2, width)
    with torch.inference_mode():
        first = part(x)
        assert not torch.equal(part(y), first)
        assert torch.equal(part(x), first)
