"""The command line: `main(argv)`. Each command is a few lines around one function of the package."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; its arguments are the process's own unless they are given."""
    try:
        from gptjt_demo.cli.app import main as run
    except KeyboardInterrupt:  # as while a command runs: who pressed it knows
        sys.exit(130)
    run(arguments)
