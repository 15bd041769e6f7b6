"""Converting: the same model to the bit, in little memory, and never half of it."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
import tiny
import torch
from bitsandbytes.functional import quantize_blockwise
from command_line import run
from safetensors.torch import load_file, save_file

from gptjt_demo.errors import CheckpointError, ModelError, PlaygroundError, SettingError
from gptjt_demo.models import convert as conversion
from gptjt_demo.models import plan
from gptjt_demo.models.blueprint import Blueprint, read_config, skeleton
from gptjt_demo.models.building import build
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.convert import convert
from gptjt_demo.models.int8.linear import quantize
from gptjt_demo.models.layout import Blockwise, RowWise
from gptjt_demo.models.plan import Plan

CHUNK = conversion.CHUNK
SOURCES = ("float32", "float16", "bfloat16", "hivemind", "hivemind.bin", "int8")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a tiny weight, too, is converted in several pieces."""
    monkeypatch.setattr(conversion, "CHUNK", 1)


def saved(folder: Path, kind: str, family: str = "gptj", **more: Any) -> Any:
    """A checkpoint of a kind of `SOURCES`."""
    made = tiny.model(family, **more)
    if kind == "int8":
        return convert(tiny.save(made, folder / "float", hivemind=False), folder / "int8").folder
    if kind.startswith("hivemind"):
        return tiny.save(made, folder / kind, kind="bin" if kind.endswith("bin") else "safetensors")
    return tiny.save(made.to(getattr(torch, kind)), folder / kind, hivemind=False)


def built(config: Any, folder: Path) -> Any:
    """The network of a checkpoint, for the CPU."""
    checkpoint = Checkpoint(folder)
    return build(config, checkpoint, Plan.of(torch.device("cpu"), checkpoint))


def weights(folder: Path) -> Any:
    """Every linear and embedding of a checkpoint, by name."""
    checkpoint = Checkpoint(folder)
    blueprint = Blueprint.of(skeleton(tiny.config(json.loads((folder / "config.json").read_text())["model_type"])))
    return {name: checkpoint.weight(name) for name in blueprint.weights}


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("kind", SOURCES)
def test_an_int8_copy_holds_to_the_bit_what_loading_the_source_makes(tmp_path: Path, kind: str, family: str) -> None:
    source = saved(tmp_path, kind, family)
    copied = weights(convert(source, tmp_path / "to").folder)
    originals = weights(source)
    assert set(copied) == set(originals)
    for name, weight in copied.items():
        assert isinstance(weight, RowWise)
        expected = originals[name]
        packed, scale = (expected.weight, expected.scale) if isinstance(expected, RowWise) else quantize(expected)
        assert torch.equal(weight.weight, packed)
        assert torch.equal(weight.scale, scale)


@pytest.mark.parametrize("kind", SOURCES)
def test_an_int8_copy_of_a_large_model_loads_to_the_bits_of_its_source(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "SMALL", 0)
    source = saved(tmp_path, kind)
    copy = convert(source, tmp_path / "to").folder
    expected, found = (built(tiny.config("gptj"), folder).state_dict() for folder in (source, copy))
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_hivemind_copy_holds_to_the_bit_what_bitsandbytes_makes_of_the_whole_weight(
    tmp_path: Path, kind: str
) -> None:
    source = saved(tmp_path, kind)
    originals = weights(source)
    for name, weight in weights(convert(source, tmp_path / "to", "hivemind").folder).items():
        assert isinstance(weight, Blockwise)
        expected = originals[name]
        if isinstance(expected, Blockwise):
            packed, absmax = expected.weight, expected.absmax
        else:
            whole = expected.rows(0, len(expected.weight)) if isinstance(expected, RowWise) else expected
            packed, state = quantize_blockwise(whole, blocksize=4096)
            absmax = state.absmax
        assert torch.equal(weight.weight, packed.reshape(weight.weight.shape))
        assert torch.equal(weight.absmax, absmax)
        assert len(weight.code) == 256


@pytest.mark.parametrize("layout", ["int8", "hivemind"])
def test_what_is_no_linear_or_embedding_is_copied_as_it_is(tmp_path: Path, layout: Literal["int8", "hivemind"]) -> None:
    source = saved(tmp_path, "float16")
    before, after = Checkpoint(source), Checkpoint(convert(source, tmp_path / "to", layout).folder)
    norms = [name for name in before.names if ".ln_" in name or name.endswith(".bias")]
    assert norms
    for name in norms:
        assert after.tensor(name).dtype == torch.float16
        assert torch.equal(after.tensor(name), before.tensor(name))


def test_every_8_bit_weight_is_aligned_as_kernels_want_it_in_a_file_that_safetensors_reads(tmp_path: Path) -> None:
    folder = convert(saved(tmp_path, "float16"), tmp_path / "to", shard_bytes=30_000).folder
    assert all(weight.weight.data_ptr() % 64 == 0 for weight in weights(folder).values())
    checkpoint = Checkpoint(folder)
    read = {name: tensor for file in checkpoint.files for name, tensor in load_file(file).items()}
    assert set(read) == checkpoint.names
    assert all(torch.equal(tensor, checkpoint.tensor(name)) for name, tensor in read.items())


def test_shards_keep_to_their_size_and_the_index_says_where_everything_is(tmp_path: Path) -> None:
    made = convert(saved(tmp_path, "float32"), tmp_path / "to", shard_bytes=12_000)
    index = json.loads((made.folder / "model.safetensors.index.json").read_text())
    files = sorted(made.folder.glob("*.safetensors"))
    assert len(files) == made.shards > 2
    assert {name: (made.folder / file) for name, file in index["weight_map"].items()} == {
        name: file for file in files for name in load_file(file)
    }
    assert index["metadata"]["total_size"] == made.bytes == sum(t.nbytes for f in files for t in load_file(f).values())
    assert all(file.stat().st_size < 12_000 + 2_000 for file in files)  # the header comes on top


def test_resharding_keeps_every_bit(tmp_path: Path) -> None:
    first = convert(saved(tmp_path, "float32"), tmp_path / "one").folder
    second = convert(first, tmp_path / "many", shard_bytes=10_000).folder
    one, many = Checkpoint(first), Checkpoint(second)
    assert one.names == many.names
    assert all(torch.equal(one.tensor(name), many.tensor(name)) for name in one.names)


def test_a_tied_head_is_written_once(tmp_path: Path) -> None:
    source = saved(tmp_path, "float32", "llama", tie_word_embeddings=True)
    assert "lm_head.weight" in Checkpoint(source).names
    names = Checkpoint(convert(source, tmp_path / "to").folder).names
    assert not [name for name in names if name.startswith("lm_head")]
    assert {"model.embed_tokens.weight", "model.embed_tokens.scale"} <= names


def test_configuration_tokenizer_and_licence_go_along_and_old_weights_do_not(tmp_path: Path) -> None:
    source = saved(tmp_path, "hivemind.bin")
    (source / "LICENSE").write_text("Apache-2.0")
    (source / "notes.h5").write_text("another framework's")
    names = {path.name for path in convert(source, tmp_path / "to").folder.iterdir()}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", "LICENSE"} <= names
    assert not {"pytorch_model.bin", "notes.h5"} & names


def test_a_tokenizer_from_elsewhere_fills_in_where_the_source_has_none(tmp_path: Path) -> None:
    source = saved(tmp_path, "float32")
    elsewhere = shutil.copytree(source, tmp_path / "elsewhere")
    (source / "tokenizer.json").unlink()
    copied = convert(source, tmp_path / "to", tokenizer=elsewhere).folder
    assert (copied / "tokenizer.json").read_bytes() == (elsewhere / "tokenizer.json").read_bytes()


# --- refusals


def test_a_target_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    source = saved(tmp_path, "float32")
    target = tmp_path / "to"
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    with pytest.raises(PlaygroundError, match="not empty"):
        convert(source, target)
    assert [path.name for path in target.iterdir()] == ["thesis.txt"]
    with pytest.raises(PlaygroundError, match="not empty"):
        convert(source, source)


def test_a_disk_that_is_too_small_is_refused_with_both_figures_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = saved(tmp_path, "float32")
    before = set(tmp_path.iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(total=1, used=1, free=2**20))
    with pytest.raises(PlaygroundError, match=r"GiB of disk and 0\.00 GiB are free"):
        convert(source, tmp_path / "to")
    assert set(tmp_path.iterdir()) == before


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="int4"):
        convert(saved(tmp_path, "float32"), tmp_path / "to", "int4")  # type: ignore[arg-type]


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
@pytest.mark.parametrize("layout", ["int8", "hivemind"])
def test_a_weight_that_is_not_finite_is_named_and_nothing_is_left(
    tmp_path: Path, layout: Literal["int8", "hivemind"], broken: Any
) -> None:
    made = tiny.model("gptj")
    with torch.no_grad():
        made.transformer.h[1].mlp.fc_in.weight[-1, -1] = broken
    source = tiny.save(made, tmp_path / "from", hivemind=False)
    with pytest.raises(CheckpointError, match=r"h\.1\.mlp\.fc_in\.weight is not finite"):
        convert(source, tmp_path / "to", layout)
    assert [path.name for path in tmp_path.iterdir()] == ["from"]


def test_a_source_that_lacks_a_tensor_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = tiny.save(tiny.model("gptj"), tmp_path / "from", drop="transformer.h.0.ln_1.bias")
    with pytest.raises(CheckpointError, match=r"transformer\.h\.0\.ln_1\.bias is missing"):
        convert(source, tmp_path / "to")
    assert [path.name for path in tmp_path.iterdir()] == ["from"]


# --- interruptions


def test_a_disk_that_refuses_leaves_no_target(tmp_path: Path) -> None:
    source = saved(tmp_path, "float32")
    before = set(tmp_path.iterdir())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(PlaygroundError, match=r"to: cannot be written \(File too large\)"):
            convert(source, tmp_path / "to")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert set(tmp_path.iterdir()) == before


_SLOW = """
import sys, time
from pathlib import Path
from gptjt_demo.models import convert
put, shards = convert.SafetensorsFile.put, []
def slow(file, name, piece):
    put(file, name, piece)
    if file not in shards:
        shards.append(file)
    if len(shards) == 3:
        print("half", flush=True)
        time.sleep(60)
convert.SafetensorsFile.put = slow
convert.convert(Path(sys.argv[1]), Path(sys.argv[2]), shard_bytes=12_000)
"""


def test_a_conversion_that_is_killed_leaves_nothing_that_loads_and_the_next_one_clears_it(tmp_path: Path) -> None:
    source = saved(tmp_path, "float32")
    before = set(tmp_path.iterdir())
    command = [sys.executable, "-c", _SLOW, str(source), str(tmp_path / "to")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    (left,) = set(tmp_path.iterdir()) - before
    assert any(left.iterdir())
    assert not (tmp_path / "to").exists()
    with pytest.raises(ModelError):
        Checkpoint(left)
    convert(source, tmp_path / "to")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "to"}


# --- memory


def large(folder: Path, kind: str) -> Any:
    """A model of a kind of `SOURCES` in which the embedding is all but everything: 98 MiB in 8 bits."""
    config = tiny.config("llama", width=512, vocabulary=200_000, tie_word_embeddings=True)
    config.save_pretrained(folder)
    parts = {
        "float16": {"weight": torch.float16},
        "hivemind": {"weight": torch.uint8, "absmax": torch.float32, "code": torch.float32},
        "int8": {"weight": torch.int8, "scale": torch.bfloat16},
    }[kind]
    blueprint = Blueprint.of(skeleton(config))
    state = {name: torch.ones(shape) for name, shape in blueprint.floats.items()}
    for name, (rows, columns) in blueprint.weights.items():
        shapes = {"weight": (rows, columns), "absmax": (rows * columns // 4096,), "code": (256,), "scale": (rows,)}
        state |= {f"{name}.{part}": torch.ones(shapes[part], dtype=dtype) for part, dtype in parts.items()}
    save_file(state, folder / "model.safetensors")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and only Linux takes pages back at once")
@pytest.mark.parametrize("kind", ["float16", "hivemind", "int8"])
def test_converting_takes_half_the_memory_of_one_weight_and_loading_the_copy_next_to_none(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "CHUNK", CHUNK)
    monkeypatch.setattr(plan, "SMALL", 0)
    source = large(tmp_path / "large", kind)
    with tiny.peak_mib() as peak:
        copy = convert(source, tmp_path / "to").folder
    assert peak[0] < 50
    with tiny.peak_mib() as peak:
        network = built(read_config(copy), copy)
    assert peak[0] < 20
    assert network.lm_head.weight.data_ptr() == network.model.embed_tokens.weight.data_ptr()


# --- the command


def test_the_command_says_what_it_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source = saved(tmp_path, "float32")
    status, out, err = run(capsys, "convert", source, tmp_path / "to", "--layout", "hivemind")
    assert (status, err) == (0, "")
    assert out.startswith(f"{tmp_path / 'to'}: hivemind layout, ")
    status, out, err = run(capsys, "convert", source, tmp_path / "to")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "not empty" in err
    status, _, err = run(capsys, "convert", source, tmp_path / "other", "--layout", "int4")
    assert (status, err.count("\n")) == (2, 1)
