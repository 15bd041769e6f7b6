"""What threads share: counters that are read and changed in one step, and how to wait for one."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.vectors import I8, I32, I64, call, pointer_to


@intrinsic
def add_and_get(typingctx, address, value):
    """Add to an int64 in one indivisible step; what it was before."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        return builder.atomic_rmw("add", pointer_to(builder, arguments[0], I64), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def read(typingctx, address):
    """An int64 that other threads write."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        return builder.load_atomic(pointer_to(builder, arguments[0], I64), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def write(typingctx, address, value):
    """Write an int64 that other threads read, and with it all that was written before."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        builder.store_atomic(arguments[1], pointer_to(builder, arguments[0], I64), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def yield_core(typingctx):
    """Let another thread run on this core, if one wants to."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        if way().posix:
            call(builder, "sched_yield", I32)
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def breathe(typingctx):
    """Wait for a moment within a loop that waits."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        if way().x86:
            call(builder, "llvm.x86.sse2.pause", ir.VoidType())
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def memory_at(typingctx, address):
    """An address as a pointer, for `numba.carray`."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: list[ir.Value]) -> ir.Value:
        return builder.inttoptr(arguments[0], I8.as_pointer())

    return types.voidptr(types.int64), codegen
