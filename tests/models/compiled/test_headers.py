"""What prompts share, read once and never copied: to the bit what they give that were read whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_compiled import compiled, saved
from torch import Tensor

from gptjt_demo.engine.masks import pad
from gptjt_demo.models.compiled.network import CompiledLM
from gptjt_demo.models.compiled.state import State

HEADER = [(11 * k + 3) % 250 for k in range(37)]
BEHIND = [[9, 8, 7, 6, 5, 4, 3, 2, 1], [17], [40, 41, 42, 43], [77, 78], [100, 3, 100, 5, 100]]
NEXT = torch.tensor([[60], [61], [62], [63], [64]])


@pytest.fixture(params=["llama", "gptj"])
def lm(request: pytest.FixtureRequest, tmp_path: Path) -> CompiledLM:
    saved(tmp_path / "model", request.param, 64)
    return compiled(tmp_path / "model")


def shared(lm: CompiledLM, rows: int = len(BEHIND)) -> State:
    return lm.prefill(*pad([HEADER]), "causal").repeat(rows)


def read(lm: CompiledLM) -> State:
    return lm.extend(shared(lm), *pad(BEHIND))


def whole(lm: CompiledLM, row: int) -> State:
    return lm.prefill(*pad([HEADER + BEHIND[row]]), "causal")


def equal(found: Tensor, expected: Tensor) -> None:
    assert torch.equal(found, expected)


def test_rows_behind_a_header_are_whole_prompts_and_end_when_they_like(lm: CompiledLM) -> None:
    state = read(lm)
    alone = [whole(lm, row) for row in range(len(BEHIND))]
    equal(state.logits, torch.cat([each.logits for each in alone]))
    rows = list(range(len(BEHIND)))
    for left in ([0, 1, 2, 3, 4], [0, 2, 3, 4], [3, 1], [0]):
        state, rows = state.select(left), [rows[k] for k in left]
        state = lm.extend(state, NEXT[rows])
        for row in rows:
            alone[row] = lm.extend(alone[row], NEXT[row : row + 1])
        equal(state.logits, torch.cat([alone[row].logits for row in rows]))
    assert rows == [4]


def test_rows_that_outgrow_their_room_are_still_whole_prompts(lm: CompiledLM) -> None:
    state, one = read(lm), whole(lm, 2)
    for k in range(100):
        state = lm.extend(state, torch.full((5, 1), k))
        one = lm.extend(one, torch.tensor([[k]]))
    equal(state.logits[2:3], one.logits)


def test_a_header_serves_again_whatever_was_read_behind_it(lm: CompiledLM) -> None:
    header = lm.prefill(*pad([HEADER]), "causal")
    first = lm.extend(header.repeat(5), *pad(BEHIND))
    lm.extend(first.select([3, 1]), NEXT[:2])
    equal(lm.extend(header.repeat(5), *pad(BEHIND)).logits, first.logits)
    again = lm.extend(header, torch.tensor([[17]]))  # in the room of the header itself
    equal(again.logits, first.logits[1:2])
    equal(lm.extend(first, NEXT).logits, lm.extend(read(lm), NEXT).logits)


def test_labels_behind_a_header_are_those_behind_whole_prompts(lm: CompiledLM) -> None:
    labels = [[5, 6, 7], [8], [9, 10], [5, 6, 8, 11, 12, 13]]
    found = lm.branch(read(lm), labels)
    for row in range(len(BEHIND)):
        for one, other in zip(found, lm.branch(whole(lm, row), labels), strict=True):
            equal(one[row], other[0])
    alone = [lm.branch(whole(lm, 0), [label])[0] for label in labels]
    for one, other in zip(found, alone, strict=True):
        equal(one[0], other[0])


def test_tokens_checked_behind_a_header_are_those_read_one_by_one(lm: CompiledLM) -> None:
    ids = [9, 8, 7, 6, 5, 4]
    one, together = lm.check(lm.extend(shared(lm, 1), torch.tensor([BEHIND[2]])), ids)
    state = whole(lm, 2)
    for id, expected in zip(ids, together, strict=True):
        state = lm.extend(state, torch.tensor([[id]]))
        equal(state.logits[0], expected)
    equal(lm.extend(one, NEXT[:1]).logits, lm.extend(state, NEXT[:1]).logits)


@pytest.mark.parametrize("columns", [1, 3, 9])  # of rows that have one to nine: within the header too
def test_what_is_cropped_behind_a_header_can_be_read_anew(lm: CompiledLM, columns: int) -> None:
    state = lm.extend(read(lm).crop(columns), NEXT)
    for row in range(len(BEHIND)):
        one = lm.extend(whole(lm, row).crop(columns), NEXT[row : row + 1])
        equal(state.logits[row], one.logits[0])
    equal(read(lm).logits, torch.cat([whole(lm, row).logits for row in range(len(BEHIND))]))


def test_states_behind_headers_are_joined_and_repeated(lm: CompiledLM) -> None:
    header = lm.prefill(*pad([HEADER]), "causal")
    ids, keep = pad(BEHIND)
    first, second = (lm.extend(header.repeat(len(part)), ids[part], keep[part]) for part in ([0, 1, 2], [3, 4]))
    expected = lm.extend(read(lm), NEXT).logits
    equal(lm.extend(State.joined([first.select([2, 0]), second]), NEXT[[2, 0, 3, 4]]).logits, expected[[2, 0, 3, 4]])
    other = lm.prefill(*pad([HEADER]), "causal")
    apart = lm.extend(other.repeat(2), ids[[3, 4]], keep[[3, 4]])
    equal(lm.extend(State.joined([first, apart]), NEXT).logits, expected)
    again = read(lm).select([2]).repeat(3)
    equal(lm.extend(again, NEXT[2:3].expand(3, -1)).logits, expected[2:3].expand(3, -1))


def test_a_header_of_more_tokens_than_a_step_has_rows_is_shared(tmp_path: Path) -> None:
    saved(tmp_path / "model", "llama", 64)
    lm = compiled(tmp_path / "model", max_position_embeddings=2048)
    header = [(7 * k * k + k) % 250 for k in range(1100)]
    state = lm.extend(lm.prefill(*pad([header]), "causal").repeat(3), *pad(BEHIND[:3]))
    state = lm.extend(state.select([2, 0]), NEXT[:2])
    for row, (prompt, token) in enumerate(((BEHIND[2], NEXT[:1]), (BEHIND[0], NEXT[1:2]))):
        one = lm.extend(lm.prefill(*pad([header + prompt]), "causal"), token)
        equal(state.logits[row], one.logits[0])
