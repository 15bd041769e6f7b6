"""The compiled step against transformers' own networks in float32, and its promise that rows are equal to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import save_file
from tiny_compiled import compiled, saved
from torch import Tensor

from gptjt_demo.engine.masks import pad
from gptjt_demo.engine.prefix_lm import PrefixLM
from gptjt_demo.engine.steps import Interrupted
from gptjt_demo.engine.turns import Flag
from gptjt_demo.errors import CheckpointError
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled.network import CompiledLM
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.shape import sizes
from gptjt_demo.models.compiled.weights import FOR_CODES, FOR_INT8, GROUP, WEIGHT, in_order, ordered
from gptjt_demo.models.convert import convert
from gptjt_demo.models.layout import LAYOUTS, Blockwise
from gptjt_demo.settings import Attention

PROMPTS = [[7 * k % 250 for k in range(1, 40)], [3, 1, 4, 1, 5, 9, 2, 6], [200, 100, 50]]


MODELS = [
    *((family, width, torch.float32) for family in ("llama", "gptj") for width in (32, 64)),
    *((family, 128, dtype) for family in ("llama", "gptj") for dtype in (torch.float16, torch.bfloat16)),
]


@pytest.fixture(params=MODELS, ids=lambda p: f"{p[0]}-{p[1]}-{p[2]}".replace("torch.", ""))
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[PrefixLM, CompiledLM]:
    family, width, dtype = request.param
    network = saved(tmp_path / "model", family, width, dtype=dtype)
    return PrefixLM(network), compiled(tmp_path / "model")


STORED = ["float32", "bfloat16", "hivemind", "int8"]


@pytest.fixture(params=[(family, stored) for family in ("llama", "gptj") for stored in STORED], ids="-".join)
def ours(request: pytest.FixtureRequest, tmp_path: Path) -> CompiledLM:
    """A compiled network, of weights that are stored in one of these ways."""
    family, stored = request.param
    floats = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    saved(tmp_path / "model", family, 128, dtype=floats.get(stored, torch.float32))
    if stored in floats:
        return compiled(tmp_path / "model")
    convert(tmp_path / "model", tmp_path / stored, stored)
    return compiled(tmp_path / stored, small=False)


def near(found: Tensor, expected: Tensor) -> None:
    assert (found - expected).abs().max() < 1e-4


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_logits_are_transformers_padded_and_not(pair: tuple[Any, Any], attention: Attention) -> None:
    reference, ours = pair
    for prompts in ([PROMPTS[0]], PROMPTS):
        expected, found = (lm.prefill(*pad(prompts), attention) for lm in pair)
        near(found.logits, expected.logits)
        for ids in ([11] * len(prompts), [12] * len(prompts)):
            token = torch.tensor(ids)[:, None]
            expected, found = reference.extend(expected, token), ours.extend(found, token)
            near(found.logits, expected.logits)


def test_branches_and_checks_are_transformers(pair: tuple[Any, Any]) -> None:
    reference, ours = pair
    labels = [[5, 6, 7], [8], [9, 10]]
    expected, found = (lm.branch(lm.prefill(*pad(PROMPTS), "prefix"), labels) for lm in (reference, ours))
    for one, other in zip(found, expected, strict=True):
        near(one, other)
    _, logits = ours.check(ours.prefill(*pad(PROMPTS[:1]), "prefix"), [5, 6, 7, 8, 9])
    _, wanted = reference.check(reference.prefill(*pad(PROMPTS[:1]), "prefix"), [5, 6, 7, 8, 9])
    near(logits, wanted)


def test_the_self_test_finds_that_the_mask_is_noticed(pair: tuple[Any, Any]) -> None:
    assert pair[1].test.supports_prefix
    assert pair[1].test.causal_change == 0


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_a_row_is_equal_to_the_bit_alone_and_among_others(ours: CompiledLM, attention: Attention) -> None:
    together = ours.prefill(*pad(PROMPTS), attention)
    for row, prompt in enumerate(PROMPTS):
        alone = ours.prefill(*pad([prompt]), attention)
        assert torch.equal(together.logits[row], alone.logits[0])


def test_tokens_read_together_are_those_read_one_by_one_to_the_bit(ours: CompiledLM) -> None:
    ids = [9, 8, 7, 6, 5, 4]
    _, together = ours.check(ours.prefill(*pad(PROMPTS[:1]), "prefix"), ids)
    state = ours.prefill(*pad(PROMPTS[:1]), "prefix")
    for id, expected in zip(ids, together, strict=True):
        state = ours.extend(state, torch.tensor([[id]]))
        assert torch.equal(state.logits[0], expected)


def test_labels_do_not_see_each_other_to_the_bit(ours: CompiledLM) -> None:
    read: Sequence[Any] = ours.branch(ours.prefill(*pad(PROMPTS), "prefix"), [[5, 6, 7], [8, 9]])
    alone = ours.branch(ours.prefill(*pad(PROMPTS), "prefix"), [[8, 9]])
    assert torch.equal(read[1], alone[0])


def test_states_are_repeated_selected_cropped_and_joined(ours: CompiledLM) -> None:
    token = torch.tensor([[17]])
    whole = ours.extend(ours.prefill(*pad(PROMPTS[:1]), "prefix"), token)
    repeated = ours.extend(ours.prefill(*pad(PROMPTS[:1]), "prefix").repeat(3), token.expand(3, -1))
    assert all(torch.equal(row, whole.logits[0]) for row in repeated.logits)
    both = ours.extend(ours.prefill(*pad(PROMPTS), "prefix").select([2, 0]), token.expand(2, -1))
    assert torch.equal(both.logits[1], whole.logits[0])
    left = ours.prefill(*pad(PROMPTS), "prefix").select([2, 0])
    left.enlarge(2 * left.keys.shape[-1])
    assert torch.equal(ours.extend(left, token.expand(2, -1)).logits, both.logits)
    last = ours.prefill(*pad(PROMPTS), "prefix").select([0])
    assert torch.equal(ours.extend(last.repeat(2), token.expand(2, -1)).logits[1], whole.logits[0])
    longer, _ = ours.check(ours.prefill(*pad(PROMPTS[:1]), "prefix"), [1, 2, 3])
    assert torch.equal(ours.extend(longer.crop(3), token).logits, whole.logits)
    ids, keep = pad(PROMPTS)
    states = [ours.prefill(ids[k : k + 1], keep[k : k + 1], "prefix") for k in range(3)]
    joined = ours.extend(type(states[0]).joined(states), token.expand(3, -1))
    assert torch.equal(joined.logits[0], whole.logits[0])


def test_a_long_answer_outgrows_its_room(pair: tuple[Any, Any]) -> None:
    reference, ours = pair
    expected, found = (lm.prefill(*pad(PROMPTS[2:]), "prefix") for lm in pair)
    for k in range(150):
        token = torch.tensor([[k % 250]])
        expected, found = reference.extend(expected, token), ours.extend(found, token)
    near(found.logits, expected.logits)


def test_the_sums_of_a_lane_fit_int32() -> None:
    for coding, most in ((FOR_CODES, WEIGHT), (FOR_INT8, 128)):
        products = coding.unit * GROUP // (way().lanes // 2)
        assert products * coding.limit * most < 2**31


def test_codes_in_order_name_their_line_in_four_bits() -> None:
    codes = np.arange(256, dtype=np.uint8)
    found = np.empty_like(codes)
    in_order(codes, found)
    distance = np.minimum(np.abs(codes.astype(int) - 127), 127)
    line = np.where(codes < 127, 7 - distance // 16, 8 + distance // 16)
    assert np.array_equal(found >> 4, line)
    assert len(set(found.tolist())) == 255  # 1.0 and the code before it are one


@pytest.mark.parametrize("layout", [layout.name for layout in LAYOUTS if layout.name in ("hivemind", "int8")])
@pytest.mark.parametrize("family", ["llama", "gptj"])
def test_weights_in_8_bits_are_multiplied_as_they_are_stored(tmp_path: Path, family: str, layout: Any) -> None:
    network = saved(tmp_path / "float", family, width=128)
    convert(tmp_path / "float", tmp_path / layout, layout)
    checkpoint = Checkpoint(tmp_path / layout)
    with torch.no_grad():  # what the file says, as floats
        for name, parameter in network.named_parameters():
            if f"{name.removesuffix('.weight')}.weight" in checkpoint.names and parameter.dim() == 2:
                weight = checkpoint.weight(name.removesuffix(".weight"))
                if isinstance(weight, Blockwise) and ordered():  # where 1.0 is the code before it
                    weight = Blockwise(weight.weight.clamp(max=254), weight.absmax, weight.code)
                parameter.copy_(weight if isinstance(weight, Tensor) else weight.rows(0, len(parameter)))
    ours, reference = compiled(tmp_path / layout), PrefixLM(network)
    expected, found = (lm.prefill(*pad(PROMPTS), "prefix") for lm in (reference, ours))
    assert (found.logits - expected.logits).abs().max() < 2e-3 * expected.logits.abs().max()


def test_codes_of_a_large_model_are_made_int8_where_they_take_long_to_read(tmp_path: Path) -> None:
    saved(tmp_path / "float", "llama", width=192)  # some blocks end within a row
    convert(tmp_path / "float", tmp_path / "hivemind", "hivemind")
    program = (
        "import ctypes, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from tiny_compiled import compiled\n"
        "from gptjt_demo.models.checkpoint import Checkpoint\n"
        "from gptjt_demo.models.compiled import operations\n"
        "from gptjt_demo.models.compiled.weights import INT8\n"
        "folder = Path(sys.argv[1])\n"
        "expected = Checkpoint(folder).weight('model.layers.1.mlp.down_proj').rows(0, 192).numpy()\n"
        "lm = compiled(folder, small=False)\n"
        "linears = [row for row in lm.program.operations.tolist() if row[0] == operations.LINEAR]\n"
        "assert all(row[4] == INT8 for row in linears)\n"
        "_, _, _, _, _, weight, _, scales, rows, columns, *_ = linears[-2]\n"  # the last one is the head
        "codes = np.frombuffer((ctypes.c_int8 * (rows * columns)).from_address(weight), np.int8)\n"
        "steps = np.frombuffer((ctypes.c_float * rows).from_address(scales), np.float32)[:, None]\n"
        "distance = np.abs(codes.reshape(rows, columns) * steps - expected)\n"
        "assert (distance <= 0.52 * steps + 0.007 * expected.max()).all()\n"
        "assert 126 <= np.abs(codes).max() <= 127\n"
    )
    tests = str(Path(__file__).parents[2])
    environment = {**os.environ, "GPTJT_WAY": "avx2", "PYTHONPATH": os.pathsep.join([tests, *sys.path])}
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "hivemind")], check=True, env=environment)


def test_a_step_is_left_when_its_flag_is_set(ours: CompiledLM) -> None:
    with pytest.raises(Interrupted):
        ours.prefill(*pad(PROMPTS), "prefix", lambda: True)


def test_a_step_in_the_background_gives_the_same(ours: CompiledLM) -> None:
    front, back = ours.prefill(*pad(PROMPTS), "prefix"), ours.prefill(*pad(PROMPTS), "prefix", Flag(background=True))
    assert torch.equal(front.logits, back.logits)


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    network = saved(tmp_path, "llama")
    tensors = {name: tensor.clone() for name, tensor in network.state_dict().items() if "layers.1.mlp.up" not in name}
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.layers\.1\.mlp\.up_proj\.weight is missing"):
        compiled(tmp_path)


def test_networks_of_other_kinds_are_left_to_transformers(tmp_path: Path) -> None:
    for family, more in (("gpt_neo", {}), ("llama", {"hidden_act": "gelu"}), ("llama", {"rope": "linear"})):
        fields = tiny.config(family).to_dict() | {k: v for k, v in more.items() if k != "rope"}
        if "rope" in more:
            fields["rope_parameters"] = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
        assert sizes(fields) is None
    assert sizes(tiny.config("llama").to_dict()) is not None


@pytest.mark.parametrize("way", ["avx2"])
def test_the_way_of_another_processor_gives_the_same_but_for_rounding(tmp_path: Path, way: str) -> None:
    program = (
        "import json, sys, torch\n"
        "from pathlib import Path\n"
        "from gptjt_demo.models.checkpoint import Checkpoint\n"
        "from gptjt_demo.models.compiled.network import compiled_model\n"
        "from gptjt_demo.models.registry import MODELS\n"
        "folder = MODELS['mini'].source\n"
        "fields = json.loads((folder / 'config.json').read_text())\n"
        "lm = compiled_model(fields, Checkpoint(folder), small=True, name='mini')\n"
        "ids = torch.arange(300, 340)[None]\n"
        "keep = torch.ones_like(ids, dtype=torch.bool)\n"
        "state = lm.prefill(ids, keep, 'prefix')\n"
        "_, logits = lm.check(state, [5, 6, 7, 8, 9])\n"
        "one = lm.extend(lm.prefill(ids, keep, 'prefix'), torch.tensor([[5]]))\n"
        "assert torch.equal(one.logits[0], logits[0])\n"
        "torch.save(logits, sys.argv[1])\n"
    )
    found = []
    for name in (way, "auto"):
        environment = {**os.environ, "GPTJT_WAY": name}
        path = tmp_path / name
        subprocess.run([sys.executable, "-c", program, str(path)], check=True, env=environment)
        found.append(torch.load(path))
    assert (found[0] - found[1]).abs().max() < 0.5  # of logits whose spread is 6
    assert torch.equal(found[0].argmax(-1), found[1].argmax(-1))
