"""Parts of a model that a run leaves as they are. Does not know training."""

from __future__ import annotations

from typing import Any

from torch import nn

from gptjt_demo.engine.prefix_lm import layers
from gptjt_demo.errors import SettingError
from gptjt_demo.training.settings import TrainSettings


def freeze(model: Any, settings: TrainSettings) -> None:
    """Leave parts of the model as they are; gradients end above the frozen layers.

    Raises:
        SettingError: nothing would be trained, or the layers cannot be told.
    """
    frozen: list[nn.Module] = []
    if settings.freeze_layers:
        found = layers(model)
        if not found:
            raise SettingError(
                f"a {type(model).__name__} has no layers that can be told", where="freeze_layers", mend="use 0"
            )
        if settings.freeze_layers >= len(found):
            raise SettingError(
                f"the model has {len(found)} layers", where="freeze_layers", mend="leave some to be trained"
            )
        frozen += found[: settings.freeze_layers]
    if settings.freeze_embeddings or settings.freeze_layers:
        frozen.append(model.get_input_embeddings())
    if settings.freeze_embeddings and model.get_output_embeddings() is not None:
        frozen.append(model.get_output_embeddings())
    for module in frozen:
        module.requires_grad_(False)
