"""A model's folder to another one in an 8-bit layout, tensor by tensor.

In: a folder in any layout. Out: a folder of the same model in the int8 or the hivemind layout, in shards. No more is in
memory than a few megabytes of one tensor. The folder gets its name when all of it is on the disk, so that what an
interrupted conversion leaves behind is no model to anybody. Does not know the hub.

A large model converted to int8 loads to the same bits as its source does, and without work: `layout.RowWise`. A
small one, which `building` would run in two int8 planes, keeps only the first of them; the hivemind layout keeps all it
has.
"""

from __future__ import annotations

import glob
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, get_args

import psutil
from torch import Tensor
from tqdm import tqdm

from gptjt_demo.errors import PlaygroundError, SettingError
from gptjt_demo.models.blueprint import Blueprint, read_config, skeleton
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.config import NAME
from gptjt_demo.models.int8.linear import quantize
from gptjt_demo.models.layout import BLOCK, INT8, LAYOUTS, Layout, layout_of, rows, stored
from gptjt_demo.models.lfs import is_pointer, pointer_error
from gptjt_demo.models.origin import write_origin
from gptjt_demo.models.registry import GIB, ModelSpec
from gptjt_demo.models.safetensors_writer import SafetensorsFile, Slot
from gptjt_demo.models.tokenizer import COMPANIONS

Target = Literal["int8", "hivemind"]  # names of layouts

SHARD_BYTES = 4 * GIB
CHUNK = 1 << 19  # values converted at a time: 2 MiB in float32, of which a dozen are in use
_ROOM = 64 << 20  # bytes of disk for the tokenizer and the like

# Of everything that lies beside the weights: what a model is run with, and under which terms it may be.
_COPIED = ("*.json", "*.txt", "*.model", "*.jinja", "*.md", "LICEN[CS]E*", "NOTICE*")


@dataclass(frozen=True)
class Converted:
    """What was written: where, how many tensors in how many files, and their bytes."""

    folder: Path
    layout: Target
    tensors: int
    shards: int
    bytes: int


def convert(
    source: Path,
    target: Path,
    layout: Target = "int8",
    *,
    spec: ModelSpec | None = None,
    tokenizer: Path | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: bool = False,
) -> Converted:
    """Write a model in an 8-bit layout; its configuration, tokenizer, licence and read-me go along.

    From the layout it already has, weights are copied to the bit. A tied head is written once, as the embedding, and
    buffers that are computed are not.

    Args:
        source: the model's folder.
        target: a folder that is empty or not there.
        layout: "int8" or "hivemind".
        spec: what the model is; written into the copy, which is then loaded under its name, attention and context.
        tokenizer: a folder with the tokenizer, where `source` has none.
        shard_bytes: most bytes of tensors a file; a single layer may have more.
        progress: show a bar.

    Raises:
        SettingError: no such layout.
        PlaygroundError: the target is not empty, or the disk is full or refuses.
        ModelError: the source is no model.
        CheckpointError: a tensor of it is missing, damaged, or not the model's. No target is left behind.
    """
    if layout not in get_args(Target):
        raise SettingError(f"{layout!r} is no layout", where="layout", mend=f"use {' or '.join(get_args(Target))}")
    made = next(known for known in LAYOUTS if known.name == layout)
    target = Path(os.path.abspath(target.expanduser()))  # "." has no name to work beside
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PlaygroundError("it is not empty", where=str(target), mend="name a new folder")
    blueprint = Blueprint.of(skeleton(read_config(source)))
    checkpoint = Checkpoint(source)
    for problem in blueprint.problems(checkpoint):
        raise problem
    along = _along(source, tokenizer)
    shards = _shards(_groups(blueprint, checkpoint, made), shard_bytes)
    total = sum(group.bytes for shard in shards for group in shard)
    with _finished(target, total) as folder:
        where: dict[str, str] = {}
        with tqdm(
            total=total, desc=f"to {layout}", unit="B", unit_scale=True, disable=None if progress else True, leave=False
        ) as bar:
            for number, groups in enumerate(shards, 1):
                name = f"model-{number:05}-of-{len(shards):05}.safetensors"
                _write(folder / f"{name}.part", groups, checkpoint, made, bar)
                where |= {slot.name: name for group in groups for slot in group.slots}
        for name in set(where.values()):  # a file has its ending once all are there
            (folder / f"{name}.part").rename(folder / name)
        index = {"metadata": {"total_size": total, "layout": layout}, "weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n", "utf-8")
        if spec is not None:
            write_origin(spec, folder)
        for path in along:  # the configuration comes last, and without one a folder is no model
            if not (folder / path.name).exists():
                shutil.copyfile(path, folder / path.name)
    return Converted(target, layout, len(where), len(shards), total)


@dataclass(frozen=True)
class _Group:
    """Tensors that belong into one file together: the parts of a weight, or one that stays as it is."""

    name: str
    slots: tuple[Slot, ...]
    is_weight: bool

    @property
    def bytes(self) -> int:
        return sum(slot.bytes for slot in self.slots)


def _groups(blueprint: Blueprint, checkpoint: Checkpoint, layout: Layout) -> Iterator[_Group]:
    for name, shape in blueprint.weights.items():
        parts = layout.parts(shape).items()
        yield _Group(name, tuple(Slot(f"{name}.{part}", *form) for part, form in parts), True)
    for name, shape in blueprint.floats.items():
        yield _Group(name, (Slot(name, checkpoint.tensor(name).dtype, shape),), False)


def _shards(groups: Iterator[_Group], most: int) -> list[list[_Group]]:
    shards: list[list[_Group]] = [[]]
    for group in groups:
        if shards[-1] and sum(other.bytes for other in shards[-1]) + group.bytes > most:
            shards.append([])
        shards[-1].append(group)
    return shards


def _write(path: Path, groups: list[_Group], checkpoint: Checkpoint, layout: Layout, bar: tqdm[NoReturn]) -> None:
    slots = [slot for group in groups for slot in group.slots]
    with SafetensorsFile(path, slots, {"format": "pt", "layout": layout.name}) as file:
        for group in groups:
            pieces = _weight(checkpoint, group.name, layout) if group.is_weight else _float(checkpoint, group.name)
            for key, piece in pieces:
                file.put(key, piece)
                bar.update(piece.nbytes)


def _float(checkpoint: Checkpoint, name: str) -> Iterator[tuple[str, Tensor]]:
    tensor = checkpoint.tensor(name)
    yield name, tensor
    checkpoint.release(tensor)


def _weight(checkpoint: Checkpoint, name: str, layout: Layout) -> Iterator[tuple[str, Tensor]]:
    """The parts of a weight in a layout, some rows at a time."""
    weight = checkpoint.weight(name)
    codes = stored(weight)
    count, columns = codes.shape
    same = layout_of(codes) is layout
    together = layout.whole_rows(columns)
    step = max(1, CHUNK // columns // together) * together
    for start in range(0, count, step):
        stop = min(start + step, count)
        if same:
            parts = {"weight": codes[start:stop]}
        else:
            values = rows(weight, start, stop)
            if not values.isfinite().all():
                raise checkpoint.flaw(f"{name}.weight", "is not finite")
            parts = _int8(values) if layout is INT8 else _hivemind(values)
        if start and "code" in parts:  # one for all rows
            del parts["code"]
        for part, piece in parts.items():
            yield f"{name}.{part}", piece
        checkpoint.release(codes[start:stop])
    if same:
        for part in layout.companions(tuple(codes.shape)):
            yield f"{name}.{part}", checkpoint.tensor(f"{name}.{part}")
    checkpoint.release(codes)


def _int8(values: Tensor) -> dict[str, Tensor]:
    weight, scale = quantize(values)
    return {"weight": weight, "scale": scale}


def _hivemind(values: Tensor) -> dict[str, Tensor]:
    # Here, not above: the import takes seconds, and its remark on kernels that nobody asked for is not for users.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    from bitsandbytes.functional import quantize_blockwise

    known = values if values.dtype.itemsize <= 4 else values.float()  # it takes no float64
    weight, state = quantize_blockwise(known, blocksize=BLOCK)
    return {"weight": weight, "absmax": state.absmax.float(), "code": state.code.float()}


@contextmanager
def _finished(target: Path, size: int) -> Iterator[Path]:
    """A folder to write into that becomes the target when all went well, and is gone when it did not."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        free = shutil.disk_usage(target.parent).free
        if free < size + _ROOM:
            raise PlaygroundError(
                f"needs {size / GIB:.2f} GiB of disk and {free / GIB:.2f} GiB are free",
                where=str(target),
                mend="free some, or name a folder on another disk",
            )
        partial.mkdir()
        yield partial
        if target.exists():  # it is empty
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        raise PlaygroundError(
            f"cannot be written ({error.strerror or error})", where=str(target), mend="see to its disk and try again"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Remove what conversions to this target that were killed have left."""
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
        number = left.name.split(".")[-2]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _along(source: Path, tokenizer: Path | None) -> list[Path]:
    """What goes along with the weights, the configuration last.

    Raises:
        CheckpointError: one of them is a git-lfs pointer.
    """
    found = {path.name: path for pattern in _COPIED for path in source.glob(pattern) if path.is_file()}
    if tokenizer is not None:
        found = {path.name: path for pattern in COMPANIONS for path in tokenizer.glob(pattern)} | found
    paths = [found[name] for name in sorted(found, key=lambda name: name == NAME) if not name.endswith(".index.json")]
    for path in paths:
        if is_pointer(path):
            raise pointer_error(path)
    return paths
