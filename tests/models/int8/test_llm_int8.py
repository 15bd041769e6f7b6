"""LLM.int8(): its wiring on the CPU, where bitsandbytes' layers run too, and all of it wherever there is a GPU."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, GPTJConfig

from gptjt_demo import Engine, Sampling
from gptjt_demo.errors import DoesNotFit
from gptjt_demo.models import loading, memory
from gptjt_demo.models.blueprint import skeleton
from gptjt_demo.models.building import build
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.int8 import llm_int8
from gptjt_demo.models.int8.linear import quantize
from gptjt_demo.models.int8.llm_int8 import CudaLayers
from gptjt_demo.models.layout import RowWise
from gptjt_demo.models.plan import Plan
from gptjt_demo.models.registry import GIB, MODELS

CPU = torch.device("cpu")
IDS = torch.tensor([[72, 101, 108, 108, 111, 10]])
PROMPT = "Input: India\nOutput:"
LAYOUTS = ("hivemind", "int8", "float")


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual.float().cpu() - expected.float()).norm() / expected.float().norm())


def save(made: Any, folder: Path, layout: str) -> Any:
    """A checkpoint folder of a tiny model in any of the layouts."""
    tiny.save(made, folder, hivemind=layout == "hivemind")
    if layout == "int8":
        linears = {n for n, m in made.named_modules() if isinstance(m, torch.nn.Linear | torch.nn.Embedding)}
        state = {}
        for name, tensor in made.state_dict().items():
            owner = name.removesuffix(".weight")
            if owner in linears:
                state[name], state[f"{owner}.scale"] = quantize(tensor)
            elif name.removesuffix(".bias") in linears or tensor.dim() == 1:
                state[name] = tensor.clone()
        save_file(state, folder / "model.safetensors")
    return folder


def filled(made: Any, folder: Path, devices: Any = None) -> Any:
    return build(made.config, Checkpoint(folder), Plan(devices or {"": CPU}, torch.float16, 1, CudaLayers()))


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_network_of_llm_int8_layers_computes_what_the_saved_one_did(tmp_path: Path, family: str, layout: str) -> None:
    made = tiny.model(family)
    network = filled(made, save(made, tmp_path, layout))
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 0.06
    assert not any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers()))
    kinds = {type(m).__name__ for m in network.modules() if isinstance(m, torch.nn.Linear)}
    assert kinds == {"Linear8bitLt"}
    assert network.get_input_embeddings().weight.dtype == torch.float16


def test_a_weight_of_the_int8_layout_is_taken_over_without_being_quantized_again() -> None:
    torch.manual_seed(0)
    packed, scale = quantize(torch.randn(48, 64) * 0.02)
    layer = torch.nn.Linear(64, 48, bias=False)
    made: Any = CudaLayers().layer(layer, RowWise(packed, scale), None, CPU, lambda *_: None)
    x = torch.randn(3, 64).half()
    expected = x.float() @ (packed.float() * scale.float()[:, None]).T
    assert relative_error(made(x), expected) < 0.01  # activations are int8
    assert torch.equal(made.state.CB, packed)
    assert torch.equal(made.state.SCB, scale.float() * 127)
    again = copy.deepcopy(made).to("cpu")
    assert torch.equal(again(x), made(x))


def test_a_bias_and_columns_of_large_activations_go_through() -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 32)
    made = CudaLayers().layer(linear, linear.weight.detach(), linear.bias.detach(), CPU, lambda *_: None)
    x = torch.randn(5, 64)
    x[:, 7] *= 60
    assert relative_error(made(x.half()), linear(x).detach()) < 0.02


def test_a_tied_head_is_its_embedding_on_cuda_too(tmp_path: Path) -> None:
    made = tiny.model("llama", tie_word_embeddings=True)
    network = filled(made, tiny.save(made, tmp_path, hivemind=False, kind="bin"))
    assert network.lm_head.weight is network.model.embed_tokens.weight
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS).logits, made(input_ids=IDS).logits) < 0.06


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_an_engine_over_these_layers_keeps_the_mask_and_scores_as_the_fp32_model_does(
    tmp_path: Path, family: str
) -> None:
    made = tiny.model(family)
    engine, exact = (
        Engine(filled(made, save(made, tmp_path, "hivemind")), tiny.tokenizer()),
        Engine(made, tiny.tokenizer()),
    )
    assert engine.supports_prefix
    for mode in ("prefix", "causal"):
        found, wanted = (e.score(PROMPT, ["yes", "no"], attention=mode) for e in (engine, exact))
        for a, b in zip(found, wanted, strict=True):
            assert a.per_token == pytest.approx(b.per_token, abs=0.25)


def test_large_activations_do_not_look_like_a_mask_that_is_ignored(tmp_path: Path) -> None:
    made = tiny.model("gptj")
    with torch.no_grad():
        for block in made.transformer.h:
            block.ln_1.weight.mul_(6)  # some activations above the threshold, not those of one column
    network = filled(made, save(made, tmp_path, "float"))
    assert Engine(network, tiny.tokenizer()).supports_prefix


def test_modules_go_where_the_innermost_named_one_around_them_goes(tmp_path: Path) -> None:
    made = tiny.model("gptj")
    devices = {"transformer.wte": CPU, "transformer.rotary_emb": CPU, "transformer.ln_f": CPU, "lm_head": CPU}
    devices |= {"transformer.drop": CPU} | {f"transformer.h.{k}": torch.device("meta", 0) for k in range(2)}
    network = filled(made, save(made, tmp_path, "float"), devices)
    on_meta = {name for name, tensor in network.named_parameters() if tensor.is_meta}
    assert on_meta == {name for name, _ in network.named_parameters() if ".h." in name}


def test_a_network_that_was_connected_answers_as_before(tmp_path: Path) -> None:
    made = tiny.model("gptj")
    folder = save(made, tmp_path, "hivemind")
    devices = {f"transformer.{part}": CPU for part in ("wte", "rotary_emb", "drop", "h.0", "h.1", "ln_f")}
    whole = Engine(filled(made, folder), tiny.tokenizer())
    parts = Engine(llm_int8.connect(filled(made, folder), devices | {"lm_head": CPU}), tiny.tokenizer())
    assert parts.supports_prefix
    sampling = Sampling(max_new_tokens=8)
    assert parts.complete(PROMPT, sampling).text == whole.complete(PROMPT, sampling).text
    assert parts.score(PROMPT, ["yes", "no"]) == whole.score(PROMPT, ["yes", "no"])


@pytest.fixture(scope="module")
def six_billion() -> Any:
    """GPT-J-6B as configured, its parameters without memory."""
    return skeleton(GPTJConfig(tie_word_embeddings=False), torch.float16)


def test_one_gpu_is_used_where_the_model_fits_on_it(six_billion: Any) -> None:
    free = {0: 8 * GIB, 1: 9 * GIB}
    for first in free:
        assert llm_int8.split(six_billion, free, name="6B", first=first) == {"": torch.device("cuda", first)}


@pytest.mark.parametrize("free", [{0: 5, 1: 5}, {0: 4, 1: 6}, {0: 3, 1: 3, 2: 3}])
def test_several_gpus_share_a_model_in_whole_blocks_and_none_of_it_is_left_out(six_billion: Any, free: Any) -> None:
    where = llm_int8.split(six_billion, {gpu: gib * GIB for gpu, gib in free.items()}, name="6B")
    blocks = {name: device.index for name, device in where.items() if name.startswith("transformer.h.")}
    assert set(blocks) == {f"transformer.h.{k}" for k in range(28)}
    order = [blocks[f"transformer.h.{k}"] for k in range(28)]
    assert order == sorted(order)
    assert set(order) == set(free)
    held = dict.fromkeys(free, 0)
    for name, parameter in six_billion.named_parameters():
        owner = next(module for module in where if name.startswith(f"{module}."))
        held[where[owner].index] += parameter.numel()  # about a byte each
    for gpu, values in held.items():
        assert values < free[gpu] * GIB / memory.OVERHEAD


def test_gpus_that_are_too_small_together_are_refused_with_both_figures(six_billion: Any) -> None:
    with pytest.raises(
        DoesNotFit, match=r"6B: needs 7\.\d\d GiB of GPU memory and 6\.00 GiB are available; mini would fit"
    ):
        llm_int8.split(six_billion, {0: 3 * GIB, 1: 3 * GIB}, name="6B")


def test_gpus_that_no_block_fits_on_are_refused(six_billion: Any) -> None:
    with pytest.raises(DoesNotFit, match="whole blocks"):
        llm_int8.split(six_billion, dict.fromkeys(range(60), GIB // 6), name="6B")


@pytest.fixture
def gpu() -> torch.device:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.device("cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_on_a_gpu_a_model_answers_as_its_fp32_original(
    tmp_path: Path, gpu: torch.device, family: str, layout: str
) -> None:
    made = tiny.model(family)
    folder = save(made, tmp_path, layout)
    checkpoint = Checkpoint(folder)
    network = build(made.config, checkpoint, Plan.of(gpu, checkpoint))
    assert {tensor.device.type for tensor in (*network.parameters(), *network.buffers())} == {"cuda"}
    with torch.no_grad():
        assert relative_error(network(input_ids=IDS.to(gpu)).logits, made(input_ids=IDS).logits) < 0.06
    engine, exact = loading.load(folder, device="cuda", progress=False), Engine(made, tiny.tokenizer())
    assert engine.supports_prefix
    for a, b in zip(engine.score(PROMPT, ["yes", "no"]), exact.score(PROMPT, ["yes", "no"]), strict=True):
        assert a.per_token == pytest.approx(b.per_token, abs=0.25)
    many: Any = dict(engine.complete_many([PROMPT, "x:"], Sampling(max_new_tokens=4)))
    assert many[1].completion_tokens == engine.complete("x:", Sampling(max_new_tokens=4)).completion_tokens


@pytest.mark.gpu
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_on_a_gpu_large_activations_do_not_look_like_a_mask_that_is_ignored(
    tmp_path: Path, gpu: torch.device, family: str
) -> None:
    made = tiny.model(family)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith(("ln_1.weight", "input_layernorm.weight")):
                parameter.mul_(6)
    engine = loading.load(save(made, tmp_path, "float"), device="cuda", progress=False)
    assert engine.supports_prefix


@pytest.mark.gpu
def test_on_a_gpu_mini_answers_as_it_does_on_the_cpu(gpu: torch.device, mini: Engine) -> None:
    engine = loading.load("mini", device="cuda", progress=False)
    assert engine.supports_prefix
    prompt = (
        "Return the currency of the given country.\n\nInput: Switzerland\nOutput: Swiss Franc\n\nInput: India\nOutput:"
    )
    sampling = Sampling(max_new_tokens=6, stop=("\n",))
    assert engine.complete(prompt, sampling).text == mini.complete(prompt, sampling).text
    labels = ["Indian Rupee", "Swiss Franc", "Euro"]
    for a, b in zip(engine.score(prompt, labels), mini.score(prompt, labels), strict=True):
        assert a.share == pytest.approx(b.share, abs=0.1)


@pytest.mark.gpu
def test_on_a_gpu_too_small_a_model_is_refused_before_anything_is_read(
    gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llm_int8, "free_bytes", lambda: {0: 3 * GIB})
    monkeypatch.setattr(loading, "fetch", lambda *a, **k: pytest.fail("the hub was asked"))
    with pytest.raises(DoesNotFit, match=r"7\.38 GiB of GPU memory and 3\.00 GiB"):
        loading.load("gpt-jt-6b-8bit", device="cuda", progress=False)


@pytest.mark.gpu
def test_two_gpus_hold_a_model_between_them_and_answer_as_one(
    tmp_path: Path, gpu: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one CUDA device")
    folder = save(tiny.model("gptj"), tmp_path, "hivemind")
    whole = loading.load(folder, device="cuda", progress=False)
    # Less than the model needs with its margin on either, more than half of it on each.
    size = sum(p.nbytes for p in skeleton(AutoConfig.from_pretrained(folder), torch.float16).parameters())
    monkeypatch.setattr(llm_int8, "free_bytes", lambda: {0: int(size * 0.6), 1: int(size * 0.9)})
    parts = loading.load(folder, device="cuda", progress=False)
    assert parts.notes[0].startswith("2 GPUs: ")
    assert parts.supports_prefix
    sampling = Sampling(max_new_tokens=8)
    assert parts.complete(PROMPT, sampling).text == whole.complete(PROMPT, sampling).text
    assert dict(parts.complete_many([PROMPT, "x:"], sampling)).keys() == {0, 1}


def test_the_known_sizes_cover_what_cuda_needs(six_billion: Any) -> None:
    needed = MODELS["gpt-jt-6b-8bit"].gib
    assert needed is not None
    free = {0: int(needed * memory.OVERHEAD * GIB)}
    assert llm_int8.split(six_billion, free, name="6B") == {"": torch.device("cuda", 0)}
