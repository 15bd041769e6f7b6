"""What is measured of this package: an engine, loaded in a worker and asked as its users ask it.

In: a model's name. Out: seconds of each thing; the sizes that shares of the memory's speed come from. Drafting is
off where a token's time is measured: how much it saves depends on the text, which is measured by itself.
"""

from __future__ import annotations

import csv
import time
from functools import partialmethod
from pathlib import Path
from typing import Any

import torch

from gptjt_demo.benchmark import neighbour, processor
from gptjt_demo.benchmark.worker import peak_bytes
from gptjt_demo.engine.engine import Engine
from gptjt_demo.evaluation import samples
from gptjt_demo.models.compiled import ready
from gptjt_demo.models.hub import fetch
from gptjt_demo.models.loading import load
from gptjt_demo.models.registry import resolve
from gptjt_demo.settings import Attention, Sampling
from gptjt_demo.templates.template import Template

PREFILLS = (32, 160, 512)  # tokens
ROWS = 32  # of the batch of contact cleaning; of a large model it is the 8 below
LARGE = 1 << 30  # bytes of weights
ROOM = 48  # tokens that a row of it may have
DRAFTED_ROWS = 24  # of each sample that passes are counted on
RANDOM_ROWS = 8  # of a batch for random weights, where no answer ends by itself
RANDOM_ROOM = 8

_TEXT = "The quick brown fox jumps over the lazy dog. " * 80
_LABELS = ("sadness", "joy", "love", "anger", "fear", "surprise")
_LETTERS = ("a", "b", "c", "d", "e", "f")  # 3 tokens each with joiner and end, where every byte is a token


class Ours:
    """An engine and what is measured of it; a method gives seconds, if it does not say otherwise.

    Args:
        threads: of torch.
        model: a name, folder or hub id.
        device: cpu or cuda.
        decoded: tokens that a token's time is the mean of.
        random: its weights are random and its tokens bytes.
    """

    def __init__(self, *, threads: int, model: str, device: str = "cpu", decoded: int, random: bool = False) -> None:
        torch.set_num_threads(threads)
        if ready.wanted() and not ready.is_ready():  # not while something is timed
            ready.compile_here()
        started = time.perf_counter()
        engine = load(model, device=device, progress=False)  # type: ignore[arg-type]  # checked by the command
        loaded, peak = time.perf_counter() - started, peak_bytes()
        self._prepare(engine, decoded, random)
        self.prefill32()
        first = time.time()
        folder = _folder(model)
        weights, token = sizes(folder)
        self._rows = ROWS if weights < LARGE else RANDOM_ROWS
        self.facts: dict[str, Any] = {
            "model": engine.name,
            "folder": str(folder),
            "load_seconds": loaded,
            "peak_bytes": peak,
            "first_token_at": first,
            "weight_bytes": weights,
            "rows": self._rows,
            "token_bytes": token,
            "ids": {str(count): engine.encode(prompt) for count, prompt in self._prompts.items()},
            "features": processor.features(),
            "bfloat16": processor.bfloat16(),
            "machine": f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, "
            f"torch {torch.__version__}",
            "notes": list(engine.notes),
        }

    def _prepare(self, engine: Engine, decoded: int, random: bool) -> None:
        self._engine, self._labels = engine, _LETTERS if random else _LABELS
        pieces = engine.tokens(_TEXT)
        self._prompts = {count: "".join(pieces[:count]) for count in PREFILLS}
        self._answer = Sampling(max_new_tokens=decoded)
        self._batch = ["".join(pieces[k : k + 40 + 3 * k]) for k in range(RANDOM_ROWS)]

    def _prefill(self, count: int) -> float:
        return self._engine.complete(self._prompts[count], Sampling(max_new_tokens=1)).seconds_to_first_token

    prefill32 = partialmethod(_prefill, 32)
    prefill160 = partialmethod(_prefill, 160)
    prefill512 = partialmethod(_prefill, 512)

    def decode(self) -> float:
        """A token after the first."""
        answer = self._engine.complete(self._prompts[32], self._answer, drafting=False)
        return 1 / answer.tokens_per_second if answer.tokens_per_second else answer.seconds

    def decode_busy(self) -> float:
        """... while another process keeps one core busy."""
        with neighbour.busy():
            return self.decode()

    def score6(self) -> float:
        """Six labels weighed after a prompt of 160 tokens."""
        started = time.perf_counter()
        self._engine.score(self._prompts[160], self._labels)
        return time.perf_counter() - started

    def rows(self) -> float:
        """A row of a batch of unlike length."""
        started = time.perf_counter()
        for _ in self._engine.complete_many(self._batch, Sampling(max_new_tokens=RANDOM_ROOM)):
            pass
        return (time.perf_counter() - started) / len(self._batch)

    def _loop(self, mode: Attention) -> float:
        prompts, sampling = _sample("cleaning", self._rows)
        started = time.perf_counter()
        for prompt in prompts:
            self._engine.complete(prompt, sampling, attention=mode)
        return (time.perf_counter() - started) / len(prompts)

    def _many(self, mode: Attention) -> float:
        prompts, sampling = _sample("cleaning", self._rows)
        started = time.perf_counter()
        for _ in self._engine.complete_many(prompts, sampling, attention=mode):
            pass
        return (time.perf_counter() - started) / len(prompts)

    loop_prefix, loop_causal = partialmethod(_loop, "prefix"), partialmethod(_loop, "causal")
    many_prefix, many_causal = partialmethod(_many, "prefix"), partialmethod(_many, "causal")

    def _drafting(self, task: str) -> dict[str, float]:
        """Forward passes and seconds as the engine drafts by itself, over those without drafting."""
        prompts, sampling = _sample(task, DRAFTED_ROWS)
        passes: dict[bool | None, int] = {None: 0, False: 0}
        seconds: dict[bool | None, float] = {None: 0.0, False: 0.0}
        for prompt in prompts:
            for drafting in (None, False):
                answer = self._engine.complete(prompt, sampling, drafting=drafting)
                passes[drafting] += answer.forward_passes
                seconds[drafting] += answer.seconds
        return {"passes": passes[None] / passes[False], "seconds": seconds[None] / seconds[False]}

    drafting_entities, drafting_cleaning = partialmethod(_drafting, "entities"), partialmethod(_drafting, "cleaning")

    def text(self) -> str:
        """The greedy causal continuation of 32 tokens; a peer on the same weights should give it too."""
        answer = self._engine.complete(self._prompts[32], self._answer, attention="causal", drafting=False)
        return answer.joiner + answer.text

    def page(self) -> float:
        """From opening the page to a Run that can be pressed."""
        from gptjt_demo.benchmark.page import page_seconds

        return page_seconds(self._engine)

    def page_beside(self) -> float:
        """A visitor's short run beside another's batch, times what it takes alone."""
        from gptjt_demo.benchmark.page import beside_a_batch

        alone, beside = beside_a_batch(self._engine)
        return beside / alone

    def page_day(self) -> float:
        """Bytes that 300 runs and three batches leave in the page's process."""
        from gptjt_demo.benchmark.page import memory_of_a_day

        return memory_of_a_day(self._engine)


def sizes(folder: Path) -> tuple[int, int]:
    """Bytes of a model's 8-bit weights, and of those that a token reads: all, but of an embedding only a row.

    A tied embedding is the head, and is read.
    """
    from accelerate import init_empty_weights
    from torch import nn
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with init_empty_weights():
        network = AutoModelForCausalLM.from_config(config)
    linears = sum(module.weight.numel() for module in network.modules() if isinstance(module, nn.Linear))
    embedding = 0 if config.tie_word_embeddings else network.get_input_embeddings().weight.numel()
    return linears + embedding, linears


def _folder(model: str) -> Path:
    source = resolve(model).source
    return source if isinstance(source, Path) else fetch(source, weights=False, progress=False)


def _sample(name: str, rows: int) -> tuple[list[str], Sampling]:
    template = Template.load(name)
    with samples.path(name).open(encoding="utf-8", newline="") as file:
        prompts = [template.render(row["input"]) for row in csv.DictReader(file)][:rows]
    return prompts, template.generation.model_copy(update={"max_new_tokens": ROOM})
