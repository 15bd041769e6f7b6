"""Rows of 8-bit weights made int16 or int8, and of 16-bit floats made float32: what is done before many rows, or once.

In: addresses of weights as `weights` reads them. Out: the same numbers, at addresses. Bounds are the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def _codes(builder: ir.IRBuilder, operands: list[ir.Value], groups: ir.Value) -> Iterator[tuple[ir.Value, Any]]:
    """A loop over a row's groups of codes: the group, and its codes as int16 vectors; operands as of `widen_codes`."""
    weight, absmax, first, row_scales, tables = operands
    looked = code_tables(builder, tables) if way().lookups else []
    unit = ratio_unit(builder, load_at(builder, row_scales, F32, 4))
    with loop_over(builder, groups) as loop:
        ratio = block_ratio(builder, absmax, builder.add(first, loop.index), unit)
        at = builder.add(weight, builder.mul(loop.index, I64(GROUP)))
        yield loop.index, read_group(builder, CODES, at, ratio, looked)


def _store(builder: ir.IRBuilder, parts: list[ir.Value], out: ir.Value, group: ir.Value) -> None:
    """A group's vectors, one behind the other."""
    size = 2 * way().lanes  # bytes of a vector
    there = builder.add(out, builder.mul(group, I64(size * len(parts))))
    for k, part in enumerate(parts):
        store_at(builder, part, builder.add(there, I64(size * k)), 4)


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

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        *operands, out, groups = arguments
        with _codes(builder, operands, groups) as (group, parts):
            _store(builder, parts, out, group)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i, i), codegen


@intrinsic
def narrow_codes(typingctx, weight, absmax, first, row_scales, tables, groups):
    """A row of codes as int8, in place: `NARROWED` of what `widen_codes` gives; arguments as of it."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        *operands, groups = arguments
        natural = sorted(range(GROUP), key=FOR_CODES.order.__getitem__)
        with _codes(builder, operands, groups) as (group, parts):
            narrow = vector_type(I8, way().lanes)
            whole = [builder.trunc(scaled(builder, part, I16(NARROWED)), narrow) for part in parts]
            while len(whole) > 1:
                both = ir.Constant(vector_type(I32, 2 * whole[0].type.count), list(range(2 * whole[0].type.count)))
                whole = [builder.shuffle_vector(a, b, both) for a, b in zip(whole[::2], whole[1::2], strict=True)]
            mixed = builder.shuffle_vector(whole[0], whole[0], ir.Constant(vector_type(I32, GROUP), natural))
            store_at(builder, mixed, builder.add(operands[0], builder.mul(group, I64(GROUP))), 1)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i, i, i), codegen


def _widening(kind: int) -> Any:
    def widen(typingctx, weight, out, groups):
        """A row of weights as int16 or float32, to `out`; arguments as of `widen_codes`."""

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
            weight, out, groups = arguments
            with loop_over(builder, groups) as loop:
                at = builder.add(weight, builder.mul(loop.index, I64(GROUP * BYTES[kind])))
                read = read_group(builder, INT8, at, I16(0), []) if kind == INT8 else read_floats(builder, kind, at)
                _store(builder, read, out, loop.index)
            return context.get_dummy_value()

        i = types.int64
        return types.void(i, i, i), codegen

    return intrinsic(widen)


widen_bytes, widen_halves, widen_brains = (_widening(kind) for kind in (INT8, FLOAT16, BFLOAT16))
