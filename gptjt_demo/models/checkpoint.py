"""A checkpoint's files as named tensors, and as weights of the layout they are stored in.

In: a folder. Out: tensors by name, read through private mappings: opening reads the headers alone, nothing is read
before it is used, and what a caller writes into a tensor never reaches the file. Does not know models.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from gptjt_demo.errors import CheckpointError, ModelError
from gptjt_demo.models.layout import HIVEMIND, INT8, Blockwise, Layout, RowWise, Weight, layout_of
from gptjt_demo.models.lfs import is_pointer, pointer_error

# The weights' file, or the index that names the files, in the order in which they are looked for.
_NAMES = ("model.safetensors", "pytorch_model.bin")
_MEND = "download the model again"
_SHARD = re.compile(r"-\d+-of-0*(\d+)\.\w+$")


class Checkpoint:
    """The weights in a folder: safetensors or PyTorch files, one or sharded with an index.

    Attributes:
        names: every tensor's name.
        bytes: size of the files.
        problems: what is wrong with the files, where it was asked to read on.

    Args:
        folder: as downloaded or saved.
        go_on: gather what is wrong with the files instead of raising the first of it.

    Raises:
        ModelError: the folder has no weights that can be read.
        CheckpointError: a file is damaged or missing.
    """

    def __init__(self, folder: Path, *, go_on: bool = False) -> None:
        self.folder = folder
        self.problems: list[CheckpointError] = []
        self._go_on = go_on
        self._where: dict[str, Path] = {}
        self._files: dict[Path, dict[str, Tensor]] = {}
        self._mapped: set[int] = set()  # addresses of storages that are parts of files
        self._promised, self._paths = _find(folder)
        for path in self._paths:
            try:
                self._add(path)
            except CheckpointError as error:
                self._wrong(error)
        self.names = frozenset(self._where)
        self.bytes = sum(path.stat().st_size for path in self._files)

    def _wrong(self, error: CheckpointError) -> None:
        if not self._go_on:
            raise error
        self.problems.append(error)

    def _add(self, path: Path) -> None:
        if not path.is_file():
            raise CheckpointError("the index names this file and it is not there", where=str(path), mend=_MEND)
        tensors, mapped = _open(path)
        self._files[path] = tensors
        if mapped:
            self._mapped |= {tensor.untyped_storage().data_ptr() for tensor in tensors.values()}
        for name in tensors:
            if name in self._where:
                self._wrong(CheckpointError(f"{name} is in {self._where[name].name}, too", where=str(path)))
            self._where[name] = path

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that could be opened."""
        return tuple(self._files)

    @property
    def closed(self) -> tuple[Path, ...]:
        """The files that could not."""
        return tuple(path for path in self._paths if path not in self._files)

    def tensor(self, name: str) -> Tensor:
        """A tensor by name.

        Raises:
            CheckpointError: there is none; the message names it.
        """
        path = self._where.get(name)
        if path is None:
            raise self.missing(name)
        return self._files[path][name]

    def weight(self, name: str) -> Weight:
        """The weight of the linear or embedding `name`: float, or in the 8-bit layout in which it is stored.

        Raises:
            CheckpointError: a part of it is missing or has the wrong shape or type; the message names it.
        """
        for error in self.flaws(name):
            raise error
        weight = self.tensor(f"{name}.weight")
        layout = layout_of(weight)
        if layout is HIVEMIND:
            return Blockwise(weight, self.tensor(f"{name}.absmax"), self.tensor(f"{name}.code"))
        return RowWise(weight, self.tensor(f"{name}.scale")) if layout is INT8 else weight

    def flaws(self, name: str) -> Iterator[CheckpointError]:
        """What is wrong with how the weight of `name` is stored, from the headers alone: nothing, where it is right."""
        if f"{name}.weight" not in self.names:
            yield self.missing(f"{name}.weight")
            return
        weight = self.tensor(f"{name}.weight")
        layout = layout_of(weight)
        if layout is None:
            yield self.flaw(f"{name}.weight", f"is {kind(weight)}, which is no layout")
            return
        for part, (dtype, shape) in layout.companions(tuple(weight.shape)).items():
            key = f"{name}.{part}"
            if key not in self.names:
                yield self.missing(key)
            elif (tensor := self.tensor(key)).dtype != dtype or tensor.shape != shape:
                yield self.flaw(key, f"is {kind(tensor)} where {dtype} {shape} is needed")

    @property
    def layouts(self) -> frozenset[Layout]:
        """The layouts of its matrices, from the headers alone."""
        matrices = (self.tensor(name) for name in self.names if name.endswith(".weight"))
        found = (layout_of(matrix) for matrix in matrices if matrix.dim() == 2)
        return frozenset(layout for layout in found if layout is not None)

    def missing(self, key: str) -> CheckpointError:
        """The error that a tensor is not there."""
        return self.flaw(key, "is missing")

    def flaw(self, key: str, what: str) -> CheckpointError:
        """The error that something is wrong with a tensor."""
        single = self._paths[0] if len(self._paths) == 1 else self.folder
        where = self._where.get(key) or self._promised.get(key) or single
        return CheckpointError(f"{key} {what}", where=str(where), mend=_MEND)

    def release(self, *tensors: Tensor) -> None:
        """Give back the memory in which pages of the files lie that these tensors were read from.

        For tensors, or rows of them, that are needed no more: what was written into them is gone, and reading one again
        reads the file. Pages that a neighbour shares stay. Tensors from elsewhere are left alone.
        """
        for tensor in tensors:
            if tensor.untyped_storage().data_ptr() in self._mapped and tensor.is_contiguous():
                _drop_pages(tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes)

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """(name, values, bytes a value) of every tensor, from the headers alone."""
        for name, path in self._where.items():
            tensor = self._files[path][name]
            yield name, tensor.numel(), tensor.element_size()


def kind(tensor: Tensor) -> str:
    """A tensor's type and shape in words."""
    return f"{tensor.dtype} {tuple(tensor.shape)}"


def _find(folder: Path) -> tuple[Mapping[str, Path], list[Path]]:
    """What an index says is where, and the files to be read."""
    for name in _NAMES:
        if (folder / name).is_file():
            return {}, [folder / name]
        index = folder / f"{name}.index.json"
        if is_pointer(index):
            raise pointer_error(index)
        if index.is_file():
            try:
                weight_map = json.loads(index.read_text("utf-8"))["weight_map"]
                where = {key: folder / file for key, file in weight_map.items()}
                strange = next((file for file in weight_map.values() if (folder / file).parent != folder), None)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise CheckpointError("the index cannot be read", where=str(index), mend=_MEND) from error
            if strange is not None:
                raise CheckpointError(f"{strange!r} is no file of its folder", where=str(index), mend=_MEND)
            return where, sorted(set(where.values()))
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    if not files:
        raise ModelError(
            "no weights found", where=str(folder), mend="it should hold model.safetensors or pytorch_model.bin"
        )
    if len(files) > 1 or _shard_count(files[0]) > 1:
        raise _without_index(folder, files)
    return {}, files


def _shard_count(path: Path) -> int:
    """How many shards a file's name says that there are; 1 where it is no shard's."""
    found = _SHARD.search(path.name)
    return int(found[1]) if found else 1


def _without_index(folder: Path, files: list[Path]) -> CheckpointError:
    """The error that nothing says what is in which of several files."""
    count, kind = max(map(_shard_count, files)), files[0].suffix
    index = f"{'model.safetensors' if kind == '.safetensors' else 'pytorch_model.bin'}.index.json"
    what = f"{len(files)} of {count} shards" if count > 1 else f"{len(files)} files of weights"
    return CheckpointError(
        f"it holds {what} and not their index, {index}", where=str(folder), mend="download the index too"
    )


def _open(path: Path) -> tuple[dict[str, Tensor], bool]:
    """A file's tensors, and whether they are parts of the file rather than in memory."""
    if is_pointer(path):
        raise pointer_error(path)
    mapped = path.suffix == ".safetensors" or zipfile.is_zipfile(path)  # PyTorch's before 1.6 were no zip files
    try:
        if path.suffix == ".safetensors":
            file = safe_open(str(path), "pt")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is not a dict)
        else:
            tensors = torch.load(path, map_location="cpu", mmap=mapped, weights_only=True)
    except Exception as error:  # of any kind, where PyTorch reads what is no checkpoint
        raise CheckpointError(f"the file is damaged ({type(error).__name__})", where=str(path), mend=_MEND) from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise CheckpointError("the file does not hold a dictionary of tensors", where=str(path))
    return tensors, mapped


def _drop_pages(start: int, stop: int) -> None:
    """Have the kernel take back the whole pages between two addresses of a private mapping; on Linux alone."""
    if sys.platform != "linux":  # elsewhere the call is a hint of another meaning
        return
    first, last = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, stop // mmap.PAGESIZE * mmap.PAGESIZE
    if last > first:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), mmap.MADV_DONTNEED)
