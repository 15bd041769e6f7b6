"""A checkpoint's files as named tensors, and the hivemind 8-bit layout.

In: a folder. Out: tensors by name, read through private mappings: nothing is read before it is used, and what a caller
writes into a tensor never reaches the file. Does not know models.

The hivemind layout holds every linear and embedding as `NAME.weight` (uint8, the weight's shape), `NAME.absmax`
(float32, one a block of 4096 values of the flattened weight) and `NAME.code` (float32, 256 values); a value is
`code[weight] * absmax`. It is what `bitsandbytes.functional.quantize_blockwise(w, blocksize=4096)` makes.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gptjt_demo.errors import CheckpointError, ModelError

BLOCK = 4096

# The weights' file, or the index that names the files, in the order in which they are looked for.
_NAMES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class Blockwise:
    """A weight in the hivemind layout."""

    weight: Tensor  # uint8 (rows, columns)
    absmax: Tensor  # float32 (blocks,)
    code: Tensor  # float32 (256,)

    def rows(self, start: int, stop: int) -> Tensor:
        """Rows of the weight as float32 (stop - start, columns), equal to `dequantize_blockwise` to the bit."""
        columns = self.weight.shape[1]
        first, last = start * columns, stop * columns
        blocks = torch.arange(first // BLOCK, -(-last // BLOCK))
        scale = self.absmax[blocks].repeat_interleave(BLOCK)  # (values of whole blocks,)
        scale = scale[first - int(blocks[0]) * BLOCK :][: last - first].view(stop - start, columns)
        return self.code[self.weight[start:stop].int()] * scale


class Checkpoint:
    """The weights in a folder: safetensors or PyTorch files, one or sharded with an index.

    Attributes:
        names: every tensor's name.
        bytes: size of the files.

    Args:
        folder: as downloaded or saved.

    Raises:
        ModelError: the folder has no weights that can be read.
        CheckpointError: a file is damaged or missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._where: dict[str, Path] = {}
        self._files: dict[Path, dict[str, Tensor]] = {}
        for path in self._paths():
            if not path.is_file():
                raise CheckpointError("the index names this file and it is not there", where=str(path))
            for name in self._open(path):
                self._where[name] = path
        self.names = frozenset(self._where)
        self.bytes = sum(path.stat().st_size for path in self._files)

    def _paths(self) -> list[Path]:
        for name in _NAMES:
            if (self.folder / name).is_file():
                return [self.folder / name]
            index = self.folder / f"{name}.index.json"
            if index.is_file():
                try:
                    weight_map = json.loads(index.read_text("utf-8"))["weight_map"]
                    return [self.folder / file for file in sorted(set(weight_map.values()))]
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise CheckpointError("the index cannot be read", where=str(index)) from error
        single = sorted(self.folder.glob("*.safetensors")) or sorted(self.folder.glob("*.bin"))
        if len(single) != 1:
            raise ModelError(
                "no weights found", where=str(self.folder), mend="it should hold model.safetensors or pytorch_model.bin"
            )
        return single

    def _open(self, path: Path) -> dict[str, Tensor]:
        try:
            if path.suffix == ".safetensors":
                file = safe_open(str(path), "pt")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is not a dict)
            else:
                tensors = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        except (SafetensorError, pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError) as error:
            raise CheckpointError(f"the file is damaged ({type(error).__name__})", where=str(path)) from error
        if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
            raise CheckpointError("the file does not hold a dictionary of tensors", where=str(path))
        self._files[path] = tensors
        return tensors

    def tensor(self, name: str) -> Tensor:
        """A tensor by name.

        Raises:
            CheckpointError: there is none; the message names it.
        """
        path = self._where.get(name)
        if path is None:
            raise CheckpointError(f"{name} is missing", where=str(self.folder), mend="download the model again")
        return self._files[path][name]

    def weight(self, name: str) -> Tensor | Blockwise:
        """The weight of the linear or embedding `name`: float, or blockwise where it is stored in 8 bits.

        Raises:
            CheckpointError: a part of it is missing or has the wrong shape or type; the message names it.
        """
        weight = self.tensor(f"{name}.weight")
        if weight.is_floating_point():
            return weight
        absmax, code = self.tensor(f"{name}.absmax"), self.tensor(f"{name}.code")
        blocks = -(-weight.numel() // BLOCK)
        for part, tensor, dtype, shape in (
            ("weight", weight, torch.uint8, weight.shape),
            ("absmax", absmax, torch.float32, (blocks,)),
            ("code", code, torch.float32, (256,)),
        ):
            if tensor.dtype != dtype or tuple(tensor.shape) != tuple(shape):
                raise CheckpointError(
                    f"{name}.{part} is {_kind(tensor)} where {dtype} {tuple(shape)} is needed", where=str(self.folder)
                )
        return Blockwise(weight, absmax, code)

    def sizes(self) -> Iterator[tuple[str, int, int]]:
        """(name, values, bytes a value) of every tensor, from the headers alone."""
        for name, path in self._where.items():
            tensor = self._files[path][name]
            yield name, tensor.numel(), tensor.element_size()


def _kind(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tuple(tensor.shape)}"
