"""The innermost loops, written as vector code for LLVM: 8-bit weights read, and multiplied with 16-bit activations.

A group is 64 columns. Activations are int16 within +-`ACTIVATION`, with a float32 scale a group; weights become int16
within +-`WEIGHT`, with one scale a row: so the sums of a group fit int32, are exact, and only the sum over groups is
float32, in an order that depends on nothing but the row. That is why a row's result is equal to the bit, whatever rows
stand beside it, and however many there are.

A weight is stored in one of three ways:

    codes   the hivemind layout's own bytes. bitsandbytes' signed dynamic code (Dettmers et al. 2022, "8-bit Optimizers
            via Block-wise Quantization") is odd and, from nought on, the largest of a few straight lines; so a code is
            read with arithmetic, or by two look-ups where the processor has AVX-512 VBMI. A block's absmax enters as
            a ratio to the row's largest.
    int8    a scale a row
    int16   a scale a row, for small models in other layouts

In: addresses of aligned memory. Out: numbers at addresses. Bounds are the caller's: nothing is checked here.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gptjt_demo.models.compiled.processor import way

GROUP = 64
BLOCK_GROUPS = 64  # groups that share an absmax in the hivemind layout: 4096 values
ACTIVATION = 16383
WEIGHT = 16000  # code 1.0; then the lines' slopes are whole numbers
CODES, INT8, INT16 = 0, 1, 2
AHEAD = 2048  # bytes of a weight that are asked for before they are needed
TILE = 4  # weight rows, and activation rows, that are multiplied together

# The positive half of the dynamic code at 1.0 = WEIGHT: the largest of these lines (slope, offset) and 0, at most 1.
LINES = ((225, -12687), (45, -1257), (9, -123), (2, -12))
# The same by the upper four bits of the size: slope, start, rest. The smallest sixteen are a line, too, to 6 in 16000.
NIBBLES = ((1, 0, 0), (9, 14, 2), (45, 28, 2), (45, 28, 2), (225, 56, -88))
TOP = 112  # what 1.0 has more than the code before it

_I8, _I16, _I32, _I64 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
_F32 = ir.FloatType()


def _vector(type_: ir.Type, lanes: int) -> ir.VectorType:
    return ir.VectorType(type_, lanes)


def _splat(type_: ir.Type, lanes: int, value: int) -> ir.Constant:
    return ir.Constant(_vector(type_, lanes), [value] * lanes)


def _broadcast(builder: ir.IRBuilder, value: ir.Value, lanes: int) -> ir.Value:
    kind = _vector(value.type, lanes)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _I32(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), _splat(_I32, lanes, 0))


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def _pointer(builder: ir.IRBuilder, address: ir.Value, type_: ir.Type) -> ir.Value:
    return builder.inttoptr(address, type_.as_pointer())


def _at(builder: ir.IRBuilder, address: ir.Value, type_: ir.Type, alignment: int) -> ir.Value:
    loaded = builder.load(_pointer(builder, address, type_))
    loaded.align = alignment
    return loaded


def _put(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, alignment: int) -> None:
    builder.store(value, _pointer(builder, address, value.type)).align = alignment


def _larger(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.select(builder.icmp_signed(">", a, b), a, b)


def _scaled(builder: ir.IRBuilder, values: ir.Value, ratio: ir.Value) -> ir.Value:
    """int16 values times a ratio in units of 1 / 32768, rounded."""
    lanes = values.type.count
    names = {8: "llvm.x86.ssse3.pmul.hr.sw.128", 16: "llvm.x86.avx2.pmul.hr.sw", 32: "llvm.x86.avx512.pmul.hr.sw.512"}
    if way().x86:
        return _call(builder, names[lanes], values.type, values, _broadcast(builder, ratio, lanes))
    wide = _vector(_I32, lanes)
    product = builder.mul(builder.sext(values, wide), builder.sext(_broadcast(builder, ratio, lanes), wide))
    rounded = builder.ashr(builder.add(product, _splat(_I32, lanes, 1 << 14)), _splat(_I32, lanes, 15))
    return builder.trunc(rounded, values.type)


def _pairs(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """int32 sums of the products of neighbours: half as many lanes as the int16 ones of `a` and `b`."""
    lanes = a.type.count
    names = {8: "llvm.x86.sse2.pmadd.wd", 16: "llvm.x86.avx2.pmadd.wd", 32: "llvm.x86.avx512.pmaddw.d.512"}
    if way().x86:
        return _call(builder, names[lanes], _vector(_I32, lanes // 2), a, b)
    wide = _vector(_I32, lanes)
    product = builder.mul(builder.sext(a, wide), builder.sext(b, wide))
    half = [
        builder.shuffle_vector(product, product, ir.Constant(_vector(_I32, lanes // 2), list(range(odd, lanes, 2))))
        for odd in (0, 1)
    ]
    return builder.add(*half)


def _code_tables(builder: ir.IRBuilder, tables: ir.Value) -> list[ir.Value]:
    """The 256 values as eight vectors of 64 bytes: low bytes, then high bytes."""
    return [_at(builder, builder.add(tables, _I64(64 * k)), _vector(_I8, 64), 64) for k in range(8)]


def _looked_up(builder: ir.IRBuilder, address: ir.Value, tables: list[ir.Value]) -> list[ir.Value]:
    bytes_ = _vector(_I8, 64)
    codes = _at(builder, address, bytes_, 1)
    upper = builder.icmp_signed("<", codes, _splat(_I8, 64, 0))
    low, high = (
        builder.select(
            upper,
            _call(builder, "llvm.x86.avx512.vpermi2var.qi.512", bytes_, t[2], codes, t[3]),
            _call(builder, "llvm.x86.avx512.vpermi2var.qi.512", bytes_, t[0], codes, t[1]),
        )
        for t in (tables[:4], tables[4:])
    )
    return _words(builder, low, high)


def _interleaved(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> list[ir.Value]:
    """Bytes of two vectors in turns, within each 16 of them: the columns of `order`, two bytes each."""
    count = low.type.count
    halves = [[16 * lane + 8 * half + k for lane in range(count // 16) for k in range(8)] for half in (0, 1)]
    return [
        builder.shuffle_vector(low, high, ir.Constant(_vector(_I32, count), [k for c in half for k in (c, count + c)]))
        for half in halves
    ]


def _words(builder: ir.IRBuilder, low: ir.Value, high: ir.Value) -> list[ir.Value]:
    """int16 of low and high bytes, in `order`."""
    wide = _vector(_I16, low.type.count // 2)
    return [builder.bitcast(part, wide) for part in _interleaved(builder, low, high)]


def _by_nibbles(builder: ir.IRBuilder, address: ir.Value) -> list[ir.Value]:
    """32 codes as int16, read with the look-ups of 16 bytes that AVX2 has.

    A code k from nought has the size m, whose upper four bits say on which line it lies: slope * (m - start) + rest.
    """
    bytes_ = _vector(_I8, 32)
    codes = _at(builder, address, bytes_, 1)
    from_middle = builder.xor(codes, _splat(_I8, 32, -128))
    signed = _call(builder, "llvm.sadd.sat.v32i8", bytes_, from_middle, _splat(_I8, 32, 1))
    size = builder.select(
        builder.icmp_signed("<", signed, _splat(_I8, 32, 0)), builder.sub(_splat(_I8, 32, 0), signed), signed
    )
    upper = builder.and_(
        builder.bitcast(builder.lshr(builder.bitcast(size, _vector(_I16, 16)), _splat(_I16, 16, 4)), bytes_),
        _splat(_I8, 32, 15),
    )

    def table(column: int) -> ir.Value:
        values = [NIBBLES[min(k, len(NIBBLES) - 1)][column] for k in range(16)] * 2
        constant = ir.Constant(bytes_, [value - 256 if value > 127 else value for value in values])
        return _call(builder, "llvm.x86.avx2.pshuf.b", bytes_, constant, upper)

    rest = table(2)
    last = builder.sext(builder.icmp_signed("==", codes, _splat(_I8, 32, -1)), bytes_)  # 1.0, one step above the line
    rest = builder.add(rest, builder.and_(last, _splat(_I8, 32, TOP)))
    part = builder.sub(size, table(1))
    part, rest = (_call(builder, "llvm.x86.avx2.psign.b", bytes_, value, signed) for value in (part, rest))
    slopes = _interleaved(builder, table(0), _splat(_I8, 32, 1))
    values = _interleaved(builder, part, rest)
    return [
        _call(builder, "llvm.x86.avx2.pmadd.ub.sw", _vector(_I16, 16), slope, value)
        for slope, value in zip(slopes, values, strict=True)
    ]


def order() -> list[int]:
    """Where the columns of a group stand in memory, once they are int16: as the fastest way of widening leaves them."""
    if not way().x86:
        return list(range(GROUP))
    lanes = way().lanes // 8  # of 16 bytes, within which x86 interleaves
    bases = range(0, GROUP, 16 * lanes)
    return [
        base + 16 * lane + 8 * half + k for base in bases for half in (0, 1) for lane in range(lanes) for k in range(8)
    ]


def _group(
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
    if kind == INT16:
        return [
            _at(builder, builder.add(address, _I64(2 * k)), _vector(_I16, lanes), 64) for k in range(0, GROUP, lanes)
        ]
    if kind == CODES and way().lookups:
        return [_scaled(builder, part, ratio) for part in _looked_up(builder, address, tables)]
    if way().x86:
        parts = []
        for first in range(0, GROUP, 2 * lanes):
            at = builder.add(address, _I64(first))
            if kind == CODES:
                parts += [_scaled(builder, part, ratio) for part in _by_nibbles(builder, at)]
            else:
                loaded = _at(builder, at, _vector(_I8, 2 * lanes), 1)
                doubled = _words(builder, _splat(_I8, 2 * lanes, 0), loaded)  # times 256
                parts += [builder.ashr(part, _splat(_I16, lanes, 1)) for part in doubled]
        return parts
    parts = []
    for first in range(0, GROUP, lanes):
        loaded = _at(builder, builder.add(address, _I64(first)), _vector(_I8, lanes), 1)
        wide = _vector(_I16, lanes)
        if kind == INT8:
            parts.append(builder.shl(builder.sext(loaded, wide), _splat(_I16, lanes, 7)))
            continue
        signed = builder.sub(builder.zext(loaded, wide), _splat(_I16, lanes, 127))
        sign = builder.ashr(signed, _splat(_I16, lanes, 15))
        size = builder.sub(builder.xor(signed, sign), sign)
        value = _splat(_I16, lanes, 0)
        for slope, offset in LINES:
            line = builder.add(builder.mul(size, _splat(_I16, lanes, slope)), _splat(_I16, lanes, offset))
            value = _larger(builder, line, value)
        most = _splat(_I16, lanes, WEIGHT)
        value = builder.select(builder.icmp_signed("<", value, most), value, most)
        value = _scaled(builder, value, ratio)
        parts.append(builder.sub(builder.xor(value, sign), sign))
    return parts


def _ratio(builder: ir.IRBuilder, absmax: ir.Value, group: ir.Value, inverse: ir.Value) -> ir.Value:
    block = builder.lshr(group, _I64(6))
    value = _at(builder, builder.add(absmax, builder.shl(block, _I64(2))), _F32, 4)
    return builder.trunc(builder.fptosi(builder.fmul(value, inverse), _I32), _I16)


def _fetch(builder: ir.IRBuilder, address: ir.Value) -> None:
    """Have a line of memory brought: processors do not look ahead beyond a page, and rows lie behind each other."""
    pointer = _pointer(builder, address, _I8)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, _I32, _I32, _I32])
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    builder.call(function, [pointer, _I32(0), _I32(3), _I32(1)])


def _loop(builder: ir.IRBuilder, count: ir.Value) -> Any:
    from numba.core import cgutils

    return cgutils.for_range(builder, count, intp=_I64)


def _sum(builder: ir.IRBuilder, values: ir.Value) -> ir.Value:
    """The sum of a vector's lanes, halves first."""
    lanes = values.type.count
    while lanes > 1:
        lanes //= 2
        index = [ir.Constant(_vector(_I32, lanes), list(range(k, k + lanes))) for k in (0, lanes)]
        parts = [builder.shuffle_vector(values, values, part) for part in index]
        values = builder.fadd(*parts)
    return builder.extract_element(values, _I32(0))


def _fused(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    lanes = a.type.count
    return _call(builder, f"llvm.fma.v{lanes}f32", a.type, a, b, c)


def _accumulate(
    builder: ir.IRBuilder, total: ir.Value, weights: list[ir.Value], activations: list[ir.Value], scale: ir.Value
) -> ir.Value:
    sums = None
    for weight, activation in zip(weights, activations, strict=True):
        part = _pairs(builder, weight, activation)
        sums = part if sums is None else builder.add(sums, part)
    assert sums is not None
    lanes = sums.type.count
    return _fused(builder, builder.sitofp(sums, _vector(_F32, lanes)), _broadcast(builder, scale, lanes), total)


_SIGNATURE_BYTES = {CODES: 1, INT8: 1, INT16: 2}


def _emit_dot(kind: int) -> Any:
    """One weight row and one activation row: their product without the row's scale."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        weight, absmax, first, inverse, tables, activation, scales, groups = arguments
        lanes = way().lanes
        looked = _code_tables(builder, tables) if kind == CODES and way().lookups else []
        total = builder.alloca(_vector(_F32, lanes // 2))
        builder.store(ir.Constant(_vector(_F32, lanes // 2), [0.0] * (lanes // 2)), total)
        with _loop(builder, groups) as loop:
            group = loop.index
            ratio = _ratio(builder, absmax, builder.add(first, group), inverse) if kind == CODES else _I16(0)
            at = builder.add(weight, builder.mul(group, _I64(GROUP * _SIGNATURE_BYTES[kind])))
            for line in range(_SIGNATURE_BYTES[kind]):
                _fetch(builder, builder.add(at, _I64(AHEAD + 64 * line)))
            weights = _group(builder, kind, at, ratio, looked)
            there = builder.add(activation, builder.shl(group, _I64(7)))
            activations = [
                _at(builder, builder.add(there, _I64(2 * k)), _vector(_I16, lanes), 64) for k in range(0, GROUP, lanes)
            ]
            scale = _at(builder, builder.add(scales, builder.shl(group, _I64(2))), _F32, 4)
            builder.store(_accumulate(builder, builder.load(total), weights, activations, scale), total)
        return _sum(builder, builder.load(total))

    i, f = types.int64, types.float32
    return f(i, i, i, f, i, i, i, i), codegen


@intrinsic
def dot_codes(typingctx, weight, absmax, first, inverse, tables, activation, scales, groups):
    """float32: a row of codes times a row of activations.

    Args:
        weight: address of the row.
        absmax: address of the blocks' float32.
        first: the row's first group, counted over the whole weight.
        inverse: 32767 over the row's largest absmax.
        tables: address of what codes mean.
        activation: address of int16.
        scales: address of float32, one a group.
        groups: how many.
    """
    return _emit_dot(CODES)


@intrinsic
def dot_int8(typingctx, weight, absmax, first, inverse, tables, activation, scales, groups):
    """As `dot_codes`, of int8; the second to fifth argument mean nothing."""
    return _emit_dot(INT8)


@intrinsic
def dot_int16(typingctx, weight, absmax, first, inverse, tables, activation, scales, groups):
    """As `dot_codes`, of int16; the second to fifth argument mean nothing."""
    return _emit_dot(INT16)


def _emit_widen(kind: int) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        weight, absmax, first, inverse, tables, out, groups = arguments
        lanes = way().lanes
        looked = _code_tables(builder, tables) if kind == CODES and way().lookups else []
        with _loop(builder, groups) as loop:
            group = loop.index
            ratio = _ratio(builder, absmax, builder.add(first, group), inverse) if kind == CODES else _I16(0)
            at = builder.add(weight, builder.mul(group, _I64(GROUP * _SIGNATURE_BYTES[kind])))
            there = builder.add(out, builder.shl(group, _I64(7)))
            for k, part in enumerate(_group(builder, kind, at, ratio, looked)):
                _put(builder, part, builder.add(there, _I64(2 * lanes * k)), 64)
        return context.get_dummy_value()

    i, f = types.int64, types.float32
    return types.void(i, i, i, f, i, i, i), codegen


@intrinsic
def widen_codes(typingctx, weight, absmax, first, inverse, tables, out, groups):
    """A row of codes as int16, to `out`; arguments as of `dot_codes`."""
    return _emit_widen(CODES)


@intrinsic
def widen_int8(typingctx, weight, absmax, first, inverse, tables, out, groups):
    """A row of int8 as int16."""
    return _emit_widen(INT8)


def _emit_tile(rows: int) -> Any:
    """`TILE` weight rows times `rows` activation rows."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        weight, weight_step, activation, step, scales, scale_step, out, groups = arguments
        lanes = way().lanes
        kind = _vector(_F32, lanes // 2)
        totals = [[builder.alloca(kind) for _ in range(TILE)] for _ in range(rows)]
        for line in totals:
            for total in line:
                builder.store(ir.Constant(kind, [0.0] * (lanes // 2)), total)
        weights_at = [builder.add(weight, builder.mul(weight_step, _I64(k))) for k in range(TILE)]
        rows_at = [builder.add(activation, builder.mul(step, _I64(k))) for k in range(rows)]
        scales_at = [builder.add(scales, builder.mul(scale_step, _I64(k))) for k in range(rows)]
        with _loop(builder, groups) as loop:
            bytes_ = builder.shl(loop.index, _I64(7))

            def vectors(base: ir.Value) -> list[ir.Value]:
                at = builder.add(base, bytes_)
                return [
                    _at(builder, builder.add(at, _I64(2 * k)), _vector(_I16, lanes), 64) for k in range(0, GROUP, lanes)
                ]

            columns = [vectors(base) for base in weights_at]
            for row in range(rows):
                given = vectors(rows_at[row])
                scale = _at(builder, builder.add(scales_at[row], builder.shl(loop.index, _I64(2))), _F32, 4)
                for k in range(TILE):
                    total = totals[row][k]
                    builder.store(_accumulate(builder, builder.load(total), columns[k], given, scale), total)
        for row in range(rows):
            for k in range(TILE):
                value = _sum(builder, builder.load(totals[row][k]))
                _put(builder, value, builder.add(out, _I64(4 * (row * TILE + k))), 4)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i, i, i), codegen


@intrinsic
def tile_1(typingctx, weight, weight_step, activation, step, scales, scale_step, out, groups):
    """`TILE` int16 weight rows times one activation row: float32 (1, TILE) to `out`, without the rows' scales.

    Args:
        weight: address.
        weight_step: bytes from one weight row to the next.
        activation: address.
        step: bytes from one activation row to the next.
        scales: address.
        scale_step: bytes from one row's scales to the next row's.
        out: address.
        groups: how many.
    """
    return _emit_tile(1)


@intrinsic
def tile_4(typingctx, weight, weight_step, activation, step, scales, scale_step, out, groups):
    """As `tile_1` for four activation rows: float32 (4, TILE)."""
    return _emit_tile(4)


QUERIES = 4  # rows of queries that are read together
VECTORS = 4  # vectors of a value that are summed together
NARROW = 8  # numbers; the width of a head is a multiple of it


def _numbers(lanes: int, value: float) -> ir.Constant:
    return ir.Constant(_vector(_F32, lanes), [value] * lanes)


def _exp(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """e to a vector of float32 that are not above 88: relative error 1e-7, by Cephes' polynomial for expf."""
    lanes = x.type.count
    floats = functools.partial(_numbers, lanes)
    least = floats(-87.0)
    x = builder.select(builder.fcmp_ordered(">", x, least), x, least)
    n = _call(builder, f"llvm.floor.v{lanes}f32", x.type, _fused(builder, x, floats(1.44269504), floats(0.5)))
    x = _fused(builder, n, floats(-0.693359375), x)
    x = _fused(builder, n, floats(2.12194440e-4), x)
    y = floats(1.9875691500e-4)
    for factor in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        y = _fused(builder, y, x, floats(factor))
    y = builder.fadd(_fused(builder, y, builder.fmul(x, x), x), floats(1.0))
    whole = _vector(_I32, lanes)
    power = builder.shl(builder.add(builder.fptosi(n, whole), _splat(_I32, lanes, 127)), _splat(_I32, lanes, 23))
    return builder.fmul(y, builder.bitcast(power, x.type))


def _up(builder: ir.IRBuilder, count: ir.Value, lanes: int) -> ir.Value:
    return builder.udiv(builder.add(count, _I64(lanes - 1)), _I64(lanes))


def _emit_scores(queries: int) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        query, query_step, keys, room, out, out_step, count, width, scaling = arguments
        lanes = way().lanes // 2
        kind = _vector(_F32, lanes)
        totals = [builder.alloca(kind) for _ in range(queries)]
        factor = _broadcast(builder, scaling, lanes)
        with _loop(builder, _up(builder, count, lanes)) as loop:
            bytes_ = builder.mul(loop.index, _I64(4 * lanes))
            for total in totals:
                builder.store(_numbers(lanes, 0.0), total)
            with _loop(builder, width) as inner:
                there = builder.add(keys, builder.add(builder.mul(inner.index, builder.shl(room, _I64(2))), bytes_))
                column = _at(builder, there, kind, 4)
                for k, total in enumerate(totals):
                    at = builder.add(query, builder.mul(query_step, _I64(k)))
                    value = _at(builder, builder.add(at, builder.shl(inner.index, _I64(2))), _F32, 4)
                    builder.store(
                        _fused(builder, _broadcast(builder, value, lanes), column, builder.load(total)), total
                    )
            for k, total in enumerate(totals):
                at = builder.add(builder.add(out, builder.mul(out_step, _I64(k))), bytes_)
                _put(builder, builder.fmul(builder.load(total), factor), at, 4)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i, i, i, types.float32), codegen


@intrinsic
def scores_1(typingctx, query, query_step, keys, room, out, out_step, count, width, scaling):
    """Products of a query with the keys of `count` columns and up to a vector more, times a scaling.

    Args:
        query: address of float32 (width,).
        query_step: bytes to the next query.
        keys: address of float32 (width, room), at the first column.
        room: columns from one row of keys to the next.
        out: address of float32, with a vector's room behind `count`.
        out_step: bytes to the next query's.
        count: columns.
        width: of a head.
        scaling: factor.
    """
    return _emit_scores(1)


@intrinsic
def scores_4(typingctx, query, query_step, keys, room, out, out_step, count, width, scaling):
    """As `scores_1`, of `QUERIES` queries."""
    return _emit_scores(QUERIES)


@intrinsic
def softmax(typingctx, scores, count, until):
    """Scores to weights in place, not yet divided by their sum, which is returned; zeros behind them.

    Args:
        scores: address of float32, with two vectors' room behind `until`.
        count: scores.
        until: where the zeros may end; `count` or more.
    """

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        scores, count, until = arguments
        lanes = way().lanes // 2
        kind = _vector(_F32, lanes)
        least = _numbers(lanes, -3.0e38)
        _put(builder, least, builder.add(scores, builder.shl(count, _I64(2))), 4)
        largest, total = builder.alloca(kind), builder.alloca(kind)
        builder.store(least, largest)
        builder.store(_numbers(lanes, 0.0), total)
        vectors = _up(builder, count, lanes)
        with _loop(builder, vectors) as loop:
            value = _at(builder, builder.add(scores, builder.mul(loop.index, _I64(4 * lanes))), kind, 4)
            held = builder.load(largest)
            builder.store(builder.select(builder.fcmp_ordered(">", value, held), value, held), largest)
        most = builder.load(largest)
        left = lanes
        while left > 1:
            left //= 2
            index = [ir.Constant(_vector(_I32, left), list(range(k, k + left))) for k in (0, left)]
            a, b = (builder.shuffle_vector(most, most, part) for part in index)
            most = builder.select(builder.fcmp_ordered(">", a, b), a, b)
        top = _broadcast(builder, builder.extract_element(most, _I32(0)), lanes)
        with _loop(builder, vectors) as loop:
            at = builder.add(scores, builder.mul(loop.index, _I64(4 * lanes)))
            value = _exp(builder, builder.fsub(_at(builder, at, kind, 4), top))
            _put(builder, value, at, 4)
            builder.store(builder.fadd(builder.load(total), value), total)
        zero = _numbers(lanes, 0.0)
        # What stood behind the last score has become exp(-87), nothing beside the 1 of the largest; here it is 0.
        behind = builder.sub(_up(builder, until, lanes), builder.udiv(count, _I64(lanes)))
        with _loop(builder, behind) as loop:
            offset = builder.add(builder.shl(count, _I64(2)), builder.mul(loop.index, _I64(4 * lanes)))
            _put(builder, zero, builder.add(scores, offset), 4)
        return _sum(builder, builder.load(total))

    i = types.int64
    return types.float32(i, i, i), codegen


def _emit_values(queries: int) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        width = arguments[3]
        lanes = way().lanes // 2
        whole = builder.udiv(width, _I64(lanes * VECTORS))
        _add_values(builder, arguments, queries, lanes, VECTORS, _I64(0), whole)
        done = builder.mul(whole, _I64(lanes * VECTORS))
        rest = builder.udiv(builder.sub(width, done), _I64(NARROW))
        _add_values(builder, arguments, queries, NARROW, 1, done, rest)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i, i), codegen


def _add_values(
    builder: ir.IRBuilder,
    arguments: list[ir.Value],
    queries: int,
    lanes: int,
    vectors: int,
    start: ir.Value,
    blocks: ir.Value,
) -> None:
    """Blocks of so many vectors of a head's width, from `start` on, for all columns."""
    weights, weight_step, values, width, out, out_step, count = arguments
    kind = _vector(_F32, lanes)
    totals = [[builder.alloca(kind) for _ in range(vectors)] for _ in range(queries)]
    bytes_ = builder.shl(width, _I64(2))
    with _loop(builder, blocks) as block:
        first = builder.add(builder.shl(start, _I64(2)), builder.mul(block.index, _I64(4 * lanes * vectors)))

        def at(row: int, vector: int) -> ir.Value:
            line = builder.add(builder.add(out, builder.mul(out_step, _I64(row))), first)
            return builder.add(line, _I64(4 * lanes * vector))

        for row, line in enumerate(totals):
            for vector, total in enumerate(line):
                builder.store(_at(builder, at(row, vector), kind, 4), total)
        with _loop(builder, count) as loop:
            there = builder.add(builder.add(values, builder.mul(loop.index, bytes_)), first)
            column = [_at(builder, builder.add(there, _I64(4 * lanes * v)), kind, 4) for v in range(vectors)]
            for row, line in enumerate(totals):
                own = builder.add(weights, builder.mul(weight_step, _I64(row)))
                weight = _at(builder, builder.add(own, builder.shl(loop.index, _I64(2))), _F32, 4)
                for part, total in zip(column, line, strict=True):
                    builder.store(_fused(builder, _broadcast(builder, weight, lanes), part, builder.load(total)), total)
        for row, line in enumerate(totals):
            for vector, total in enumerate(line):
                _put(builder, builder.load(total), at(row, vector), 4)


@intrinsic
def values_1(typingctx, weights, weight_step, values, width, out, out_step, count):
    """Add to `out` the values of `count` columns, each times its weight.

    Args:
        weights: address of float32 (count,).
        weight_step: bytes to the next query's.
        values: address of float32 (count, width).
        width: of a head; a multiple of `NARROW`.
        out: address of float32 (width,).
        out_step: bytes to the next query's.
        count: columns.
    """
    return _emit_values(1)


@intrinsic
def values_4(typingctx, weights, weight_step, values, width, out, out_step, count):
    """As `values_1`, of `QUERIES` queries."""
    return _emit_values(QUERIES)


@intrinsic
def quantize_groups(typingctx, source, codes, scales, groups):
    """float32 as int16 within +-`ACTIVATION`, with a scale a group, each group's columns in `order`.

    Args:
        source: address of float32 (groups, GROUP).
        codes: address of int16 (groups, GROUP).
        scales: address of float32 (groups,).
        groups: how many.
    """

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        source, codes, scales, groups = arguments
        lanes = way().lanes // 2
        kind = _vector(_F32, lanes)
        with _loop(builder, groups) as loop:
            at = builder.add(source, builder.shl(loop.index, _I64(8)))
            parts = [_at(builder, builder.add(at, _I64(4 * k)), kind, 4) for k in range(0, GROUP, lanes)]
            most = _numbers(lanes, 0.0)
            for part in parts:
                size = _call(builder, f"llvm.fabs.v{lanes}f32", kind, part)
                most = builder.select(builder.fcmp_ordered(">", size, most), size, most)
            left = lanes
            while left > 1:
                left //= 2
                index = [ir.Constant(_vector(_I32, left), list(range(k, k + left))) for k in (0, left)]
                a, b = (builder.shuffle_vector(most, most, part) for part in index)
                most = builder.select(builder.fcmp_ordered(">", a, b), a, b)
            largest = builder.extract_element(most, _I32(0))
            scale = builder.fmul(largest, ir.Constant(_F32, 1 / ACTIVATION))
            _put(builder, scale, builder.add(scales, builder.shl(loop.index, _I64(2))), 4)
            some = builder.fcmp_ordered(">", largest, ir.Constant(_F32, 1e-30))
            inverse = builder.select(
                some, builder.fdiv(ir.Constant(_F32, float(ACTIVATION)), largest), ir.Constant(_F32, 0.0)
            )
            factor = _broadcast(builder, inverse, lanes)
            whole = []
            for part in parts:
                near = _call(builder, f"llvm.rint.v{lanes}f32", kind, builder.fmul(part, factor))
                whole.append(builder.trunc(builder.fptosi(near, _vector(_I32, lanes)), _vector(_I16, lanes)))
            while len(whole) > 1:
                size = whole[0].type.count
                both = ir.Constant(_vector(_I32, 2 * size), list(range(2 * size)))
                whole = [builder.shuffle_vector(a, b, both) for a, b in zip(whole[::2], whole[1::2], strict=True)]
            mixed = builder.shuffle_vector(whole[0], whole[0], ir.Constant(_vector(_I32, GROUP), order()))
            _put(builder, mixed, builder.add(codes, builder.shl(loop.index, _I64(7))), 64)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i), codegen


def _emit_activation(gated: bool) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        source, second, out, count = arguments
        lanes = way().lanes // 2
        kind = _vector(_F32, lanes)
        one, limit = _numbers(lanes, 1.0), _numbers(lanes, 80.0)
        with _loop(builder, _up(builder, count, lanes)) as loop:
            bytes_ = builder.mul(loop.index, _I64(4 * lanes))
            x = _at(builder, builder.add(source, bytes_), kind, 4)
            inner = x
            if not gated:
                cubic = _fused(builder, builder.fmul(x, x), _numbers(lanes, 0.044715), one)
                inner = builder.fmul(builder.fmul(x, _numbers(lanes, 1.5957691216)), cubic)
            power = builder.fneg(inner)
            power = builder.select(builder.fcmp_ordered("<", power, limit), power, limit)
            value = builder.fdiv(x, builder.fadd(one, _exp(builder, power)))
            if gated:
                value = builder.fmul(value, _at(builder, builder.add(second, bytes_), kind, 4))
            _put(builder, value, builder.add(out, bytes_), 4)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i), codegen


@intrinsic
def gate(typingctx, source, second, out, count):
    """SiLU(source) * second, of `count` float32 and up to a vector more."""
    return _emit_activation(True)


@intrinsic
def gelu(typingctx, source, second, out, count):
    """GELU of source, in its tanh form, of `count` float32 and up to a vector more."""
    return _emit_activation(False)


@intrinsic
def add_and_get(typingctx, address, value):
    """Add to an int64 in one indivisible step; what it was before."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        return builder.atomic_rmw("add", _pointer(builder, arguments[0], _I64), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def read(typingctx, address):
    """An int64 that other threads write."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        return builder.load_atomic(_pointer(builder, arguments[0], _I64), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def write(typingctx, address, value):
    """Write an int64 that other threads read, and with it all that was written before."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        builder.store_atomic(arguments[1], _pointer(builder, arguments[0], _I64), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def yield_core(typingctx):
    """Let another thread run on this core, if one wants to."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        if way().posix:
            _call(builder, "sched_yield", _I32)
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def breathe(typingctx):
    """Wait for a moment within a loop that waits."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        if way().x86:
            _call(builder, "llvm.x86.sse2.pause", ir.VoidType())
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def memory_at(typingctx, address):
    """An address as a pointer, for `numba.carray`."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        return builder.inttoptr(arguments[0], _I8.as_pointer())

    return types.voidptr(types.int64), codegen
