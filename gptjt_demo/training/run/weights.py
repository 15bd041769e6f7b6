"""What a run leaves: the model's weights as float32 safetensors, its configuration and its tokenizer, in one folder.

In: a state by name. Out: a folder that `--model` takes, and the same model in the embedded default's 8-bit layout. A
folder is there whole or not at all. Does not know training.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def save(model: Any, state: Mapping[str, Tensor], tokenizer: Any, folder: Path) -> None:
    """Write a model's folder, in place of one that is there.

    Args:
        model: a `PreTrainedModel`, for its configuration and its tied weights; its own weights are not used.
        state: its state dict in float32.
        tokenizer: with `save_pretrained`.
        folder: the target.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part, state_dict=dict(state))
    config = copy.deepcopy(model.config)
    config.dtype = torch.float32
    config.save_pretrained(part)
    tokenizer.save_pretrained(part)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def save_eight_bit(source: Path, folder: Path) -> None:
    """The folder that `save` wrote, in the hivemind 8-bit layout, in place of one that is there."""
    from gptjt_demo.models.convert import convert

    if folder.exists():
        shutil.rmtree(folder)
    convert(source, folder, layout="hivemind")
