"""Other libraries that run the same weights, as workers: transformers in bfloat16 or float32 and in 8 bits, CTranslate2
in int8.

In: a folder made by `builder` and the token ids of the prompts. Out: seconds of a prefill and of a decoded token; in
their facts, the `build` that was measured. Each runs in the type that is its fastest on this processor, and all
causally, which is what they can do; the arithmetic is that of a prefix. A prefill gives logits of the last position
alone, and choice is greedy.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gptjt_demo.benchmark import processor


class Peer(ABC):
    """What is asked of every peer.

    Args:
        ids: token ids of the prompts, by their number.
        decoded: tokens that a token's time is the mean of.
    """

    def __init__(self, ids: Mapping[str, Sequence[int]], decoded: int) -> None:
        self.facts: dict[str, Any] = {}
        self._ids = {int(count): list(prompt) for count, prompt in ids.items()}
        self._decoded = decoded

    @abstractmethod
    def _prefill(self, count: int) -> float:
        """Seconds to the first token of a prompt of `count` tokens."""

    @abstractmethod
    def decode(self) -> float:
        """Seconds of a token after the first."""

    def prefill32(self) -> float:
        return self._prefill(32)

    def prefill160(self) -> float:
        return self._prefill(160)

    def prefill512(self) -> float:
        return self._prefill(512)


class Transformers(Peer):
    """transformers with sdpa attention, or bitsandbytes' `load_in_8bit`; float32 where bfloat16 is imitated."""

    def __init__(
        self, *, threads: int, folder: str, ids: Mapping[str, Sequence[int]], decoded: int, eight_bit: bool
    ) -> None:
        super().__init__(ids, decoded)
        import torch
        import transformers
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        dtype = torch.bfloat16 if processor.bfloat16() else torch.float32
        versions = [f"transformers {transformers.__version__}", f"torch {torch.__version__}"]
        more: dict[str, Any] = {}
        if eight_bit:
            import bitsandbytes  # says by its name that it is not installed

            versions.insert(0, f"bitsandbytes {bitsandbytes.__version__}")
            more = {"quantization_config": BitsAndBytesConfig(load_in_8bit=True), "device_map": {"": "cpu"}}
        started = time.perf_counter()
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa", local_files_only=True, **more
        ).eval()
        name = str(dtype).removeprefix("torch.")
        self.facts = {
            "load_seconds": time.perf_counter() - started,
            "build": f"{', '.join(versions)} for {torch.backends.cpu.get_cpu_capability()}; "
            f"{'int8 weights, ' if eight_bit else ''}{name}",
        }
        self._tensors = {count: torch.tensor([prompt]) for count, prompt in self._ids.items()}  # (1, tokens)

    def _prefill(self, count: int) -> float:
        started = time.perf_counter()
        self.model(self._tensors[count], use_cache=True, logits_to_keep=1).logits.argmax(-1)
        return time.perf_counter() - started

    def decode(self) -> float:
        out = self.model(self._tensors[32], use_cache=True, logits_to_keep=1)
        started = time.perf_counter()
        for _ in range(self._decoded):
            out = self.model(out.logits.argmax(-1), cache=out.past_key_values, use_cache=True)
        return (time.perf_counter() - started) / self._decoded


class CTranslate2(Peer):
    """CTranslate2 in int8; which multiplication it uses is set by `CT2_USE_MKL` in its environment."""

    def __init__(self, *, threads: int, folder: str, ids: Mapping[str, Sequence[int]], decoded: int) -> None:
        super().__init__(ids, decoded)
        import ctranslate2

        ctranslate2.set_log_level(20)  # at INFO, it says while it loads what it runs on
        started = time.perf_counter()
        self._generator, said = _overheard(
            lambda: ctranslate2.Generator(
                folder, device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
            )
        )
        seconds = time.perf_counter() - started
        ctranslate2.set_log_level(30)
        chosen = [f"{title} {value}" for title, value in _chosen(said).items()]
        self.facts = {
            "load_seconds": seconds,
            "build": ", ".join([f"ctranslate2 {ctranslate2.__version__}", *chosen])
            + f"; {self._generator.compute_type}",
        }
        names = json.loads((Path(folder) / "vocabulary.json").read_text("utf-8"))
        self._tokens = {count: [names[id] for id in prompt] for count, prompt in self._ids.items()}

    def _prefill(self, count: int) -> float:
        started = time.perf_counter()
        self._generator.generate_batch([self._tokens[count]], max_length=1, include_prompt_in_result=False)
        return time.perf_counter() - started

    def decode(self) -> float:
        length = self._decoded + 1
        times = []
        for _ in self._generator.generate_tokens(self._tokens[32], max_length=length, min_length=length):
            times.append(time.perf_counter())
        return (times[-1] - times[0]) / (len(times) - 1)


def _overheard(work: Callable[[], Any]) -> tuple[Any, str]:
    """What some work gives, and what it wrote on standard error, which still goes there."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            result = work()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            said = file.read()
            os.write(2, said)
    return result, said.decode(errors="replace")


def _chosen(said: str) -> dict[str, str]:
    """What CTranslate2 chose, in its lines "- Selected ISA: AVX2" and "- GEMM_S8 backend: DNNL (packed: false)"."""
    found = {}
    for words, title in (("Selected ISA: ", "dispatched to"), ("GEMM_S8 backend: ", "int8 products by")):
        _, there, rest = said.partition(words)
        if there:
            found[title] = rest.split(" (")[0].split("\n")[0].strip()
    return found
