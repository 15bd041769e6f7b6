"""What a compiled step is told: operations by number, columns of its tables, its counters, the sizes of its memory.

Both who writes the tables and who compiles know it; it loads no compiler.
"""

from __future__ import annotations

from gptjt_demo.models.compiled.processor import way

# Operations; what their operands mean is said at each one's function.
EMBED, NORM, LINEAR, ROTATE, ATTEND, QUANTIZE, GATE, GELU, GATHER, NARROW = range(10)
CODING = (NORM, QUANTIZE, GATE, GELU)  # which write what products read
WIDTH = 16  # columns of the table of operations
SEEN = 7  # columns of the table of rows: what a row is and sees
BUFFERS = 20  # addresses of what a step writes, named in `program`
CACHE = 10  # numbers that say where keys and values lie, and a header's

# The counters that threads share, each in a cache line of its own.
TICKET, DONE, LAST, QUIT = 0, 8, 16, 24
COUNTERS = 32
SHIFT = 32  # a ticket is (phase << 32) + the next piece

FEW = 6  # rows of activations that are multiplied together, at most
WIDE = 16  # rows of a weight that are made int16 together
SUMS = WIDE * FEW * way().lanes // 2  # numbers that a product keeps between groups
QUERIES = 4  # rows of queries that are read together
