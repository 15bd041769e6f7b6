"""A compiled network with the steps that the engine takes: prefill, extend, check, branch.

In: token ids and which of them are real. Out: logits, with keys and values kept for the next step. Sequences of a batch
are not padded: each has its own columns, and a row of the step is one token of one sequence. So a result does not depend
on what stands beside it, to the bit. Knows nothing of text.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gptjt_demo.engine.masks import positions_of
from gptjt_demo.engine.prefix_lm import Interrupted, SelfTest
from gptjt_demo.models.compiled import program as tables
from gptjt_demo.models.compiled import step, vectors
from gptjt_demo.models.compiled.program import Program, aligned, padded
from gptjt_demo.models.compiled.team import team
from gptjt_demo.settings import Attention

ROOM = 64  # columns behind what is held, at least; and an eighth
SLACK = 16  # columns behind the last one that are read, and not used
ROWS = 1024  # rows of a step, unless a sequence has more; what a step writes for each is a few thousand numbers
FEW = 16  # rows up to which a step is short, and not asked within whether to go on


@dataclass
class State:
    """Keys and values of some sequences, and the logits of the last token of each.

    Attributes:
        keys: float32 (layers, sequences, key heads, head width, room).
        values: float32 (layers, sequences, key heads, room, head width).
        lengths: int64 (sequences,): columns that are held.
        keep: bool (sequences, columns): which of what was given is real; for what is read behind it.
        logits: float32 (sequences, vocabulary).
    """

    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    lengths: NDArray[np.int64]
    keep: Tensor
    logits: Tensor

    def repeat(self, rows: int) -> State:
        """A copy for this many rows, of a state of one."""
        return State(
            np.repeat(self.keys, rows, axis=1),
            np.repeat(self.values, rows, axis=1),
            np.repeat(self.lengths, rows),
            self.keep.expand(rows, -1),
            self.logits.expand(rows, -1),
        )

    def select(self, rows: Sequence[int]) -> State:
        """Keep these rows of the batch only."""
        index = list(rows)
        return State(
            self.keys[:, index], self.values[:, index], self.lengths[index], self.keep[index], self.logits[index]
        )

    def crop(self, columns: int) -> State:
        """Forget the last columns of every sequence. The logits stay those after the last one that was read."""
        keep = self.keep[:, : self.keep.shape[1] - columns]
        return State(self.keys, self.values, self.lengths - columns, keep, self.logits)

    def make_room(self, columns: int) -> None:
        """Have room for this many."""
        room = self.keys.shape[-1]
        if columns + SLACK <= room:
            return
        layers, sequences, heads, width, _ = self.keys.shape
        larger = whole(columns + max(ROOM, columns // 8))
        keys = np.zeros((layers, sequences, heads, width, larger), np.float32)
        values = np.zeros((layers, sequences, heads, larger, width), np.float32)
        keys[..., :room], values[:, :, :, :room] = self.keys, self.values
        self.keys, self.values = keys, values


class CompiledLM:
    """A compiled causal LM, run with explicit ranges of what each token sees.

    Attributes:
        test: that it notices its mask.
        rows_alike: True: rows are equal to the bit, whatever stands beside them.
        vocabulary: how many logits.

    Args:
        program: its operations.
    """

    rows_alike = True

    def __init__(self, program: Program) -> None:
        self.program, self.vocabulary = program, program.shape.vocabulary
        self.device = torch.device("cpu")
        self._turn, self._next = threading.Lock(), threading.Lock()
        self._order = np.array(vectors.order(), np.int64)
        self._buffers: dict[str, NDArray[Any]] = {}
        self.test = self.self_test()

    def prefill(
        self, ids: Tensor, keep: Tensor, attention: Attention, cancelled: Callable[[], bool] | None = None
    ) -> State:
        """Read prompts.

        Args:
            ids: int64 (batch, prompt), padded on the left.
            keep: bool (batch, prompt), False on padding.
            attention: who sees whom within the prompt.
            cancelled: asked before every layer.

        Raises:
            Interrupted: `cancelled` said so.
        """
        shape = self.program.shape
        lengths = keep.sum(1).numpy()
        room = whole(int(lengths.max()) + ROOM)
        sizes = (shape.layers, len(ids), shape.key_heads)
        state = State(
            np.zeros((*sizes, shape.head_width, room), np.float32),
            np.zeros((*sizes, room, shape.head_width), np.float32),
            np.zeros(len(ids), np.int64),
            keep[:, :0],
            torch.empty(0),
        )
        return self._read(state, ids, keep, attention == "prefix", False, cancelled)[0]

    def extend(
        self, state: State, ids: Tensor, keep: Tensor | None = None, *, cancelled: Callable[[], bool] | None = None
    ) -> State:
        """Read the next tokens, each seeing all before it; arguments and errors as of `PrefixLM.extend`."""
        new = torch.ones_like(ids, dtype=torch.bool) if keep is None else keep
        return self._read(state, ids, new, False, False, cancelled)[0]

    def check(
        self, state: State, ids: Sequence[int], cancelled: Callable[[], bool] | None = None
    ) -> tuple[State, Tensor]:
        """Read several tokens of one answer in one pass; arguments, results and errors as of `PrefixLM.check`."""
        given = torch.tensor([list(ids)])
        state, logits = self._read(state, given, torch.ones_like(given, dtype=torch.bool), False, True, cancelled)
        return state, logits

    def branch(
        self, state: State, branches: Sequence[Sequence[int]], cancelled: Callable[[], bool] | None = None
    ) -> list[Tensor]:
        """Logits after each token of several continuations; arguments, results and errors as of `PrefixLM.branch`."""
        flat = [id for branch in branches for id in branch]
        batch = len(state.lengths)
        state.make_room(int(state.lengths.max()) + len(flat))
        where = np.zeros((batch, len(flat), 7), np.int64)
        starts = np.cumsum([0, *(len(branch) for branch in branches)])
        begin = np.repeat(starts[:-1], [len(branch) for branch in branches])  # (tokens,)
        index = np.arange(len(flat))
        lengths = state.lengths[:, None]
        where[..., 0] = lengths + (index - begin)
        where[..., 1] = np.arange(batch)[:, None]
        where[..., 2] = lengths + index
        where[..., 4] = lengths
        where[..., 5], where[..., 6] = lengths + begin, lengths + index + 1
        ids = np.tile(np.array(flat, np.int32), batch)
        rows = where.reshape(-1, 7)
        logits = self._run(state, ids, rows, np.arange(len(ids)), cancelled).view(batch, len(flat), -1)
        return list(logits.split([len(branch) for branch in branches], dim=1))

    def _read(
        self, state: State, ids: Tensor, new: Tensor, both_ways: bool, every: bool, cancelled: Callable[[], bool] | None
    ) -> tuple[State, Tensor]:
        """Tokens behind what a state holds; the state, and float32 (rows asked for, vocabulary)."""
        counts = new.sum(1).numpy()
        state.make_room(int((state.lengths + counts).max()))
        own = positions_of(new).numpy()
        sequence, column = np.nonzero(new.numpy())
        behind = own[sequence, column]  # (rows,)
        place = state.lengths[sequence] + behind
        where = np.zeros((len(sequence), 7), np.int64)
        where[:, 0], where[:, 1], where[:, 2] = place, sequence, place
        where[:, 4] = state.lengths[sequence] + counts[sequence] if both_ways else place + 1
        chosen = np.arange(len(where)) if every else np.cumsum(counts) - 1
        logits = self._run(state, new_ids(ids, new), where, chosen, cancelled)
        lengths = state.lengths + counts
        keep = torch.cat([state.keep, new], dim=1)
        return State(state.keys, state.values, lengths, keep, logits[-1:] if every else logits), logits

    def _run(
        self,
        state: State,
        ids: NDArray[np.int32],
        where: NDArray[np.int64],
        chosen: NDArray[np.int64],
        cancelled: Callable[[], bool] | None,
    ) -> Tensor:
        """Rows through the network, in steps of whole sequences; float32 (chosen, vocabulary)."""
        logits = torch.empty(len(chosen), self.vocabulary)
        with self._step():
            first = done = 0
            ends = [*(np.flatnonzero(np.diff(where[:, 1])) + 1).tolist(), len(where)]
            while first < len(where):
                last = next((end for end in reversed(ends) if first < end <= first + ROWS), 0)
                last = last or next(end for end in ends if end > first)
                asked = chosen[(chosen >= first) & (chosen < last)] - first
                self._forward(state, ids[first:last], where[first:last], asked, logits[done : done + len(asked)], cancelled)
                first, done = last, done + len(asked)
        return logits

    def _forward(
        self,
        state: State,
        ids: NDArray[np.int32],
        where: NDArray[np.int64],
        chosen: NDArray[np.int64],
        logits: Tensor,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        program, shape = self.program, self.program.shape
        rows, threads = len(ids), torch.get_num_threads()
        columns = max(shape.width, shape.inner, shape.heads * shape.head_width)
        buffers = self._workspace(rows, len(chosen), ids, logits)
        cache = np.array(
            [state.keys.ctypes.data, state.values.ctypes.data, state.keys.shape[-1], state.keys.shape[1]], np.int64
        )
        counters = np.zeros(step.COUNTERS, np.int64)
        last = len(program.phases) - 1
        stops = [last] if rows <= FEW else [*program.layer_ends, last]
        counters[step.LAST] = stops[0]
        where, chosen = np.ascontiguousarray(where), np.ascontiguousarray(chosen)
        shared = (
            counters,
            program.operations,
            program.phases,
            buffers,
            cache,
            program.numbers,
            where,
            chosen,
            program.cosines,
            program.sines,
            self._order,
        )
        longest = max(padded(columns), vectors.QUERIES * (state.keys.shape[-1] + 4 * SLACK))
        own = [
            (self._space(f"scratch {k}", (longest,), np.float32), self._space(f"wide {k}", (step.WIDE * padded(columns),), np.int16),
             self._space(f"tile {k}", (vectors.TILE**2,), np.float32))
            for k in range(threads)
        ]
        helpers = team(threads)
        helped = helpers.helpers > 0 and helpers.free.acquire(blocking=False)
        try:
            if helped:
                helpers.call([functools.partial(step.work, *shared, *own[k + 1], 0) for k in range(helpers.helpers)])
            for stop in stops:
                if cancelled is not None and cancelled():
                    raise Interrupted
                counters[step.LAST] = stop
                step.work(*shared, *own[0], 1)
        finally:
            counters[step.QUIT] = 1
            counters[step.LAST] = 0  # whoever is late finds nothing to do
            if helped:
                helpers.free.release()

    def _workspace(self, rows: int, asked: int, ids: NDArray[np.int32], logits: Tensor) -> NDArray[np.int64]:
        shape = self.program.shape
        queries, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
        widest = padded(max(shape.width, queries, shape.inner))
        given = self._space("ids", (rows,), np.int32)
        given[:rows] = ids
        sizes: dict[int, tuple[int, Any]] = {
            tables.STREAM: (rows * shape.width, np.float32),
            tables.CODED: (rows * widest, np.int16),
            tables.SCALES: (rows * widest // vectors.GROUP, np.float32),
            tables.QUERIES: (rows * queries, np.float32),
            tables.KEYS: (rows * keys, np.float32),
            tables.VALUES: (rows * keys, np.float32),
            tables.READ: (rows * queries, np.float32),
            tables.FIRST: (rows * shape.inner, np.float32),
            tables.SECOND: (rows * shape.inner, np.float32),
            tables.CODED_2: (rows * padded(shape.inner), np.int16),
            tables.SCALES_2: (rows * padded(shape.inner) // vectors.GROUP, np.float32),
            tables.LAST: (max(1, asked) * shape.width, np.float32),
        }
        found = np.zeros(tables.BUFFERS, np.int64)
        for number, (size, dtype) in sizes.items():
            found[number] = self._space(f"buffer {number}", (size,), dtype).ctypes.data
        found[tables.IDS] = given.ctypes.data
        found[tables.LOGITS] = logits.data_ptr()
        return found

    def _space(self, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Memory that steps use again; larger where a step needs more."""
        held = self._buffers.get(name)
        if held is None or held.size < shape[0]:
            held = self._buffers[name] = aligned(shape, dtype)
        return held

    def pause(self) -> AbstractContextManager[None]:
        """Hold the steps."""
        return self._step()

    @contextmanager
    def _step(self) -> Iterator[None]:
        # Two locks make the turns fair: a thread that has just finished a step waits behind the one already queued.
        self._next.acquire()
        try:
            self._turn.acquire()
        finally:
            self._next.release()
        try:
            yield
        finally:
            self._turn.release()

    def self_test(self) -> SelfTest:
        """Alter the last token of a prompt, and look at the logits after its first."""
        ids = torch.tensor([[(7 * k + 11) % self.vocabulary for k in range(8)]] * 2)
        ids[1, -1] = (ids[1, -1] + self.vocabulary // 2 + 1) % self.vocabulary
        changes = {}
        for attention in ("prefix", "causal"):
            changes[attention] = self._first_change(ids, attention == "prefix")
        if changes["causal"] > 1e-5:
            return SelfTest(False, "the first position sees the future under a causal mask", **_named(changes))
        if changes["prefix"] <= 1e-5:
            return SelfTest(False, "the model ignores its mask; it runs causally", **_named(changes))
        return SelfTest(True, "the first position notices the last prompt token", **_named(changes))

    def _first_change(self, ids: Tensor, both_ways: bool) -> float:
        length = ids.shape[1]
        where = np.zeros((2 * length, 7), np.int64)
        sequence, column = np.divmod(np.arange(2 * length), length)
        where[:, 0] = where[:, 2] = column
        where[:, 1] = sequence
        where[:, 4] = length if both_ways else column + 1
        shape = self.program.shape
        keys = np.zeros((shape.layers, 2, shape.key_heads, shape.head_width, whole(length + SLACK)), np.float32)
        state = State(keys, keys.swapaxes(3, 4).copy(), np.zeros(2, np.int64), torch.empty(0), torch.empty(0))
        flat = ids.flatten().numpy().astype(np.int32)
        first, second = self._run(state, flat, where, np.array([0, length]), None)
        return float((first - second).abs().max() / first.abs().max().clamp_min(1e-9))


def _named(changes: dict[str, float]) -> dict[str, float]:
    return {f"{attention}_change": change for attention, change in changes.items()}


def whole(columns: int) -> int:
    """Columns as there is room for them: whole vectors."""
    return -(-columns // SLACK) * SLACK


def new_ids(ids: Tensor, new: Tensor) -> NDArray[np.int32]:
    """The real ones of padded ids, row after row."""
    found: NDArray[np.int32] = ids[new].numpy().astype(np.int32)
    return found
