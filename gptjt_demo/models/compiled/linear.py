"""The operation LINEAR: rows of activations times some rows of a weight, with scales and bias.

Operands as `step` has them. Few rows are multiplied with weights as they are read; for many, weights are made int16
first, some rows at a time, and stay in the cache while all activations pass.
"""

from __future__ import annotations

from numba import njit

from gptjt_demo.models.compiled.operations import FEW, WIDE
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.products import (
    bytes_1,
    bytes_2,
    bytes_3,
    bytes_4,
    bytes_5,
    bytes_6,
    codes_1,
    codes_2,
    codes_3,
    codes_4,
    codes_5,
    codes_6,
    widen_bytes,
    widen_codes,
    words_1,
    words_2,
    words_3,
    words_4,
    words_5,
    words_6,
)
from gptjt_demo.models.compiled.weights import CODES, GROUP, INT8, INT16

TOGETHER = 32  # groups of so many activation rows as are multiplied together: they stay in the first cache
MANY = FEW if way().registers > 16 else 4  # rows of activations that are multiplied together with int16


@njit(nogil=True, error_model="numpy")
def _multiply(kind, rows, operands):
    if kind == CODES:
        if rows == 1:
            codes_1(operands)
        elif rows == 2:
            codes_2(operands)
        elif rows == 3:
            codes_3(operands)
        elif rows == 4:
            codes_4(operands)
        elif rows == 5:
            codes_5(operands)
        else:
            codes_6(operands)
    elif kind == INT8:
        if rows == 1:
            bytes_1(operands)
        elif rows == 2:
            bytes_2(operands)
        elif rows == 3:
            bytes_3(operands)
        elif rows == 4:
            bytes_4(operands)
        elif rows == 5:
            bytes_5(operands)
        else:
            bytes_6(operands)
    else:
        if rows == 1:
            words_1(operands)
        elif rows == 2:
            words_2(operands)
        elif rows == 3:
            words_3(operands)
        elif rows == 4:
            words_4(operands)
        elif rows == 5:
            words_5(operands)
        else:
            words_6(operands)


@njit(nogil=True, error_model="numpy")
def _rows(op, kind, weight, begin, end, readable, rows, buffers, sums, most, together):
    """All rows of activations times the rows of a weight from `begin` to `end`, so many of each and
    so many groups together."""
    groups, step = op[9] // GROUP, op[12]
    parts = (rows + most - 1) // most
    row = 0
    for part in range(parts):
        count = (rows - row) // (parts - part)
        activations, scales = buffers[op[1]] + 2 * row * op[9], buffers[op[2]] + 4 * row * groups
        out = buffers[op[3]] + 4 * row * step
        of_weight = (weight, op[6], op[7], op[14], op[10], begin, end, readable)
        for group in range(0, groups, together):
            last = min(group + together, groups)
            _multiply(kind, count, (*of_weight, activations, scales, groups, out, step, op[11], group, last, sums))
        row += count


@njit(nogil=True, error_model="numpy")
def linear(op, piece, rows, buffers, wide, sums):
    """LINEAR: codes, scales, out, kind, weight, absmax, row scale, rows of the weight, columns, bias or 0, whether
    added to what is there, values from one out row to the next, weight rows a piece, address of what codes mean."""
    kind, columns, outs = op[4], op[9], op[8]
    first = piece * op[13]
    last = min(first + op[13], outs)
    groups = columns // GROUP
    if rows <= 2 * FEW:
        _rows(op, kind, op[5], first, last, outs, rows, buffers, sums, FEW, groups)
        return
    bytes_ = columns * 2 if kind == INT16 else columns
    for begin in range(first, last, WIDE):
        end = min(begin + WIDE, last)
        if kind == INT16:
            _rows(op, kind, op[5], begin, end, outs, rows, buffers, sums, MANY, TOGETHER)
            continue
        for k in range(begin, end):
            at, there = op[5] + k * bytes_, wide + 2 * (k - begin) * columns
            if kind == CODES:
                widen_codes(at, op[6], k * groups, op[7] + 4 * k, op[14], there, groups)
            else:
                widen_bytes(at, 0, 0, 0, 0, there, groups)
        _rows(op, INT16, wide - 2 * begin * columns, begin, end, begin + WIDE, rows, buffers, sums, MANY, TOGETHER)
