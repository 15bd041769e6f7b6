"""Is a model's folder whole: every tensor of it looked at, and everything that is wrong named.

In: a folder. Out: a `Verdict` with a line for each problem. Reads all of the files, a few megabytes at a time, and
gives their memory back. Does not mend anything.

Beside what the model needs, PyTorch files are held against the checksums in them, and files in the hub's cache against
the SHA-256 that they are named by there.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from gptjt_demo.errors import CheckpointError, ModelError, PlaygroundError
from gptjt_demo.models.blueprint import Blueprint, read_config, skeleton
from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.layout import LAYOUTS
from gptjt_demo.models.lfs import is_pointer, pointer_error
from gptjt_demo.models.tokenizer import has_tokenizer, read_tokenizer

_SCALES = {layout.scales for layout in LAYOUTS}
CHUNK = 1 << 19  # values, or bytes of a file, looked at at a time


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        folder: the model's.
        problems: all of them; none if the model is whole.
        layout: "hivemind", "int8", "float", or "mixed"; "unknown" where no weight could be read.
        tensors: how many there are.
        bytes: size of the files.
    """

    folder: Path
    problems: tuple[PlaygroundError, ...]
    layout: str = "unknown"
    tensors: int = 0
    bytes: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(folder: Path, *, progress: bool = False) -> Verdict:
    """Look at every tensor of a model.

    Args:
        folder: the model's.
        progress: show a bar.
    """
    problems: list[PlaygroundError] = []
    blueprint = None
    try:
        blueprint = Blueprint.of(skeleton(read_config(folder)))
    except ModelError as error:
        problems.append(error)
    try:
        checkpoint = Checkpoint(folder, go_on=True)
    except ModelError as error:
        return Verdict(folder, (*problems, error))
    problems += checkpoint.problems
    told = {problem.where for problem in problems}
    small = (path for path in sorted(folder.iterdir()) if is_pointer(path) and str(path) not in told)
    problems += map(pointer_error, small)
    if has_tokenizer(folder):  # else it is another folder's
        try:
            read_tokenizer(folder)
        except ModelError as error:
            problems += [] if str(error) in map(str, problems) else [error]
    if blueprint is not None:
        closed = {str(path) for path in checkpoint.closed}  # what they hold is not missing by itself
        problems += (problem for problem in blueprint.problems(checkpoint) if problem.where not in closed)
    size = sum(count * width for _, count, width in checkpoint.sizes())
    with tqdm(
        total=size + sum(_cost(path) for path in checkpoint.files),
        desc="verifying",
        unit="B",
        unit_scale=True,
        disable=None if progress else True,
        leave=False,
    ) as bar:
        for name in sorted(checkpoint.names):
            problems += _values(checkpoint, name, bar.update)
        for path in checkpoint.files:
            problems += _sums(path, bar.update)
    layouts = [layout.name for layout in checkpoint.layouts]
    layout = "mixed" if len(layouts) > 1 else (*layouts, "unknown")[0]
    return Verdict(folder, tuple(problems), layout, len(checkpoint.names), checkpoint.bytes)


def _values(checkpoint: Checkpoint, name: str, told: Callable[[int], object]) -> Iterator[CheckpointError]:
    """What is wrong with a tensor's values."""
    tensor = checkpoint.tensor(name)
    if not tensor.is_floating_point():
        told(tensor.nbytes)  # every byte is a value
        return
    broken = negative = 0
    for piece in tensor.reshape(-1).split(CHUNK):
        broken += int((~piece.isfinite()).sum())
        negative += int((piece < 0).sum())
        told(piece.nbytes)
        checkpoint.release(piece)
    checkpoint.release(tensor)
    if broken:
        yield checkpoint.flaw(name, f"has {broken:,} values of {tensor.numel():,} that are not finite")
    owner, _, part = name.rpartition(".")
    if f"{owner}.weight" not in checkpoint.names:
        return
    if part in _SCALES and negative:
        yield checkpoint.flaw(name, f"has {negative:,} scales of {tensor.numel():,} that are negative")
    if part == "code" and not broken and bool((tensor.diff() < 0).any()):
        yield checkpoint.flaw(name, "does not rise")


_SHA256 = re.compile(r"[0-9a-f]{64}")


def _sum_of(path: Path) -> str | None:
    """The SHA-256 that a file in the hub's cache is named by."""
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name) else None


def _cost(path: Path) -> int:
    """Bytes to be read for a file's checksums."""
    return path.stat().st_size if _sum_of(path) or zipfile.is_zipfile(path) else 0


def _sums(path: Path, told: Callable[[int], object]) -> Iterator[CheckpointError]:
    """What a file's checksums say."""
    expected = _sum_of(path)
    if expected is not None:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                digest.update(piece)
                told(len(piece))
        if digest.hexdigest() != expected:
            yield _damaged(path, f"is not what was downloaded: its SHA-256 is {digest.hexdigest()}")
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for record in archive.infolist():
                try:
                    with archive.open(record) as file:
                        while piece := file.read(CHUNK):
                            told(len(piece))
                except (zipfile.BadZipFile, OSError, EOFError):
                    yield _damaged(path, f"is damaged in {record.filename}")


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"the file {what}", where=str(path), mend="delete it and download the model again")
