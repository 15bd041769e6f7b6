"""Codes are put in order as they are read: by pieces and threads, once each, with nothing written to the checkpoint."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled import weights
from gptjt_demo.models.compiled.storage import Storage
from gptjt_demo.models.compiled.weights import in_order
from gptjt_demo.models.layout import BLOCK

MEANT = [min(code, 254) + int(code > 126) for code in range(256)]


def ordered(codes: Any) -> Any:
    """Code by code, as `in_order` says."""
    return np.array(MEANT, np.uint8)[codes]


def some(rows: int, columns: int) -> Any:
    return np.random.default_rng(rows).integers(0, 256, (rows, columns), dtype=np.uint8)


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces and chunks so small that little weights have many."""
    monkeypatch.setattr(weights, "PIECE", 600)
    monkeypatch.setattr(weights, "CHUNK", 200)


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shape", [(1, 64), (3, 64), (37, 64), (5, 1024), (100, 1)])
def test_pieces_and_threads_change_nothing(shape: tuple[int, int], threads: int) -> None:
    codes = some(*shape)
    found = np.zeros_like(codes)
    in_order(codes, found, threads=threads)
    assert np.array_equal(found, ordered(codes))


@pytest.mark.usefixtures("pieces")
def test_a_weight_that_does_not_lie_in_order_of_its_rows_is_read_right() -> None:
    codes = some(64, 37).T
    found = np.zeros(codes.shape, np.uint8)
    in_order(codes, found, threads=2)
    assert np.array_equal(found, ordered(codes))


@pytest.mark.usefixtures("pieces")
def test_rows_are_given_back_once_and_after_they_were_read() -> None:
    codes, lock = some(101, 64), threading.Lock()
    found = np.zeros_like(codes)
    given: list[int] = []

    def read(start: int, stop: int) -> None:
        assert np.array_equal(found[start:stop], ordered(codes[start:stop]))
        with lock:
            given.extend(range(start, stop))

    in_order(codes, found, threads=3, read=read)
    assert sorted(given) == list(range(101))


def hivemind(folder: Path, kind: str) -> Path:
    """A checkpoint with a weight of some pages, and the same one again under another name, in one storage if it can."""
    codes = torch.from_numpy(some(300, 256))
    tensors = {"one.weight": codes, "two.weight": codes if kind == "bin" else codes.clone()}
    for name in ("one", "two"):
        tensors[f"{name}.absmax"] = torch.ones(-(-codes.numel() // BLOCK))
        tensors[f"{name}.code"] = torch.linspace(-1, 1, 256)
    folder.mkdir()
    if kind == "bin":
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("kind", ["bin", "safetensors", "memory"])
def test_what_is_put_in_order_never_reaches_the_checkpoint_or_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(weights, "ordered", lambda: True)
    monkeypatch.setattr("gptjt_demo.models.compiled.storage.readable", lambda code: True)
    folder = hivemind(tmp_path / "model", "bin" if kind == "memory" else kind)
    if kind == "memory":  # PyTorch's files before 1.6 cannot be mapped
        path = folder / "pytorch_model.bin"
        torch.save(torch.load(path), path, _use_new_zipfile_serialization=False)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    checkpoint = Checkpoint(folder)
    for _ in range(2):  # a checkpoint may be compiled twice, and a tensor stand for two weights
        storage = Storage(checkpoint, small=True)
        for name in ("one", "two"):
            assert storage.stored(name).kind == weights.CODES
        codes = [kept for kept in storage.kept if kept.shape == (300, 256)]
        assert len(codes) == 2
        assert all(np.array_equal(one, ordered(some(300, 256))) for one in codes)
        assert np.array_equal(checkpoint.tensor("one.weight").numpy(), some(300, 256))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="pages are given back on Linux alone")
def test_no_page_of_the_file_stays_beside_what_was_read_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "ordered", lambda: True)
    monkeypatch.setattr("gptjt_demo.models.compiled.storage.readable", lambda code: True)
    checkpoint = Checkpoint(hivemind(tmp_path / "model", "safetensors"))
    storage = Storage(checkpoint, small=True)
    storage.stored("one")
    assert resident(tmp_path / "model" / "model.safetensors") < 300 * 256 // 1024  # KiB
    assert checkpoint.tensor("one.weight").sum() > 0  # read again, they are there again
    assert resident(tmp_path / "model" / "model.safetensors") >= 300 * 256 // 1024


def resident(path: Path) -> int:
    """KiB of a file's mapping that are in this process's memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    found = 0
    for line in lines:
        if line.endswith(str(path)):
            found += next(int(part.split()[1]) for part in lines if part.startswith("Rss:"))
    return found
