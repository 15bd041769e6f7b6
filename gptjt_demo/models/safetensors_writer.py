"""A safetensors file written piece by piece, for tensors that are never in memory as a whole.

In: names, types and shapes, then bytes in any order of tensors. Out: a file in which tensors begin at multiples of 64
bytes, so that kernels which want aligned memory can run on the mapped file itself; the safetensors library, aligning
to 8 itself, reads it like any other. Does not know models.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from gptjt_demo.models.layout import ALIGNMENT

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True)
class Slot:
    """A tensor that is to be written."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Its size."""
        return math.prod(self.shape) * self.dtype.itemsize


class SafetensorsFile:
    """A file with room for some tensors; `put` fills it, leaving its `with` block ends it.

    The format allows no holes, so tensors whose size is a multiple of 64 bytes come first: they, and the first one of
    another size, are aligned. Of real models that is every weight.

    Args:
        path: the file; what is there is overwritten.
        slots: its tensors.
        metadata: words for the header.
    """

    def __init__(self, path: Path, slots: Iterable[Slot], metadata: dict[str, str]) -> None:
        header: dict[str, object] = {"__metadata__": metadata}
        self._left: dict[str, tuple[int, int]] = {}  # where a tensor's next byte goes, and where its last one ends
        offset = 0
        for slot in sorted(slots, key=lambda slot: slot.bytes % ALIGNMENT != 0):  # the sort keeps their order
            ends = offset + slot.bytes
            header[slot.name] = {
                "dtype": _DTYPES[slot.dtype],
                "shape": list(slot.shape),
                "data_offsets": [offset, ends],
            }
            self._left[slot.name] = offset, ends
            offset = ends
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % ALIGNMENT)
        self._data = 8 + len(text)
        self._file = path.open("wb")
        self._file.write(len(text).to_bytes(8, "little") + text)

    def put(self, name: str, piece: Tensor) -> None:
        """Write the next piece of a tensor.

        Raises:
            OSError: the disk refuses.
        """
        content = piece.detach().contiguous().reshape(-1).view(torch.uint8)
        start, ends = self._left[name]
        if start + len(content) > ends:
            raise ValueError(f"{name} has {start + len(content) - ends} bytes more than its shape")
        self._file.seek(self._data + start)
        self._file.write(content.numpy().data)
        self._left[name] = start + len(content), ends

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, and where all went well have it on the disk.

        Raises:
            ValueError: a tensor is not complete.
            OSError: the disk refuses.
        """
        if error is not None:
            with suppress(OSError):  # what is still buffered may not fit
                self._file.close()
            return
        with self._file:
            short = [name for name, (start, ends) in self._left.items() if start != ends]
            if short:
                raise ValueError(f"{short[0]} is not complete")
            self._file.flush()
            os.fsync(self._file.fileno())
