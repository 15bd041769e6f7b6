"""From a configuration and a checkpoint to the operations of a whole step: the families Llama and GPT-J.

In: the values of a `config.json`, and a checkpoint. Out: a `Program`, which holds tables for `step.work` and keeps
alive what they point at. Weights in the hivemind layout are used as they lie in the file, or with their codes
in another order. Loads no transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled import operations, weights
from gptjt_demo.models.compiled.processor import way
from gptjt_demo.models.compiled.shape import Shape, blueprint
from gptjt_demo.models.compiled.weights import BFLOAT16, CODES, FLOAT16, FLOAT32, GROUP, INT8, NARROWED, WEIGHT
from gptjt_demo.models.int8.linear import quantize
from gptjt_demo.models.layout import BLOCK, Blockwise, RowWise

PIECES = 4  # that a phase's weights are cut into, at least; to hand one out costs as much as some thousand bytes
PIECE = 192 << 10  # bytes of a weight that a thread takes at a time, at most

# What a step writes. Widths are those of the network.
(STREAM, CODED, SCALES, QUERIES, KEYS, VALUES, READ, FIRST, SECOND, CODED_2, SCALES_2, IDS, LAST, LOGITS) = range(14)
# What is in CODED and CODED_2, for weights that are no codes: coded for int8, with its scales, and as it is.
WORDS, WORD_SCALES, PLAIN, WORDS_2, WORD_SCALES_2, PLAIN_2 = range(14, 20)
_FOR_INT8 = {CODED: (WORDS, WORD_SCALES), CODED_2: (WORDS_2, WORD_SCALES_2)}
_FOR_FLOATS = {CODED: (PLAIN, 0), CODED_2: (PLAIN_2, 0)}
# How activations lie that products read: the type, and how many columns have a number.
ACTIVATIONS: dict[int, tuple[Any, int]] = (
    dict.fromkeys((CODED, CODED_2, WORDS, WORDS_2), (np.int16, 1))
    | dict.fromkeys((SCALES, SCALES_2, WORD_SCALES, WORD_SCALES_2), (np.float32, GROUP))
    | dict.fromkeys((PLAIN, PLAIN_2), (np.float32, 1))
)
_FLOATS = {torch.float32: FLOAT32, torch.float16: FLOAT16, torch.bfloat16: BFLOAT16}


@dataclass
class Program:
    """A network as operations.

    Attributes:
        shape: its sizes.
        operations: int64 (operations, operations.WIDTH).
        phases: int64 (phases + 1,): the first operation of each, and how many there are.
        numbers: float32: epsilons, and last the scaling of scores.
        cosines: float32 (context, rotated / 2).
        sines: of the same shape.
        bytes: of the weights.
        layer_ends: the phase behind each layer.
        first: int64 (first operations, operations.WIDTH): what is to be done once, all of it at the same time.
        written: the buffers that products read.
        kept: what the operations point at.
    """

    shape: Shape
    operations: NDArray[np.int64]
    phases: NDArray[np.int64]
    numbers: NDArray[np.float32]
    cosines: NDArray[np.float32]
    sines: NDArray[np.float32]
    bytes: int
    layer_ends: list[int]
    first: NDArray[np.int64]
    written: frozenset[int]
    kept: list[Any] = field(repr=False)

    @property
    def floats(self) -> bool:
        """Whether weights of floats are among its own."""
        return not self.written.isdisjoint((PLAIN, PLAIN_2))


def padded(columns: int) -> int:
    """Columns as they are stored: whole groups."""
    return -(-columns // GROUP) * GROUP


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros that begin at a multiple of 64 bytes, with room for a vector to be read behind them."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + 128, dtype=np.uint8)
    offset = -raw.ctypes.data % 64
    found: NDArray[Any] = raw[offset : offset + size].view(dtype).reshape(shape)
    return found


@dataclass(frozen=True)
class _Stored:
    kind: int
    weight: int  # addresses
    absmax: int
    scales: int
    table: int
    meaning: int
    rows: int
    columns: int
    bytes: int


class Writer:
    """Writes operations and phases."""

    def __init__(self, checkpoint: Checkpoint, small: bool) -> None:
        self.checkpoint, self.small = checkpoint, small
        self.operations: list[list[int]] = []
        self.phases: list[int] = []
        self.first: list[list[int]] = []
        self.numbers: list[float] = []
        self.kept: list[Any] = []
        self.bytes = 0

    def keep(self, values: NDArray[Any]) -> int:
        """Keep an array alive; its address."""
        self.kept.append(values)
        return values.ctypes.data

    def floats(self, name: str) -> int:
        """The address of a tensor of floats, or 0 where there is none."""
        if name not in self.checkpoint.names:
            return 0
        values = self.checkpoint.tensor(name).float().numpy()
        copy = aligned(values.shape, np.float32)
        copy[:] = values
        return self.keep(copy)

    def phase(self, *several: list[int]) -> None:
        """Operations that may run at the same time."""
        self.phases.append(len(self.operations))
        self.operations += [operation + [0] * (operations.WIDTH - len(operation)) for operation in several]

    def stored(self, name: str) -> _Stored:
        """A linear's or embedding's weight, as it is multiplied."""
        weight = self.checkpoint.weight(name)
        columns = (weight if isinstance(weight, Tensor) else weight.weight).shape[1]
        if isinstance(weight, Blockwise) and columns % GROUP == 0 and readable(weight.code):
            return self._codes(weight)
        if isinstance(weight, RowWise) and columns % GROUP == 0:
            return self._bytes(weight.weight, weight.scale)
        if self.small or columns % GROUP:
            return self._floats(weight if isinstance(weight, Tensor) else weight.rows(0, len(weight.weight)))
        return self._bytes(*quantize(weight))

    def _codes(self, weight: Blockwise) -> _Stored:
        rows, columns = weight.weight.shape
        absmax = weight.absmax.float().numpy()
        first = np.arange(rows, dtype=np.int64) * columns // BLOCK
        last = (np.arange(1, rows + 1, dtype=np.int64) * columns - 1) // BLOCK
        largest = absmax[first]
        for k in range(1, int((last - first).max()) + 1):
            largest = np.maximum(largest, absmax[np.minimum(first + k, last)])
        scales = (largest / WEIGHT * np.float32(32768 / 32766)).astype(np.float32)
        meaning = weight.code.float().numpy()
        whole = np.round(meaning.astype(np.float64) * WEIGHT).astype("<i2").view(np.uint8).reshape(256, 2)
        table = aligned((512,), np.uint8)
        table[:256], table[256:] = whole[:, 0], whole[:, 1]
        # To read codes by arithmetic in every step takes longer than to wait for a large model's memory.
        narrow = not (self.small or way().lookups)
        codes = weight.weight.contiguous().numpy()
        if weights.ordered():
            codes = self._in_order(weight.weight)
            meaning = np.insert(meaning[:-1], 127, 0)
        elif narrow:
            codes = codes.copy()
        self.bytes += codes.nbytes + absmax.nbytes + scales.nbytes
        row = CODES, self.keep(codes), self.keep(absmax), self.keep(scales), rows, columns
        looked = self.keep(table)
        if not narrow:
            return _Stored(*row[:4], looked, self.keep(np.ascontiguousarray(meaning)), rows, columns, rows * columns)
        self.first.append([operations.NARROW, 0, 0, 0, *row, 0, 0, 0, max(1, PIECE // columns), looked, 0])
        made = self.keep(scales * np.float32(32768 / NARROWED))
        return _Stored(INT8, row[1], 0, made, 0, 0, rows, columns, rows * columns)

    def _in_order(self, stored: Tensor) -> NDArray[np.uint8]:
        """A copy of codes, put in order.

        What a file holds is given back as it is read, so that no weight is there twice. In place would take as much
        memory, leave the checkpoint altered, and cost a fault for each page that was read before it is written. NumPy's
        own memory asks for huge pages: finding them takes longer than all the rest, and no token is faster.
        """
        codes: NDArray[np.uint8] = torch.empty(stored.shape, dtype=torch.uint8).numpy()

        def read(start: int, stop: int) -> None:
            self.checkpoint.release(stored[start:stop])

        weights.in_order(stored.numpy(), codes, threads=torch.get_num_threads(), read=read)
        self.checkpoint.release(stored)  # with the pages that two pieces share
        return codes

    def _bytes(self, weight: Tensor, scale: Tensor) -> _Stored:
        rows, columns = weight.shape
        scales = scale.float().numpy()
        self.kept.append(weight)
        self.bytes += weight.numel() + scales.nbytes
        return _Stored(INT8, weight.data_ptr(), 0, self.keep(scales), 0, 0, rows, columns, rows * columns)

    def _floats(self, weight: Tensor) -> _Stored:
        """As they are stored, unless rows have to be padded."""
        rows, columns = weight.shape
        kind = _FLOATS.get(weight.dtype, FLOAT32)
        if columns % GROUP or weight.dtype not in _FLOATS or (kind == FLOAT16 and not way().halves):
            padding = torch.zeros(rows, padded(columns))
            padding[:, :columns] = weight
            weight, kind = padding, FLOAT32
        weight = weight.contiguous()
        self.kept.append(weight)
        self.bytes += weight.nbytes
        scales = self.keep(np.ones(rows, np.float32))
        return _Stored(kind, weight.data_ptr(), 0, scales, 0, 0, rows, weight.shape[1], weight.nbytes)

    def linear(
        self,
        name: str | _Stored,
        source: tuple[int, int],
        out: int,
        *,
        added: bool = False,
        bias: int = 0,
        asked: bool = False,
    ) -> list[int]:
        """A product, to a buffer or added to it."""
        stored = self.stored(name) if isinstance(name, str) else name
        if isinstance(name, str):
            bias = self.floats(f"{name}.bias")
        if stored.kind != CODES:
            source = (_FOR_INT8 if stored.kind == INT8 else _FOR_FLOATS)[source[0]]
        # In whole tiles, and in whole cache lines of the output, so that threads do not write to one line.
        size = min(PIECE, stored.bytes // PIECES)
        piece = max(operations.WIDE, size * stored.rows // max(1, stored.bytes) // operations.WIDE * operations.WIDE)
        return [
            operations.LINEAR,
            *source,
            out,
            stored.kind,
            stored.weight,
            stored.absmax,
            stored.scales,
            stored.rows,
            stored.columns,
            bias,
            int(added),
            stored.rows,
            piece,
            stored.table,
            int(asked),
        ]

    def norm(
        self, name: str, width: int, epsilon: float, *, source: int = STREAM, centred: bool, asked: bool = False
    ) -> list[int]:
        """A normalisation, coded for the products that read it."""
        self.numbers.append(epsilon)
        weight, bias = self.floats(f"{name}.weight"), self.floats(f"{name}.bias")
        row = [
            operations.NORM,
            source,
            CODED,
            SCALES,
            weight,
            bias,
            width,
            padded(width),
            len(self.numbers) - 1,
            int(centred),
        ]
        return [*row, *[0] * (operations.WIDTH - 1 - len(row)), int(asked)]

    def written(self) -> frozenset[int]:
        """Have activations written in those ways that products read, and no other; the buffers."""
        wanted = frozenset(number for row in self.operations if row[0] == operations.LINEAR for number in row[1:3])
        for row in self.operations:
            if row[0] in operations.CODING:
                ways = row[2:4], _FOR_INT8[row[2]], _FOR_FLOATS[row[2]][:1]
                row[2:4], row[10:12], row[12:13] = (
                    numbers if numbers[0] in wanted else [0] * len(numbers) for numbers in ways
                )
        return wanted


def readable(code: Tensor) -> bool:
    """Whether codes of this meaning can be multiplied as they are: by look-ups any, by arithmetic bitsandbytes' own."""
    if bool((code.abs() > 1.0001).any()):
        return False
    if way().lookups:
        return True
    distance = np.arange(256) - 127
    size = np.abs(distance)
    lines = np.max([slope * size + offset for slope, offset in weights.LINES], axis=0).clip(0, WEIGHT)
    return bool(np.abs(np.sign(distance) * lines / WEIGHT - code.float().numpy()).max() < 5e-4)


def compile_program(config: Mapping[str, Any], shape: Shape, checkpoint: Checkpoint, *, small: bool) -> Program:
    """The operations of a network.

    Args:
        config: the values of its `config.json`.
        shape: from `sizes`.
        checkpoint: its weights.
        small: whether weights in other layouts stay as they are, so that nothing is lost.

    Raises:
        CheckpointError: a tensor is missing, has the wrong shape, or has no place in the network.
    """
    for problem in blueprint(config, shape).problems(checkpoint):
        raise problem
    writer = Writer(checkpoint, small)
    family = _llama if config["model_type"] == "llama" else _gptj
    ends = family(writer, config, shape)
    written = writer.written()
    writer.numbers.append(1 / float(np.sqrt(shape.head_width)))
    half = shape.rotated // 2
    theta = (config.get("rope_parameters") or {}).get("rope_theta") or config.get("rope_theta") or 10000.0
    frequencies = 1.0 / (theta ** (torch.arange(0, shape.rotated, 2, dtype=torch.int64).float() / shape.rotated))
    angles = torch.arange(shape.context).float()[:, None] * frequencies[None, :half]
    return Program(
        shape,
        np.array(writer.operations, dtype=np.int64),
        np.array([*writer.phases, len(writer.operations)], dtype=np.int64),
        np.array(writer.numbers, dtype=np.float32),
        np.ascontiguousarray(angles.cos().numpy()),
        np.ascontiguousarray(angles.sin().numpy()),
        writer.bytes,
        ends,
        np.array(writer.first, dtype=np.int64).reshape(-1, operations.WIDTH),
        written,
        writer.kept,
    )


def _embed(writer: Writer, stored: _Stored, width: int) -> None:
    writer.phase(
        [
            operations.EMBED,
            IDS,
            STREAM,
            stored.kind,
            stored.weight,
            stored.absmax,
            stored.scales,
            width,
            stored.columns,
            stored.meaning,
        ]
    )


def _attention(writer: Writer, shape: Shape, layer: int, neighbours: bool) -> None:
    sizes = [shape.heads, shape.key_heads, shape.head_width]
    writer.phase([operations.ROTATE, QUERIES, KEYS, VALUES, layer, *sizes, shape.rotated, int(neighbours)])
    writer.phase([operations.ATTEND, QUERIES, READ, 0, layer, *sizes, 8])


def _coded(kind: int, source: int, width: int, *, second: int = 0, out: tuple[int, int] = (CODED, SCALES)) -> list[int]:
    return [kind, source, *out, second, 0, width, padded(width)]


def _head(
    writer: Writer, norm: str, width: int, epsilon: float, head: str | _Stored, *, centred: bool, bias: int = 0
) -> None:
    gathered = [operations.GATHER, STREAM, LAST, width]
    writer.phase([*gathered, *[0] * (operations.WIDTH - 1 - len(gathered)), 1])
    writer.phase(writer.norm(norm, width, epsilon, source=LAST, centred=centred, asked=True))
    writer.phase(writer.linear(head, (CODED, SCALES), LOGITS, bias=bias, asked=True))


def _llama(writer: Writer, config: Mapping[str, Any], shape: Shape) -> list[int]:
    epsilon, width, coded = config.get("rms_norm_eps", 1e-6), shape.width, (CODED, SCALES)
    embedding = writer.stored("model.embed_tokens")
    _embed(writer, embedding, width)
    ends = []
    for k in range(shape.layers):
        at = f"model.layers.{k}."
        writer.phase(writer.norm(at + "input_layernorm", width, epsilon, centred=False))
        writer.phase(
            writer.linear(at + "self_attn.q_proj", coded, QUERIES),
            writer.linear(at + "self_attn.k_proj", coded, KEYS),
            writer.linear(at + "self_attn.v_proj", coded, VALUES),
        )
        _attention(writer, shape, k, neighbours=False)
        writer.phase(_coded(operations.QUANTIZE, READ, shape.heads * shape.head_width))
        writer.phase(writer.linear(at + "self_attn.o_proj", coded, STREAM, added=True))
        writer.phase(writer.norm(at + "post_attention_layernorm", width, epsilon, centred=False))
        writer.phase(
            writer.linear(at + "mlp.gate_proj", coded, FIRST), writer.linear(at + "mlp.up_proj", coded, SECOND)
        )
        writer.phase(_coded(operations.GATE, FIRST, shape.inner, second=SECOND))
        writer.phase(writer.linear(at + "mlp.down_proj", coded, STREAM, added=True))
        ends.append(len(writer.phases))
    tied = config.get("tie_word_embeddings", False)
    _head(writer, "model.norm", width, epsilon, embedding if tied else "lm_head", centred=False)
    return ends


def _gptj(writer: Writer, config: Mapping[str, Any], shape: Shape) -> list[int]:
    epsilon, width, coded = config.get("layer_norm_epsilon", 1e-5), shape.width, (CODED, SCALES)
    embedding = writer.stored("transformer.wte")
    _embed(writer, embedding, width)
    ends = []
    for k in range(shape.layers):
        at = f"transformer.h.{k}."
        writer.phase(writer.norm(at + "ln_1", width, epsilon, centred=True))
        writer.phase(
            writer.linear(at + "attn.q_proj", coded, QUERIES),
            writer.linear(at + "attn.k_proj", coded, KEYS),
            writer.linear(at + "attn.v_proj", coded, VALUES),
            writer.linear(at + "mlp.fc_in", coded, FIRST),
        )
        _attention(writer, shape, k, neighbours=True)
        writer.phase(
            _coded(operations.QUANTIZE, READ, width),
            _coded(operations.GELU, FIRST, shape.inner, out=(CODED_2, SCALES_2)),
        )
        writer.phase(writer.linear(at + "attn.out_proj", coded, STREAM, added=True))
        # Not at the same time: both add to the stream.
        writer.phase(writer.linear(at + "mlp.fc_out", (CODED_2, SCALES_2), STREAM, added=True))
        ends.append(len(writer.phases))
    tied = config.get("tie_word_embeddings", False)
    head = embedding if tied else "lm_head"
    bias = writer.floats("lm_head.bias") if tied else 0
    _head(writer, "transformer.ln_f", width, epsilon, head, centred=True, bias=bias)
    return ends
