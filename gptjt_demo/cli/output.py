"""What a command prints: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys


def print_json(value: object) -> None:
    """One JSON value on one line of standard output."""
    print(json.dumps(value, ensure_ascii=False))


def say(line: str) -> None:
    """A line on standard error."""
    print(line, file=sys.stderr)
