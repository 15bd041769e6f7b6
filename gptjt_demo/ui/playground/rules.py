"""How labels are compared, in the page's words: the rules for one case, and one more for all rows of a file.

Names alone; what they do is the engine's.
"""

from __future__ import annotations

RULES: dict[str, tuple[str, str]] = {
    "logprob": ("Sum", "by the summed log probability of each label’s tokens and its end"),
    "per_token": ("Per token", "by the mean log probability per token"),
    "per_byte": ("Per byte", "by the mean log probability per byte"),
    "prior": (
        "Prior-corrected",
        "by the sum, divided by what the label gets for empty inputs: “N/A”, “[MASK]” and “…”",
    ),
    "pmi": ("PMI", "by the sum, divided by what the label gets behind the answer’s cue alone"),
}
"""Each rule's name on the page, and what it does in words."""

FILE_RULES: dict[str, tuple[str, str]] = {
    **RULES,
    "batch": ("Batch-calibrated", "by the sum, divided by what the label gets on average over the file’s rows"),
}
"""Those for the rows of a file."""
