"""How many rows a diagnostic takes unless it is told otherwise. Imports nothing: the help of a command shows it."""

from __future__ import annotations

# Every diagnostic takes as many runs as it has points, each over all of these rows.
DIAGNOSED_ROWS = 100
DIAGNOSED_ON_PAGE = 40  # somebody waits for it
