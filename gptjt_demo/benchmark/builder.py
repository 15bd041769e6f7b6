"""Makes the folders that contenders load, in a worker, so that its memory is gone when they run.

In: a folder to keep them in. Out: a folder's path; one that is there is used as it is, for it appears only when whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch

VERSION = 1  # of what is built; a kept folder of another version is not used


class Builder:
    """Builds below `folder`; each method gives a path.

    Args:
        threads: of torch.
        folder: where things are kept.
        layers: of the random GPT-J; 0 where there is none.
        model: the folder of a known model, for a GGUF.
    """

    def __init__(self, *, threads: int, folder: str, layers: int = 0, model: str = "") -> None:
        torch.set_num_threads(threads)
        self.facts: dict[str, Any] = {}
        self._folder, self._layers, self._model = Path(folder), layers, Path(model)

    def _path(self, kind: str) -> Path:
        return self._folder / f"gpt-j-random-{self._layers}-{kind}-v{VERSION}"

    def hivemind(self) -> str:
        """The random checkpoint, in the hivemind layout."""
        from gptjt_demo.benchmark import random_model

        path = self._path("hivemind")
        if not path.is_dir():
            random_model.write(random_model.gptj(self._layers), path)
        return str(path)

    def int8(self) -> str:
        """... converted to rows of int8, which start from a mapping."""
        from gptjt_demo.models.convert import convert

        path = self._path("int8")
        if not path.is_dir():
            convert(self._path("hivemind"), path, layout="int8", progress=False)
        return str(path)

    def bfloat16(self) -> str:
        """... in bfloat16, for transformers."""
        from gptjt_demo.benchmark import random_model

        path = self._path("bfloat16")
        if not path.is_dir():
            random_model.write_bfloat16(self._path("hivemind"), path)
        return str(path)

    def ctranslate2(self) -> str:
        """... converted by CTranslate2 to int8."""
        from ctranslate2.converters import TransformersConverter

        path = self._path("ctranslate2")
        if not path.is_dir():
            part = path.with_name(path.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            TransformersConverter(str(self._path("bfloat16")), low_cpu_mem_usage=True).convert(
                str(part), quantization="int8"
            )
            os.replace(part, path)
        return str(path)

    def gguf(self) -> str:
        """The model as a GGUF file at Q8_0."""
        from gptjt_demo.benchmark.gguf_file import write

        path = self._folder / f"{self._model.name}-q8_0-v{VERSION}.gguf"
        if not path.is_file():
            part = path.with_name(path.name + ".part")
            write(self._model, part)
            os.replace(part, path)
        return str(path)
