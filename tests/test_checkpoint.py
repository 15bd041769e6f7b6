from __future__ import annotations

import json

import pytest
import tiny
import torch

from gptjt_demo.checkpoint import Blockwise, Checkpoint
from gptjt_demo.errors import CheckpointError, ModelError


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_both_kinds_of_file_give_the_same_tensors(tmp_path, kind):
    made = tiny.model("gptj")
    checkpoint = Checkpoint(tiny.save(made, tmp_path, kind=kind))
    weight = checkpoint.weight("transformer.h.0.attn.q_proj")
    assert isinstance(weight, Blockwise)
    original = made.transformer.h[0].attn.q_proj.weight.detach()
    assert float((weight.rows(0, 32) - original).norm() / original.norm()) < 0.02
    assert torch.equal(checkpoint.tensor("transformer.ln_f.weight"), made.transformer.ln_f.weight)


def test_what_is_written_into_a_tensor_never_reaches_the_file(tmp_path):
    for kind in ("safetensors", "bin"):
        folder = tiny.save(tiny.model("gptj"), tmp_path / kind, kind=kind)
        Checkpoint(folder).tensor("lm_head.weight").zero_()
        assert Checkpoint(folder).tensor("lm_head.weight").any()


@pytest.mark.parametrize("part", ["absmax", "code", "weight"])
def test_a_missing_part_of_a_weight_is_named(tmp_path, part):
    key = f"transformer.h.1.mlp.fc_in.{part}"
    checkpoint = Checkpoint(tiny.save(tiny.model("gptj"), tmp_path, drop=key))
    with pytest.raises(CheckpointError) as error:
        checkpoint.weight("transformer.h.1.mlp.fc_in")
    assert key in str(error.value)


def test_scales_of_another_block_size_are_refused(tmp_path):
    folder = tiny.save(tiny.model("gptj"), tmp_path, kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["lm_head.absmax"] = state["lm_head.absmax"].repeat(2)
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"lm_head\.absmax"):
        Checkpoint(folder).weight("lm_head")


@pytest.mark.parametrize("kind", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_a_damaged_file_is_refused_by_its_name(tmp_path, kind, damage):
    folder = tiny.save(tiny.model("gptj"), tmp_path, kind="bin" if kind.endswith("bin") else "safetensors")
    content = (folder / kind).read_bytes()
    (folder / kind).write_bytes(
        {"empty": b"", "cut": content[: len(content) // 2], "text": b"version https://lfs"}[damage]
    )
    with pytest.raises(CheckpointError, match=kind):
        Checkpoint(folder)


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    class Run:
        def __reduce__(self):
            return (print, ("ran",))

    torch.save({"a": Run()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        Checkpoint(tmp_path)


def test_a_shard_that_is_not_there_is_named(tmp_path):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="model-00001-of-00002"):
        Checkpoint(tmp_path)


def test_a_folder_without_weights_is_said_to_have_none(tmp_path):
    with pytest.raises(ModelError, match="no weights"):
        Checkpoint(tmp_path)
