"""The three loops of an attention head: scores of queries with keys, softmax, and the weighted sum of values."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gptjt_demo.models.compiled.operations import QUERIES
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.vectors import (
    F32,
    I32,
    I64,
    broadcast,
    exp_lanes,
    fused,
    lane_sum,
    load_at,
    local,
    loop_over,
    numbers,
    store_at,
    vector_type,
    vectors_for,
)

VECTORS = 4  # vectors that are summed together for a query, at most
NARROW = 8  # numbers; the width of a head is a multiple of it


def _together(queries: int) -> int:
    """Vectors of columns that are read with so many queries: as many sums as there are registers for, and operands."""
    return VECTORS if queries == 1 or way().registers > 16 else VECTORS // 2


def _emit_scores(queries: int) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        count = arguments[6]
        lanes, vectors = way().lanes // 2, _together(queries)
        # Each column's sum is one over the width in its order, so it does not matter how many stand beside it.
        whole = builder.udiv(count, I64(lanes * vectors))
        _write_scores(builder, arguments, queries, vectors, I64(0), whole)
        done = builder.mul(whole, I64(lanes * vectors))
        _write_scores(builder, arguments, queries, 1, done, vectors_for(builder, builder.sub(count, done), lanes))
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i, i, i, types.float32), codegen


def _write_scores(
    builder: ir.IRBuilder, arguments: list[ir.Value], queries: int, vectors: int, start: ir.Value, blocks: ir.Value
) -> None:
    """Scores of so many blocks of some vectors of columns, from column `start` on."""
    query, query_step, keys, room, out, out_step, _, width, scaling = arguments
    lanes = way().lanes // 2
    kind = vector_type(F32, lanes)
    totals = [[local(builder, kind) for _ in range(vectors)] for _ in range(queries)]
    factor = broadcast(builder, scaling, lanes)
    step = builder.shl(room, I64(2))
    with loop_over(builder, blocks) as loop:
        bytes_ = builder.add(builder.shl(start, I64(2)), builder.mul(loop.index, I64(4 * lanes * vectors)))
        for line in totals:
            for total in line:
                builder.store(numbers(lanes, 0.0), total)
        with loop_over(builder, width) as inner:
            there = builder.add(keys, builder.add(builder.mul(inner.index, step), bytes_))
            columns = [load_at(builder, builder.add(there, I64(4 * lanes * v)), kind, 4) for v in range(vectors)]
            for k, line in enumerate(totals):
                at = builder.add(query, builder.mul(query_step, I64(k)))
                value = load_at(builder, builder.add(at, builder.shl(inner.index, I64(2))), F32, 4)
                for column, total in zip(columns, line, strict=True):
                    builder.store(fused(builder, broadcast(builder, value, lanes), column, builder.load(total)), total)
        for k, line in enumerate(totals):
            at = builder.add(builder.add(out, builder.mul(out_step, I64(k))), bytes_)
            for v, total in enumerate(line):
                found = builder.fmul(builder.load(total), factor)
                store_at(builder, found, builder.add(at, I64(4 * lanes * v)), 4)


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
        kind = vector_type(F32, lanes)
        least = numbers(lanes, -3.0e38)
        store_at(builder, least, builder.add(scores, builder.shl(count, I64(2))), 4)
        largest, total = local(builder, kind), builder.alloca(kind)
        builder.store(least, largest)
        builder.store(numbers(lanes, 0.0), total)
        vectors = vectors_for(builder, count, lanes)
        with loop_over(builder, vectors) as loop:
            value = load_at(builder, builder.add(scores, builder.mul(loop.index, I64(4 * lanes))), kind, 4)
            held = builder.load(largest)
            builder.store(builder.select(builder.fcmp_ordered(">", value, held), value, held), largest)
        most = builder.load(largest)
        left = lanes
        while left > 1:
            left //= 2
            index = [ir.Constant(vector_type(I32, left), list(range(k, k + left))) for k in (0, left)]
            a, b = (builder.shuffle_vector(most, most, part) for part in index)
            most = builder.select(builder.fcmp_ordered(">", a, b), a, b)
        top = broadcast(builder, builder.extract_element(most, I32(0)), lanes)
        with loop_over(builder, vectors) as loop:
            at = builder.add(scores, builder.mul(loop.index, I64(4 * lanes)))
            value = exp_lanes(builder, builder.fsub(load_at(builder, at, kind, 4), top))
            store_at(builder, value, at, 4)
            builder.store(builder.fadd(builder.load(total), value), total)
        zero = numbers(lanes, 0.0)
        # What stood behind the last score has become exp(-87), nothing beside the 1 of the largest; here it is 0.
        behind = builder.sub(vectors_for(builder, until, lanes), builder.udiv(count, I64(lanes)))
        with loop_over(builder, behind) as loop:
            offset = builder.add(builder.shl(count, I64(2)), builder.mul(loop.index, I64(4 * lanes)))
            store_at(builder, zero, builder.add(scores, offset), 4)
        return lane_sum(builder, builder.load(total))

    i = types.int64
    return types.float32(i, i, i), codegen


def _emit_values(queries: int) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        width = arguments[3]
        lanes, vectors = way().lanes // 2, _together(queries)
        whole = builder.udiv(width, I64(lanes * vectors))
        _add_values(builder, arguments, queries, lanes, vectors, I64(0), whole)
        done = builder.mul(whole, I64(lanes * vectors))
        rest = builder.udiv(builder.sub(width, done), I64(NARROW))
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
    kind = vector_type(F32, lanes)
    totals = [[local(builder, kind) for _ in range(vectors)] for _ in range(queries)]
    bytes_ = builder.shl(width, I64(2))
    with loop_over(builder, blocks) as block:
        first = builder.add(builder.shl(start, I64(2)), builder.mul(block.index, I64(4 * lanes * vectors)))

        def at(row: int, vector: int) -> ir.Value:
            line = builder.add(builder.add(out, builder.mul(out_step, I64(row))), first)
            return builder.add(line, I64(4 * lanes * vector))

        for row, line in enumerate(totals):
            for vector, total in enumerate(line):
                builder.store(load_at(builder, at(row, vector), kind, 4), total)
        with loop_over(builder, count) as loop:
            there = builder.add(builder.add(values, builder.mul(loop.index, bytes_)), first)
            column = [load_at(builder, builder.add(there, I64(4 * lanes * v)), kind, 4) for v in range(vectors)]
            for row, line in enumerate(totals):
                own = builder.add(weights, builder.mul(weight_step, I64(row)))
                weight = load_at(builder, builder.add(own, builder.shl(loop.index, I64(2))), F32, 4)
                for part, total in zip(column, line, strict=True):
                    builder.store(fused(builder, broadcast(builder, weight, lanes), part, builder.load(total)), total)
        for row, line in enumerate(totals):
            for vector, total in enumerate(line):
                store_at(builder, builder.load(total), at(row, vector), 4)


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
