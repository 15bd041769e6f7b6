from __future__ import annotations

from typing import Any

import pytest
import tiny
import torch

from gptjt_demo.engine.masks import additive, behind, pad, prefill_mask
from gptjt_demo.engine.prefix_lm import PrefixLM
from gptjt_demo.engine.steps import Interrupted
from gptjt_demo.settings import Attention

PROMPTS = [[5, 9, 2, 77, 31, 40, 8], [12, 3], [100, 101, 102, 103]]


def test_prefix_mask_lets_every_row_see_the_prompt_and_never_padding() -> None:
    keep = torch.tensor([[False, True, True], [True, True, True]])
    mask = prefill_mask(keep, "prefix")
    assert mask.shape == (2, 1, 3, 3)
    assert mask[0, 0].tolist() == [[False, True, True]] * 3
    assert mask[1, 0].all()


def test_causal_mask_is_lower_triangular_and_leaves_no_row_without_a_column() -> None:
    keep = torch.tensor([[False, False, True], [True, True, True]])
    mask = prefill_mask(keep, "causal")
    assert mask[1, 0].tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert mask[0, 0].tolist() == [[True, False, False], [False, True, False], [False, False, True]]


def test_new_rows_see_real_past_columns_and_themselves_as_told() -> None:
    mask = behind(torch.tensor([[False, True]]), torch.eye(2, dtype=torch.bool)[None, None])
    assert mask[0, 0].tolist() == [[False, True, True, False], [False, True, False, True]]


def test_additive_mask_is_zero_where_seen_and_the_lowest_number_elsewhere() -> None:
    mask = additive(torch.tensor([True, False]), torch.bfloat16)
    assert mask.dtype == torch.bfloat16
    assert mask.tolist() == [0.0, torch.finfo(torch.bfloat16).min]


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
class TestFamilies:
    def test_last_prompt_token_reaches_the_first_position_in_prefix_mode_only(
        self, family: str, implementation: str
    ) -> None:
        made = tiny.model(family, implementation)
        lm = PrefixLM(made)
        ids = torch.tensor([PROMPTS[0]])
        other = ids.clone()
        other[0, -1] += 1
        keep = torch.ones_like(ids, dtype=torch.bool)

        def hidden(x: Any, attention: Any) -> Any:
            mask = additive(prefill_mask(keep, attention), torch.float32)
            with torch.no_grad():
                return made.base_model(input_ids=x, attention_mask=mask, output_hidden_states=True).hidden_states

        for attention, changes in (("prefix", True), ("causal", False)):
            before, after = hidden(ids, attention), hidden(other, attention)
            assert torch.equal(before[0][0, 0], after[0][0, 0])  # embeddings: no attention yet
            for layer in (1, 2):
                assert torch.equal(before[layer][0, 0], after[layer][0, 0]) is not changes
        assert lm.test.supports_prefix

    @pytest.mark.parametrize("attention", ["prefix", "causal"])
    @pytest.mark.parametrize("padded", [False, True])
    def test_cached_decoding_equals_a_full_forward_with_the_block_mask(
        self, family: str, implementation: str, attention: Attention, padded: bool
    ) -> None:
        made = tiny.model(family, implementation)
        lm = PrefixLM(made)
        prompts = PROMPTS if padded else PROMPTS[:1]
        answers = [[7, 1, 200, 13], [90, 91, 92, 93], [0, 254, 17, 18]][: len(prompts)]
        state = lm.prefill(*pad(prompts), attention)
        steps = [state.logits]
        for k in range(4):
            state = lm.extend(state, torch.tensor([[answer[k]] for answer in answers]))
            steps.append(state.logits)
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            expected = tiny.full_logits(made, prompt + answer, len(prompt), attention)[len(prompt) - 1 :]
            actual = torch.stack([step[row] for step in steps])
            assert torch.allclose(actual, expected, atol=1e-4, rtol=0)

    @pytest.mark.parametrize("attention", ["prefix", "causal"])
    def test_branches_of_one_prompt_do_not_see_each_other(
        self, family: str, implementation: str, attention: Attention
    ) -> None:
        made = tiny.model(family, implementation)
        lm = PrefixLM(made)
        branches = [[7, 1], [90], [7, 1, 200]]
        logits = lm.branch(lm.prefill(*pad(PROMPTS), attention), branches)
        for branch, rows in zip(branches, logits, strict=True):
            for row, prompt in enumerate(PROMPTS):
                expected = tiny.full_logits(made, prompt + branch, len(prompt), attention)[len(prompt) :]
                assert torch.allclose(rows[row], expected, atol=1e-4, rtol=0)

    def test_prompts_behind_a_shared_header_equal_whole_causal_prompts(self, family: str, implementation: str) -> None:
        lm = PrefixLM(tiny.model(family, implementation))
        header, rests = [5, 9, 2, 77], [[31, 40, 8], [12], [100, 101, 102, 103]]
        shared = lm.prefill(*pad([header]), "causal")
        for _ in range(2):  # the shared state is copied, not consumed
            state = lm.extend(shared.repeat(3), *pad(rests))
            after = lm.extend(state, torch.tensor([[3], [4], [6]]))
            for row, (rest, token) in enumerate(zip(rests, (3, 4, 6), strict=True)):
                prompt = header + rest
                expected = tiny.full_logits(lm.model, [*prompt, token], len(prompt), "causal")
                assert torch.allclose(state.logits[row], expected[-2], atol=1e-4, rtol=0)
                assert torch.allclose(after.logits[row], expected[-1], atol=1e-4, rtol=0)

    def test_selected_rows_decode_as_they_did_in_the_batch(self, family: str, implementation: str) -> None:
        lm = PrefixLM(tiny.model(family, implementation))
        state = lm.prefill(*pad(PROMPTS), "prefix").select([2, 0])
        after = lm.extend(state, torch.tensor([[3], [4]])).logits
        for row, (prompt, token) in enumerate(((PROMPTS[2], 3), (PROMPTS[0], 4))):
            expected = tiny.full_logits(lm.model, [*prompt, token], len(prompt), "prefix")[-1]
            assert torch.allclose(after[row], expected, atol=1e-4, rtol=0)


def test_a_family_that_ignores_the_mask_is_found_out_and_runs_causally() -> None:
    made = tiny.model("gpt_neo", "eager")
    lm = PrefixLM(made)
    assert not lm.test.supports_prefix
    assert "causally" in lm.test.reason
    with torch.no_grad():
        expected = made(input_ids=torch.tensor([PROMPTS[0]])).logits[0, -1]
    assert torch.allclose(lm.prefill(*pad(PROMPTS[:1]), "prefix").logits[0], expected, atol=1e-4)


def test_branches_of_a_causal_only_family_equal_its_own_forward() -> None:
    made = tiny.model("gpt_neo", "eager")
    lm = PrefixLM(made)
    branches = [[7, 1], [90]]
    logits = lm.branch(lm.prefill(*pad(PROMPTS[:1]), "causal"), branches)
    for branch, rows in zip(branches, logits, strict=True):
        with torch.no_grad():
            expected = made(input_ids=torch.tensor([PROMPTS[0] + branch])).logits[0, len(PROMPTS[0]) :]
        assert torch.allclose(rows[0], expected, atol=1e-4)


def test_a_flag_raised_during_the_prefill_stops_it_before_the_next_layer() -> None:
    lm = PrefixLM(tiny.model("llama"))
    asked = []

    def cancelled() -> Any:
        asked.append(1)
        return len(asked) == 2

    with pytest.raises(Interrupted):
        lm.prefill(*pad(PROMPTS), "prefix", cancelled)
    assert len(asked) == 2
    assert lm.prefill(*pad(PROMPTS), "prefix").logits.shape == (3, tiny.VOCABULARY)
