from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import save_file

from gptjt_demo.errors import CheckpointError, ModelError
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.layout import Blockwise, RowWise


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_both_kinds_of_file_give_the_same_tensors(tmp_path: Path, kind: str) -> None:
    made = tiny.model("gptj")
    checkpoint = Checkpoint(tiny.save(made, tmp_path, kind=kind))
    weight = checkpoint.weight("transformer.h.0.attn.q_proj")
    assert isinstance(weight, Blockwise)
    original = made.transformer.h[0].attn.q_proj.weight.detach()
    assert float((weight.rows(0, 32) - original).norm() / original.norm()) < 0.02
    assert torch.equal(checkpoint.tensor("transformer.ln_f.weight"), made.transformer.ln_f.weight)


def test_what_is_written_into_a_tensor_never_reaches_the_file(tmp_path: Path) -> None:
    for kind in ("safetensors", "bin"):
        folder = tiny.save(tiny.model("gptj"), tmp_path / kind, kind=kind)
        Checkpoint(folder).tensor("lm_head.weight").zero_()
        assert Checkpoint(folder).tensor("lm_head.weight").any()


@pytest.mark.parametrize("part", ["absmax", "code", "weight"])
def test_a_missing_part_of_a_weight_is_named(tmp_path: Path, part: str) -> None:
    key = f"transformer.h.1.mlp.fc_in.{part}"
    checkpoint = Checkpoint(tiny.save(tiny.model("gptj"), tmp_path, drop=key))
    with pytest.raises(CheckpointError) as error:
        checkpoint.weight("transformer.h.1.mlp.fc_in")
    assert key in str(error.value)


def test_scales_of_another_block_size_are_refused(tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path, kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["lm_head.absmax"] = state["lm_head.absmax"].repeat(2)
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"lm_head\.absmax"):
        Checkpoint(folder).weight("lm_head")


@pytest.mark.parametrize("kind", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("damage", ["empty", "cut", "text", "page", "hello", "digits", "other zip"])
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, kind: str, damage: str) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path, kind="bin" if kind.endswith("bin") else "safetensors")
    content = (folder / kind).read_bytes()
    kept = {
        "empty": b"",
        "cut": content[: len(content) // 2],
        "text": b"version https://lfs",
        "page": b"<!DOCTYPE html><title>Not found</title>",
        "hello": b"hello",
        "digits": b"0123456789" * 20,
        "other zip": b"PK\x05\x06" + bytes(18),
    }
    (folder / kind).write_bytes(kept[damage])
    with pytest.raises(CheckpointError, match=kind):
        Checkpoint(folder)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Run:
        def __reduce__(self) -> Any:
            return (print, ("ran",))

    torch.save({"a": Run()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError):
        Checkpoint(tmp_path)


def test_a_shard_that_is_not_there_is_named(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="model-00001-of-00002"):
        Checkpoint(tmp_path)


@pytest.mark.parametrize("file", ["../other.safetensors", "/etc/hostname", "deeper/model.safetensors", ".", ""])
def test_an_index_leads_out_of_its_folder_nowhere(tmp_path: Path, file: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": file}}))
    with pytest.raises(CheckpointError, match=r"index\.json: .* is no file of its folder"):
        Checkpoint(tmp_path)


def test_a_folder_without_weights_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no weights"):
        Checkpoint(tmp_path)


def test_an_int8_weight_with_a_scale_a_row_is_read_by_rows(tmp_path: Path) -> None:
    weight, scale = torch.randint(-127, 128, (6, 8), dtype=torch.int8), torch.rand(6).bfloat16()
    save_file({"head.weight": weight, "head.scale": scale}, tmp_path / "model.safetensors")
    read = Checkpoint(tmp_path).weight("head")
    assert isinstance(read, RowWise)
    assert torch.equal(read.rows(1, 5), (weight.float() * scale.float()[:, None])[1:5])


@pytest.mark.parametrize(
    ("scale", "word"),
    [(None, "missing"), (torch.ones(6), "float32"), (torch.ones(5).bfloat16(), r"\(5,\)")],
)
def test_an_int8_weight_without_the_scales_it_needs_is_named(tmp_path: Path, scale: Any, word: str) -> None:
    parts = {"head.weight": torch.ones(6, 8, dtype=torch.int8)} | ({} if scale is None else {"head.scale": scale})
    save_file(parts, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=rf"head\.scale.*{word}"):
        Checkpoint(tmp_path).weight("head")


def test_a_weight_of_no_known_layout_is_refused(tmp_path: Path) -> None:
    save_file({"head.weight": torch.ones(6, 8, dtype=torch.int32)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"head\.weight is torch\.int32"):
        Checkpoint(tmp_path).weight("head")


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_releasing_a_tensor_touches_no_neighbour_and_it_can_be_read_again(tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    original = {f"{i}": torch.rand(count) for i, count in enumerate([5, 30_000, 1, 4096, 50_001, 7])}
    if kind == "safetensors":
        save_file(original, tmp_path / "model.safetensors")
    else:
        torch.save(original, tmp_path / "pytorch_model.bin")
    checkpoint = Checkpoint(tmp_path)
    written = {name: checkpoint.tensor(name).add_(1).clone() for name in original if name != "4"}
    checkpoint.tensor("4").sum()
    checkpoint.release(checkpoint.tensor("4"))
    for name, tensor in written.items():
        assert torch.equal(checkpoint.tensor(name), tensor)
    assert torch.equal(checkpoint.tensor("4"), original["4"])


def test_releasing_a_tensor_from_elsewhere_leaves_it_alone(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tiny.save(tiny.model("gptj"), tmp_path))
    other = torch.ones(100_000)
    checkpoint.release(other, other[500:], other.view(100, 1000).t())
    assert bool((other == 1).all())


def test_files_of_pytorch_before_zip_are_read_and_never_released(tmp_path: Path) -> None:
    values = torch.rand(50_000)
    torch.save({"a": values}, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    checkpoint = Checkpoint(tmp_path)
    read = checkpoint.tensor("a").add_(1)
    checkpoint.release(read)
    assert torch.equal(read, values + 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and only Linux takes pages back at once")
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_opening_reads_no_values_and_releasing_gives_their_memory_back(tmp_path: Path, kind: str) -> None:
    tensors = {f"{i}": torch.ones(24 << 20, dtype=torch.uint8) for i in range(4)}
    if kind == "safetensors":
        save_file(tensors, tmp_path / "model.safetensors")
    else:
        torch.save(tensors, tmp_path / "pytorch_model.bin")
    before = tiny.resident_mib()
    checkpoint = Checkpoint(tmp_path)
    mapped = [checkpoint.tensor(name) for name in sorted(tensors)]
    assert tiny.resident_mib() - before < 10
    for tensor in mapped:
        tensor.max()
    read = tiny.resident_mib()
    assert read - before > 90
    checkpoint.release(*mapped)
    assert tiny.resident_mib() < read - 90
    with tiny.peak_mib() as peak:
        for tensor in mapped:
            tensor.max()
            checkpoint.release(tensor)
    assert peak[0] < 40
