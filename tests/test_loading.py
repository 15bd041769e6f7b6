from __future__ import annotations

import subprocess
import sys

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM

from gptjt_demo import loading, memory
from gptjt_demo.checkpoint import Checkpoint
from gptjt_demo.errors import CheckpointError, DoesNotFit, ModelError, SettingError
from gptjt_demo.int8 import Int8Embedding, Int8Linear
from gptjt_demo.sampling import Sampling

CPU = torch.device("cpu")
IDS = torch.tensor([[72, 101, 108, 108, 111, 10]])


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual.float() - expected.float()).norm() / expected.float().norm())


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize("hivemind", [True, False])
def test_a_loaded_model_computes_what_the_saved_one_did(tmp_path, family, kind, hivemind):
    made = tiny.model(family)
    folder = tiny.save(made, tmp_path, hivemind=hivemind, kind=kind)
    network = loading.build(made.config, Checkpoint(folder), CPU)
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 0.08


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_every_linear_and_embedding_is_8_bit_and_nothing_is_left_unloaded(tmp_path, family):
    made = tiny.model(family)
    network = loading.build(made.config, Checkpoint(tiny.save(made, tmp_path)), CPU)
    for module in network.modules():
        assert type(module) not in (torch.nn.Linear, torch.nn.Embedding)
        if isinstance(module, Int8Linear | Int8Embedding):
            assert module.weight.dtype == torch.int8
    assert not any(tensor.is_meta for tensor in network.state_dict().values())
    assert not any(parameter.is_meta for parameter in network.parameters())


def test_a_tied_head_shares_the_embeddings_memory(tmp_path):
    made = tiny.model("llama", tie_word_embeddings=True)
    folder = tiny.save(made, tmp_path, drop="lm_head.weight", kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save({k: v for k, v in state.items() if not k.startswith("lm_head")}, folder / "pytorch_model.bin")
    network = loading.build(made.config, Checkpoint(folder), CPU)
    assert network.lm_head.weight.data_ptr() == network.model.embed_tokens.weight.data_ptr()
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 0.08


@pytest.mark.parametrize("key", ["transformer.h.0.mlp.fc_in.absmax", "transformer.h.1.ln_1.weight", "lm_head.bias"])
def test_a_missing_tensor_stops_the_load_and_is_named(tmp_path, key):
    folder = tiny.save(tiny.model("gptj"), tmp_path / "broken", drop=key)
    with pytest.raises(CheckpointError) as error:
        loading.load(folder, progress=False)
    assert key in str(error.value)


def test_a_tensor_without_a_place_stops_the_load(tmp_path):
    made = tiny.model("gptj")
    folder = tiny.save(made, tmp_path, kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(state | {"transformer.h.9.ln_1.weight": torch.ones(32)}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"transformer\.h\.9\.ln_1\.weight"):
        loading.build(made.config, Checkpoint(folder), CPU)


def test_the_published_mask_buffers_are_passed_over(tmp_path):
    made = tiny.model("gptj")
    folder = tiny.save(made, tmp_path, kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["transformer.h.0.attn.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
    state["transformer.h.0.attn.masked_bias"] = torch.tensor(-1e9)
    torch.save(state, folder / "pytorch_model.bin")
    loading.build(made.config, Checkpoint(folder), CPU)


def test_weights_of_another_size_than_the_configuration_are_refused(tmp_path):
    made = tiny.model("gptj")
    folder = tiny.save(made, tmp_path)
    with pytest.raises(CheckpointError, match="configuration"):
        loading.build(tiny.config("gptj", width=64), Checkpoint(folder), CPU)


def test_a_local_gptj_in_the_hivemind_layout_answers_under_its_folders_name(tmp_path):
    folder = tiny.save(tiny.model("gptj"), tmp_path / "my-gptj")
    engine = loading.load(folder, progress=False)
    completion = engine.complete("Input: India\nOutput:", Sampling(max_new_tokens=4))
    assert (completion.model, completion.attention, engine.context) == ("my-gptj", "prefix", tiny.CONTEXT)
    assert engine.supports_prefix
    assert any("hivemind" in note for note in engine.notes)


def test_the_default_mode_is_the_calls_then_the_environments_then_the_models(tmp_path, monkeypatch):
    folder = tiny.save(tiny.model("gptj"), tmp_path)
    assert loading.load(folder, progress=False).attention == "prefix"
    monkeypatch.setenv("GPTJT_ATTENTION", "causal")
    assert loading.load(folder, progress=False).attention == "causal"
    assert loading.load(folder, attention="prefix", progress=False).attention == "prefix"
    monkeypatch.setenv("GPTJT_ATTENTION", "sideways")
    with pytest.raises(SettingError, match="sideways"):
        loading.load(folder, progress=False)


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_gib", lambda: 3.0)
    monkeypatch.setattr(loading, "fetch", lambda *a, **k: pytest.fail("the hub was asked"))
    with pytest.raises(DoesNotFit) as error:
        loading.load("gpt-jt-6b-8bit", progress=False)
    assert "7.38 GiB" in str(error.value)
    assert "3.00 GiB" in str(error.value)
    assert "mini" in str(error.value)
    monkeypatch.setattr(memory, "available_gib", lambda: 1e-6)
    with pytest.raises(DoesNotFit):
        loading.load(tiny.save(tiny.model("gptj"), tmp_path), progress=False)


def test_cuda_without_a_device_is_refused_before_anything_is_read(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(loading, "fetch", lambda *a, **k: pytest.fail("the hub was asked"))
    with pytest.raises(ModelError) as error:
        loading.load("gpt-jt-6b-8bit", device="cuda")
    assert "7.38 GiB" in str(error.value)
    assert "mini" in str(error.value)


def test_a_folder_without_a_configuration_is_refused_in_one_line(tmp_path):
    folder = tiny.save(tiny.model("gptj"), tmp_path)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json"):
        loading.load(folder, progress=False)


def test_llm_int8_layers_are_wired_as_on_cuda():
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 32)
    layer = loading._llm_int8(linear.weight.detach().half(), linear.bias.detach().half()).to("cpu")
    x = torch.randn(3, 64).half()
    assert layer.weight.dtype == torch.int8
    assert relative_error(layer(x), linear(x.float()).detach()) < 0.03


def test_mini_ships_with_the_package_and_loads_without_a_hub(mini):
    assert mini.name == "mini"
    assert mini.context == 2048
    assert mini.supports_prefix


def test_the_cpu_path_never_imports_bitsandbytes(tmp_path):
    folder = tiny.save(tiny.model("llama"), tmp_path)
    program = (
        "import sys; from gptjt_demo import load, Sampling;"
        f"load({str(folder)!r}, progress=False).complete('x:', Sampling(max_new_tokens=2));"
        "sys.exit('bitsandbytes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_model_the_user_loaded_with_transformers_can_be_wrapped(tmp_path):
    from gptjt_demo import Engine

    folder = tiny.save(tiny.model("llama"), tmp_path / "plain", hivemind=False)
    made = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    engine = Engine(made, tiny.tokenizer())
    assert engine.complete("x:", Sampling(max_new_tokens=3)).attention == "prefix"
