"""The operation LINEAR: rows of activations times some rows of a weight, with scales and bias. And NARROW, which makes
int8 of codes in place, once, where they take too long to be read in every step.

Operands as `step` has them. Few rows are multiplied with weights as they are read; for many, 8-bit weights are made
int16 first, some rows at a time, and stay in the cache while all activations pass. So do weights in 16-bit floats, made
float32.
"""

from __future__ import annotations

from numba import njit, types

from gptjt_demo.models.compiled.operations import FEW, WIDE
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.products import OPERANDS, ROWS, multiply
from gptjt_demo.models.compiled.weights import CODES, CODES_WIDE, FLOAT16, FLOAT32, GROUP, INT8_WIDE
from gptjt_demo.models.compiled.widening import narrow_codes, widen_brains, widen_bytes, widen_codes, widen_halves

TOGETHER = 32  # groups of so many activation rows as are multiplied together: they stay in the first cache
FLOATS = ROWS[FLOAT32]
MANY = FEW if way().registers > 16 else 4  # rows of activations that are multiplied together with int16


@njit(types.void(types.int64, types.int64, types.UniTuple(types.int64, OPERANDS)), nogil=True, error_model="numpy")
def _multiply(kind, rows, operands):
    """A function of its own, of stated types, so that there is one copy of all this code: Numba would make one for
    each constant."""
    multiply(kind, rows, operands)


@njit(inline="always")
def _rows(op, kind, weight, begin, end, readable, rows, buffers, sums, most, together):
    """All rows of activations times the rows of a weight from `begin` to `end`, so many of each and
    so many groups together."""
    groups, step = op[9] // GROUP, op[12]
    parts = (rows + most - 1) // most
    row = 0
    for part in range(parts):
        count = (rows - row) // (parts - part)
        activations = buffers[op[1]] + (2 if kind < FLOAT32 else 4) * row * op[9]
        scales = buffers[op[2]] + 4 * row * groups
        out = buffers[op[3]] + 4 * row * step
        of_weight = (weight, op[6], op[7], op[14], op[10], begin, end, readable)
        for group in range(0, groups, together):
            last = min(group + together, groups)
            _multiply(kind, count, (*of_weight, activations, scales, groups, out, step, op[11], group, last, sums))
        row += count


@njit(inline="always")
def narrow(op, piece):
    """NARROW: operands as LINEAR has them."""
    columns, groups = op[9], op[9] // GROUP
    for k in range(piece * op[13], min((piece + 1) * op[13], op[8])):
        narrow_codes(op[5] + k * columns, op[6], k * groups, op[7] + 4 * k, op[14], groups)


@njit(inline="always")
def linear(op, piece, rows, buffers, wide, sums):
    """LINEAR: codes, scales, out, kind, weight, absmax, row scale, rows of the weight, columns, bias or 0, whether
    added to what is there, values from one out row to the next, weight rows a piece, address of what codes mean."""
    kind, columns, outs = op[4], op[9], op[8]
    first = piece * op[13]
    last = min(first + op[13], outs)
    groups = columns // GROUP
    if rows <= 2 * FEW and kind < FLOAT32:
        _rows(op, kind, op[5], first, last, outs, rows, buffers, sums, FEW, groups)
        return
    for begin in range(first, last, WIDE):
        end = min(begin + WIDE, last)
        if kind >= FLOAT32:
            weight, readable = op[5], outs
            if kind != FLOAT32:
                weight, readable = wide - 4 * begin * columns, begin + WIDE
                for k in range(begin, end):
                    at, there = op[5] + 2 * k * columns, wide + 4 * (k - begin) * columns
                    if kind == FLOAT16:
                        widen_halves(at, there, groups)
                    else:
                        widen_brains(at, there, groups)
            _rows(op, FLOAT32, weight, begin, end, readable, rows, buffers, sums, FLOATS, TOGETHER // 2)
            continue
        for k in range(begin, end):
            at, there = op[5] + k * columns, wide + 2 * (k - begin) * columns
            if kind == CODES:
                widen_codes(at, op[6], k * groups, op[7] + 4 * k, op[14], there, groups)
            else:
                widen_bytes(at, there, groups)
        _rows(
            op,
            CODES_WIDE if kind == CODES else INT8_WIDE,
            wide - 2 * begin * columns,
            begin,
            end,
            begin + WIDE,
            rows,
            buffers,
            sums,
            MANY,
            TOGETHER,
        )
