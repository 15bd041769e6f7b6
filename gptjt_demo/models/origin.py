"""What a converted copy says of the model that it was made of: a small JSON file beside its weights.

In: a folder and a `ModelSpec`. Out: the file, or the spec with what the file says. A folder that has none is as it was.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gptjt_demo.errors import ModelError
from gptjt_demo.models.lfs import is_pointer, pointer_error
from gptjt_demo.models.registry import MODELS, ModelSpec
from gptjt_demo.settings import Attention

FILE = "gptjt-model.json"


class _Origin(BaseModel):
    """The file's fields, those of `ModelSpec`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f][^\x00-\x1f]*$", max_length=200)]
    attention: Attention
    context: Annotated[int, Field(ge=1)] | None
    stand_in: bool


def write_origin(spec: ModelSpec, folder: Path) -> None:
    """Write down in a copy's folder what it is a copy of."""
    origin = _Origin(name=spec.name, attention=spec.attention, context=spec.context, stand_in=spec.stand_in)
    (folder / FILE).write_text(json.dumps(origin.model_dump(), indent=1) + "\n", "utf-8")


def with_origin(spec: ModelSpec, folder: Path) -> ModelSpec:
    """A spec with what its model's folder says of itself.

    A known name means what the registry says, and a hub id stays the name of what lies there: only a local folder is
    called as the model that it is a copy of.

    Raises:
        ModelError: the file cannot be read.
    """
    path = folder / FILE
    if spec is MODELS.get(spec.name) or not path.is_file():
        return spec
    if is_pointer(path):
        raise pointer_error(path)
    try:
        origin = _Origin.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(f"the {FILE} cannot be read", where=str(folder), mend="convert the model again") from error
    told = origin.model_dump()
    return replace(spec, **told if spec.local else told | {"name": spec.name})
