"""A run of a tiny model, for tests and for the processes that they start: `training_run.py OUT STEPS new bf16 fp32`."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gptjt_demo.training.data.sample import Sample, text_sample


class Patterns:
    """A mixture whose samples can be learnt: one of eight words, over and over."""

    def __init__(self, told: Callable[[], None] | None = None) -> None:
        self.rng, self._told = random.Random(5), told

    def next(self) -> Sample:
        if self._told is not None:
            self._told()
        word = self.rng.choices([b"north ", b"east ", b"south ", b"west ", b"red ", b"green ", b"blue ", b"black "])[0]
        found = text_sample(list(word * 5)[: self.rng.randint(8, 24)], self.rng, 24)
        assert found is not None
        return found

    def state(self) -> dict[str, Any]:
        version, internal, gauss = self.rng.getstate()
        return {"rng": [version, list(internal), gauss]}

    def restore(self, state: dict[str, Any]) -> None:
        version, internal, gauss = state["rng"]
        self.rng.setstate((version, tuple(internal), gauss))


def settings(steps: int, **more: Any) -> Any:
    from gptjt_demo.training.settings import TrainSettings

    given = {
        "length": 48,
        "sequences": 2,
        "steps": steps,
        "learning_rate": 3e-3,
        "warmup": 2,
        "seed": 1,
        "pass_tokens": 48,
    }
    given |= more
    return TrainSettings(**given)


def run(
    out: Path,
    steps: int,
    *,
    family: str = "llama",
    resume: bool = False,
    more: Any = None,
    told: Any = None,
    shape: Any = None,
    **rest: Any,
) -> Any:
    """Train a tiny model; `more` is for its settings, `shape` for the model's; `told` is called before each sample."""
    import torch
    from tiny import model, tokenizer

    from gptjt_demo.training.run.train import train

    torch.set_num_threads(1)
    held_out = Patterns()
    held_out.rng.seed(99)
    return train(
        settings(steps, **(more or {})),
        model(family, tie_word_embeddings=family == "llama", **(shape or {})),
        tokenizer(),
        Patterns(told),
        {"words": [held_out.next() for _ in range(6)]},
        out,
        resume=resume,
        progress=False,
        **rest,
    )


if __name__ == "__main__":
    out, steps, how, *precisions = sys.argv[1:]
    for precision in precisions:
        more = {"checkpoint_minutes": 1e-9, "precision": precision}
        run(Path(f"{out}-{precision}"), int(steps), resume=how == "resume", more=more)
