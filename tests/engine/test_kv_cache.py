"""A cache with room: what transformers' own holds, after anything that is done to it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DynamicCache, MistralConfig

from gptjt_demo.engine.kv_cache import ROOM, RoomyLayer, roomy_cache

ACTIONS = st.one_of(
    st.tuples(st.just("update"), st.integers(1, 2 * ROOM)),
    st.tuples(st.just("crop"), st.integers(0, 5)),
    st.tuples(st.just("repeat"), st.integers(1, 2)),
    st.tuples(st.just("select"), st.integers(0, 3)),
    st.tuples(st.just("copy"), st.just(0)),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(ACTIONS, max_size=12))
def test_it_holds_what_transformers_own_holds(actions: Any) -> None:
    torch.manual_seed(0)
    config = tiny.config("llama")
    caches: list[Any] = [DynamicCache(config=config), roomy_cache(config)]
    left: list[Any] = []
    batch, length = 1, 0
    for action, number in [("update", 3), *actions]:
        length += number if action == "update" else 0
        new = torch.randn(batch, 2, number, 4) if action == "update" else torch.empty(0)
        for index, cache in enumerate(caches):
            if action == "update":
                cache.update(new, -new, 0)
            elif action == "crop" and number < length:
                cache.crop(-number)
            elif action == "repeat":
                cache.batch_repeat_interleave(number)
            elif action == "select":
                cache.batch_select_indices(torch.tensor([number % batch]))
            elif action == "copy":
                left.append((cache, cache.layers[0].keys.clone()))
                caches[index] = copy.deepcopy(cache)
        length -= number if action == "crop" and number < length else 0
        batch = batch * number if action == "repeat" else 1 if action == "select" else batch
        own, roomy = caches
        assert own.get_seq_length() == roomy.get_seq_length() == length
        assert torch.equal(own.layers[0].keys, roomy.layers[0].keys)
        assert torch.equal(own.layers[0].values, roomy.layers[0].values)
    for cache, keys in left:  # what a copy was made of is as it was
        assert torch.equal(cache.layers[0].keys, keys)


def test_a_token_is_written_behind_the_others_without_moving_them() -> None:
    cache = roomy_cache(tiny.config("llama"))
    keys, _ = cache.update(torch.randn(1, 2, 100, 4), torch.randn(1, 2, 100, 4), 0)
    for _ in range(ROOM):
        more, _ = cache.update(torch.randn(1, 2, 1, 4), torch.randn(1, 2, 1, 4), 0)
    assert more.shape[2] == 100 + ROOM
    assert more.data_ptr() == keys.data_ptr()


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_every_layer_of_our_families_has_room_and_a_sliding_window_stays_one(family: str) -> None:
    cache = roomy_cache(tiny.config(family))
    cache.update(torch.randn(1, 2, 1, 4), torch.randn(1, 2, 1, 4), 0)
    assert all(isinstance(layer, RoomyLayer) for layer in cache.layers)
    sliding = roomy_cache(MistralConfig(num_hidden_layers=1, sliding_window=4, hidden_size=8, num_attention_heads=2))
    assert not isinstance(sliding.layers[0], RoomyLayer)
