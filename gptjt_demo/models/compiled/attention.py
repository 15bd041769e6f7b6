"""The operations of attention: queries and keys rotated by their positions, and what each token reads.

Operands as `step` has them. In: queries, keys and values of a step's rows, and the columns that are held. Out: keys and
values written behind them; what the heads read.
"""

from __future__ import annotations

from numba import float32, int64, njit

from gptjt_demo.models.compiled.addresses import floats
from gptjt_demo.models.compiled.heads import scores_1, scores_4, softmax, values_1, values_4
from gptjt_demo.models.compiled.operations import QUERIES

LINE = 16  # columns of a key in a line of memory


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def rotate(op, piece, rows, buffers, cache, where, cosines, sines):
    """ROTATE: queries, keys, values, layer, heads, key heads, head width, rotated width, halves or neighbours."""
    block = rotated_together(rows)
    for row in range(piece * block, min(piece * block + block, rows)):
        _rotate_row(op, row, buffers, cache, where, cosines, sines)


@njit(inline="always")
def rotated_together(rows):
    """Rows a piece: neighbours of a sequence write to one line of the keys' memory, so one thread takes a line's."""
    return int64(LINE) if rows >= 4 * LINE else int64(1)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _rotate_row(op, row, buffers, cache, where, cosines, sines):
    heads, key_heads, width, rotated = op[5], op[6], op[7], op[8]
    position, slot, column = where[row, 0], where[row, 1], where[row, 2]
    half = rotated // 2
    cos, sin = cosines[position], sines[position]
    for which in range(2):
        count = heads if which == 0 else key_heads
        values = floats(buffers[op[1 + which]] + 4 * row * count * width, count * width)
        for head in range(count):
            base = head * width
            for k in range(half):
                a = base + k if op[9] == 0 else base + 2 * k
                b = base + half + k if op[9] == 0 else a + 1
                x, y = values[a], values[b]
                values[a] = x * cos[k] - y * sin[k]
                values[b] = y * cos[k] + x * sin[k]
    room = cache[2]
    # Keys lie (layer, sequence, head, width, column): a score is a sum over `width`, made for many columns at once.
    keys = floats(buffers[op[2]] + 4 * row * key_heads * width, key_heads * width)
    values = floats(buffers[op[3]] + 4 * row * key_heads * width, key_heads * width)
    start = ((op[4] * cache[3] + slot) * key_heads) * width * room
    held_keys = floats(cache[0] + 4 * start, key_heads * width * room)
    held_values = floats(cache[1] + 4 * start, key_heads * width * room)
    for head in range(key_heads):
        for k in range(width):
            held_keys[(head * width + k) * room + column] = keys[head * width + k]
            held_values[(head * room + column) * width + k] = values[head * width + k]


@njit(inline="always")
def _seen(where, row, part, before):
    """A part of what a row sees: its first column, how many there are, and how many were seen before."""
    if part == 0:  # the header
        return int64(0), before, int64(0)
    begin, end = where[row, 3], where[row, 4]
    if part == 1:
        return begin, end - begin, before
    return where[row, 5], where[row, 6] - where[row, 5], before + end - begin


@njit(inline="always")
def _start(op, cache, where, row, part, head):
    """Where a row's keys begin, in bytes behind the first address of all, and the room of their columns."""
    place = 0 if part else 4
    slot = where[row, 1] if part else cache[8]
    room = cache[place + 2]
    return 4 * ((op[4] * cache[place + 3] + slot) * op[6] + head) * op[7] * room, room


@njit(inline="always")
def _alike(where, row):
    """Whether four rows can read one sequence together: its same columns, or, where none has a branch, some more."""
    same, ends, branched = True, True, False
    for other in range(row, row + QUERIES):
        same = same and where[other, 1] == where[row, 1] and where[other, 3] == where[row, 3]
        ends = ends and where[other, 4] == where[row, 4]
        branched = branched or where[other, 6] > where[other, 5]
    return same and (ends or not branched)


@njit(nogil=True, error_model="numpy")
def attend(op, piece, rows, buffers, cache, where, scaling, scores):
    """ATTEND: queries, out, -, layer, heads, key heads, head width, rows a piece.

    What a row sees are up to three parts: the header, its sequence from its beginning on, and its own branch. Their
    scores stand one behind the other, so that a result does not depend on what lies where, nor on whether a part is
    read for four rows together.
    """
    heads, key_heads, width, block = op[5], op[6], op[7], op[8]
    head = piece % key_heads
    first = (piece // key_heads) * block
    last = min(first + block, rows)
    several = heads // key_heads
    space = len(scores) // QUERIES
    at = scores.ctypes.data
    before = cache[9]
    step = 4 * heads * width  # bytes from one row's query to the next one's
    row = first
    while row < last:
        together = int64(1)
        alike = False
        furthest = where[row, 4]  # of a sequence's columns, a later row may see more
        if row + QUERIES <= last:
            alike = _alike(where, row)
            if alike or before:
                together = int64(QUERIES)
            for r in range(1, together):
                furthest = max(furthest, where[row + r, 4])
        for k in range(several):
            offset = 4 * (row * heads + head * several + k) * width
            query, out = buffers[op[1]] + offset, buffers[op[2]] + offset
            for part in range(0 if before else 1, 3):
                four = together == QUERIES and (part == 0 or (part == 1 and alike))
                for r in range(0, together, QUERIES if four else 1):
                    begin, count, done = _seen(where, row + r, part, before)
                    start, room = _start(op, cache, where, row + r, part, head)
                    keys = cache[0 if part else 4] + start + 4 * begin
                    if four:
                        count = furthest - begin if part else count
                        scores_4(query, step, keys, room, at + 4 * done, 4 * space, count, width, scaling)
                    elif count > 0:
                        place = at + 4 * (r * space + done)
                        scores_1(query + r * step, step, keys, room, place, 4 * space, count, width, scaling)
            for r in range(together):
                target = floats(out + r * step, width)
                for d in range(width):
                    target[d] = float32(0.0)
                _, count, done = _seen(where, row + r, 2, before)
                until = max(done + count, before + furthest - where[row, 3]) if alike else done + count
                scores[r * space + space - 1] = softmax(at + 4 * r * space, done + count, until)
            for part in range(0 if before else 1, 3):
                four = together == QUERIES and (part == 0 or (part == 1 and alike))
                for r in range(0, together, QUERIES if four else 1):
                    begin, count, done = _seen(where, row + r, part, before)
                    start, _ = _start(op, cache, where, row + r, part, head)
                    values = cache[1 if part else 5] + start + 4 * begin * width
                    if four:
                        count = furthest - begin if part else count
                        values_4(at + 4 * done, 4 * space, values, width, out, step, count)
                    elif count > 0:
                        place = at + 4 * (r * space + done)
                        values_1(place, 4 * space, values, width, out + r * step, step, count)
            for r in range(together):
                target = floats(out + r * step, width)
                inverse = float32(1.0) / scores[r * space + space - 1]
                for d in range(width):
                    target[d] *= inverse
        row += together
