"""What is measured: from rounds to figures, with their keys in the JSON, units, and which way a ratio points.

Speed ratios are larger the better: the other's seconds over ours. Multiples of time or memory are smaller the better.

    load_seconds                  loading, s
    first_token, _int8            process start to the first token of 32, s; of a checkpoint converted to int8
    peak_rss_over_weights         peak memory after loading, of the bytes of the 8-bit weights
    prefill32, 160, 512           s
    decode                        one prompt, tokens/s
    decode_busy_over_quiet        a token's time while another process keeps one core busy, over its time without
    score6_over_prefill           weighing 6 labels after 160 tokens, over a prefill of those
    read_bandwidth                of the memory, GB/s
    decode_bandwidth_share        bytes of the weights that a token reads, over its time, of that bandwidth;
                                  _beside_peers: with as many layers as peers are measured at
    PREFILL_vs_best_peer          prefill32, 160, 512 and decode, times the speed of the fastest peer
    decode_vs_PEER                transformers, bitsandbytes, ctranslate2 (the faster of its two)
    PREFILL_vs_llama_cpp          prefill160, 512 and decode, times the speed of llama.cpp at Q8_0
    rows                          of a batch of 8 prompts of random tokens, rows/s
    rows_MODE, rows_MODE_vs_loop  prefix, causal: rows of a batch, rows/s; times the speed of a loop
    passes_TASK                   entities, cleaning: forward passes with drafting, over those without
    drafting_seconds_TASK         ... and the time of the answers
    import_torch                  `python -c "import torch"`, s
    complete_process              `complete` with the currency template, process start to end, s
    complete_over_import_torch    ... over importing torch
    complete_peak                 ... its peak memory, MB (1e6 bytes)
    load_after_torch              `load()` in a process that has imported torch, s
    page_seconds                  opening the page to a Run that can be pressed, s
    page_beside                   a visitor's short run beside another's batch of 300 rows, times what it takes alone
    page_day                      what 300 runs and three batches leave in the page's process, MB (1e6 bytes)
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from gptjt_demo.benchmark import targets
from gptjt_demo.benchmark.contender import Contender
from gptjt_demo.benchmark.report import Figure, Panel, Report
from gptjt_demo.benchmark.rounds import Rounds
from gptjt_demo.models.registry import DEFAULT_MODEL, GIB

TRANSFORMERS, BITSANDBYTES = "transformers", "bitsandbytes"
CTRANSLATE2 = ("ctranslate2 MKL=0", "ctranslate2 MKL=1")  # int8; one is measured with each value of CT2_USE_MKL
LLAMA_CPP = "llama.cpp"

_ROWS = (  # question, what, unit, factor
    ("prefill32", "prefill of 32 tokens", "ms", 1e3),
    ("prefill160", "prefill of 160 tokens", "ms", 1e3),
    ("prefill512", "prefill of 512 tokens", "ms", 1e3),
    ("decode", "decoding, a token", "ms", 1e3),
    ("decode_busy", "... one core kept busy", "ms", 1e3),
    ("score6", "6 labels after 160 tokens", "ms", 1e3),
)


def medians(report: Report, rounds: Rounds, contenders: Sequence[Contender], title: str) -> None:
    """The panel of contenders that have prefills, and all medians in seconds by contender and question."""
    shown = [contender for contender in contenders if "load_seconds" in contender.facts]
    names = [contender.name for contender in shown]
    rows: list[tuple[str, str, Sequence[float | None]]] = [
        (what, unit, [None if (m := rounds.median(name, question)) is None else m * factor for name in names])
        for question, what, unit, factor in _ROWS
    ]
    rows.append(("load", "s", [contender.facts["load_seconds"] for contender in shown]))
    rows.append(("peak memory after load", "GiB", [contender.facts["peak_bytes"] / GIB for contender in shown]))
    report.panels.append(Panel(title, names, rows))
    report.medians[title] = {
        name: {question: statistics.median(values) for question, values in asked.items()}
        for name, asked in rounds.values.items()
    } | {
        f"{contender.name}, at load": {key: contender.facts[key] for key in ("load_seconds", "peak_bytes")}
        for contender in shown
    }


def loading(
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
        everyone = (TRANSFORMERS, BITSANDBYTES, *CTRANSLATE2)
        for question in ("prefill32", "prefill160", "prefill512", "decode"):
            ratio = rounds.speed_ratio("ours", everyone, question)
            what = f"{question}, times the speed of the fastest peer, {title}"
            _add(report, f"{question}_vs_best_peer", ratio, "times", what)
        for key, names in (
            ("ctranslate2", CTRANSLATE2),
            ("bitsandbytes", (BITSANDBYTES,)),
            ("transformers", (TRANSFORMERS,)),
        ):
            ratio = rounds.speed_ratio("ours", names, "decode")
            _add(report, f"decode_vs_{key}", ratio, "times", f"decode, times the speed of {key}")


def known(report: Report, rounds: Rounds, facts: Mapping[str, Any]) -> None:
    """A known model: speeds, batches against loops, and llama.cpp. The targets are the default model's."""
    ours = _default(report)
    _speeds(report, rounds)
    for mode in ("prefix", "causal"):
        row = rounds.median("ours", f"many_{mode}")
        what = f"{facts['rows']} rows of contact cleaning, {mode}"
        _add(report, f"rows_{mode}", 1 / row if row else None, "rows/s", what)
        ratio = rounds.ratio(("ours", f"loop_{mode}"), ("ours", f"many_{mode}"))
        _add(report, f"rows_{mode}_vs_loop", ratio, "times", f"... against a loop over complete(), {mode}", ours)
    _bandwidth(report, rounds, facts, held=False)
    for question in ("prefill160", "prefill512", "decode"):
        ratio = rounds.speed_ratio("ours", [LLAMA_CPP], question)
        what = f"{question}, times the speed of llama.cpp at Q8_0"
        _add(report, f"{question}_vs_llama_cpp", ratio, "times", what, ours)


def starting(report: Report, rounds: Rounds, peak: float | None) -> None:
    """Processes as they are started at a terminal. The targets are the default model's.

    Args:
        peak: memory of `complete`, bytes.
    """
    ours = _default(report)
    _add(report, "import_torch", rounds.median("starting", "import_torch"), "s", "process that imports torch")
    _add(report, "complete_process", rounds.median("starting", "complete"), "s", "process of complete, start to end")
    ratio = rounds.ratio(("starting", "complete"), ("starting", "import_torch"))
    _add(report, "complete_over_import_torch", ratio, "times", "... over the one that imports torch", ours)
    _add(report, "complete_peak", None if peak is None else peak / 1e6, "MB", "... its peak memory", ours)
    seconds = rounds.median("starting", "load")
    _add(report, "load_after_torch", seconds, "s", "load() once torch is imported", ours)


def drafting(report: Report, task: str, ratios: Mapping[str, float] | None) -> None:
    """Forward passes and seconds with drafting over those without."""
    found = ratios or {}
    _add(report, f"passes_{task}", found.get("passes"), "times", f"{task}, forward passes with drafting / without")
    _add(report, f"drafting_seconds_{task}", found.get("seconds"), "times", "... and the time of the answers")


def page(report: Report, seconds: float | None, beside: float | None) -> None:
    """How soon the page can be used, and how long a visitor waits beside a batch."""
    _add(report, "page_seconds", seconds, "s", "page to interactive, on loopback")
    _add(report, "page_beside", beside, "times", "... a short run beside another visitor's batch, against alone")


def day(report: Report, held: float | None) -> None:
    """What a day of visitors leaves."""
    what = "memory that 300 runs and three batches leave"
    _add(report, "page_day", None if held is None else held / 1e6, "MB", what)


def _default(report: Report) -> bool:
    return report.model == DEFAULT_MODEL


def _speeds(report: Report, rounds: Rounds) -> None:
    for count in (32, 160, 512):
        _add(report, f"prefill{count}", rounds.median("ours", f"prefill{count}"), "s", f"prefill of {count} tokens")
    token = rounds.median("ours", "decode")
    _add(report, "decode", 1 / token if token else None, "tokens/s", "decoding, one prompt")
    ratio = rounds.ratio(("ours", "decode_busy"), ("ours", "decode"))
    _add(report, "decode_busy_over_quiet", ratio, "times", "... its time beside a busy neighbour / without")
    ratio = rounds.ratio(("ours", "score6"), ("ours", "prefill160"))
    _add(report, "score6_over_prefill", ratio, "times", "scoring 6 labels against a prefill of 160 tokens")


def _bandwidth(report: Report, rounds: Rounds, facts: Mapping[str, Any], *, held: bool = True) -> None:
    gigabyte = rounds.median("memory", "read")
    _add(report, "read_bandwidth", 1 / gigabyte if gigabyte else None, "GB/s", "reading memory")
    what = "decoding, share of that: weights' bytes a token / time"
    _add(report, "decode_bandwidth_share", _share(rounds, facts), "", what, held)


def _share(rounds: Rounds, facts: Mapping[str, Any]) -> float | None:
    """What reading a token's weights would take at the memory's speed, over what a token takes."""
    ratio = rounds.ratio(("memory", "read"), ("ours", "decode"))
    return None if ratio is None else ratio * facts["token_bytes"] / 1e9


def _add(report: Report, key: str, value: float | None, unit: str, what: str, held: bool = True) -> None:
    """Add a figure; `held` is whether it is held against its target, if it has one."""
    target = targets.target(key, report.kind) if held else None
    report.figures.append(Figure(key, value, unit, what, target))
