"""8 bits on the CPU against the same weights in float32, on text that people write."""

from __future__ import annotations

import csv
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from gptjt_demo.engine.engine import Engine
from gptjt_demo.evaluation import samples
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.layout import Blockwise
from gptjt_demo.models.registry import MODELS
from gptjt_demo.templates.template import Template

POSITIONS = 400


def rows(name: str) -> list[str]:
    with samples.path(name).open(encoding="utf-8", newline="") as file:
        return [row["input"] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def exact() -> Engine:
    """mini's weights, dequantized, in float32 linears of torch."""
    folder = Path(MODELS["mini"].source)
    checkpoint = Checkpoint(folder)
    state = {}
    for name in checkpoint.names:
        if name.endswith(".weight"):
            weight: Any = checkpoint.weight(name.removesuffix(".weight"))
            state[name] = weight.rows(0, len(weight.weight)) if isinstance(weight, Blockwise) else weight.float()
    network = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32)
    assert network.load_state_dict(state, strict=False).missing_keys == ["lm_head.weight"]
    network.tie_weights()
    return Engine(network, AutoTokenizer.from_pretrained(folder), name="exact", context=2048)


def logits(engine: Engine, ids: list[int], decoded: int) -> torch.Tensor:
    """After each of `ids`, causally; the last `decoded` of them one at a time, as answers are."""
    lm, read = engine.steps, len(ids) - decoded
    state = lm.prefill(torch.tensor([ids[:1]]), torch.ones(1, 1, dtype=torch.bool), "causal")
    following = [state.logits]
    state, several = lm.check(state, ids[1:read])
    following.append(several)
    for id in ids[read:]:
        state = lm.extend(state, torch.tensor([[id]]))
        following.append(state.logits)
    return torch.cat(following)


@pytest.mark.parametrize("name", ["emotion", "hate", "entities"])
def test_next_tokens_and_perplexity_are_those_of_float32(mini: Engine, exact: Engine, name: str) -> None:
    ids = mini.encode("\n".join(rows(name)))[:POSITIONS]
    assert len(ids) == POSITIONS
    found, expected = logits(mini, ids, decoded=40), logits(exact, ids, decoded=40)
    agreement = (found.argmax(-1) == expected.argmax(-1)).float().mean()
    assert agreement >= 0.98
    ahead = torch.tensor(ids[1:])
    ratio = (functional.cross_entropy(found[:-1], ahead) - functional.cross_entropy(expected[:-1], ahead)).exp()
    assert abs(ratio - 1) < 0.01


@pytest.mark.parametrize("name", ["emotion", "hate"])
def test_label_rankings_are_those_of_float32(mini: Engine, exact: Engine, name: str) -> None:
    template = Template.load(name)
    prompts = [template.render(row) for row in rows(name)[:15]]
    alike = total = 0
    found, expected = (tiny.answered(engine.score_many(prompts, template.labels)) for engine in (mini, exact))
    for index in range(len(prompts)):
        ranks = [[score.label for score in sorted(of[index], key=lambda s: -s.logprob)] for of in (found, expected)]
        alike += sum(a == b for a, b in zip(*ranks, strict=True))
        total += len(ranks[0])
    assert alike >= 0.98 * total


def test_the_bounds_hold_with_the_products_of_avx2_too() -> None:
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("AVX2 is an instruction set of x86 processors, which this one is not")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "not avx2"]
    subprocess.run(command, check=True, env={**os.environ, "GPTJT_WAY": "avx2"})
