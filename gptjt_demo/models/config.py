"""A model folder's config.json, read without transformers. In: a folder. Out: its fields as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gptjt_demo.errors import ModelError
from gptjt_demo.models.lfs import is_pointer, pointer_error

NAME = "config.json"


def config_fields(folder: Path, *, where: str | None = None) -> dict[str, Any]:
    """The fields of a folder's config.json, under the names that transformers gives them in the file.

    Args:
        folder: the model's.
        where: what its user calls it, for the message that it has none; by default the folder.

    Raises:
        ModelError: it is absent, a git-lfs pointer, or no JSON object.
    """
    path = folder / NAME
    if not path.is_file():
        raise ModelError("it has no config.json", where=where or str(folder), mend="name a model of transformers")
    if is_pointer(path):
        raise pointer_error(path)
    try:
        fields = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(
            "the config.json cannot be read", where=str(folder), mend=str(error).splitlines()[0]
        ) from error
    if not isinstance(fields, dict):
        raise ModelError("the config.json is no JSON object", where=str(folder), mend="download the model again")
    return fields
