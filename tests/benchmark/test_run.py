from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from command_line import run as command

from gptjt_demo.benchmark import machine, roster
from gptjt_demo.benchmark.contender import PATIENT, Failed
from gptjt_demo.benchmark.report import Target
from gptjt_demo.benchmark.targets import target
from gptjt_demo.models import memory
from gptjt_demo.settings.environment import WAYS

GIGABYTE = 0.05  # seconds that the stand-in for the memory takes: 20 GB/s
OURS, FAST, SLOW = 0.1, 0.2, 0.4  # seconds of everything
BUSY = 0.23  # ... of ours beside a busy neighbour

SECONDS = {"transformers": SLOW, "ctranslate2": FAST, "llama_cpp": FAST, "ours": OURS}
ANSWERS = {
    "text": "the same", "way": "the same", "read": GIGABYTE, "decode_busy": BUSY,
    "drafting_entities": {"passes": 0.5, "seconds": 0.6}, "drafting_cleaning": {"passes": 0.5, "seconds": 0.6},
    "import_torch": 3.0, "complete": 6.0, "load": 1.5, "peak_bytes": 5.5e8,
}  # fmt: skip
RANDOM_KEYS = {
    "model", "processor", "way", "forced", "peers", "machine", "medians", "failures",
    "load_seconds", "peak_rss_over_weights", "first_token", "first_token_int8", "prefill32", "prefill160", "prefill512",
    "decode", "decode_busy_over_quiet", "score6_over_prefill", "rows", "read_bandwidth", "decode_bandwidth_share",
}  # fmt: skip
PEER_KEYS = {
    "prefill32_vs_best_peer", "prefill160_vs_best_peer", "prefill512_vs_best_peer", "decode_vs_best_peer",
    "decode_vs_ctranslate2", "decode_vs_bitsandbytes", "decode_vs_transformers",
}  # fmt: skip


class StandIn:
    """A contender that takes no time; `broken` are names or kinds that cannot be set up, and why."""

    broken: ClassVar[dict[str, str]] = {}
    features: ClassVar[list[str]] = []
    started: ClassVar[list[Any]] = []  # (kind, environment, patience)
    open = 0

    def __init__(
        self, name: Any, kind: Any, settings: Any, *, threads: Any, environment: Any, patience: Any = PATIENT
    ) -> None:
        self.name, self._kind = name, kind
        self.started.append((kind, environment, patience))
        for key, why in self.broken.items():
            if key in (name, kind) and key != "builder":
                raise Failed(why)
        self.facts = {
            "model": settings.get("model", "a model"), "folder": "/models/a", "machine": "2 threads",
            "notes": ["int8, by hand", "loaded"], "features": self.features, "bfloat16": "avx512_bf16" in self.features,
            "ids": {"32": [1]}, "weight_bytes": 6e9, "token_bytes": 1.6e9, "rows": 32,
            "peak_bytes": 6.6e9, "first_token_at": time.time() + 4,
        }  # fmt: skip
        if kind in SECONDS:
            self.facts["load_seconds"] = 3.0
        if kind in ("transformers", "ctranslate2", "llama_cpp"):
            self.facts["build"] = f"{kind} 1.0, built for AVX"

    def __enter__(self) -> Any:
        StandIn.open += 1
        return self

    def __exit__(self, *_: Any) -> None:
        StandIn.open -= 1

    def ask(self, what: Any) -> Any:
        if self._kind == "builder":
            if what in self.broken:
                raise Failed(self.broken[what])
            return f"/built/{what}"
        if f"{self._kind}, {what}" in self.broken:
            raise Failed(self.broken[f"{self._kind}, {what}"])
        return ANSWERS[what] if what in ANSWERS else SECONDS[self._kind]


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(roster, "Contender", StandIn)
    monkeypatch.setattr("gptjt_demo.benchmark.rounds.time.sleep", lambda seconds: None)
    monkeypatch.setattr(memory, "available_gib", lambda: 64.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100 << 30))
    monkeypatch.setattr(StandIn, "broken", {})
    monkeypatch.setattr(StandIn, "features", ["avx2", "avx512_vnni", "avx512_bf16"])
    monkeypatch.setattr(StandIn, "started", [])
    monkeypatch.delenv("GPTJT_WAY", raising=False)
    yield
    assert StandIn.open == 0  # no worker is left behind


def bench(capsys: pytest.CaptureFixture[str], *arguments: Any) -> Any:
    """Exit status, lines of the table, the JSON line, standard error."""
    rounds = () if "--rounds" in arguments else ("--rounds", "2")
    status, out, err = command(capsys, "bench", *rounds, *arguments)
    *table, line = out.splitlines() or [""]
    return status, table, json.loads(line or "{}"), err


def test_a_run_ends_with_one_json_line_that_has_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    status, table, found, err = bench(capsys)
    assert status == 0
    assert set(found) == RANDOM_KEYS | PEER_KEYS | {"decode_bandwidth_share_beside_peers"}
    assert set(found["medians"]) == {"28 layers", "7 layers"}
    assert len(table) > len(PEER_KEYS)
    assert "round 2 of 2" in err


def test_speed_ratios_are_larger_the_better_and_the_better_peer_counts(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, found, _ = bench(capsys, "--layers", "7")
    assert found["decode_vs_ctranslate2"] == pytest.approx(FAST / OURS)
    assert found["prefill160_vs_best_peer"] == pytest.approx(FAST / OURS)
    assert found["decode_vs_transformers"] == pytest.approx(SLOW / OURS)


def test_shares_and_multiples_come_from_bytes_and_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, found, _ = bench(capsys)
    assert found["decode_bandwidth_share"] == pytest.approx(1.6 * GIGABYTE / OURS)
    assert found["peak_rss_over_weights"] == pytest.approx(1.1)
    assert found["first_token_int8"] == pytest.approx(4, abs=0.2)
    assert found["score6_over_prefill"] == 1
    assert found["decode_busy_over_quiet"] == pytest.approx(BUSY / OURS)


def test_without_peers_ours_alone_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, found, err = bench(capsys, "--no-peers")
    assert set(found) == RANDOM_KEYS
    assert set(found["medians"]) == {"28 layers"}
    assert "ctranslate2" not in err


def test_a_peer_that_is_not_installed_is_a_line_and_the_others_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    StandIn.broken = {"ctranslate2": "not installed (ctranslate2)"}
    status, table, found, _ = bench(capsys)
    assert status == 0
    assert found["decode_vs_ctranslate2"] is None
    assert found["prefill160_vs_best_peer"] == pytest.approx(SLOW / OURS)
    assert "not measured: ctranslate2: not installed (ctranslate2)" in table


def test_a_peer_that_dies_is_a_line_and_its_other_worker_counts(capsys: pytest.CaptureFixture[str]) -> None:
    StandIn.broken = {"ctranslate2 MKL=0": "the process ended with status -4"}
    status, table, found, _ = bench(capsys)
    assert status == 0
    assert found["decode_vs_ctranslate2"] == pytest.approx(FAST / OURS)
    assert "not measured: ctranslate2 MKL=0: the process ended with status -4" in table


def test_a_conversion_that_fails_costs_the_figures_that_need_it_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    StandIn.broken = {"int8": "failed: OSError: no", "bfloat16": "failed: MemoryError: no"}
    status, _, found, _ = bench(capsys)
    assert status == 0
    assert "first_token_int8" not in found
    assert found["decode_vs_best_peer"] is None
    assert found["decode"] == pytest.approx(1 / OURS)
    assert {"ours, converted", "transformers"} <= set(found["failures"])


def test_when_ours_fails_the_run_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    StandIn.broken = {"ours": "the process ended with status -9"}
    status, table, _, err = bench(capsys)
    assert (status, table) == (2, [])
    assert err.splitlines()[-1] == "error: the process ended with status -9"


def test_a_known_model_is_measured_beside_llama_cpp(capsys: pytest.CaptureFixture[str]) -> None:
    status, table, found, _ = bench(capsys, "--model", "mini", "--page", "--day")
    assert status == 0
    assert {
        "prefill32", "prefill160", "prefill512", "decode", "score6_over_prefill", "rows_prefix", "rows_prefix_vs_loop",
        "rows_causal", "rows_causal_vs_loop", "decode_vs_llama_cpp", "decode_bandwidth_share", "passes_entities",
        "passes_cleaning", "drafting_seconds_cleaning", "page_seconds", "page_beside", "page_day",
        "read_bandwidth", "prefill160_vs_llama_cpp",
        "import_torch", "complete_process", "complete_over_import_torch", "complete_peak", "load_after_torch",
    } <= set(found)  # fmt: skip
    assert found["decode_vs_llama_cpp"] == pytest.approx(FAST / OURS)
    assert "llama.cpp: llama_cpp 1.0, built for AVX" in table


def test_a_disk_that_is_too_small_is_refused_before_anything_is_built(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=9 << 30))
    monkeypatch.setattr(roster, "Contender", None)
    status, _, _, err = bench(capsys)
    assert status == 2
    assert "GiB of disk and 9.0 GiB are available" in err


def test_memory_that_is_too_small_is_refused_before_anything_is_built(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_gib", lambda: 6.0)
    monkeypatch.setattr(roster, "Contender", None)
    status, _, _, err = bench(capsys)
    assert status == 2
    assert "GiB of memory and 6.0 GiB are available; use fewer with --layers, or --no-peers" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--model", "mini", "--layers", "2"),
        ("--page",),
        ("--day",),
        ("--device", "cuda"),
        ("--device", "tpu", "--model", "mini"),
    ],
)
def test_options_that_do_not_go_together_are_refused(capsys: pytest.CaptureFixture[str], arguments: Any) -> None:
    status, _, _, err = bench(capsys, *arguments)
    assert status == 2
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("target", "value", "mark"),
    [
        (Target(1.8, 2.2), 1.7, "✗"), (Target(1.8, 2.2), 1.8, "✓"), (Target(1.8, 2.2), 2.2, "✓✓"),
        (Target(1.25, 1.1), 1.3, "✗"), (Target(1.25, 1.1), 1.25, "✓"), (Target(1.25, 1.1), 1.0, "✓✓"),
    ],
)  # fmt: skip
def test_a_target_knows_which_way_is_better(target: Any, value: float, mark: str) -> None:
    assert target.verdict(value).split()[0] == mark


def test_targets_of_a_full_size_model_are_not_held_against_a_smaller_one(capsys: pytest.CaptureFixture[str]) -> None:
    _, table, _, _ = bench(capsys, "--layers", "2")
    line = next(line for line in table if line.startswith("peak memory"))
    assert "must" not in line
    assert target("peak_rss_over_weights", "") == Target(1.25, 1.1)


def test_the_processor_the_way_taken_and_the_peers_builds_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    _, table, found, _ = bench(capsys, "--layers", "2")
    assert found["processor"] == {"features": StandIn.features, "kind": "AVX-512 VNNI"}
    assert (found["way"], found["forced"]) == ("int8, by hand", None)
    assert found["peers"] == {
        "transformers": "transformers 1.0, built for AVX",
        "bitsandbytes": "transformers 1.0, built for AVX",
        "ctranslate2 MKL=0": "ctranslate2 1.0, built for AVX",
        "ctranslate2 MKL=1": "ctranslate2 1.0, built for AVX",
    }
    assert "has avx2, avx512_vnni, avx512_bf16; held to the targets of AVX-512 VNNI" in table
    assert "int8, by hand" in table
    assert "ctranslate2 MKL=0: ctranslate2 1.0, built for AVX" in table


def line_of(table: Any, words: Any) -> Any:
    return next(line for line in table if line.startswith(words))


def test_a_processor_is_held_to_the_targets_of_its_class(capsys: pytest.CaptureFixture[str]) -> None:
    _, vnni, _, _ = bench(capsys, "--layers", "2")
    StandIn.features = ["avx2"]
    _, avx2, _, _ = bench(capsys, "--layers", "2")
    StandIn.features = ["neon"]
    _, arm, found, _ = bench(capsys, "--layers", "2")
    words = "decode, times the speed of ctranslate2"
    assert "must ≥ 1.8" in line_of(vnni, words)
    assert "must ≥ 1.5" in line_of(avx2, words)
    assert "must" not in line_of(arm, words)
    assert found["processor"] == {"features": ["neon"], "kind": ""}


def test_a_forced_way_reaches_every_worker_and_makes_the_peers_go_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    _, table, found, _ = bench(capsys, "--layers", "2", "--way", "avx2")
    for kind, environment, _ in StandIn.started:
        assert environment["GPTJT_WAY"] == "avx2", kind
        assert environment["CT2_FORCE_CPU_ISA"] == "AVX2", kind
    assert {"ours", "transformers", "ctranslate2"} <= {kind for kind, _, _ in StandIn.started}
    assert {environment.get("CT2_USE_MKL") for kind, environment, _ in StandIn.started if kind == "ctranslate2"} == {
        "0",
        "1",
    }
    assert found["forced"] == "avx2"
    assert found["processor"]["kind"] == "AVX2"
    assert any(line.endswith("held to the targets of AVX2, made to go the way avx2") for line in table)


@pytest.mark.parametrize("way", WAYS)
def test_the_environment_can_force_a_way(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, way: Any
) -> None:
    monkeypatch.setenv("GPTJT_WAY", way)
    assert bench(capsys, "--model", "mini")[2]["forced"] == way


def test_a_way_that_is_none_is_refused_with_those_that_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "Contender", None)
    status, _, _, err = bench(capsys, "--way", "avx3")
    assert status == 2
    assert err == "error: --way: 'avx3' is no way; use one of auto, vnni, avx2, torch\n"


def test_a_peer_is_waited_for_and_ours_is_waited_for_longer(capsys: pytest.CaptureFixture[str]) -> None:
    bench(capsys, "--layers", "2", "--rounds", "1")
    peers = [patience for kind, _, patience in StandIn.started if kind in ("transformers", "ctranslate2")]
    (ours,) = {patience.answer for kind, _, patience in StandIn.started if kind == "ours"}
    # Two that are too slow at once, beside what is built and what ours takes, leave the run below five minutes.
    assert max(patience.setup + patience.answer for patience in peers) <= 100
    assert ours > 1000


def test_a_peer_that_takes_too_long_is_a_line_and_the_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    StandIn.broken = {"transformers, prefill512": "took longer than 26 s"}
    status, table, found, _ = bench(capsys, "--layers", "2")
    assert status == 0
    assert found["decode_vs_transformers"] is None
    assert found["decode_vs_best_peer"] == pytest.approx(FAST / OURS)
    assert "not measured: transformers: prefill512: took longer than 26 s" in table


def test_a_peer_in_float32_that_memory_does_not_hold_is_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_gib", lambda: 12.5)
    bench(capsys)
    assert "transformers" in {kind for kind, _, _ in StandIn.started}
    StandIn.features = ["avx2"]
    monkeypatch.setattr(machine, "_PEER_OVERHEAD", 2)
    status, table, found, _ = bench(capsys)
    assert status == 0
    assert found["decode_vs_transformers"] is None
    assert found["decode_vs_bitsandbytes"] == pytest.approx(SLOW / OURS)
    why = line_of(table, "not measured: transformers: ")
    assert "float32, its fastest type here, needs 13.6 GiB of memory and 12.5 GiB are available" in why


def test_starting_is_measured_and_held_to_the_default_model_s_targets(capsys: pytest.CaptureFixture[str]) -> None:
    _, table, found, _ = bench(capsys, "--model", "mini")
    assert found["complete_over_import_torch"] == 2
    assert found["load_after_torch"] == 1.5
    assert found["complete_peak"] == 550
    assert "must ≤ 2.2, aim 1.6" in line_of(table, "... over the one that imports torch")
    assert "must ≤ 700, aim 500" in line_of(table, "... its peak memory")
    _, table, found, _ = bench(capsys, "--model", "another")
    assert "must" not in line_of(table, "... its peak memory")


def test_a_command_that_cannot_be_started_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    StandIn.broken = {"starting, complete": "gptjt_demo ended with status 1 (no)"}
    status, table, found, _ = bench(capsys, "--model", "mini")
    assert status == 0
    assert found["complete_process"] is None
    assert found["complete_peak"] is None
    assert found["decode"] == pytest.approx(1 / OURS)
    assert "not measured: starting: complete: gptjt_demo ended with status 1 (no)" in table


def test_on_a_gpu_neither_peers_nor_processes_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, found, _ = bench(capsys, "--model", "mini", "--device", "cuda")
    assert status == 0
    assert {kind for kind, _, _ in StandIn.started} == {"ours"}
    assert found["decode_busy_over_quiet"] is None
