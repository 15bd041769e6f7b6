"""Weights read as int16 or float32, a group at a time: the code for LLVM. What they are is said in `weights`.

In: a builder, addresses. Out: vectors. Bounds are the caller's.
"""

from __future__ import annotations

from llvmlite import ir

from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.vectors import (
    F32,
    I8,
    I16,
    I32,
    I64,
    call,
    larger,
    load_at,
    numbers,
    scaled,
    splat,
    vector_type,
)
from gptjt_demo.models.compiled.weights import (
    BFLOAT16,
    BYTES,
    CODES,
    CODES_WIDE,
    FLOAT32,
    GROUP,
    INT8,
    INT8_WIDE,
    LINES,
    NIBBLES,
    WEIGHT,
)


def code_tables(builder: ir.IRBuilder, tables: ir.Value) -> list[ir.Value]:
    """The 256 values as eight vectors of 64 bytes: low bytes, then high bytes."""
    return [load_at(builder, builder.add(tables, I64(64 * k)), vector_type(I8, 64), 64) for k in range(8)]


def _looked_up(builder: ir.IRBuilder, address: ir.Value, tables: list[ir.Value]) -> list[ir.Value]:
    bytes_ = vector_type(I8, 64)
    codes = load_at(builder, address, bytes_, 1)
    upper = builder.icmp_signed("<", codes, splat(I8, 64, 0))
    low, high = (
        builder.select(
            upper,
            call(builder, "llvm.x86.avx512.vpermi2var.qi.512", bytes_, t[2], codes, t[3]),
            call(builder, "llvm.x86.avx512.vpermi2var.qi.512", bytes_, t[0], codes, t[1]),
        )
        for t in (tables[:4], tables[4:])
    )
    return _words(builder, low, high)


def _interleaved(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> list[ir.Value]:
    """Bytes of two vectors in turns, within each 16 of them: the columns of `order`, two bytes each."""
    count = low.type.count
    halves = [[16 * lane + 8 * half + k for lane in range(count // 16) for k in range(8)] for half in (0, 1)]
    return [
        builder.shuffle_vector(
            low, high, ir.Constant(vector_type(I32, count), [k for c in half for k in (c, count + c)])
        )
        for half in halves
    ]


def _words(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> list[ir.Value]:
    """int16 of low and high bytes, in `order`."""
    wide = vector_type(I16, low.type.count // 2)
    return [builder.bitcast(part, wide) for part in _interleaved(builder, low, high)]


def _by_nibbles(builder: ir.IRBuilder, address: ir.Value) -> list[ir.Value]:
    """32 codes in the order of `in_order`, as int16, read with the look-ups of 16 bytes that AVX2 has.

    The upper four bits say on which line a code lies: slope * (code - start) + rest.
    """
    bytes_ = vector_type(I8, 32)
    codes = load_at(builder, address, bytes_, 1)
    upper = builder.and_(
        builder.bitcast(builder.lshr(builder.bitcast(codes, vector_type(I16, 16)), splat(I16, 16, 4)), bytes_),
        splat(I8, 32, 15),
    )

    def table(values: list[int]) -> ir.Value:
        constant = ir.Constant(bytes_, [(value + 128) % 256 - 128 for value in values] * 2)
        return call(builder, "llvm.x86.avx2.pshuf.b", bytes_, constant, upper)

    lines = [NIBBLES[min(k, len(NIBBLES) - 1)] for k in range(8)]
    slope = table([line[0] for line in [*lines[::-1], *lines]])
    start = table([127 - line[1] for line in lines[::-1]] + [128 + line[1] for line in lines])
    rest = table([-line[2] for line in lines[::-1]] + [line[2] for line in lines])
    slopes = _interleaved(builder, slope, splat(I8, 32, 1))
    values = _interleaved(builder, builder.sub(codes, start), rest)
    return [
        call(builder, "llvm.x86.avx2.pmadd.ub.sw", vector_type(I16, 16), slope, value)
        for slope, value in zip(slopes, values, strict=True)
    ]


def read_group(
    builder: ir.IRBuilder, kind: int, address: ir.Value, ratio: ir.Value, tables: list[ir.Value]
) -> list[ir.Value]:
    """A group's weights as int16 vectors.

    Args:
        builder: see llvmlite.
        kind: how they are stored.
        address: of the first.
        ratio: int16, of the block's absmax to the row's; codes alone have one.
        tables: where codes are looked up.
    """
    lanes = way().lanes
    if kind in (CODES_WIDE, INT8_WIDE):
        return [
            load_at(builder, builder.add(address, I64(2 * k)), vector_type(I16, lanes), 64)
            for k in range(0, GROUP, lanes)
        ]
    if kind == CODES and way().lookups:
        return [scaled(builder, part, ratio) for part in _looked_up(builder, address, tables)]
    if way().x86:
        parts = []
        for first in range(0, GROUP, 2 * lanes):
            at = builder.add(address, I64(first))
            if kind == CODES:
                parts += [scaled(builder, part, ratio) for part in _by_nibbles(builder, at)]
            else:
                both, eight = load_at(builder, at, vector_type(I16, lanes), 1), splat(I16, lanes, 8)
                parts += [builder.ashr(part, eight) for part in (builder.shl(both, eight), both)]
        return parts
    parts = []
    for first in range(0, GROUP, lanes):
        loaded = load_at(builder, builder.add(address, I64(first)), vector_type(I8, lanes), 1)
        wide = vector_type(I16, lanes)
        if kind == INT8:
            parts.append(builder.sext(loaded, wide))
            continue
        signed = builder.sub(builder.zext(loaded, wide), splat(I16, lanes, 127))
        sign = builder.ashr(signed, splat(I16, lanes, 15))
        size = builder.sub(builder.xor(signed, sign), sign)
        value = splat(I16, lanes, 0)
        for slope, offset in LINES:
            line = builder.add(builder.mul(size, splat(I16, lanes, slope)), splat(I16, lanes, offset))
            value = larger(builder, line, value)
        most = splat(I16, lanes, WEIGHT)
        value = builder.select(builder.icmp_signed("<", value, most), value, most)
        value = scaled(builder, value, ratio)
        parts.append(builder.sub(builder.xor(value, sign), sign))
    return parts


def read_floats(builder: ir.IRBuilder, kind: int, address: ir.Value) -> list[ir.Value]:
    """A group's weights as float32 vectors, of the address of the first."""
    lanes = way().lanes // 2
    floats = vector_type(F32, lanes)
    parts = []
    for first in range(0, GROUP, lanes):
        at = builder.add(address, I64(BYTES[kind] * first))
        if kind == FLOAT32:
            parts.append(load_at(builder, at, floats, 4))
            continue
        word = builder.zext(load_at(builder, at, vector_type(I16, lanes), 2), vector_type(I32, lanes))
        if kind == BFLOAT16:
            parts.append(builder.bitcast(builder.shl(word, splat(I32, lanes, 16)), floats))
            continue
        # By arithmetic: where a processor has no instruction for it, LLVM would call a function that is not there.
        size = builder.shl(builder.and_(word, splat(I32, lanes, 0x7FFF)), splat(I32, lanes, 13))
        size = builder.fmul(builder.bitcast(size, floats), numbers(lanes, 2.0**112))  # the exponents' distance
        sign = builder.shl(builder.and_(word, splat(I32, lanes, 0x8000)), splat(I32, lanes, 16))
        parts.append(builder.bitcast(builder.or_(builder.bitcast(size, sign.type), sign), floats))
    return parts


def block_ratio(builder: ir.IRBuilder, absmax: ir.Value, group: ir.Value, inverse: ir.Value) -> ir.Value:
    block = builder.lshr(group, I64(6))  # 64 groups, 4096 values, share an absmax in the hivemind layout
    value = load_at(builder, builder.add(absmax, builder.shl(block, I64(2))), F32, 4)
    return builder.trunc(builder.fptosi(builder.fmul(value, inverse), I32), I16)


def ratio_unit(builder: ir.IRBuilder, row_scale: ir.Value) -> ir.Value:
    """What an absmax is multiplied with, so that the largest, the row's own, becomes 32766; `program` makes the scale
    to match."""
    some = builder.fcmp_ordered(">", row_scale, ir.Constant(F32, 0.0))
    inverse = builder.fdiv(ir.Constant(F32, 32768.0 / WEIGHT), row_scale)
    return builder.select(some, inverse, ir.Constant(F32, 0.0))
