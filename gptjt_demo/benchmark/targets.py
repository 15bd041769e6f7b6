"""What figures must reach and what they aim at. Some depend on the class of the processor; a class may have none.

In: a figure's key and a class of `processor`. Out: its `Target`, or None.
"""

from __future__ import annotations

from gptjt_demo.benchmark.processor import AVX2, VNNI
from gptjt_demo.benchmark.report import Target

_EVERYWHERE = {
    "decode_bandwidth_share": Target(0.70, 0.85),
    "peak_rss_over_weights": Target(1.25, 1.1),
    "first_token_int8": Target(15, 6),
    "passes_entities": Target(0.65, 0.45),
    "passes_cleaning": Target(0.65, 0.45),
    "drafting_seconds_entities": Target(0.8, 0.6),
    "drafting_seconds_cleaning": Target(0.8, 0.6),
    "score6_over_prefill": Target(1.3, 1.1),
    "rows_prefix_vs_loop": Target(2, 3),
    "rows_causal_vs_loop": Target(4, 6),
    "prefill160_vs_llama_cpp": Target(1.0, 1.3),
    "prefill512_vs_llama_cpp": Target(1.0, 1.3),
    "decode_busy_over_quiet": Target(2.5, 2.5),  # nothing better is asked for
    "load_after_torch": Target(2, 1),
    "complete_over_import_torch": Target(2.2, 1.6),
    "complete_peak": Target(700, 500),
}
_BY_CLASS = {
    AVX2: {
        "decode_vs_ctranslate2": Target(1.5, 2.2),
        "prefill160_vs_best_peer": Target(0.9, 1.2),
        "prefill512_vs_best_peer": Target(0.9, 1.2),
        "decode_vs_llama_cpp": Target(0.9, 1.3),
    },
    VNNI: {
        "decode_vs_ctranslate2": Target(1.8, 2.2),
        "prefill160_vs_best_peer": Target(1.0, 1.3),
        "prefill512_vs_best_peer": Target(1.0, 1.3),
        "decode_vs_llama_cpp": Target(0.7, 1.1),
    },
}


def target(key: str, kind: str) -> Target | None:
    """The target of a figure on a class of processors; None where it has none."""
    return _BY_CLASS.get(kind, {}).get(key) or _EVERYWHERE.get(key)
