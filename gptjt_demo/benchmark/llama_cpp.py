"""llama.cpp as a worker, through the server within xllamacpp. In: a GGUF file and token ids. Out: its own timings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gptjt_demo.benchmark.peers import Peer

CONTEXT = 2048


class LlamaCpp(Peer):
    """A GGUF file on the CPU, greedy, its prompt cache off."""

    def __init__(self, *, threads: int, file: str, ids: Mapping[str, Sequence[int]], decoded: int) -> None:
        super().__init__(ids, decoded)
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = file
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = CONTEXT, CONTEXT, 512
        parameters.n_parallel, parameters.n_gpu_layers = 1, 0
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
        parameters.cache_ram_mib, parameters.verbosity = 0, -1
        started = time.perf_counter()
        self._server = xllamacpp.Server(parameters)
        built_for = " ".join(
            part.partition("=")[0].strip()
            for part in xllamacpp.get_system_info().replace(":", "|").split("|")
            if part.partition("=")[2].strip() == "1"
        )
        self.facts = {
            "load_seconds": time.perf_counter() - started,
            "build": f"xllamacpp {xllamacpp.__version__}, built for {built_for}; Q8_0",
        }

    def _prefill(self, count: int) -> float:
        return float(self._timings(count, 1)["prompt_ms"]) / 1000

    def decode(self) -> float:
        """A token by llama.cpp's own clock, which starts when the first is there."""
        return float(self._timings(32, self._decoded + 1)["predicted_ms"]) / 1000 / self._decoded

    def text(self) -> str:
        """The greedy continuation of 32 tokens, by which a file shows that it is the same model."""
        return str(self._complete(32, self._decoded)["choices"][0]["text"])

    def _timings(self, count: int, new: int) -> dict[str, Any]:
        answer = self._complete(count, new)
        timings: dict[str, Any] = answer["timings"]
        if timings["prompt_n"] != count or timings["predicted_n"] != new:
            raise RuntimeError(f"it read {timings['prompt_n']} tokens and made {timings['predicted_n']}")
        return timings

    def _complete(self, count: int, new: int) -> dict[str, Any]:
        answer: dict[str, Any] = self._server.handle_completions(
            {
                "prompt": self._ids[count],
                "max_tokens": new,
                "temperature": 0.0,
                "ignore_eos": True,
                "cache_prompt": False,
            }
        )
        return answer
