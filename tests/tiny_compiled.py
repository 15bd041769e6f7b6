"""Tiny models of transformers on disk, and in their compiled form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tiny
import torch
from safetensors.torch import save_file

from gptjt_demo.models.checkpoint import Checkpoint
from gptjt_demo.models.compiled.network import CompiledLM, compiled_model


def saved(folder: Path, family: str, width: int = 32, dtype: torch.dtype = torch.float32, **more: Any) -> Any:
    """A model of transformers in float32, of values that a type holds, and its files in that type."""
    network = tiny.model(family, width=width, **more)
    for parameter in network.parameters():
        parameter.data = parameter.to(dtype).float()
    folder.mkdir(parents=True, exist_ok=True)
    network.config.save_pretrained(folder)
    tensors = {name: tensor.to(dtype, copy=True) for name, tensor in network.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    return network


def compiled(folder: Path, *, small: bool = True, **fields: Any) -> CompiledLM:
    """What lies in a folder, compiled; with other values in its configuration where they are given."""
    held = json.loads((folder / "config.json").read_text("utf-8")) | fields
    return compiled_model(held, Checkpoint(folder), small=small, name="tiny")
