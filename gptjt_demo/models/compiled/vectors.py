"""Pieces of vector code for LLVM: what the compiled loops are written with.

In: a builder, values, addresses. Out: values. Bounds are the caller's: nothing is checked here.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir

from gptjt_demo.models.compiled.processor import way

I8, I16, I32, I64 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)
F32 = ir.FloatType()


def vector_type(type_: ir.Type, lanes: int) -> ir.VectorType:
    return ir.VectorType(type_, lanes)


def splat(type_: ir.Type, lanes: int, value: int) -> ir.Constant:
    return ir.Constant(vector_type(type_, lanes), [value] * lanes)


def broadcast(builder: ir.IRBuilder, value: ir.Value, lanes: int) -> ir.Value:
    kind = vector_type(value.type, lanes)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), splat(I32, lanes, 0))


def call(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def pointer_to(builder: ir.IRBuilder, address: ir.Value, type_: ir.Type) -> ir.Value:
    return builder.inttoptr(address, type_.as_pointer())


def load_at(builder: ir.IRBuilder, address: ir.Value, type_: ir.Type, alignment: int) -> ir.Value:
    loaded = builder.load(pointer_to(builder, address, type_))
    loaded.align = alignment
    return loaded


def store_at(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, alignment: int) -> None:
    builder.store(value, pointer_to(builder, address, value.type)).align = alignment


def larger(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    return builder.select(builder.icmp_signed(">", a, b), a, b)


def scaled(builder: ir.IRBuilder, values: ir.Value, ratio: ir.Value) -> ir.Value:
    """int16 values times a ratio in units of 1 / 32768, rounded."""
    lanes = values.type.count
    names = {8: "llvm.x86.ssse3.pmul.hr.sw.128", 16: "llvm.x86.avx2.pmul.hr.sw", 32: "llvm.x86.avx512.pmul.hr.sw.512"}
    if way().x86:
        return call(builder, names[lanes], values.type, values, broadcast(builder, ratio, lanes))
    wide = vector_type(I32, lanes)
    product = builder.mul(builder.sext(values, wide), builder.sext(broadcast(builder, ratio, lanes), wide))
    rounded = builder.ashr(builder.add(product, splat(I32, lanes, 1 << 14)), splat(I32, lanes, 15))
    return builder.trunc(rounded, values.type)


def pair_sums(builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """int32 sums of the products of neighbours: half as many lanes as the int16 ones of `a` and `b`."""
    lanes = a.type.count
    names = {8: "llvm.x86.sse2.pmadd.wd", 16: "llvm.x86.avx2.pmadd.wd", 32: "llvm.x86.avx512.pmaddw.d.512"}
    if way().x86:
        return call(builder, names[lanes], vector_type(I32, lanes // 2), a, b)
    wide = vector_type(I32, lanes)
    product = builder.mul(builder.sext(a, wide), builder.sext(b, wide))
    half = [
        builder.shuffle_vector(product, product, ir.Constant(vector_type(I32, lanes // 2), list(range(odd, lanes, 2))))
        for odd in (0, 1)
    ]
    return builder.add(*half)


def prefetch(builder: ir.IRBuilder, address: ir.Value) -> None:
    """Have a line of memory brought: processors do not look ahead beyond a page, and rows lie behind each other."""
    pointer = pointer_to(builder, address, I8)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, I32, I32, I32])
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    builder.call(function, [pointer, I32(0), I32(3), I32(1)])


def local(builder: ir.IRBuilder, type_: ir.Type) -> ir.Value:
    """A variable. It is made where the function begins: LLVM keeps those alone in registers."""
    from numba.core import cgutils

    found: ir.Value = cgutils.alloca_once(builder, type_)
    return found


def loop_over(builder: ir.IRBuilder, count: ir.Value) -> Any:
    from numba.core import cgutils

    return cgutils.for_range(builder, count, intp=I64)


def lane_sum(builder: ir.IRBuilder, values: ir.Value) -> ir.Value:
    """The sum of a vector's lanes, halves first."""
    lanes = values.type.count
    while lanes > 1:
        lanes //= 2
        index = [ir.Constant(vector_type(I32, lanes), list(range(k, k + lanes))) for k in (0, lanes)]
        parts = [builder.shuffle_vector(values, values, part) for part in index]
        values = builder.fadd(*parts)
    return builder.extract_element(values, I32(0))


def lane_sums(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """The sums of each vector's lanes, in one vector: each by the additions of `lane_sum`, two vectors at a time."""
    if len(vectors) == 1:
        return builder.insert_element(
            ir.Constant(vector_type(F32, 1), ir.Undefined), lane_sum(builder, vectors[0]), I32(0)
        )
    lanes = vectors[0].type.count  # of a sum that is not yet whole; there may be several in a vector
    while lanes > 1:
        lanes //= 2
        if len(vectors) > 1:  # halves of two vectors
            count = vectors[0].type.count
            firsts = [k for start in range(0, 2 * count, 2 * lanes) for k in range(start, start + lanes)]
            index = [ir.Constant(vector_type(I32, count), [k + lanes * half for k in firsts]) for half in (0, 1)]
            vectors = [
                builder.fadd(*(builder.shuffle_vector(a, b, part) for part in index))
                for a, b in zip(vectors[::2], vectors[1::2], strict=True)
            ]
            continue
        count = vectors[0].type.count // 2
        firsts = [k for start in range(0, 2 * count, 2 * lanes) for k in range(start, start + lanes)]
        index = [ir.Constant(vector_type(I32, count), [k + lanes * half for k in firsts]) for half in (0, 1)]
        vectors = [builder.fadd(*(builder.shuffle_vector(vectors[0], vectors[0], part) for part in index))]
    return vectors[0]


def fused(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    name = f"v{a.type.count}f32" if isinstance(a.type, ir.VectorType) else "f32"
    return call(builder, f"llvm.fma.{name}", a.type, a, b, c)


def numbers(lanes: int, value: float) -> ir.Constant:
    return ir.Constant(vector_type(F32, lanes), [value] * lanes)


def exp_lanes(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """e to a vector of float32 that are not above 88: relative error 1e-7, by Cephes' polynomial for expf."""
    lanes = x.type.count
    floats = functools.partial(numbers, lanes)
    least = floats(-87.0)
    x = builder.select(builder.fcmp_ordered(">", x, least), x, least)
    n = call(builder, f"llvm.floor.v{lanes}f32", x.type, fused(builder, x, floats(1.44269504), floats(0.5)))
    x = fused(builder, n, floats(-0.693359375), x)
    x = fused(builder, n, floats(2.12194440e-4), x)
    y = floats(1.9875691500e-4)
    for factor in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        y = fused(builder, y, x, floats(factor))
    y = builder.fadd(fused(builder, y, builder.fmul(x, x), x), floats(1.0))
    whole = vector_type(I32, lanes)
    power = builder.shl(builder.add(builder.fptosi(n, whole), splat(I32, lanes, 127)), splat(I32, lanes, 23))
    return builder.fmul(y, builder.bitcast(power, x.type))


def vectors_for(builder: ir.IRBuilder, count: ir.Value, lanes: int) -> ir.Value:
    return builder.udiv(builder.add(count, I64(lanes - 1)), I64(lanes))
