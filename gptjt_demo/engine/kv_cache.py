"""Keys and values with room behind them, so that a further token is written and nothing is copied.

transformers' own layer of a cache copies all it holds for each token: at 1,500 tokens of GPT-J-6B 0.7 GB, an eighth of
what its 8-bit weights are. In: a configuration. Out: a cache that transformers takes. Does not know masks.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 64  # tokens at least, and an eighth of what there is


class RoomyLayer(DynamicLayer):
    """A layer that grows in place; whatever else is done to it copies, as before."""

    _key_room: Tensor | None = None
    _value_room: Tensor | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write (batch, heads, new, width) behind what there is; returns all of it."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys, self._key_room = _written(self.keys, self._key_room, key_states)
        self.values, self._value_room = _written(self.values, self._value_room, value_states)
        return self.keys, self.values


def roomy_cache(config: Any) -> DynamicCache:
    """An empty cache; layers of another kind (sliding windows) stay as transformers has them."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]  # type: ignore[no-untyped-call]
    if cache.layer_class_to_replicate is DynamicLayer:
        cache.layer_class_to_replicate = RoomyLayer
    return cache


def _written(held: Tensor | None, room: Tensor | None, new: Tensor) -> tuple[Tensor, Tensor]:
    """What is held with the new behind it, and the room it lies in: a larger one where it does not fit."""
    assert held is not None  # it has been initialized
    before = held.shape[-2] if held.numel() else 0
    after = before + new.shape[-2]
    # Rows that were chosen or repeated lie elsewhere; cropped ones at the room's start, as they did.
    if room is None or held.data_ptr() != room.data_ptr() or len(held) != len(room) or room.shape[-2] < after:
        batch, heads, _, width = new.shape
        room = new.new_empty(batch, heads, after + max(ROOM, after // 8), width)
        if before:
            room[:, :, :before] = held
    room[:, :, before:after] = new
    return room[:, :, :after], room
