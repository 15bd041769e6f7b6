"""What happens to activations between products: SiLU with its gate, GELU, and their coding as int16."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.vectors import (
    F32,
    I16,
    I32,
    I64,
    broadcast,
    call,
    exp_lanes,
    fused,
    load_at,
    loop_over,
    numbers,
    store_at,
    vector_type,
    vectors_for,
)
from gptjt_demo.models.compiled.weights import FOR_CODES, FOR_INT8, GROUP, Coding


def _emit_quantize(coding: Coding) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        source, codes, scales, groups = arguments
        lanes = way().lanes // 2
        kind = vector_type(F32, lanes)

        def several(first: ir.Value, count: int) -> None:
            """Code so many groups with one scale."""
            at = builder.add(source, builder.mul(first, I64(4 * GROUP)))
            parts = [load_at(builder, builder.add(at, I64(4 * k)), kind, 4) for k in range(0, count * GROUP, lanes)]
            most = numbers(lanes, 0.0)
            for part in parts:
                size = call(builder, f"llvm.fabs.v{lanes}f32", kind, part)
                most = builder.select(builder.fcmp_ordered(">", size, most), size, most)
            left = lanes
            while left > 1:
                left //= 2
                index = [ir.Constant(vector_type(I32, left), list(range(k, k + left))) for k in (0, left)]
                a, b = (builder.shuffle_vector(most, most, part) for part in index)
                most = builder.select(builder.fcmp_ordered(">", a, b), a, b)
            largest = builder.extract_element(most, I32(0))
            scale = builder.fmul(largest, ir.Constant(F32, 1 / coding.limit))
            some = builder.fcmp_ordered(">", largest, ir.Constant(F32, 1e-30))
            inverse = builder.select(
                some, builder.fdiv(ir.Constant(F32, float(coding.limit)), largest), ir.Constant(F32, 0.0)
            )
            factor = broadcast(builder, inverse, lanes)
            each = GROUP // lanes
            for group in range(count):
                own = builder.add(first, I64(group))
                store_at(builder, scale, builder.add(scales, builder.shl(own, I64(2))), 4)
                whole = []
                for part in parts[group * each : (group + 1) * each]:
                    near = call(builder, f"llvm.rint.v{lanes}f32", kind, builder.fmul(part, factor))
                    whole.append(builder.trunc(builder.fptosi(near, vector_type(I32, lanes)), vector_type(I16, lanes)))
                while len(whole) > 1:
                    size = whole[0].type.count
                    both = ir.Constant(vector_type(I32, 2 * size), list(range(2 * size)))
                    whole = [builder.shuffle_vector(a, b, both) for a, b in zip(whole[::2], whole[1::2], strict=True)]
                mixed = builder.shuffle_vector(whole[0], whole[0], ir.Constant(vector_type(I32, GROUP), coding.order))
                store_at(builder, mixed, builder.add(codes, builder.mul(own, I64(2 * GROUP))), 64)

        units = builder.udiv(groups, I64(coding.unit))
        with loop_over(builder, units) as loop:
            several(builder.mul(loop.index, I64(coding.unit)), coding.unit)
        if coding.unit > 1:
            done = builder.mul(units, I64(coding.unit))
            with loop_over(builder, builder.sub(groups, done)) as loop:
                several(builder.add(done, loop.index), 1)
        return context.get_dummy_value()

    i = types.int64
    return types.void(i, i, i, i), codegen


@intrinsic
def code_for_codes(typingctx, source, codes, scales, groups):
    """float32 as int16, for products with weights of codes.

    Args:
        source: address of float32 (groups, GROUP).
        codes: address of int16 (groups, GROUP).
        scales: address of float32 (groups,).
        groups: how many.
    """
    return _emit_quantize(FOR_CODES)


@intrinsic
def code_for_int8(typingctx, source, codes, scales, groups):
    """As `code_for_codes`, for products with int8."""
    return _emit_quantize(FOR_INT8)


def _emit_activation(gated: bool) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        source, second, out, count = arguments
        lanes = way().lanes // 2
        kind = vector_type(F32, lanes)
        one, limit = numbers(lanes, 1.0), numbers(lanes, 80.0)
        with loop_over(builder, vectors_for(builder, count, lanes)) as loop:
            bytes_ = builder.mul(loop.index, I64(4 * lanes))
            x = load_at(builder, builder.add(source, bytes_), kind, 4)
            inner = x
            if not gated:
                cubic = fused(builder, builder.fmul(x, x), numbers(lanes, 0.044715), one)
                inner = builder.fmul(builder.fmul(x, numbers(lanes, 1.5957691216)), cubic)
            power = builder.fneg(inner)
            power = builder.select(builder.fcmp_ordered("<", power, limit), power, limit)
            value = builder.fdiv(x, builder.fadd(one, exp_lanes(builder, power)))
            if gated:
                value = builder.fmul(value, load_at(builder, builder.add(second, bytes_), kind, 4))
            store_at(builder, value, builder.add(out, bytes_), 4)
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
