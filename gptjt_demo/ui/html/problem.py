"""A user's mistake as HTML: one line, said where it belongs."""

from __future__ import annotations

from html import escape


def problem(line: str) -> str:
    """The line, escaped, read out by a screen reader as it appears; nothing for no line."""
    return f'<p class="problem" role="alert">{escape(line)}</p>' if line else ""
