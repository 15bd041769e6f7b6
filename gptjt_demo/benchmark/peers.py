"""Other libraries that run the same weights, as workers: transformers in bfloat16 and in 8 bits, CTranslate2 in int8.

In: a folder made by `builder` and the token ids of the prompts. Out: seconds of a prefill and of a decoded token. All
run causally, which is what they can do; the arithmetic is that of a prefix. A prefill gives logits of the last position
alone, and choice is greedy.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


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
    """transformers: bfloat16 with sdpa attention, or bitsandbytes' `load_in_8bit`."""

    def __init__(
        self, *, threads: int, folder: str, ids: Mapping[str, Sequence[int]], decoded: int, eight_bit: bool
    ) -> None:
        super().__init__(ids, decoded)
        import torch
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        more: dict[str, Any] = {}
        if eight_bit:
            import bitsandbytes  # noqa: F401  # says by its name that it is not installed

            more = {"quantization_config": BitsAndBytesConfig(load_in_8bit=True), "device_map": {"": "cpu"}}
        started = time.perf_counter()
        self._model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, attn_implementation="sdpa", local_files_only=True, **more
        ).eval()
        self.facts = {"load_seconds": time.perf_counter() - started}
        self._tensors = {count: torch.tensor([prompt]) for count, prompt in self._ids.items()}  # (1, tokens)

    def _prefill(self, count: int) -> float:
        started = time.perf_counter()
        self._model(self._tensors[count], use_cache=True, logits_to_keep=1).logits.argmax(-1)
        return time.perf_counter() - started

    def decode(self) -> float:
        out = self._model(self._tensors[32], use_cache=True, logits_to_keep=1)
        started = time.perf_counter()
        for _ in range(self._decoded):
            out = self._model(out.logits.argmax(-1), past_key_values=out.past_key_values, use_cache=True)
        return (time.perf_counter() - started) / self._decoded


class CTranslate2(Peer):
    """CTranslate2 in int8; which multiplication it uses is set by `CT2_USE_MKL` in its environment."""

    def __init__(self, *, threads: int, folder: str, ids: Mapping[str, Sequence[int]], decoded: int) -> None:
        super().__init__(ids, decoded)
        import ctranslate2

        started = time.perf_counter()
        self._generator = ctranslate2.Generator(
            folder, device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
        )
        self.facts = {"load_seconds": time.perf_counter() - started, "compute_type": self._generator.compute_type}
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
