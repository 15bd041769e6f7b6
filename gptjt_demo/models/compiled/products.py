"""Products of a few rows of weights with a few rows of activations, and weights made int16. Scales are the caller's.

In: addresses of weights as `weights` reads them, and of activations, coded or float32. Out: numbers, at addresses.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from gptjt_demo.models.compiled.operations import FEW
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.reading import block_ratio, code_tables, ratio_unit, read_floats, read_group
from gptjt_demo.models.compiled.vectors import (
    F32,
    I8,
    I16,
    I32,
    I64,
    broadcast,
    fused,
    lane_sums,
    load_at,
    local,
    loop_over,
    numbers,
    pair_sums,
    prefetch,
    scaled,
    splat,
    store_at,
    vector_type,
)
from gptjt_demo.models.compiled.weights import (
    BFLOAT16,
    BYTES,
    CODES,
    CODES_WIDE,
    FLOAT16,
    FLOAT32,
    FOR_CODES,
    FOR_INT8,
    GROUP,
    INT8,
    INT8_WIDE,
    NARROWED,
)

ROWS = {CODES: FEW, INT8: FEW, CODES_WIDE: FEW, INT8_WIDE: FEW, FLOAT32: 4}  # rows of activations, at most
AHEAD = 2048  # bytes of a weight that are asked for before they are needed
FURTHER = 6144  # ... of int8, which takes less time for as many bytes
OPERANDS = 17


def beside(kind: int, rows: int) -> int:
    """Weight rows that are multiplied together: as many as registers are left for.

    One row of activations waits for memory alone, and memory is read faster in one stream than in two.
    """
    if kind == FLOAT32:  # a sum waits for the one before it
        return 2
    return 2 if rows > 1 and (way().registers > 16 or kind not in (CODES, INT8)) else 1


def _emit(builder: ir.IRBuilder, kind: int, rows: int, operands: list[ir.Value]) -> None:
    """Some weight rows at a time, read once, times `rows` activation rows."""
    pair = beside(kind, rows)
    weight, absmax, row_scales, tables, bias, begin, end, readable = operands[:8]
    activation, scales, groups, out, out_step, added, start, stop, kept = operands[8:]
    lanes = way().lanes
    floats = vector_type(F32, lanes // 2)
    coded = 4 if kind == FLOAT32 else 2  # bytes of an activation
    looked = code_tables(builder, tables) if kind == CODES and way().lookups else []
    totals = [[local(builder, floats) for _ in range(pair)] for _ in range(rows)]
    size = builder.mul(groups, I64(GROUP * BYTES[kind]))
    step, scale_step = builder.mul(groups, I64(coded * GROUP)), builder.mul(groups, I64(4))
    rows_at = [builder.add(activation, builder.mul(step, I64(k))) for k in range(rows)]
    scales_at = [builder.add(scales, builder.mul(scale_step, I64(k))) for k in range(rows)]
    pairs = builder.udiv(builder.add(builder.sub(end, begin), I64(pair - 1)), I64(pair))
    with loop_over(builder, pairs) as loop:
        wanted = builder.add(begin, builder.mul(loop.index, I64(pair)))
        # A last row that stands alone is read with the one before it, unless there is room behind it.
        latest = builder.sub(readable, I64(pair))
        first = builder.select(builder.icmp_signed(">", wanted, latest), latest, wanted)
        kept_at = builder.add(kept, builder.mul(loop.index, I64(rows * pair * 2 * lanes)))
        flat = [total for line in totals for total in line]
        with builder.if_else(builder.icmp_signed("==", start, I64(0))) as (fresh, further):
            with fresh:
                for total in flat:
                    builder.store(numbers(lanes // 2, 0.0), total)
            with further:
                for k, total in enumerate(flat):
                    at = builder.add(kept_at, I64(2 * lanes * k))
                    builder.store(load_at(builder, at, floats, 4), total)
        own = [builder.add(first, I64(k)) for k in range(pair)]
        factors = [load_at(builder, builder.add(row_scales, builder.shl(k, I64(2))), F32, 4) for k in own]
        weights_at = [builder.add(weight, builder.mul(size, k)) for k in own]
        firsts = [builder.mul(groups, k) for k in own]
        units = [ratio_unit(builder, factor) if kind == CODES else factor for factor in factors]

        def plain(group: ir.Value) -> None:
            """Multiply and add a group of float32."""
            columns = []
            for k in range(pair):
                at = builder.add(weights_at[k], builder.mul(group, I64(GROUP * BYTES[kind])))
                prefetch(builder, builder.add(at, I64(AHEAD)))
                columns.append(read_floats(builder, kind, at))
            for row in range(rows):
                there = builder.add(rows_at[row], builder.mul(group, I64(4 * GROUP)))
                for first, parts in zip(range(0, GROUP, lanes // 2), zip(*columns, strict=True), strict=True):
                    given = load_at(builder, builder.add(there, I64(4 * first)), floats, 4)
                    for total, part in zip(totals[row], parts, strict=True):
                        builder.store(fused(builder, part, given, builder.load(total)), total)

        def several(group: ir.Value, count: int) -> None:
            """Multiply and add so many groups, whose activations share a scale."""
            columns: list[list[ir.Value]] = []
            for k in range(pair):
                columns.append([])
                for further in range(count):
                    index = builder.add(group, I64(further))
                    at = builder.add(weights_at[k], builder.mul(index, I64(GROUP * BYTES[kind])))
                    if kind == CODES:  # what is wide lies in the cache
                        prefetch(builder, builder.add(at, I64(AHEAD)))
                    ratio = I16(0)
                    if kind == CODES:
                        ratio = block_ratio(builder, absmax, builder.add(firsts[k], index), units[k])
                    columns[k] += read_group(builder, kind, at, ratio, looked)
            for row in range(rows):
                there = builder.add(rows_at[row], builder.mul(group, I64(2 * GROUP)))
                given = [
                    load_at(builder, builder.add(there, I64(2 * k)), vector_type(I16, lanes), 64)
                    for k in range(0, count * GROUP, lanes)
                ]
                scale = load_at(builder, builder.add(scales_at[row], builder.shl(group, I64(2))), F32, 4)
                for k in range(pair):
                    sums = pair_sums(builder, columns[k][0], given[0])
                    for a, b in zip(columns[k][1:], given[1:], strict=True):
                        sums = builder.add(sums, pair_sums(builder, a, b))
                    exact, factor = builder.sitofp(sums, floats), broadcast(builder, scale, lanes // 2)
                    total = totals[row][k]
                    builder.store(fused(builder, exact, factor, builder.load(total)), total)

        sums = [[local(builder, vector_type(I32, lanes // 2)) for _ in line] for line in totals]

        def summed(group: ir.Value, count: int) -> None:
            """As `several`, of so many groups that a loop goes over them."""
            for line in sums:
                for total in line:
                    builder.store(splat(I32, lanes // 2, 0), total)
            with loop_over(builder, I64(count)) as inner:
                index = builder.add(group, inner.index)
                columns = []
                for k in range(pair):
                    at = builder.add(weights_at[k], builder.mul(index, I64(GROUP * BYTES[kind])))
                    if kind == INT8:
                        prefetch(builder, builder.add(at, I64(FURTHER)))
                    columns.append(read_group(builder, kind, at, I16(0), []))
                there = [builder.add(at, builder.mul(index, I64(2 * GROUP))) for at in rows_at]
                for k, parts in enumerate(zip(*columns, strict=True)):
                    for at, line in zip(there, sums, strict=True):
                        given = load_at(builder, builder.add(at, I64(2 * lanes * k)), vector_type(I16, lanes), 64)
                        for part, total in zip(parts, line, strict=True):
                            builder.store(builder.add(builder.load(total), pair_sums(builder, part, given)), total)
            for row in range(rows):
                scale = load_at(builder, builder.add(scales_at[row], builder.shl(group, I64(2))), F32, 4)
                factor = broadcast(builder, scale, lanes // 2)
                for exact, total in zip(sums[row], totals[row], strict=True):
                    found = builder.sitofp(builder.load(exact), floats)
                    builder.store(fused(builder, found, factor, builder.load(total)), total)

        if kind == FLOAT32:
            with loop_over(builder, builder.sub(stop, start)) as inner:
                plain(builder.add(start, inner.index))
        else:
            unit = (FOR_CODES if kind in (CODES, CODES_WIDE) else FOR_INT8).unit
            step_over = several if kind in (CODES, CODES_WIDE) else summed
            whole = builder.udiv(builder.sub(stop, start), I64(unit))
            with loop_over(builder, whole) as inner:
                step_over(builder.add(start, builder.mul(inner.index, I64(unit))), unit)
            if unit > 1:
                done = builder.add(start, builder.mul(whole, I64(unit)))
                with loop_over(builder, builder.sub(stop, done)) as inner:
                    step_over(builder.add(done, inner.index), 1)
        with builder.if_else(builder.icmp_signed("<", stop, groups)) as (later, ended):
            with later:
                for k, total in enumerate(flat):
                    store_at(builder, builder.load(total), builder.add(kept_at, I64(2 * lanes * k)), 4)
            with ended:
                whole_rows = builder.and_(
                    builder.icmp_signed("==", first, wanted),
                    builder.icmp_signed("<=", builder.add(first, I64(pair)), end),
                )
                with builder.if_else(whole_rows) as (together, alone):
                    with together:
                        _write(builder, totals, row_scales, first, bias, out, out_step, added)
                    with alone:
                        for k in range(pair):
                            asked = builder.and_(
                                builder.icmp_signed(">=", own[k], wanted), builder.icmp_signed("<", own[k], end)
                            )
                            with builder.if_then(asked):
                                few = [[line[k]] for line in totals]
                                _write(builder, few, row_scales, own[k], bias, out, out_step, added)


def _write(
    builder: ir.IRBuilder,
    totals: list[list[ir.Value]],
    row_scales: ir.Value,
    first: ir.Value,
    bias: ir.Value,
    out: ir.Value,
    out_step: ir.Value,
    added: ir.Value,
) -> None:
    """The sums of some weight rows, times their scales, with their bias: to the results, or added to them."""
    kind = vector_type(F32, len(totals[0]))
    bytes_ = builder.shl(first, I64(2))
    factor = load_at(builder, builder.add(row_scales, bytes_), kind, 4)
    base, results = local(builder, kind), [local(builder, kind) for _ in totals]
    builder.store(numbers(kind.count, 0.0), base)
    with builder.if_then(builder.icmp_signed("!=", bias, I64(0))):
        builder.store(load_at(builder, builder.add(bias, bytes_), kind, 4), base)
    places = [builder.add(builder.add(out, bytes_), builder.mul(out_step, I64(4 * k))) for k in range(len(totals))]
    for line, result in zip(totals, results, strict=True):
        value = lane_sums(builder, [builder.load(total) for total in line])
        builder.store(fused(builder, value, factor, builder.load(base)), result)
    with builder.if_then(builder.icmp_signed("!=", added, I64(0))):
        for result, at in zip(results, places, strict=True):
            builder.store(builder.fadd(builder.load(result), load_at(builder, at, kind, 4)), result)
    for result, at in zip(results, places, strict=True):
        store_at(builder, builder.load(result), at, 4)


@intrinsic
def multiply(typingctx, kind, rows, operands):
    """Some rows of a weight times some rows of activations.

    Args:
        kind: how the weight is stored.
        rows: of activations, from 1 to as many as `ROWS` says.
        operands: int64, in this order: the weight's address; that of the blocks' float32 absmax, of codes; of the
            rows' float32 scales; of what codes mean; of the rows' float32 bias, or 0; the first row that is
            multiplied; the one behind the last; the one behind the last that can be read; the address of the
            activations, int16 (rows, groups, GROUP), or float32 where the weight is of floats; of their scales, float32
            (rows, groups), which the latter have not; groups in a row; the address of the results, float32 (rows,
            weight's rows); numbers from one row of results to the next; whether they are added to what is there; the
            first group that is multiplied and the one behind the last; and the address where sums are kept between
            groups, a vector for each weight row and row.
    """

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        kind, rows, packed = arguments
        operands = cgutils.unpack_tuple(builder, packed, OPERANDS)
        done = builder.append_basic_block("multiplied")
        chosen = builder.switch(builder.add(builder.shl(kind, I64(3)), rows), done)
        for each, most in ROWS.items():
            for count in range(1, most + 1):
                block = builder.append_basic_block(f"kind_{each}_rows_{count}")
                chosen.add_case(I64(8 * each + count), block)
                builder.position_at_end(block)
                _emit(builder, each, count, operands)
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, types.UniTuple(i, OPERANDS)), codegen


def _emit_widen(kind: int) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        weight, absmax, first, row_scales, tables, out, groups = arguments
        lanes = way().lanes
        looked = code_tables(builder, tables) if kind == CODES and way().lookups else []
        unit = ratio_unit(builder, load_at(builder, row_scales, F32, 4)) if kind == CODES else None
        with loop_over(builder, groups) as loop:
            group = loop.index
            ratio = block_ratio(builder, absmax, builder.add(first, group), unit) if kind == CODES else I16(0)
            at = builder.add(weight, builder.mul(group, I64(GROUP * BYTES[kind])))
            there = builder.add(out, builder.shl(group, I64(7)))
            for k, part in enumerate(read_group(builder, kind, at, ratio, looked)):
                store_at(builder, part, builder.add(there, I64(2 * lanes * k)), 64)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i, i), codegen


@intrinsic
def widen_codes(typingctx, weight, absmax, first, row_scales, tables, out, groups):
    """A row of codes as int16, to `out`; arguments as of `_product`'s."""
    return _emit_widen(CODES)


@intrinsic
def widen_bytes(typingctx, weight, absmax, first, row_scales, tables, out, groups):
    """A row of int8 as int16."""
    return _emit_widen(INT8)


@intrinsic
def narrow_codes(typingctx, weight, absmax, first, row_scales, tables, groups):
    """A row of codes as int8, in place: `NARROWED` of what `widen_codes` gives; arguments as of it."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        weight, absmax, first, row_scales, tables, groups = arguments
        lanes = way().lanes
        looked = code_tables(builder, tables) if way().lookups else []
        unit = ratio_unit(builder, load_at(builder, row_scales, F32, 4))
        natural = sorted(range(GROUP), key=FOR_CODES.order.__getitem__)
        with loop_over(builder, groups) as loop:
            ratio = block_ratio(builder, absmax, builder.add(first, loop.index), unit)
            at = builder.add(weight, builder.mul(loop.index, I64(GROUP)))
            parts = [scaled(builder, part, I16(NARROWED)) for part in read_group(builder, CODES, at, ratio, looked)]
            whole = [builder.trunc(part, vector_type(I8, lanes)) for part in parts]
            while len(whole) > 1:
                both = ir.Constant(vector_type(I32, 2 * whole[0].type.count), list(range(2 * whole[0].type.count)))
                whole = [builder.shuffle_vector(a, b, both) for a, b in zip(whole[::2], whole[1::2], strict=True)]
            mixed = builder.shuffle_vector(whole[0], whole[0], ir.Constant(vector_type(I32, GROUP), natural))
            store_at(builder, mixed, at, 1)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i), codegen


def _widen_floats(kind: int) -> Any:
    def widen(typingctx, weight, out, groups):
        """A row of weights as float32, to `out`; arguments as of `multiply`'s."""

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
            weight, out, groups = arguments
            with loop_over(builder, groups) as loop:
                at = builder.add(weight, builder.mul(loop.index, I64(GROUP * BYTES[kind])))
                there = builder.add(out, builder.mul(loop.index, I64(4 * GROUP)))
                for k, part in enumerate(read_floats(builder, kind, at)):
                    store_at(builder, part, builder.add(there, I64(2 * way().lanes * k)), 4)
            return context.get_dummy_value()

        i = types.int64
        return types.void(i, i, i), codegen

    return intrinsic(widen)


widen_halves, widen_brains = _widen_floats(FLOAT16), _widen_floats(BFLOAT16)
