from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GPTJConfig

from gptjt_demo import load
from gptjt_demo.benchmark import random_model
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.layout import Blockwise
from gptjt_demo.settings import Sampling

LAYERS = 3
WIDTH = 128
WORDS = 300  # fewer than GPT-J's: the byte tokens and some named ones


def config() -> Any:
    ends: Any = {"eos_token_id": WORDS - 1, "bos_token_id": WORDS - 1}
    return GPTJConfig(
        vocab_size=WORDS,
        n_positions=256,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=4,
        rotary_dim=8,
        dtype="bfloat16",
        **ends,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "random"
    random_model.write(config(), path)
    return path


def values(folder: Path, name: str) -> Any:
    weight = Checkpoint(folder).weight(name)
    assert isinstance(weight, Blockwise)
    return weight.rows(0, weight.weight.shape[0])


def test_a_random_checkpoint_loads_and_answers(folder: Path) -> None:
    engine = load(folder, device="cpu", progress=False)
    assert engine.supports_prefix
    assert engine.count_tokens("x" * 32) == 32  # so that prompts can be of an exact length
    answer = engine.complete("x" * 32, Sampling(max_new_tokens=5))
    assert answer.completion_tokens == 5
    assert all(token.logprob > float("-inf") for token in answer.tokens)


def test_weights_are_normal_of_the_spread_they_should_have(folder: Path) -> None:
    wide, narrow = values(folder, "transformer.h.0.mlp.fc_in"), values(folder, "transformer.h.1.mlp.fc_out")
    assert wide.std().item() == pytest.approx(random_model.SPREAD, rel=0.05)
    assert narrow.std().item() == pytest.approx(random_model.SPREAD / (2 * LAYERS) ** 0.5, rel=0.05)
    assert wide.mean().abs().item() < 0.02 * random_model.SPREAD
    within = (wide.abs() < wide.std()).float().mean().item()
    assert within == pytest.approx(0.683, abs=0.02)  # of a normal one within its standard deviation


def test_no_two_layers_are_equal_and_a_seed_gives_the_same_ones_again(folder: Path, tmp_path: Path) -> None:
    stored = Checkpoint(folder)
    layers = [stored.tensor(f"transformer.h.{k}.mlp.fc_in.weight") for k in range(LAYERS)]
    assert not any(torch.equal(layers[a], layers[b]) for a in range(LAYERS) for b in range(a))
    random_model.write(config(), tmp_path / "again")
    again = Checkpoint(tmp_path / "again")
    assert all(torch.equal(stored.tensor(name), again.tensor(name)) for name in stored.names)


def test_the_file_is_an_ordinary_one_to_a_reader_that_does_not_map_it(folder: Path) -> None:
    plain = torch.load(folder / "pytorch_model.bin", weights_only=True)
    assert torch.equal(plain["lm_head.weight"], Checkpoint(folder).tensor("lm_head.weight"))


def test_the_bfloat16_copy_has_the_same_weights(folder: Path, tmp_path: Path) -> None:
    random_model.write_bfloat16(folder, tmp_path / "half")
    loaded: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "half", output_loading_info=True)
    model, told = loaded
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert model.dtype == torch.bfloat16
    for name in ("transformer.wte", "transformer.h.2.attn.q_proj", "lm_head"):
        assert torch.equal(model.get_submodule(name).weight, values(folder, name).bfloat16())


def test_hidden_states_stay_of_one_size_through_all_layers(folder: Path, tmp_path: Path) -> None:
    random_model.write_bfloat16(folder, tmp_path / "half")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "half").eval()
    with torch.no_grad():
        out = model(torch.arange(64)[None], output_hidden_states=True)
    sizes = [state.float().pow(2).mean().sqrt().item() for state in out.hidden_states[1:-1]]
    assert max(sizes) < 3 * min(sizes)
    assert out.logits.isfinite().all()


def test_an_unfinished_checkpoint_is_not_taken_for_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random_model, "_fill", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        random_model.write(config(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_code_is_that_of_bitsandbytes() -> None:
    from bitsandbytes import functional

    made: torch.Tensor = functional.create_dynamic_map()  # type: ignore[no-untyped-call]
    assert torch.allclose(random_model.code(), made.float(), atol=1e-7)
