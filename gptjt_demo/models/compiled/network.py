"""A compiled network with the steps that the engine takes: prefill, extend, check, branch.

In: token ids and which of them are real. Out: logits, with keys and values kept for the next step. Sequences of
a batch are not padded: each has its own columns, and a row of the step is one token of one sequence. So a result does
not depend on what stands beside it, to the bit. Knows nothing of text.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gptjt_demo.engine.masks import positions_of
from gptjt_demo.engine.results import SelfTest
from gptjt_demo.engine.steps import Cancelled, Interrupted
from gptjt_demo.engine.turns import Flag, Turns
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled import operations, weights
from gptjt_demo.models.compiled import program as tables
from gptjt_demo.models.compiled.machine_code import step_function
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.program import Program, compile_program
from gptjt_demo.models.compiled.shape import sizes
from gptjt_demo.models.compiled.state import ROOM, SLACK, State, whole
from gptjt_demo.models.compiled.storage import aligned, padded
from gptjt_demo.models.compiled.team import team
from gptjt_demo.settings import Attention

ROWS = 512  # rows of a step, unless a sequence has more: what 1024 write falls out of the cache (3 to 7 % slower)
LARGE = 1 << 20  # numbers
FEW = 16  # rows up to which a step is short, and not asked within whether to go on


class CompiledLM:
    """A compiled causal LM, run with explicit ranges of what each token sees.

    Attributes:
        test: that it notices its mask.
        rows_alike: True: rows are equal to the bit, whatever stands beside them.
        vocabulary: how many logits.

        name: by which it calls itself.
        context: tokens that it has positions for.
        ends: ids that end a text.

    Args:
        program: its operations.
        name: see above.
        ends: see above.
    """

    def __init__(self, program: Program, *, name: str = "", ends: Sequence[int] = ()) -> None:
        self.program, self.vocabulary, self.context = program, program.shape.vocabulary, program.shape.context
        self.name, self.ends, self.rows_alike = name, list(ends), True
        self.device = torch.device("cpu")
        self._turns = Turns()
        self._buffers: dict[str, NDArray[Any]] = {}
        if len(program.first):
            self._begin()
        self.test = self.self_test()

    @property
    def report(self) -> str:
        """What multiplies its weights, in a line for people."""
        found = way()
        how = ", codes read by look-ups of 128 bytes" if found.lookups else ""
        kept = f"8-bit weights {'put in order' if weights.ordered() else 'as stored'}"
        if len(self.program.first):
            kept = "8-bit weights made int8"
        if self.program.floats:
            how, kept = "", "weights in floats as stored"
        return f"the whole step compiled for this processor ({found.name}{how}), {kept}, float32 between"

    def prefill(self, ids: Tensor, keep: Tensor, attention: Attention, cancelled: Cancelled = None) -> State:
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
            np.arange(len(ids)),
            np.zeros(len(ids), np.int64),
            keep[:, :0],
            torch.empty(0),
        )
        return self._read(state, ids, keep, attention == "prefix", False, cancelled)[0]

    def extend(self, state: State, ids: Tensor, keep: Tensor | None = None, *, cancelled: Cancelled = None) -> State:
        """Read the next tokens, each seeing all before it; arguments and errors as of `PrefixLM.extend`."""
        new = torch.ones_like(ids, dtype=torch.bool) if keep is None else keep
        return self._read(state, ids, new, False, False, cancelled)[0]

    def check(self, state: State, ids: Sequence[int], cancelled: Cancelled = None) -> tuple[State, Tensor]:
        """Read several tokens of one answer in one pass; arguments, results and errors as of `PrefixLM.check`."""
        given = torch.tensor([list(ids)])
        state, logits = self._read(state, given, torch.ones_like(given, dtype=torch.bool), False, True, cancelled)
        return state, logits

    def branch(self, state: State, branches: Sequence[Sequence[int]], cancelled: Cancelled = None) -> list[Tensor]:
        """Logits after each token of several continuations; arguments, results and errors as of `PrefixLM.branch`."""
        flat = [id for branch in branches for id in branch]
        batch = len(state.lengths)
        state.make_room(int(state.lengths.max()) + len(flat))
        where = np.zeros((batch, len(flat), operations.SEEN), np.int64)
        starts = np.cumsum([0, *(len(branch) for branch in branches)])
        begin = np.repeat(starts[:-1], [len(branch) for branch in branches])  # (tokens,)
        index = np.arange(len(flat))
        lengths = state.lengths[:, None]
        where[..., 0] = state.before + lengths + (index - begin)
        where[..., 1] = state.slots[:, None]
        where[..., 2] = lengths + index
        where[..., 4] = lengths
        where[..., 5], where[..., 6] = lengths + begin, lengths + index + 1
        ids = np.tile(np.array(flat, np.int32), batch)
        rows = where.reshape(-1, operations.SEEN)
        logits = self._run(state, ids, rows, np.arange(len(ids)), cancelled).view(batch, len(flat), -1)
        return list(logits.split([len(branch) for branch in branches], dim=1))

    def _read(
        self, state: State, ids: Tensor, new: Tensor, both_ways: bool, every: bool, cancelled: Cancelled
    ) -> tuple[State, Tensor]:
        """Tokens behind what a state holds; the state, and float32 (rows asked for, vocabulary)."""
        counts = new.sum(1).numpy()
        state.make_room(int((state.lengths + counts).max()))
        own = positions_of(new).numpy()
        sequence, given = np.nonzero(new.numpy())
        behind = own[sequence, given]  # (rows,)
        column = state.lengths[sequence] + behind
        where = np.zeros((len(sequence), operations.SEEN), np.int64)
        where[:, 0], where[:, 1], where[:, 2] = state.before + column, state.slots[sequence], column
        where[:, 4] = state.lengths[sequence] + counts[sequence] if both_ways else column + 1
        chosen = np.arange(len(where)) if every else np.cumsum(counts) - 1
        logits = self._run(state, new_ids(ids, new), where, chosen, cancelled)
        lengths = state.lengths + counts
        keep = torch.cat([state.keep, new], dim=1)
        return replace(state, lengths=lengths, keep=keep, logits=logits[-1:] if every else logits), logits

    def _run(
        self,
        state: State,
        ids: NDArray[np.int32],
        where: NDArray[np.int64],
        chosen: NDArray[np.int64],
        cancelled: Cancelled,
    ) -> Tensor:
        """Rows through the network, in steps of whole sequences; float32 (chosen, vocabulary)."""
        logits = torch.empty(len(chosen), self.vocabulary)
        behind = isinstance(cancelled, Flag) and cancelled.background
        with self._turns.step(background=behind):
            first = done = 0
            ends = [*(np.flatnonzero(np.diff(where[:, 1])) + 1).tolist(), len(where)]
            while first < len(where):
                last = next((end for end in reversed(ends) if first < end <= first + ROWS), 0)
                last = last or next(end for end in ends if end > first)
                asked = chosen[(chosen >= first) & (chosen < last)] - first
                self._forward(
                    state, ids[first:last], where[first:last], asked, logits[done : done + len(asked)], cancelled
                )
                first, done = last, done + len(asked)
        return logits

    def _forward(
        self,
        state: State,
        ids: NDArray[np.int32],
        where: NDArray[np.int64],
        chosen: NDArray[np.int64],
        logits: Tensor,
        cancelled: Cancelled,
    ) -> None:
        program, shape = self.program, self.program.shape
        behind = isinstance(cancelled, Flag) and cancelled.background
        columns = padded(max(shape.width, shape.inner, shape.heads * shape.head_width))
        buffers = self._workspace(len(ids), len(chosen), ids, logits, behind)
        where, chosen = np.ascontiguousarray(where), np.ascontiguousarray(chosen)
        cache = _places(state)
        scratch = max(columns, operations.QUERIES * (state.before + state.keys.shape[-1] + 4 * SLACK))
        shared = self._shared(program.operations, program.phases, buffers, cache, where, chosen)
        wide = np.float32 if program.floats else np.int16
        own = [
            (
                *_sized(self._space(f"{behind} scratch {k}", scratch, np.float32)),
                self._space(f"{behind} wide {k}", operations.WIDE * columns, wide).ctypes.data,
                self._space(f"{behind} sums {k}", operations.SUMS, np.float32).ctypes.data,
            )
            for k in range(torch.get_num_threads())
        ]
        last, first = len(program.phases) - 1, 0
        for stop in [last] if len(ids) <= FEW and not behind else [*program.layer_ends, last]:
            if cancelled is not None and cancelled():
                raise Interrupted
            if behind and first:
                self._turns.give_way()
            _together(shared, own, first, stop)
            first = stop

    def _begin(self) -> None:
        """Do what is to be done once."""
        listed, nothing = self.program.first, np.zeros(operations.BUFFERS, np.int64)
        phases = np.array([0, len(listed)])
        shared = self._shared(listed, phases, nothing, nothing, nothing[:0], nothing[:0])
        _together(shared, [(0, 0, 0, 0)] * torch.get_num_threads(), 0, 1)

    def _shared(
        self,
        listed: NDArray[np.int64],
        phases: NDArray[np.int64],
        buffers: NDArray[np.int64],
        cache: NDArray[np.int64],
        where: NDArray[np.int64],
        chosen: NDArray[np.int64],
    ) -> tuple[int, ...]:
        """What `step.work` is told of a list of operations, but for its counters and what is a thread's own."""
        program = self.program
        return (
            *_sized(listed, phases),
            buffers.ctypes.data,
            cache.ctypes.data,
            program.numbers.ctypes.data,
            len(program.numbers) - 1,
            *_sized(where, chosen),
            program.cosines.ctypes.data,
            program.sines.ctypes.data,
            *program.cosines.shape,
        )

    def _workspace(
        self, rows: int, asked: int, ids: NDArray[np.int32], logits: Tensor, behind: bool
    ) -> NDArray[np.int64]:
        """Addresses of what a step writes. A step in the background, which others may pass, has its own."""
        shape = self.program.shape
        queries, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
        widest = padded(max(shape.width, queries, shape.inner))
        given = self._space(f"{behind} ids", rows, np.int32)
        given[:rows] = ids
        sizes: dict[int, tuple[int, Any]] = {
            tables.STREAM: (rows * shape.width, np.float32),
            tables.QUERIES: (rows * queries, np.float32),
            tables.KEYS: (rows * keys, np.float32),
            tables.VALUES: (rows * keys, np.float32),
            tables.READ: (rows * queries, np.float32),
            tables.FIRST: (rows * shape.inner, np.float32),
            tables.SECOND: (rows * shape.inner, np.float32),
            tables.LAST: (max(1, asked) * shape.width, np.float32),
        }
        for number, (dtype, columns) in tables.ACTIVATIONS.items():
            if number in self.program.written:
                sizes[number] = rows * widest // columns, dtype
        found = np.zeros(operations.BUFFERS, np.int64)
        for number, (size, dtype) in sizes.items():
            found[number] = self._space(f"{behind} {number}", size, dtype).ctypes.data
        found[tables.IDS] = given.ctypes.data
        found[tables.LOGITS] = logits.data_ptr()
        return found

    def _space(self, name: str, size: int, dtype: Any) -> NDArray[Any]:
        """Memory that steps use again; larger where a step needs more, and given back after one that was very large."""
        held = self._buffers.get(name)
        if held is None or held.size < size or held.size > 8 * size + LARGE:
            held = self._buffers[name] = aligned((size,), dtype)
        return held

    def pause(self) -> AbstractContextManager[None]:
        """Hold the steps."""
        return self._turns.pause()

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
        where = np.zeros((2 * length, operations.SEEN), np.int64)
        sequence, column = np.divmod(np.arange(2 * length), length)
        where[:, 0] = where[:, 2] = column
        where[:, 1] = sequence
        where[:, 4] = length if both_ways else column + 1
        shape = self.program.shape
        keys = np.zeros((shape.layers, 2, shape.key_heads, shape.head_width, whole(length + SLACK)), np.float32)
        state = State(
            keys, keys.swapaxes(3, 4).copy(), np.arange(2), np.zeros(2, np.int64), torch.empty(0), torch.empty(0)
        )
        flat = ids.flatten().numpy().astype(np.int32)
        first, second = self._run(state, flat, where, np.array([0, length]), None)
        return float((first - second).abs().max() / first.abs().max().clamp_min(1e-9))


def _sized(*arrays: NDArray[Any]) -> tuple[int, ...]:
    """Where arrays lie, and how long each is."""
    return tuple(number for array in arrays for number in (array.ctypes.data, len(array)))


def _together(shared: tuple[int, ...], own: list[tuple[int, ...]], first: int, last: int) -> None:
    """Phases of a step, with the help of as many threads as have memory of their own.

    The counters are new each time, so that a thread that comes too late finds a step that is over.

    Args:
        shared: arguments of `step.work` behind the counters; `own` has those that each thread has of its own.
        own: see above.
        first: phase.
        last: phase, behind the last one.
    """
    counters = np.zeros(operations.COUNTERS, np.int64)
    counters[operations.TICKET], counters[operations.LAST] = first << operations.SHIFT, last
    helpers, work = team(len(own)), step_function()

    def job(mine: tuple[int, ...], leads: int) -> None:
        work(counters.ctypes.data, *shared, *mine, leads)

    helped = helpers.helpers > 0 and helpers.free.acquire(blocking=False)
    try:
        if helped:
            helpers.call([functools.partial(job, mine, 0) for mine in own[1:]])
        job(own[0], 1)
    finally:
        counters[operations.QUIT] = 1
        if helped:
            helpers.free.release()


def _places(state: State) -> NDArray[np.int64]:
    """Where a state's keys and values lie, and its header's: as `step.work` is told."""
    found = [state.keys.ctypes.data, state.values.ctypes.data, state.keys.shape[-1], state.keys.shape[1]]
    if header := state.header:
        found += [header.keys.ctypes.data, header.values.ctypes.data, header.keys.shape[-1], header.keys.shape[1]]
        found += [header.slot, header.columns]
    return np.array([*found, *[0] * (operations.CACHE - len(found))], np.int64)


def _named(changes: dict[str, float]) -> dict[str, float]:
    return {f"{attention}_change": change for attention, change in changes.items()}


def compiled_model(fields: Mapping[str, Any], checkpoint: Checkpoint, *, small: bool, name: str) -> CompiledLM:
    """A model's compiled form.

    Args:
        fields: of its `config.json`; of a network that `sizes` knows.
        checkpoint: its weights.
        small: whether floats stay as they are, and are not made int8.
        name: by which it calls itself.

    Raises:
        CheckpointError: a tensor is missing, has the wrong shape, or has no place in the network.
    """
    shape = sizes(fields)
    assert shape is not None
    ends = fields.get("eos_token_id", 50256 if fields["model_type"] == "gptj" else 2)  # transformers' own defaults
    program = compile_program(fields, shape, checkpoint, small=small)
    return CompiledLM(program, name=name, ends=ends if isinstance(ends, list) else [] if ends is None else [ends])


def new_ids(ids: Tensor, new: Tensor) -> NDArray[np.int32]:
    """The real ones of padded ids, row after row."""
    found: NDArray[np.int32] = ids[new].numpy().astype(np.int32)
    return found
