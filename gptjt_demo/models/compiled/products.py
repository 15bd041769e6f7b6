"""Products of weights with activations: one row with one, or a tile of rows with several. Scales are the caller's.

In: addresses of weights as `weights` reads them, and of coded activations. Out: numbers, at addresses or as they are.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.vectors import (
    F32,
    I16,
    I64,
    broadcast,
    fused,
    lane_sum,
    load_at,
    loop_over,
    pair_sums,
    prefetch,
    store_at,
    vector_type,
)
from gptjt_demo.models.compiled.weights import BYTES, CODES, GROUP, INT8, INT16, block_ratio, code_tables, read_group

AHEAD = 2048  # bytes of a weight that are asked for before they are needed
TILE = 4  # weight rows, and activation rows, that are multiplied together


def _accumulate(
    builder: ir.IRBuilder, total: ir.Value, weights: list[ir.Value], activations: list[ir.Value], scale: ir.Value
) -> ir.Value:
    sums = None
    for weight, activation in zip(weights, activations, strict=True):
        part = pair_sums(builder, weight, activation)
        sums = part if sums is None else builder.add(sums, part)
    assert sums is not None
    lanes = sums.type.count
    return fused(builder, builder.sitofp(sums, vector_type(F32, lanes)), broadcast(builder, scale, lanes), total)


def _emit_dot(kind: int) -> Any:
    """One weight row and one activation row: their product without the row's scale."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        weight, absmax, first, inverse, tables, activation, scales, groups = arguments
        lanes = way().lanes
        looked = code_tables(builder, tables) if kind == CODES and way().lookups else []
        total = builder.alloca(vector_type(F32, lanes // 2))
        builder.store(ir.Constant(vector_type(F32, lanes // 2), [0.0] * (lanes // 2)), total)
        with loop_over(builder, groups) as loop:
            group = loop.index
            ratio = block_ratio(builder, absmax, builder.add(first, group), inverse) if kind == CODES else I16(0)
            at = builder.add(weight, builder.mul(group, I64(GROUP * BYTES[kind])))
            for line in range(BYTES[kind]):
                prefetch(builder, builder.add(at, I64(AHEAD + 64 * line)))
            weights = read_group(builder, kind, at, ratio, looked)
            there = builder.add(activation, builder.shl(group, I64(7)))
            activations = [
                load_at(builder, builder.add(there, I64(2 * k)), vector_type(I16, lanes), 64)
                for k in range(0, GROUP, lanes)
            ]
            scale = load_at(builder, builder.add(scales, builder.shl(group, I64(2))), F32, 4)
            builder.store(_accumulate(builder, builder.load(total), weights, activations, scale), total)
        return lane_sum(builder, builder.load(total))

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
        looked = code_tables(builder, tables) if kind == CODES and way().lookups else []
        with loop_over(builder, groups) as loop:
            group = loop.index
            ratio = block_ratio(builder, absmax, builder.add(first, group), inverse) if kind == CODES else I16(0)
            at = builder.add(weight, builder.mul(group, I64(GROUP * BYTES[kind])))
            there = builder.add(out, builder.shl(group, I64(7)))
            for k, part in enumerate(read_group(builder, kind, at, ratio, looked)):
                store_at(builder, part, builder.add(there, I64(2 * lanes * k)), 64)
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
        kind = vector_type(F32, lanes // 2)
        totals = [[builder.alloca(kind) for _ in range(TILE)] for _ in range(rows)]
        for line in totals:
            for total in line:
                builder.store(ir.Constant(kind, [0.0] * (lanes // 2)), total)
        weights_at = [builder.add(weight, builder.mul(weight_step, I64(k))) for k in range(TILE)]
        rows_at = [builder.add(activation, builder.mul(step, I64(k))) for k in range(rows)]
        scales_at = [builder.add(scales, builder.mul(scale_step, I64(k))) for k in range(rows)]
        with loop_over(builder, groups) as loop:
            bytes_ = builder.shl(loop.index, I64(7))

            def vectors(base: ir.Value) -> list[ir.Value]:
                at = builder.add(base, bytes_)
                return [
                    load_at(builder, builder.add(at, I64(2 * k)), vector_type(I16, lanes), 64)
                    for k in range(0, GROUP, lanes)
                ]

            columns = [vectors(base) for base in weights_at]
            for row in range(rows):
                given = vectors(rows_at[row])
                scale = load_at(builder, builder.add(scales_at[row], builder.shl(loop.index, I64(2))), F32, 4)
                for k in range(TILE):
                    total = totals[row][k]
                    builder.store(_accumulate(builder, builder.load(total), columns[k], given, scale), total)
        for row in range(rows):
            for k in range(TILE):
                value = lane_sum(builder, builder.load(totals[row][k]))
                store_at(builder, value, builder.add(out, I64(4 * (row * TILE + k))), 4)
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
