"""From a configuration and a checkpoint to the operations of a whole step: the families Llama and GPT-J.

In: the values of a `config.json`, and a checkpoint. Out: a `Program`, which holds tables for `step.work` and keeps
alive what they point at. Loads no transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled import operations
from gptjt_demo.models.compiled.shape import Shape, blueprint
from gptjt_demo.models.compiled.storage import PIECE, Storage, Stored, padded
from gptjt_demo.models.compiled.weights import CODES, GROUP, INT8

PIECES = 4  # that a phase's weights are cut into, at least; to hand one out costs as much as some thousand bytes

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


class Writer(Storage):
    """Writes operations and phases."""

    def __init__(self, checkpoint: Checkpoint, small: bool) -> None:
        super().__init__(checkpoint, small)
        self.operations: list[list[int]] = []
        self.phases: list[int] = []
        self.numbers: list[float] = []

    def phase(self, *several: list[int]) -> None:
        """Operations that may run at the same time."""
        self.phases.append(len(self.operations))
        self.operations += [operation + [0] * (operations.WIDTH - len(operation)) for operation in several]

    def linear(
        self,
        name: str | Stored,
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


def _embed(writer: Writer, stored: Stored, width: int) -> None:
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
    writer: Writer, norm: str, width: int, epsilon: float, head: str | Stored, *, centred: bool, bias: int = 0
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
