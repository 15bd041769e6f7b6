from __future__ import annotations

import json
import shutil
import time
from types import SimpleNamespace
from typing import ClassVar

import pytest
from command_line import run as command

from gptjt_demo.benchmark import figures, run
from gptjt_demo.benchmark.contender import Failed
from gptjt_demo.benchmark.report import Target
from gptjt_demo.models import memory

GIGABYTE = 0.05  # seconds that the stand-in for the memory takes: 20 GB/s
OURS, FAST, SLOW = 0.1, 0.2, 0.4  # seconds of everything

SECONDS = {"transformers": SLOW, "ctranslate2": FAST, "llama_cpp": FAST, "ours": OURS}
RANDOM_KEYS = {
    "model", "machine", "medians", "failures",
    "load_seconds", "peak_rss_over_weights", "first_token", "first_token_int8", "prefill32", "prefill160", "prefill512",
    "decode", "score6_over_prefill", "rows", "read_bandwidth", "decode_bandwidth_share",
}  # fmt: skip
PEER_KEYS = {
    "prefill32_vs_best_peer", "prefill160_vs_best_peer", "prefill512_vs_best_peer", "decode_vs_best_peer",
    "decode_vs_ctranslate2", "decode_vs_bitsandbytes", "decode_vs_bfloat16",
}  # fmt: skip


class StandIn:
    """A contender that takes no time; `broken` are names or kinds that cannot be set up, and why."""

    broken: ClassVar[dict[str, str]] = {}
    open = 0

    def __init__(self, name, kind, settings, *, threads, environment=None):
        self.name, self._kind = name, kind
        for key, why in self.broken.items():
            if key in (name, kind) and key != "builder":
                raise Failed(why)
        self.facts = {
            "model": "a model", "folder": "/models/a", "machine": "2 threads", "notes": ["int8"], "ids": {"32": [1]},
            "load_seconds": 3.0, "peak_bytes": 6.6e9, "weight_bytes": 6e9, "token_bytes": 1.6e9, "rows": 32,
            "first_token_at": time.time() + 4, "built_for": "AVX2",
        }  # fmt: skip

    def __enter__(self):
        StandIn.open += 1
        return self

    def __exit__(self, *_):
        StandIn.open -= 1

    def ask(self, what):
        if self._kind == "builder":
            if what in self.broken:
                raise Failed(self.broken[what])
            return f"/built/{what}"
        if what in ("text", "way"):
            return "the same"
        if what.startswith("drafting"):
            return {"passes": 0.5, "seconds": 0.6}
        return GIGABYTE if what == "read" else SECONDS[self._kind]


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    monkeypatch.setattr(run, "Contender", StandIn)
    monkeypatch.setattr("gptjt_demo.benchmark.rounds.time.sleep", lambda seconds: None)
    monkeypatch.setattr(memory, "available_gib", lambda: 64.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100 << 30))
    monkeypatch.setattr(StandIn, "broken", {})
    yield
    assert StandIn.open == 0  # no worker is left behind


def bench(capsys, *arguments):
    """Exit status, lines of the table, the JSON line, standard error."""
    status, out, err = command(capsys, "bench", "--rounds", "2", *arguments)
    *table, line = out.splitlines() or [""]
    return status, table, json.loads(line or "{}"), err


def test_a_run_ends_with_one_json_line_that_has_its_keys(capsys):
    status, table, found, err = bench(capsys)
    assert status == 0
    assert set(found) == RANDOM_KEYS | PEER_KEYS | {"decode_bandwidth_share_beside_peers"}
    assert set(found["medians"]) == {"28 layers", "7 layers"}
    assert len(table) > len(PEER_KEYS)
    assert "round 2 of 2" in err


def test_speed_ratios_are_larger_the_better_and_the_better_peer_counts(capsys):
    _, _, found, _ = bench(capsys, "--layers", "7")
    assert found["decode_vs_ctranslate2"] == pytest.approx(FAST / OURS)
    assert found["prefill160_vs_best_peer"] == pytest.approx(FAST / OURS)
    assert found["decode_vs_bfloat16"] == pytest.approx(SLOW / OURS)


def test_shares_and_multiples_are_reckoned_from_bytes_and_seconds(capsys):
    _, _, found, _ = bench(capsys)
    assert found["decode_bandwidth_share"] == pytest.approx(1.6 * GIGABYTE / OURS)
    assert found["peak_rss_over_weights"] == pytest.approx(1.1)
    assert found["first_token_int8"] == pytest.approx(4, abs=0.2)
    assert found["score6_over_prefill"] == 1


def test_without_peers_ours_alone_is_measured(capsys):
    _, _, found, err = bench(capsys, "--no-peers")
    assert set(found) == RANDOM_KEYS
    assert set(found["medians"]) == {"28 layers"}
    assert "ctranslate2" not in err


def test_a_peer_that_is_not_installed_is_a_line_and_the_others_are_measured(capsys):
    StandIn.broken = {"ctranslate2": "not installed (ctranslate2)"}
    status, table, found, _ = bench(capsys)
    assert status == 0
    assert found["decode_vs_ctranslate2"] is None
    assert found["prefill160_vs_best_peer"] == pytest.approx(SLOW / OURS)
    assert "not measured: ctranslate2: not installed (ctranslate2)" in table


def test_a_peer_that_dies_is_a_line_and_its_other_worker_counts(capsys):
    StandIn.broken = {"ctranslate2 MKL=0": "the process ended with status -4"}
    status, table, found, _ = bench(capsys)
    assert status == 0
    assert found["decode_vs_ctranslate2"] == pytest.approx(FAST / OURS)
    assert "not measured: ctranslate2 MKL=0: the process ended with status -4" in table


def test_a_conversion_that_fails_costs_the_figures_that_need_it_and_no_more(capsys):
    StandIn.broken = {"int8": "failed: OSError: no", "bfloat16": "failed: MemoryError: no"}
    status, _, found, _ = bench(capsys)
    assert status == 0
    assert "first_token_int8" not in found
    assert found["decode_vs_best_peer"] is None
    assert found["decode"] == pytest.approx(1 / OURS)
    assert {"ours, converted", "transformers"} <= set(found["failures"])


def test_when_ours_fails_the_run_ends_with_one_line(capsys):
    StandIn.broken = {"ours": "the process ended with status -9"}
    status, table, _, err = bench(capsys)
    assert (status, table) == (2, [])
    assert err.splitlines()[-1] == "error: the process ended with status -9"


def test_a_known_model_is_measured_beside_llama_cpp(capsys):
    status, table, found, _ = bench(capsys, "--model", "mini", "--page")
    assert status == 0
    assert {
        "prefill32", "prefill160", "prefill512", "decode", "score6_over_prefill", "rows_prefix", "rows_prefix_vs_loop",
        "rows_causal", "rows_causal_vs_loop", "decode_vs_llama_cpp", "decode_bandwidth_share", "passes_entities",
        "passes_cleaning", "drafting_seconds_cleaning", "page_seconds", "read_bandwidth",
    } <= set(found)  # fmt: skip
    assert found["decode_vs_llama_cpp"] == pytest.approx(FAST / OURS)
    assert any("AVX2" in line for line in table)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_built(capsys, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=9 << 30))
    monkeypatch.setattr(run, "Contender", None)
    status, _, _, err = bench(capsys)
    assert status == 2
    assert "GiB of disk and 9.0 GiB are available" in err


def test_memory_that_is_too_small_is_refused_before_anything_is_built(capsys, monkeypatch):
    monkeypatch.setattr(memory, "available_gib", lambda: 6.0)
    monkeypatch.setattr(run, "Contender", None)
    status, _, _, err = bench(capsys)
    assert status == 2
    assert "GiB of memory and 6.0 GiB are available; use fewer with --layers, or --no-peers" in err


@pytest.mark.parametrize(
    "arguments",
    [("--model", "mini", "--layers", "2"), ("--page",), ("--device", "cuda"), ("--device", "tpu", "--model", "mini")],
)
def test_options_that_do_not_go_together_are_refused(capsys, arguments):
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
def test_a_target_knows_which_way_is_better(target, value, mark):
    assert target.verdict(value).split()[0] == mark


def test_targets_of_a_full_size_model_are_not_held_against_a_smaller_one(capsys):
    _, table, _, _ = bench(capsys, "--layers", "2")
    line = next(line for line in table if line.startswith("peak memory"))
    assert "must" not in line
    assert figures._TARGETS["peak_rss_over_weights"] == Target(1.25, 1.1)
