"""How fast the training loop is beside a naive one, on the same samples: `python -m gptjt_demo.training.throughput`.

In: a model's folder. Out: a table, then one JSON line. The naive loop is what one writes first: bfloat16 weights, sdpa
attention under a 4-D mask, batches padded to their longest sample, logits and loss over every position, AdamW on the
weights themselves. The two take turns in one process; times are of the processor (all threads), so that what else runs
on the machine counts little. Does not know the run's files.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from gptjt_demo.engine.masks import additive
from gptjt_demo.training import objective
from gptjt_demo.training.data.packing import Packed, pack
from gptjt_demo.training.data.sample import Sample
from gptjt_demo.training.run.freezing import freeze
from gptjt_demo.training.run.optimiser import Masters
from gptjt_demo.training.settings import TrainSettings

NAIVE_BATCH = 8  # samples in a padded batch
SHORTEST, LONGEST = 60, 260  # tokens of a sample; few-shot episodes and paragraphs are about that long


def drawn(count: int, vocabulary: int, rng: random.Random) -> list[Sample]:
    """Samples of random tokens: half are split as texts are, the others ask for a short answer."""
    samples = []
    for i in range(count):
        length = rng.randint(SHORTEST, LONGEST)
        prefix = rng.randint(1, length - 1) if i % 2 else length - rng.randint(2, 12)
        ids = tuple(rng.randrange(vocabulary) for _ in range(length))
        samples.append(Sample(ids, prefix, (False,) * prefix + (True,) * (length - prefix)))
    return samples


def naive(model: Any) -> Callable[[list[Sample]], None]:
    """A step of the naive loop; the model is in bfloat16."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5)

    def step(samples: list[Sample]) -> None:
        counted = sum(sum(sample.counted) for sample in samples)
        for first in range(0, len(samples), NAIVE_BATCH):
            batch = samples[first : first + NAIVE_BATCH]
            longest = max(map(len, batch))
            ids = torch.zeros(len(batch), longest, dtype=torch.long)
            wanted = torch.full_like(ids, -100)
            seen = torch.eye(longest, dtype=torch.bool).repeat(len(batch), 1, 1, 1)  # padding sees itself
            for row, sample in enumerate(batch):
                ids[row, : len(sample)] = torch.tensor(sample.ids)
                for i in range(sample.prefix, len(sample)):
                    wanted[row, i - 1] = sample.ids[i]
                seen[row, 0, : len(sample), : len(sample)] = objective.mask(Packed.of([sample]).documents)[0, 0]
            out = model(input_ids=ids, attention_mask=additive(seen, torch.bfloat16), use_cache=False)
            loss = functional.cross_entropy(out.logits.float().flatten(0, 1), wanted.flatten(), reduction="sum")
            (loss / counted).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return step


def ours(model: Any, settings: TrainSettings) -> Callable[[list[Sample]], None]:
    """A step of the training loop; the model is in float32."""
    from accelerate import Accelerator

    freeze(model, settings)
    way = objective.choose(model, torch.device("cpu"))
    optimiser = Masters(model, settings, Accelerator(cpu=True))

    def step(samples: list[Sample]) -> None:
        counted = sum(sum(sample.counted) for sample in samples)
        optimiser.begin(settings.learning_rate)
        for sequence in pack(samples, settings.length):
            optimiser.backward(way.loss(optimiser.model, Packed.of(sequence)) / counted)
        optimiser.step()

    return step


def measure(config: Any, settings: TrainSettings, samples: int, rounds: int) -> dict[str, Any]:
    """Tokens (no padding) a second of processor time, in the median round; the first round only warms up.

    Args:
        config: of the model, whose weights are random: speed does not depend on them.
        settings: of the training loop.
        samples: in a step.
        rounds: that count.
    """
    from transformers import AutoModelForCausalLM

    steps = {}
    for name, dtype in (("naive", torch.bfloat16), ("ours", torch.float32)):
        torch.manual_seed(0)
        own = copy.deepcopy(config)  # a model notes in it which attention it uses
        model = AutoModelForCausalLM.from_config(own, dtype=dtype, attn_implementation="sdpa").train()
        steps[name] = naive(model) if name == "naive" else ours(model, settings)
    rng = random.Random(0)
    speeds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        step_samples = drawn(samples, config.vocab_size, rng)
        tokens = sum(map(len, step_samples))
        for name, step in steps.items():
            began = time.process_time()
            step(step_samples)
            speeds[name].append(tokens * torch.get_num_threads() / (time.process_time() - began))
    medians = {name: round(statistics.median(found[1:]), 1) for name, found in speeds.items()}
    ratios = [ours / naive for naive, ours in zip(speeds["naive"][1:], speeds["ours"][1:], strict=True)]
    return {**medians, "ratio": round(statistics.median(ratios), 2), "ratios": [round(ratio, 2) for ratio in ratios]}


def main() -> None:
    """Measure, and print."""
    from transformers import AutoConfig

    parser = argparse.ArgumentParser(description="The training loop's speed beside a naive one's.")
    parser.add_argument("--model", type=Path, default=Path(__file__).parent.parent / "models" / "mini", help="Folder.")
    parser.add_argument("--samples", type=int, default=16, help="In a step.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--layers", type=int, help="Of the model; by default all.")
    parser.add_argument("--train-embeddings", action="store_true", help="Train them; frozen by default.")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    config = AutoConfig.from_pretrained(asked.model)
    if asked.layers is not None:
        config.num_hidden_layers = asked.layers
    settings = TrainSettings(steps=1, length=2048, freeze_embeddings=not asked.train_embeddings)
    found = measure(config, settings, asked.samples, asked.rounds)
    print(f"naive  {found['naive']:8.1f} tokens/s\nours   {found['ours']:8.1f} tokens/s\nratio  {found['ratio']:8.2f}")
    print(json.dumps({"threads": asked.threads, "samples": asked.samples, **found}))


if __name__ == "__main__":
    main()
