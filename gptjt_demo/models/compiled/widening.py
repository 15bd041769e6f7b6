"""Rows of 8-bit weights made int16 or int8, and of 16-bit floats made float32: what is done before many rows, or once.

In: addresses of weights as `weights` reads them. Out: the same numbers, at addresses. Bounds are the caller's.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.reading import block_ratio, code_tables, ratio_unit, read_floats, read_group
from gptjt_demo.models.compiled.vectors import (
    F32,
    I8,
    I16,
    I32,
    I64,
    load_at,
    loop_over,
    scaled,
    store_at,
    vector_type,
)
from gptjt_demo.models.compiled.weights import (
    BFLOAT16,
    BYTES,
    CODES,
    FLOAT16,
    FOR_CODES,
    GROUP,
    INT8,
    NARROWED,
)


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
    """A row of codes as int16, to `out`.

    Args:
        weight: address of the row.
        absmax: address of the blocks' float32 absmax.
        first: the row's first group, counted through the whole weight.
        row_scales: address of the row's float32 scale.
        tables: address of what codes mean.
        out: address.
        groups: in a row.
    """
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
        """A row of weights as float32, to `out`; arguments as of `widen_codes`."""

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
