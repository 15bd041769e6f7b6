"""A network's step as a list of operations, and the compiled function that carries them out on several threads.

A step is a sequence of phases; the operations of a phase do not need each other's results. Each is cut into pieces, and
any thread that is there takes the next piece: a thread that comes late, or that has lost its core to another program,
holds nobody up but with the piece in its hands. All operands are addresses in tables of int64, so that the same
function, compiled once, runs every network.

In: the tables that `program` writes. Out: what the operations write. Knows no family of models and no tensors.
"""

from __future__ import annotations

import numpy as np
from numba import float32, int64, njit

from gptjt_demo.models.compiled.activations import code_for_codes, code_for_int8, gate, gelu
from gptjt_demo.models.compiled.addresses import (
    bytes_at,
    float_table,
    floats,
    int32s,
    int64s,
    signed_bytes,
    table,
)
from gptjt_demo.models.compiled.attention import attend, rotate, rotated_together
from gptjt_demo.models.compiled.linear import linear, narrow
from gptjt_demo.models.compiled.operations import (
    ATTEND,
    BUFFERS,
    CACHE,
    DONE,
    EMBED,
    GATE,
    GATHER,
    GELU,
    LAST,
    LINEAR,
    NARROW,
    NORM,
    QUANTIZE,
    QUIT,
    ROTATE,
    SEEN,
    SHIFT,
    TICKET,
    WIDTH,
)
from gptjt_demo.models.compiled.threads import add_and_get, breathe, read, write, yield_core
from gptjt_demo.models.compiled.weights import BFLOAT16, CODES, FLOAT16, GROUP, INT8
from gptjt_demo.models.compiled.widening import widen_brains, widen_halves

_PATIENCE = 200  # looks at a counter before the core is offered to others


@njit(nogil=True, error_model="numpy")
def _embed(op, piece, rows, buffers):
    """EMBED: ids buffer, out buffer, kind, weight, absmax, row scale, values a row, stored values a row."""
    ids, width, stored = int32s(buffers[op[1]], rows), op[7], op[8]
    row = piece
    out = floats(buffers[op[2]] + 4 * row * width, width)
    token = int64(ids[row])
    if op[3] == CODES:
        codes = bytes_at(op[4] + token * stored, width)
        meaning = floats(op[9], 256)
        for k in range(width):
            block = (token * stored + k) >> 12
            out[k] = meaning[codes[k]] * floats(op[5] + 4 * block, 1)[0]
    elif op[3] == INT8:
        scale = floats(op[6] + 4 * token, 1)[0]
        values = signed_bytes(op[4] + token * stored, width)
        for k in range(width):
            out[k] = float32(values[k]) * scale
    elif op[3] == FLOAT16:
        widen_halves(op[4] + 2 * token * stored, out.ctypes.data, stored // GROUP)
    elif op[3] == BFLOAT16:
        widen_brains(op[4] + 2 * token * stored, out.ctypes.data, stored // GROUP)
    else:
        given = floats(op[4] + 4 * token * stored, width)
        for k in range(width):
            out[k] = given[k]


@njit(nogil=True, error_model="numpy")
def _coded(op, piece, stored, source, buffers):
    """Activations from `source` to where products read them: coded for either kind of weights, or as they are."""
    groups = stored // GROUP
    codes, scales = 2 * piece * stored, 4 * piece * groups
    if op[2]:
        code_for_codes(source, buffers[op[2]] + codes, buffers[op[3]] + scales, groups)
    if op[10]:
        code_for_int8(source, buffers[op[10]] + codes, buffers[op[11]] + scales, groups)
    if op[12]:
        given, out = floats(source, stored), floats(buffers[op[12]] + 4 * piece * stored, stored)
        for k in range(stored):
            out[k] = given[k]


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _norm(op, piece, buffers, numbers, scratch):
    """NORM: source, out and its scales for weights of codes, weight, bias or 0, width, stored width, epsilon's index,
    whether centred, out and its scales for int8 weights, out for weights of floats; an out may be 0."""
    width, stored = op[6], op[7]
    source = floats(buffers[op[1]] + 4 * piece * width, width)
    weight = floats(op[4], width)
    total = float32(0.0)
    mean = float32(0.0)
    if op[9]:
        for k in range(width):
            mean += source[k]
        mean /= float32(width)
    for k in range(width):
        total += (source[k] - mean) * (source[k] - mean)
    factor = float32(1.0) / np.sqrt(total / float32(width) + numbers[op[8]])
    for k in range(width):
        scratch[k] = (source[k] - mean) * factor * weight[k]
    if op[5]:
        bias = floats(op[5], width)
        for k in range(width):
            scratch[k] += bias[k]
    for k in range(width, stored):
        scratch[k] = float32(0.0)
    _coded(op, piece, stored, scratch.ctypes.data, buffers)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _activate(op, piece, buffers, scratch):
    """QUANTIZE, GATE, GELU: source, out, its scales, second source, -, width, stored width, -, -, outs as NORM."""
    width, stored = op[6], op[7]
    source = buffers[op[1]] + 4 * piece * width
    if op[0] == QUANTIZE and width == stored:
        _coded(op, piece, stored, source, buffers)
        return
    if op[0] == GATE:  # SiLU(source) * second
        gate(source, buffers[op[4]] + 4 * piece * width, scratch.ctypes.data, width)
    elif op[0] == GELU:
        gelu(source, 0, scratch.ctypes.data, width)
    else:
        given = floats(source, width)
        for k in range(width):
            scratch[k] = given[k]
    for k in range(width, stored):
        scratch[k] = float32(0.0)
    _coded(op, piece, stored, scratch.ctypes.data, buffers)


@njit(nogil=True)
def _pick(op, piece, buffers, chosen):
    """GATHER: source, out, width: rows that are asked for, one behind the other."""
    width = op[3]
    source = floats(buffers[op[1]] + 4 * chosen[piece] * width, width)
    out = floats(buffers[op[2]] + 4 * piece * width, width)
    for k in range(width):
        out[k] = source[k]


@njit(inline="always")
def _pieces(op, rows, asked):
    if op[0] == LINEAR or op[0] == NARROW:
        return (op[8] + op[13] - 1) // op[13]
    if op[0] == ATTEND:
        return ((rows + op[8] - 1) // op[8]) * op[6]
    if op[0] == ROTATE:
        block = rotated_together(rows)
        return (rows + block - 1) // block
    return asked if op[15] else rows


@njit(nogil=True, error_model="numpy")
def work(
    counters,
    operations,
    count,
    phases,
    ends,
    buffers,
    cache,
    numbers,
    last_number,
    where,
    rows,
    chosen,
    asked,
    cosines,
    sines,
    positions,
    angles,
    scratch,
    room,
    wide,
    sums,
    leads,
):
    """Take pieces until the last phase is done, or for a worker until the step is over.

    All arguments are int64: addresses, and the sizes of what lies there.

    Args:
        counters: int64 (COUNTERS,), shared; `LAST` says where to stop.
        operations: int64 (count, WIDTH).
        phases: int64 (ends,): the first operation of each, and behind the last.
        buffers: int64 (BUFFERS,): addresses of what is written.
        cache: int64 (CACHE,): address of keys, of values, columns there is room for, slots; the same of a header, and
            where in there it lies, and its columns, or 0.
        numbers: float32 (last_number + 1,): epsilons, and last the scaling of scores.
        where: int64 (rows, SEEN): position, slot, column, and two ranges of columns that a row sees after the header.
        chosen: int64 (asked,): rows whose logits are asked for.
        cosines: float32 (positions, angles).
        sines: of the same shape.
        scratch: float32 (room,), this thread's own; (QUERIES, columns and three vectors) is what attention needs of it.
        wide: int16 (WIDE, columns), float32 where a weight is of floats; this thread's own.
        sums: float32 (SUMS,), this thread's own.
        leads: whether to return at `LAST`; other threads wait there for more, until `QUIT`.
    """
    ticket, done, quit_ = counters + 8 * TICKET, counters + 8 * DONE, counters + 8 * QUIT
    stop = counters + 8 * LAST
    operations, phases = table(operations, count, WIDTH), int64s(phases, ends)
    where, chosen = table(where, rows, SEEN), int64s(chosen, asked)
    buffers, cache = int64s(buffers, BUFFERS), int64s(cache, CACHE)
    numbers = floats(numbers, last_number + 1)
    cosines, sines = float_table(cosines, positions, angles), float_table(sines, positions, angles)
    scratch = floats(scratch, room)
    scaling = numbers[last_number]
    waited = 0
    while True:
        # A phase that this thread need not look at any more is read before a piece is taken, so that none is lost.
        now = read(ticket)
        if (now >> SHIFT) >= read(stop):
            if leads or read(quit_):
                return
            waited += 1
            if waited > _PATIENCE:
                yield_core()
            else:
                breathe()
            continue
        taken = add_and_get(ticket, 1)
        phase, piece = taken >> SHIFT, taken & 0x7FFFFFFF
        if phase >= read(stop):  # the step ended between the two looks
            continue
        first, last = phases[phase], phases[phase + 1]
        total = int64(0)
        which = int64(-1)
        within = piece
        for k in range(first, last):
            several = _pieces(operations[k], rows, asked)
            total += several
            if which < 0:
                if within < several:
                    which = k
                else:
                    within -= several
        if which < 0:
            looked = 0
            while (read(ticket) >> SHIFT) == phase:
                looked += 1
                if looked > _PATIENCE:
                    yield_core()
                else:
                    breathe()
            continue
        waited = 0
        op = operations[which]
        kind = op[0]
        if kind == LINEAR:
            linear(op, within, asked if op[15] else rows, buffers, wide, sums)
        elif kind == ATTEND:
            attend(op, within, rows, buffers, cache, where, scaling, scratch)
        elif kind == ROTATE:
            rotate(op, within, rows, buffers, cache, where, cosines, sines)
        elif kind == NORM:
            _norm(op, within, buffers, numbers, scratch)
        elif kind == EMBED:
            _embed(op, within, rows, buffers)
        elif kind == NARROW:
            narrow(op, within)
        elif kind == GATHER:
            _pick(op, within, buffers, chosen)
        else:
            _activate(op, within, buffers, scratch)
        if add_and_get(done, 1) == total - 1:
            write(done, 0)
            write(ticket, (phase + 1) << SHIFT)
