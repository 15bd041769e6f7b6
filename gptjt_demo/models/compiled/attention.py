"""The operations of attention: queries and keys rotated by their positions, and what each token reads.

Operands as `step` has them. In: queries, keys and values of a step's rows, and the columns that are held. Out: keys and
values written behind them; what the heads read.
"""

from __future__ import annotations

from numba import float32, int64, njit

from gptjt_demo.models.compiled.addresses import floats
from gptjt_demo.models.compiled.heads import scores_1, scores_4, softmax, values_1, values_4
from gptjt_demo.models.compiled.operations import QUERIES


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def rotate(op, piece, buffers, cache, where, cosines, sines):
    """ROTATE: queries, keys, values, layer, heads, key heads, head width, rotated width, halves or neighbours."""
    heads, key_heads, width, rotated = op[5], op[6], op[7], op[8]
    row = piece
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


@njit(nogil=True, error_model="numpy")
def attend(op, piece, rows, buffers, cache, where, scaling, scores):
    """ATTEND: queries, out, -, layer, heads, key heads, head width, rows a piece."""
    heads, key_heads, width, block = op[5], op[6], op[7], op[8]
    room = cache[2]
    head = piece % key_heads
    first = (piece // key_heads) * block
    last = min(first + block, rows)
    several = heads // key_heads
    space = len(scores) // QUERIES
    at = scores.ctypes.data
    row = first
    while row < last:
        slot, begin, end = where[row, 1], where[row, 3], where[row, 4]
        start = 4 * ((op[4] * cache[3] + slot) * key_heads + head) * width * room
        keys, values = cache[0] + start, cache[1] + start
        together = int64(1)
        if row + QUERIES <= last:  # rows of one sequence that see one range, of which a later one may see more
            together = QUERIES
            for k in range(QUERIES):
                other = row + k
                if where[other, 1] != slot or where[other, 3] != begin or where[other, 6] > where[other, 5]:
                    together = int64(1)
                end = max(end, where[other, 4])
            if together == 1:
                end = where[row, 4]
        own, until = where[row, 5], where[row, 6]
        step = 4 * heads * width  # bytes from one row's query to the next one's
        for k in range(several):
            offset = 4 * (row * heads + head * several + k) * width
            query, out = buffers[op[1]] + offset, buffers[op[2]] + offset
            count = end - begin
            if together == QUERIES:
                scores_4(query, step, keys + 4 * begin, room, at, 4 * space, count, width, scaling)
            else:
                scores_1(query, step, keys + 4 * begin, room, at, 4 * space, count, width, scaling)
                if until > own:
                    scores_1(query, step, keys + 4 * own, room, at + 4 * count, 4 * space, until - own, width, scaling)
            for r in range(together):
                target = floats(out + r * step, width)
                for d in range(width):
                    target[d] = float32(0.0)
                seen = where[row + r, 4] - begin + (until - own if together == 1 else 0)
                scores[r * space + space - 1] = softmax(at + 4 * r * space, seen, max(count, seen))
            if together == QUERIES:
                values_4(at, 4 * space, values + 4 * begin * width, width, out, step, count)
            else:
                values_1(at, 4 * space, values + 4 * begin * width, width, out, step, count)
                if until > own:
                    values_1(at + 4 * count, 4 * space, values + 4 * own * width, width, out, step, until - own)
            for r in range(together):
                target = floats(out + r * step, width)
                inverse = float32(1.0) / scores[r * space + space - 1]
                for d in range(width):
                    target[d] *= inverse
        row += together
