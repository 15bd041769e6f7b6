from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from gptjt_demo.engine.engine import Engine
from gptjt_demo.errors import CheckpointError, DoesNotFit, ModelError, SettingError
from gptjt_demo.models import loading, memory, plan
from gptjt_demo.models.building import build
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled import processor, ready
from gptjt_demo.models.int8 import cpu_layers, kernels
from gptjt_demo.models.int8.linear import Int8Embedding, Int8Linear, quantize
from gptjt_demo.models.layout import ALIGNMENT
from gptjt_demo.models.plan import Plan
from gptjt_demo.settings import Sampling

IDS = torch.tensor([[72, 101, 108, 108, 111, 10]])


def built(config: Any, folder: Path) -> Any:
    """The network of a checkpoint, for the CPU."""
    checkpoint = Checkpoint(folder)
    return build(config, checkpoint, Plan.of(torch.device("cpu"), checkpoint))


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual.float() - expected.float()).norm() / expected.float().norm())


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the small models of these tests as if they were large."""
    monkeypatch.setattr(plan, "SMALL", 0)


@pytest.fixture(params=["small", "large"])
def either(request: pytest.FixtureRequest) -> None:
    """Load models as small ones, and as large ones."""
    if request.param == "large":
        request.getfixturevalue("large")


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize("hivemind", [True, False])
def test_a_loaded_model_computes_what_the_saved_one_did(tmp_path: Path, family: str, kind: str, hivemind: bool) -> None:
    made = tiny.model(family)
    folder = tiny.save(made, tmp_path, hivemind=hivemind, kind=kind)
    network = built(made.config, folder)
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 0.08


def test_a_small_model_is_run_without_loss(tmp_path: Path) -> None:
    made = tiny.model("llama", tie_word_embeddings=True)
    network = built(made.config, tiny.save(made, tmp_path, hivemind=False))
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 2e-4


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_every_linear_and_embedding_is_8_bit_and_nothing_is_left_unloaded(tmp_path: Path, family: str) -> None:
    made = tiny.model(family)
    network = built(made.config, tiny.save(made, tmp_path))
    for module in network.modules():
        assert type(module) not in (torch.nn.Linear, torch.nn.Embedding)
        if isinstance(module, Int8Linear | Int8Embedding):
            assert module.weight is None or module.weight.dtype == torch.int8
    assert not any(tensor.is_meta for tensor in network.state_dict().values())
    assert not any(parameter.is_meta for parameter in network.parameters())


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_shards_with_an_index_are_one_model(tmp_path: Path, kind: str) -> None:
    made = tiny.model("gptj")
    folder = tiny.save(made, tmp_path, hivemind=False, kind=kind)
    state = made.state_dict()
    name = "model.safetensors" if kind == "safetensors" else "pytorch_model.bin"
    (folder / name).unlink()
    stem, suffix = name.split(".")
    where = {key: f"{stem}-{1 + number % 2:05}-of-00002.{suffix}" for number, key in enumerate(state)}
    for shard in set(where.values()):
        tensors = {key: state[key].clone() for key in state if where[key] == shard}
        save_file(tensors, folder / shard) if kind == "safetensors" else torch.save(tensors, folder / shard)
    (folder / f"{name}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    network = built(made.config, folder)
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 0.08


def save_int8(made: Any, folder: Path, shift: int = 0) -> Any:
    """The int8 layout as `convert` writes it, its tensors `shift` bytes from where the kernel can read them."""
    tiny.save(made, folder)
    (folder / "model.safetensors").unlink()
    slots = {name for name, m in made.named_modules() if isinstance(m, torch.nn.Linear | torch.nn.Embedding)}
    state = {}
    for key, tensor in made.state_dict().items():
        owner = key.removesuffix(".weight")
        if owner in slots:
            state[key], state[f"{owner}.scale"] = quantize(tensor)
        else:
            state[key] = tensor.bfloat16()
    state = dict(sorted(state.items(), key=lambda item: item[1].dtype != torch.int8))  # what fills whole lines first
    header, start = {}, 0
    for key, tensor in state.items():
        kind = {torch.int8: "I8", torch.bfloat16: "BF16"}[tensor.dtype]
        header[key] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [start, start + tensor.nbytes]}
        start += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * ((-8 - len(text) + shift) % 64)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in state.values():
            file.write(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return folder


def resident(path: Any) -> Any:
    """Bytes of a mapped file's pages that are in this process's memory, read from it or written over it."""
    total, mapped = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            mapped = line.endswith(str(path))
        elif mapped and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's books are read")


@pytest.fixture(scope="module")
def wide() -> Any:
    """Weights large enough that a page, and the pages that the kernel maps around it, count little."""
    return tiny.model("gptj", width=512)


@linux
@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_float_checkpoint_leaves_no_pages_behind(
    tmp_path: Path, wide: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_layers, "SLICE", 1 << 18)
    folder = tiny.save(wide, tmp_path, hivemind=False, kind=kind)
    (file,) = [*folder.glob("model.safetensors"), *folder.glob("*.bin")]
    most, release = [0], Checkpoint.release

    def released(self: Checkpoint, *tensors: torch.Tensor) -> None:
        most.append(resident(file))
        release(self, *tensors)

    monkeypatch.setattr(Checkpoint, "release", released)
    network = built(wide.config, folder)
    size = file.stat().st_size
    assert 0 < max(most) < 0.3 * size
    assert resident(file) < 0.1 * size
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, wide(input_ids=IDS).logits) < 0.08


@linux
@pytest.mark.usefixtures("large")
def test_a_hivemind_checkpoint_is_converted_in_its_own_pages(tmp_path: Path, wide: Any) -> None:
    folder = tiny.save(wide, tmp_path, kind="bin")
    network = built(wide.config, folder)
    file = folder / "pytorch_model.bin"
    assert 0.8 * file.stat().st_size < resident(file) < 1.05 * file.stat().st_size
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, wide(input_ids=IDS).logits) < 0.08


@linux
@pytest.mark.usefixtures("large")
def test_the_int8_layout_is_not_read_until_it_is_used(tmp_path: Path, wide: Any) -> None:
    folder = save_int8(wide, tmp_path)
    file = folder / "model.safetensors"
    network = built(wide.config, folder)
    assert resident(file) < 0.2 * file.stat().st_size
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, wide(input_ids=IDS).logits) < 0.08
    assert resident(file) > 0.8 * file.stat().st_size


@linux
@pytest.mark.usefixtures("large")
def test_the_int8_layout_is_moved_where_the_kernel_could_not_read_it(tmp_path: Path, wide: Any) -> None:
    network = built(wide.config, save_int8(wide, tmp_path, shift=8))
    for module in network.modules():
        if isinstance(module, Int8Linear):
            assert module.weight is not None
            assert module.weight.data_ptr() % ALIGNMENT == 0
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, wide(input_ids=IDS).logits) < 0.08


@pytest.mark.usefixtures("large")
def test_a_tied_head_shares_the_embeddings_memory(tmp_path: Path) -> None:
    made = tiny.model("llama", tie_word_embeddings=True)
    folder = tiny.save(made, tmp_path, drop="lm_head.weight", kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save({k: v for k, v in state.items() if not k.startswith("lm_head")}, folder / "pytorch_model.bin")
    network = built(made.config, folder)
    assert network.lm_head.weight.data_ptr() == network.model.embed_tokens.weight.data_ptr()
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 0.08


@pytest.mark.parametrize("key", ["transformer.h.0.mlp.fc_in.absmax", "transformer.h.1.ln_1.weight", "lm_head.bias"])
def test_a_missing_tensor_stops_the_load_and_is_named(tmp_path: Path, key: str) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path / "broken", drop=key)
    with pytest.raises(CheckpointError) as error:
        loading.load(folder, progress=False)
    assert key in str(error.value)


def test_a_tensor_without_a_place_stops_the_load(tmp_path: Path) -> None:
    made = tiny.model("gptj")
    folder = tiny.save(made, tmp_path, kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(state | {"transformer.h.9.ln_1.weight": torch.ones(32)}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"transformer\.h\.9\.ln_1\.weight"):
        built(made.config, folder)


def test_the_published_mask_buffers_are_passed_over(tmp_path: Path) -> None:
    made = tiny.model("gptj")
    folder = tiny.save(made, tmp_path, kind="bin")
    state = torch.load(folder / "pytorch_model.bin", weights_only=True)
    state["transformer.h.0.attn.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
    state["transformer.h.0.attn.masked_bias"] = torch.tensor(-1e9)
    torch.save(state, folder / "pytorch_model.bin")
    built(made.config, folder)


def test_weights_of_another_size_than_the_configuration_are_refused(tmp_path: Path) -> None:
    made = tiny.model("gptj")
    folder = tiny.save(made, tmp_path)
    with pytest.raises(CheckpointError, match="configuration"):
        built(tiny.config("gptj", width=64), folder)


def test_a_local_gptj_in_the_hivemind_layout_answers_under_its_folders_name(tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path / "my-gptj")
    engine = loading.load(folder, progress=False)
    completion = engine.complete("Input: India\nOutput:", Sampling(max_new_tokens=4))
    assert (completion.model, completion.attention, engine.context) == ("my-gptj", "prefix", tiny.CONTEXT)
    assert engine.supports_prefix
    assert any("hivemind" in note for note in engine.notes)


def test_the_default_mode_is_the_calls_then_the_environments_then_the_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path)
    assert loading.load(folder, progress=False).attention == "prefix"
    monkeypatch.setenv("GPTJT_ATTENTION", "causal")
    assert loading.load(folder, progress=False).attention == "causal"
    assert loading.load(folder, attention="prefix", progress=False).attention == "prefix"
    monkeypatch.setenv("GPTJT_ATTENTION", "sideways")
    with pytest.raises(SettingError, match="sideways"):
        loading.load(folder, progress=False)


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_cuda_without_a_device_is_refused_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(loading, "fetch", lambda *a, **k: pytest.fail("the hub was asked"))
    with pytest.raises(ModelError) as error:
        loading.load("gpt-jt-6b-8bit", device="cuda")
    assert "7.38 GiB" in str(error.value)
    assert "mini" in str(error.value)


def test_a_gpu_that_is_not_there_is_refused_for_a_model_of_unknown_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match=r"someone/model: 8-bit on CUDA needs GPU memory and 0\.00 GiB"):
        loading.load("someone/model", device="cuda")


def test_a_folder_without_a_tokenizer_is_refused_and_one_can_be_named(tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path / "bare")
    words = tiny.save(tiny.model("gptj"), tmp_path / "words")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"bare: it has no tokenizer: tokenizer\.json is missing; .*GPTJT_TOKENIZER"):
        loading.load(folder, progress=False)
    assert loading.load(folder, tokenizer=words, progress=False).count_tokens("abc") == 3


@pytest.mark.parametrize(
    ("hivemind", "way", "words"),
    [
        (True, "auto", "hivemind 8-bit"),
        (True, "torch", "hivemind 8-bit"),
        (False, "auto", "kept in floats"),
        (False, "torch", "made 8-bit at load"),
    ],
)
def test_the_load_report_says_device_way_layout_size_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hivemind: bool, words: str, way: str
) -> None:
    monkeypatch.setenv("GPTJT_WAY", way)
    engine = loading.load(tiny.save(tiny.model("gptj"), tmp_path, hivemind=hivemind), device="cpu", progress=False)
    device, weights, mask = engine.notes
    if way == "torch":
        assert device == f"cpu: {kernels.kernels().report(small=True)}"
    else:
        assert device.startswith(f"cpu: the whole step compiled for this processor ({processor.way().name}")
    assert re.fullmatch(rf"{words}, \d+\.\d\d GiB of weights, loaded in \d+\.\d s", weights)
    assert "self-test" in mask


@pytest.mark.usefixtures("large")
def test_a_large_model_is_compiled_while_it_answers_from_int8_made_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[Callable[[], None]] = []
    monkeypatch.setattr(loading, "_compiles", lambda fields, plan: True)
    monkeypatch.setattr(ready, "is_ready", lambda: False)
    monkeypatch.setattr(ready, "compile_elsewhere", later.append)
    folder = tiny.save(tiny.model("llama", width=128), tmp_path, hivemind=True, kind="bin")
    engine = loading.load(folder, device="cpu", progress=False)

    def first(engine: Engine) -> float:
        return engine.complete("Hello", Sampling(max_new_tokens=1)).tokens[0].logprob

    before, modules = first(engine), engine.steps
    later[0]()
    assert engine.steps is not modules
    after = first(engine)
    # Where codes are read by arithmetic they are made int8 here too, and rounded another way.
    assert after == pytest.approx(before, abs=0.1 if processor.way().lookups else 0.5)
    monkeypatch.setattr(ready, "is_ready", lambda: True)
    untouched = loading.load(folder, device="cpu", progress=False)
    assert first(untouched) == after
    engine.exchange(modules)
    assert first(engine) == before  # calls that have begun end as they began


def test_a_folder_without_a_configuration_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json"):
        loading.load(folder, progress=False)


def test_mini_ships_with_the_package_and_loads_without_a_hub(mini: Engine) -> None:
    assert mini.name == "mini"
    assert mini.context == 2048
    assert mini.supports_prefix


def test_the_cpu_path_never_imports_bitsandbytes(tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("llama"), tmp_path)
    program = (
        "import sys; from gptjt_demo import load, Sampling;"
        f"load({str(folder)!r}, progress=False).complete('x:', Sampling(max_new_tokens=2));"
        "sys.exit('bitsandbytes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_model_the_user_loaded_with_transformers_can_be_wrapped(tmp_path: Path) -> None:
    from gptjt_demo import Engine

    folder = tiny.save(tiny.model("llama"), tmp_path / "plain", hivemind=False)
    made = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    engine = Engine(made, tiny.tokenizer())
    assert engine.complete("x:", Sampling(max_new_tokens=3)).attention == "prefix"
