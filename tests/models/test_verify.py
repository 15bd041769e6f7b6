"""Verifying: what is whole is called whole, and whatever is wrong with a model's files is named, all of it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from command_line import run
from safetensors.torch import save_file

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.models.convert import convert
from gptjt_demo.models.loading import load
from gptjt_demo.models.verify import verify

HIVEMIND = "transformer.h.0.mlp.fc_in"


def rewritten(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    """Change the state dict of a folder's model.safetensors or pytorch_model.bin."""
    path = folder / "pytorch_model.bin"
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    return folder


@pytest.fixture
def hivemind(tmp_path: Path) -> Path:
    return tiny.save(tiny.model("gptj"), tmp_path / "hivemind", kind="bin")


def lines(folder: Path) -> list[str]:
    return [str(problem) for problem in verify(folder).problems]


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("layout", ["hivemind", "float", "int8", "bin"])
def test_a_whole_model_is_called_whole(tmp_path: Path, family: str, layout: str) -> None:
    folder = tiny.save(
        tiny.model(family),
        tmp_path / "one",
        hivemind=layout in ("hivemind", "bin"),
        kind="bin" if layout == "bin" else "safetensors",
    )
    if layout == "int8":
        folder = convert(folder, tmp_path / "two", shard_bytes=20_000).folder
    found = verify(folder)
    assert found.problems == ()
    assert found.whole
    assert found.layout == layout.replace("bin", "hivemind")
    assert found.tensors > 20


def test_the_embedded_default_is_whole() -> None:
    from gptjt_demo.models.registry import resolve

    assert lines(Path(resolve("mini").source)) == []


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        (f"{HIVEMIND}.absmax", None, "missing"),
        (f"{HIVEMIND}.code", None, "missing"),
        (f"{HIVEMIND}.weight", None, "missing"),
        (f"{HIVEMIND}.bias", None, "missing"),
        (f"{HIVEMIND}.absmax", torch.ones(7), "needed"),
        (f"{HIVEMIND}.absmax", torch.tensor([float("nan")]), "not finite"),
        (f"{HIVEMIND}.absmax", torch.tensor([-1.0]), "negative"),
        (f"{HIVEMIND}.code", torch.linspace(1, -1, 256), "does not rise"),
        (f"{HIVEMIND}.code", torch.full((256,), float("inf")), "not finite"),
        (f"{HIVEMIND}.weight", torch.zeros(3, 3, dtype=torch.uint8), "the configuration says"),
        (f"{HIVEMIND}.weight", torch.zeros(128, 32, dtype=torch.int32), "no layout"),
        (f"{HIVEMIND}.weight", torch.full((128, 32), float("nan")), "4,096 values of 4,096"),
        ("transformer.ln_f.weight", torch.ones(31), "the configuration says"),
        ("transformer.ln_f.weight", torch.ones(32, dtype=torch.int64), "floats are needed"),
        ("transformer.ln_f.bias", torch.tensor([0.0] * 31 + [float("inf")]), "1 values of 32 that are not finite"),
        ("transformer.h.9.ln_1.weight", torch.ones(32), "has no place in a GPTJForCausalLM"),
    ],
)
def test_what_is_wrong_with_a_tensor_is_said_by_its_name_with_how_to_mend_it(
    hivemind: Path, key: str, value: Any, word: str
) -> None:
    rewritten(hivemind, lambda state: state.pop(key) if value is None else state.update({key: value}))
    (line,) = lines(hivemind)
    assert key in line
    assert word in line
    assert line.endswith("download the model again")


def test_negative_scales_of_the_int8_layout_are_named(tmp_path: Path, hivemind: Path) -> None:
    folder = convert(hivemind, tmp_path / "int8").folder
    state = {}
    from safetensors.torch import load_file

    (path,) = folder.glob("*.safetensors")
    state = load_file(path)
    state["lm_head.scale"] *= -1
    save_file(state, path)
    (line,) = lines(folder)
    assert "lm_head.scale has 272 scales of 272 that are negative" in line


def test_every_problem_is_named_and_not_the_first_alone(hivemind: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def break_(state: dict[str, torch.Tensor]) -> None:
        del state["lm_head.bias"], state[f"{HIVEMIND}.absmax"], state[f"{HIVEMIND}.code"]
        state["transformer.ln_f.weight"][3] = float("nan")
        state["strange"] = torch.ones(2)

    status, out, err = run(capsys, "verify", rewritten(hivemind, break_))
    assert (status, err) == (2, "")
    *named, last = out.splitlines()
    for key in ("lm_head.bias", f"{HIVEMIND}.absmax", f"{HIVEMIND}.code", "transformer.ln_f.weight", "strange"):
        assert len([line for line in named if key in line]) == 1
    assert len(named) == 5
    assert "5 problems" in last


def test_the_buffers_of_older_releases_and_a_tied_heads_copy_are_no_problem(tmp_path: Path, hivemind: Path) -> None:
    rewritten(hivemind, lambda state: state.update({"transformer.h.0.attn.bias": torch.ones(1, 1, 8, 8)}))
    assert lines(hivemind) == []
    assert lines(tiny.save(tiny.model("llama", tie_word_embeddings=True), tmp_path / "tied")) == []


# --- files


@pytest.fixture
def sharded(tmp_path: Path, hivemind: Path) -> Path:
    return convert(hivemind, tmp_path / "sharded", shard_bytes=20_000).folder


def test_a_shard_that_is_absent_and_one_that_is_cut_are_named_and_the_others_are_looked_at(sharded: Path) -> None:
    absent, cut, broken, *_ = sorted(sharded.glob("*.safetensors"))
    absent.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    content = broken.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    key, entry = next((k, e) for k, e in header.items() if k.endswith(".scale"))
    start = 8 + int.from_bytes(content[:8], "little") + entry["data_offsets"][0]
    broken.write_bytes(content[:start] + b"\xff\xff" + content[start + 2 :])  # a NaN in bfloat16
    found = lines(sharded)
    assert len(found) == 3
    for line, path, word in zip(found, (absent, cut, broken), ("not there", "damaged", key), strict=True):
        assert path.name in line
        assert word in line


def test_an_index_that_is_no_index_is_named(sharded: Path) -> None:
    (sharded / "model.safetensors.index.json").write_text("{}")
    (line,) = lines(sharded)
    assert "index.json: the index cannot be read" in line


def test_a_flipped_bit_in_a_pytorch_file_is_found(hivemind: Path) -> None:
    path = hivemind / "pytorch_model.bin"
    state = torch.load(path, weights_only=True)
    wanted = state[f"{HIVEMIND}.weight"].numpy().tobytes()
    content = path.read_bytes()
    offset = content.index(wanted) + 1000
    path.write_bytes(content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :])
    (line,) = lines(hivemind)
    assert "pytorch_model.bin: the file is damaged in" in line


def test_a_file_in_the_hubs_cache_is_held_against_the_checksum_it_is_named_by(tmp_path: Path) -> None:
    made = tiny.save(tiny.model("gptj"), tmp_path / "made")
    snapshot, blobs = tmp_path / "snapshots" / "1", tmp_path / "blobs"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_bytes((made / "config.json").read_bytes())
    content = (made / "model.safetensors").read_bytes()
    blob = blobs / hashlib.sha256(content).hexdigest()
    blob.write_bytes(content)
    (snapshot / "model.safetensors").symlink_to(blob)
    assert lines(snapshot) == []
    header = 8 + int.from_bytes(content[:8], "little")
    entry = json.loads(content[8:header])["lm_head.weight"]
    offset = header + entry["data_offsets"][0]
    blob.write_bytes(content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :])
    (line,) = lines(snapshot)
    assert "is not what was downloaded" in line


@pytest.mark.parametrize("what", ["config.json", "pytorch_model.bin"])
def test_a_folder_without_its_configuration_or_weights_is_one_problem(hivemind: Path, what: str) -> None:
    (hivemind / what).unlink()
    (line,) = lines(hivemind)
    assert what in line


@pytest.mark.parametrize("content", ["{", "", "[]", "{}"])
def test_a_tokenizer_that_cannot_be_read_is_a_problem(hivemind: Path, content: str) -> None:
    (hivemind / "tokenizer.json").write_text(content)
    (line,) = lines(hivemind)
    assert "the tokenizer cannot be read" in line


@pytest.mark.parametrize(
    "change",
    [
        {"n_embd": "big"},
        {"n_embd": None},
        {"n_head": 0},
        {"n_layer": -1},
        {"model_type": "zork"},
        {"vocab_size": 1e400},
    ],
    ids=repr,
)
def test_a_configuration_that_no_model_can_have_is_one_line(hivemind: Path, change: dict[str, Any]) -> None:
    fields = json.loads((hivemind / "config.json").read_bytes())
    (hivemind / "config.json").write_text(json.dumps(fields | change))
    found = lines(hivemind)
    assert found
    assert all(len(line.splitlines()) == 1 for line in found)
    with pytest.raises(PlaygroundError):
        load(hivemind, progress=False)


def test_values_are_looked_at_where_the_configuration_cannot_be_read(hivemind: Path) -> None:
    (hivemind / "config.json").write_text("{")
    rewritten(hivemind, lambda state: state["transformer.ln_f.weight"].fill_(float("nan")))
    first, second = lines(hivemind)
    assert "config.json" in first
    assert "transformer.ln_f.weight" in second


# --- the command


def test_the_command_says_in_one_line_that_a_model_is_whole(capsys: pytest.CaptureFixture[str], hivemind: Path) -> None:
    status, out, err = run(capsys, "verify", hivemind)
    assert (status, err, out.count("\n")) == (0, "", 1)
    assert f"{hivemind}: whole; hivemind layout" in out


def test_the_command_prints_one_json_object(capsys: pytest.CaptureFixture[str], hivemind: Path) -> None:
    status, out, _ = run(capsys, "verify", hivemind, "--json")
    found = json.loads(out)
    assert (status, found["whole"], found["layout"], found["problems"]) == (0, True, "hivemind", [])
    rewritten(hivemind, lambda state: state.pop("lm_head.bias"))
    status, out, _ = run(capsys, "verify", hivemind, "--json")
    (problem,) = json.loads(out)["problems"]
    assert status == 2
    assert problem["what"] == "lm_head.bias is missing"
    assert problem["mend"]


def test_a_folder_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, err = run(capsys, "verify", tmp_path / "nowhere")
    assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and only Linux takes pages back at once")
def test_a_file_is_looked_at_in_a_fraction_of_its_memory(tmp_path: Path) -> None:
    config = tiny.config("llama", vocabulary=1_000_000, tie_word_embeddings=True)
    config.save_pretrained(tmp_path / "large")
    made = tiny.model("llama", tie_word_embeddings=True)
    state = {name: tensor for name, tensor in made.state_dict().items() if name != "lm_head.weight"}
    state["model.embed_tokens.weight"] = torch.ones(1_000_000, 32, dtype=torch.float32)  # 122 MiB
    save_file(state, tmp_path / "large" / "model.safetensors")
    with tiny.peak_mib() as peak:
        assert verify(tmp_path / "large").whole
    assert peak[0] < 50
