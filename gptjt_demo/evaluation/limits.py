"""How many rows a diagnostic and how many calls a search takes unless they are told otherwise.

Imports nothing: the help of a command shows them.
"""

from __future__ import annotations

# Every diagnostic takes as many runs as it has points, each over all of these rows.
DIAGNOSED_ROWS = 100
DIAGNOSED_ON_PAGE = 40  # somebody waits for it

# A call is a prompt that the model reads.
SEARCH_CALLS = 1_000
SEARCH_CALLS_AT_LEAST = 100
SEARCH_CALLS_ON_PAGE = 500
