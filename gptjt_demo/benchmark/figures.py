"""From rounds to figures: names, units, targets, and which way a ratio points. Speed ratios are larger the better."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from gptjt_demo.benchmark.contender import Contender
from gptjt_demo.benchmark.report import Figure, Panel, Report, Target
from gptjt_demo.benchmark.rounds import Rounds
from gptjt_demo.models.registry import GIB

BFLOAT16, BITSANDBYTES = "transformers bf16", "bitsandbytes"
CTRANSLATE2 = ("ctranslate2 MKL=0", "ctranslate2 MKL=1")  # int8; one is measured with each value of CT2_USE_MKL
LLAMA_CPP = "llama.cpp"

_TARGETS = {
    "decode_vs_ctranslate2": Target(1.8, 2.2),
    "decode_bandwidth_share": Target(0.70, 0.85),
    "prefill160_vs_best_peer": Target(1.0, 1.3),
    "prefill512_vs_best_peer": Target(1.0, 1.3),
    "peak_rss_over_weights": Target(1.25, 1.1),
    "first_token_int8": Target(15, 6),
    "passes_entities": Target(0.65, 0.45),
    "passes_cleaning": Target(0.65, 0.45),
    "score6_over_prefill": Target(1.3, 1.1),
    "decode_vs_llama_cpp": Target(0.4, 1.0),
}
_ROWS = (  # question, what, unit, factor
    ("prefill32", "prefill of 32 tokens", "ms", 1e3),
    ("prefill160", "prefill of 160 tokens", "ms", 1e3),
    ("prefill512", "prefill of 512 tokens", "ms", 1e3),
    ("decode", "decoding, a token", "ms", 1e3),
    ("score6", "6 labels after 160 tokens", "ms", 1e3),
)


def medians(report: Report, rounds: Rounds, contenders: Sequence[Contender], title: str) -> None:
    """The panel of a group of contenders, and all medians in seconds by contender and question."""
    shown = [contender for contender in contenders if "read" not in rounds.values.get(contender.name, {})]
    names = [contender.name for contender in shown]
    rows: list[tuple[str, str, Sequence[float | None]]] = [
        (what, unit, [None if (m := rounds.median(name, question)) is None else m * factor for name in names])
        for question, what, unit, factor in _ROWS
    ]
    rows.append(("load", "s", [contender.facts.get("load_seconds") for contender in shown]))
    rows.append(("peak memory after load", "GiB", [contender.facts["peak_bytes"] / GIB for contender in shown]))
    report.panels.append(Panel(title, names, rows))
    report.medians[title] = {
        name: {question: statistics.median(values) for question, values in asked.items()}
        for name, asked in rounds.values.items()
    } | {
        f"{contender.name}, at load": {
            key: contender.facts[key] for key in ("load_seconds", "peak_bytes") if key in contender.facts
        }
        for contender in shown
    }


def starting(
    report: Report, facts: Mapping[str, Any], first: float, converted: Sequence[float] = (), *, full: bool
) -> None:
    """Load time, peak memory, and the time to a first token. Their targets are those of a full-size model."""
    _add(report, "load_seconds", facts["load_seconds"], "s", "load")
    over = facts["peak_bytes"] / facts["weight_bytes"]
    _add(report, "peak_rss_over_weights", over, "times", "peak memory after load, of the 8-bit weights", full)
    _add(report, "first_token", first, "s", "process start to first token of a 32-token prompt")
    if converted:
        median = statistics.median(converted)
        _add(report, "first_token_int8", median, "s", "... from the converted int8 layout", full)


def random(report: Report, rounds: Rounds, facts: Mapping[str, Any], title: str, *, main: bool, peers: bool) -> None:
    """A group of GPT-J's shape; the one with fewer layers, held for its peers, adds only what compares."""
    if main:
        _speeds(report, rounds)
        row = rounds.median("ours", "rows")
        _add(report, "rows", 1 / row if row else None, "rows/s", "rows of a batch of 8, 8 new tokens each")
        _bandwidth(report, rounds, facts)
    else:
        share = _share(rounds, facts)
        _add(report, "decode_bandwidth_share_beside_peers", share, "", f"... at {title}")
    if peers:
        everyone = (BFLOAT16, BITSANDBYTES, *CTRANSLATE2)
        for question in ("prefill32", "prefill160", "prefill512", "decode"):
            ratio = rounds.speed_ratio("ours", everyone, question)
            what = f"{question}, times the speed of the fastest peer, {title}"
            _add(report, f"{question}_vs_best_peer", ratio, "times", what)
        for key, names in (("ctranslate2", CTRANSLATE2), ("bitsandbytes", (BITSANDBYTES,)), ("bfloat16", (BFLOAT16,))):
            ratio = rounds.speed_ratio("ours", names, "decode")
            _add(report, f"decode_vs_{key}", ratio, "times", f"decode, times the speed of {names[0].split(' MKL')[0]}")


def known(report: Report, rounds: Rounds, facts: Mapping[str, Any]) -> None:
    """A known model: speeds, batches against loops in both modes, and llama.cpp."""
    _speeds(report, rounds)
    for mode in ("prefix", "causal"):
        row = rounds.median("ours", f"many_{mode}")
        _add(
            report,
            f"rows_{mode}",
            1 / row if row else None,
            "rows/s",
            f"{facts['rows']} rows of contact cleaning, {mode}",
        )
        ratio = rounds.ratio(("ours", f"loop_{mode}"), ("ours", f"many_{mode}"))
        _add(report, f"rows_{mode}_vs_loop", ratio, "times", f"... against a loop over complete(), {mode}")
    _bandwidth(report, rounds, facts, targets=False)
    for question in ("prefill160", "prefill512", "decode"):
        ratio = rounds.speed_ratio("ours", [LLAMA_CPP], question)
        _add(report, f"{question}_vs_llama_cpp", ratio, "times", f"{question}, times the speed of llama.cpp at Q8_0")


def drafting(report: Report, task: str, ratios: Mapping[str, float] | None) -> None:
    """Forward passes and seconds with drafting over those without."""
    found = ratios or {}
    _add(report, f"passes_{task}", found.get("passes"), "times", f"{task}, forward passes with drafting / without")
    _add(report, f"drafting_seconds_{task}", found.get("seconds"), "times", "... and the time of the answers")


def page(report: Report, seconds: float | None) -> None:
    """How soon the page can be used."""
    _add(report, "page_seconds", seconds, "s", "page to interactive, on loopback")


def _speeds(report: Report, rounds: Rounds) -> None:
    for count in (32, 160, 512):
        _add(report, f"prefill{count}", rounds.median("ours", f"prefill{count}"), "s", f"prefill of {count} tokens")
    token = rounds.median("ours", "decode")
    _add(report, "decode", 1 / token if token else None, "tokens/s", "decoding, one prompt")
    ratio = rounds.ratio(("ours", "score6"), ("ours", "prefill160"))
    _add(report, "score6_over_prefill", ratio, "times", "scoring 6 labels against a prefill of 160 tokens")


def _bandwidth(report: Report, rounds: Rounds, facts: Mapping[str, Any], *, targets: bool = True) -> None:
    gigabyte = rounds.median("memory", "read")
    _add(report, "read_bandwidth", 1 / gigabyte if gigabyte else None, "GB/s", "reading memory")
    what = "decoding, share of that: weights' bytes a token / time"
    _add(report, "decode_bandwidth_share", _share(rounds, facts), "", what, targets)


def _share(rounds: Rounds, facts: Mapping[str, Any]) -> float | None:
    """What reading a token's weights would take at the memory's speed, over what a token takes."""
    ratio = rounds.ratio(("memory", "read"), ("ours", "decode"))
    return None if ratio is None else ratio * facts["token_bytes"] / 1e9


def _add(report: Report, key: str, value: float | None, unit: str, what: str, targets: bool = True) -> None:
    report.figures.append(Figure(key, value, unit, what, _TARGETS.get(key) if targets else None))
