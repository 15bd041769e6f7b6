"""Products of a few rows of weights with a few rows of activations: a kernel for each kind and number, for LLVM.

In: addresses of weights as `weights` reads them, and of activations, coded or float32. Out: numbers, at addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    splat,
    store_at,
    vector_type,
)
from gptjt_demo.models.compiled.weights import (
    BYTES,
    CODES,
    CODES_WIDE,
    FLOAT32,
    FOR_CODES,
    FOR_INT8,
    GROUP,
    INT8,
    INT8_WIDE,
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


@dataclass(frozen=True)
class _Tile:
    """Some rows of a weight times some rows of activations, within the loop over the weight's rows.

    Attributes:
        builder: see llvmlite.
        kind: how the weight is stored.
        weights: addresses of its rows.
        firsts: their first groups, counted through the whole weight.
        units: what a block's absmax is multiplied with, as of `ratio_unit`; codes alone have them.
        absmax: address of the blocks' absmax.
        looked: tables of what codes mean, where they are looked up.
        activations: addresses of their rows.
        scales: addresses of these rows' scales.
        totals: float32 sums, a vector for each row of activations and row of the weight.
    """

    builder: ir.IRBuilder
    kind: int
    weights: list[ir.Value]
    firsts: list[ir.Value]
    units: list[ir.Value]
    absmax: ir.Value
    looked: list[ir.Value]
    activations: list[ir.Value]
    scales: list[ir.Value]
    totals: list[list[ir.Value]]

    def add(self, start: ir.Value, stop: ir.Value) -> None:
        """Multiply and add the groups from `start` to `stop`."""
        builder = self.builder
        if self.kind == FLOAT32:
            unit, add = 1, self._floats
        elif self.kind in (CODES, CODES_WIDE):
            unit, add = FOR_CODES.unit, self._several
        else:
            unit, add = FOR_INT8.unit, self._summed
        whole = builder.udiv(builder.sub(stop, start), I64(unit))
        with loop_over(builder, whole) as loop:
            add(builder.add(start, builder.mul(loop.index, I64(unit))), unit)
        if unit > 1:
            done = builder.add(start, builder.mul(whole, I64(unit)))
            with loop_over(builder, builder.sub(stop, done)) as loop:
                add(builder.add(done, loop.index), 1)

    def _weight(self, row: int, group: ir.Value, ahead: int) -> ir.Value:
        """Where a group of a weight's row lies; what lies so far behind it is asked for."""
        builder = self.builder
        at = builder.add(self.weights[row], builder.mul(group, I64(GROUP * BYTES[self.kind])))
        if self.kind not in (CODES_WIDE, INT8_WIDE):  # these lie in the cache
            prefetch(builder, builder.add(at, I64(ahead)))
        return at

    def _given(self, row: int, group: ir.Value, count: int = 1) -> list[ir.Value]:
        """So many groups of a row of activations."""
        builder, lanes = self.builder, way().lanes
        kind, size = (vector_type(F32, lanes // 2), 4) if self.kind == FLOAT32 else (vector_type(I16, lanes), 2)
        there = builder.add(self.activations[row], builder.mul(group, I64(size * GROUP)))
        steps = range(0, size * count * GROUP, 2 * lanes)
        return [load_at(builder, builder.add(there, I64(step)), kind, 2 * lanes if size == 2 else 4) for step in steps]

    def _scaled(self, exact: list[ir.Value], row: int, group: ir.Value) -> None:
        """Add a row's exact sums, of groups that share the scale of the given one, to its totals."""
        builder, floats = self.builder, vector_type(F32, way().lanes // 2)
        scale = load_at(builder, builder.add(self.scales[row], builder.shl(group, I64(2))), F32, 4)
        factor = broadcast(builder, scale, floats.count)
        for sums, total in zip(exact, self.totals[row], strict=True):
            builder.store(fused(builder, builder.sitofp(sums, floats), factor, builder.load(total)), total)

    def _floats(self, group: ir.Value, count: int) -> None:
        builder = self.builder
        columns = [read_floats(builder, self.kind, self._weight(k, group, AHEAD)) for k in range(len(self.weights))]
        for row, totals in enumerate(self.totals):
            for given, parts in zip(self._given(row, group), zip(*columns, strict=True), strict=True):
                for part, total in zip(parts, totals, strict=True):
                    builder.store(fused(builder, part, given, builder.load(total)), total)

    def _several(self, group: ir.Value, count: int) -> None:
        """So many groups, one after the other in the code."""
        builder = self.builder
        columns: list[list[ir.Value]] = [[] for _ in self.weights]
        for k, column in enumerate(columns):
            for further in range(count):
                index = builder.add(group, I64(further))
                at, ratio = self._weight(k, index, AHEAD), I16(0)
                if self.kind == CODES:
                    ratio = block_ratio(builder, self.absmax, builder.add(self.firsts[k], index), self.units[k])
                column += read_group(builder, self.kind, at, ratio, self.looked)
        for row in range(len(self.totals)):
            given, exact = self._given(row, group, count), []
            for column in columns:
                sums = pair_sums(builder, column[0], given[0])
                for a, b in zip(column[1:], given[1:], strict=True):
                    sums = builder.add(sums, pair_sums(builder, a, b))
                exact.append(sums)
            self._scaled(exact, row, group)

    def _summed(self, group: ir.Value, count: int) -> None:
        """So many groups that a loop goes over them."""
        builder, whole = self.builder, vector_type(I32, way().lanes // 2)
        exact = [[local(builder, whole) for _ in totals] for totals in self.totals]
        for sums in exact:
            for total in sums:
                builder.store(splat(I32, whole.count, 0), total)
        with loop_over(builder, I64(count)) as loop:
            index = builder.add(group, loop.index)
            columns = [
                read_group(builder, self.kind, self._weight(k, index, FURTHER), I16(0), [])
                for k in range(len(self.weights))
            ]
            given = [self._given(row, index) for row in range(len(self.totals))]
            for vectors in zip(*columns, *given, strict=True):
                parts, rows = vectors[: len(columns)], vectors[len(columns) :]
                for value, sums in zip(rows, exact, strict=True):
                    for part, total in zip(parts, sums, strict=True):
                        builder.store(builder.add(builder.load(total), pair_sums(builder, part, value)), total)
        for row, sums in enumerate(exact):
            self._scaled([builder.load(total) for total in sums], row, group)


def _emit(builder: ir.IRBuilder, kind: int, rows: int, operands: list[ir.Value]) -> None:
    """Some weight rows at a time, read once, times `rows` activation rows."""
    pair = beside(kind, rows)
    weight, absmax, row_scales, tables, bias, begin, end, readable = operands[:8]
    activation, scales, groups, out, out_step, added, start, stop, kept = operands[8:]
    lanes = way().lanes
    floats = vector_type(F32, lanes // 2)
    looked = code_tables(builder, tables) if kind == CODES and way().lookups else []
    totals = [[local(builder, floats) for _ in range(pair)] for _ in range(rows)]
    size = builder.mul(groups, I64(GROUP * BYTES[kind]))
    step, scale_step = builder.mul(groups, I64((4 if kind == FLOAT32 else 2) * GROUP)), builder.mul(groups, I64(4))
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
        units = []
        if kind == CODES:
            factors = [load_at(builder, builder.add(row_scales, builder.shl(k, I64(2))), F32, 4) for k in own]
            units = [ratio_unit(builder, factor) for factor in factors]
        weights_at = [builder.add(weight, builder.mul(size, k)) for k in own]
        firsts = [builder.mul(groups, k) for k in own]
        _Tile(builder, kind, weights_at, firsts, units, absmax, looked, rows_at, scales_at, totals).add(start, stop)
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
