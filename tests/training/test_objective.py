"""The prefix-LM objective against pictures and numbers that are written out."""

from __future__ import annotations

import math
import random

import pytest
import torch
from tiny import FAMILIES, full_logits, model, tokenizer

from gptjt_demo.engine.masks import behind, pad, prefill_mask
from gptjt_demo.engine.prefix_lm import PrefixLM
from gptjt_demo.engine.vocabulary import Vocabulary
from gptjt_demo.errors import ModelError
from gptjt_demo.training.data.packing import Packed
from gptjt_demo.training.data.sample import Sample, episode_sample, text_sample
from gptjt_demo.training.episodes.task import Episode
from gptjt_demo.training.objective import choose, mask, predicting

CPU = torch.device("cpu")


def sample(ids: list[int], prefix: int, counted: list[int] | None = None) -> Sample:
    """A sample; by default every token behind the prefix counts."""
    marks = [index >= max(1, prefix) for index in range(len(ids))] if counted is None else list(map(bool, counted))
    return Sample(tuple(ids), prefix, tuple(marks))


def picture(rows: str) -> list[list[int]]:
    return [[int(cell) for cell in row.split()] for row in rows.strip().splitlines()]


def drawn(packed: Packed) -> list[list[int]]:
    return mask(packed.documents)[0, 0].int().tolist()


EPISODE = Episode(
    "colours", (("In: sky\nOut:", " blue\n"), ("In: leaf\nOut:", " green\n"), ("In: coal\nOut:", " black\n"))
)


def encode(text: str) -> list[int]:
    return Vocabulary(tokenizer(), 272).encode(text)


# The model card's two pictures, for five tokens, of which the prefix LM's first three are the prompt.
CAUSAL = """
1 0 0 0 0
1 1 0 0 0
1 1 1 0 0
1 1 1 1 0
1 1 1 1 1
"""
PREFIX = """
1 1 1 0 0
1 1 1 0 0
1 1 1 0 0
1 1 1 1 0
1 1 1 1 1
"""


@pytest.mark.parametrize(("prefix", "card"), [(0, CAUSAL), (1, CAUSAL), (3, PREFIX)])
def test_the_mask_is_the_picture_of_the_model_card(prefix: int, card: str) -> None:
    assert drawn(Packed.of([sample([1, 2, 3, 4, 5], prefix)])) == picture(card)


def test_the_mask_of_training_is_that_of_prefill_and_extend() -> None:
    seen = mask(Packed.of([sample(list(range(9)), 5)]).documents)
    keep = torch.ones(1, 5, dtype=torch.bool)
    assert torch.equal(seen[:, :, :5, :5], prefill_mask(keep, "prefix"))
    assert not seen[:, :, :5, 5:].any()
    own = prefill_mask(torch.ones(1, 4, dtype=torch.bool), "causal")
    assert torch.equal(seen[:, :, 5:], behind(keep, own))


TWO = [sample([11, 12, 13], 2), sample([21, 22, 23, 24], 2)]


def test_packed_documents_do_not_see_each_other() -> None:
    packed = Packed.of(TWO)
    assert drawn(packed) == picture("""
    1 1 0 0 0 0 0
    1 1 0 0 0 0 0
    1 1 1 0 0 0 0
    0 0 0 1 1 0 0
    0 0 0 1 1 0 0
    0 0 0 1 1 1 0
    0 0 0 1 1 1 1
    """)
    assert packed.positions.tolist() == [[0, 1, 2, 0, 1, 2, 3]]


def test_across_documents_the_later_sees_the_earlier_and_positions_run_on() -> None:
    packed = Packed.of(TWO, across=True)
    assert drawn(packed) == picture("""
    1 1 0 0 0 0 0
    1 1 0 0 0 0 0
    1 1 1 0 0 0 0
    1 1 1 1 1 0 0
    1 1 1 1 1 0 0
    1 1 1 1 1 1 0
    1 1 1 1 1 1 1
    """)
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 5, 6]]


def test_a_counted_token_is_predicted_from_the_position_before_it_and_no_document_from_another() -> None:
    where, wanted = predicting(Packed.of([sample([11, 12, 13], 1), sample([21, 22, 23, 24, 25], 2, [0, 0, 1, 0, 1])]))
    assert where.int().tolist() == [[1, 1, 0, 0, 1, 0, 1, 0]]
    assert wanted.tolist() == [12, 13, 23, 25]


def test_a_sample_refuses_loss_within_its_prefix() -> None:
    for wrong in (([1, 2, 3], 2, [0, 1, 1]), ([1, 2], 0, [1, 1]), ([1, 2], 3, [0, 0]), ([1, 2], 1, [0, 1, 1])):
        with pytest.raises(ValueError, match=r"fit|counted"):
            sample(*wrong)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_training_logits_are_those_that_the_engine_decodes_from(family: str, implementation: str) -> None:
    prompt, answer = [5, 9, 3, 7, 8, 100], [40, 41, 42]
    trained = model(family, implementation)
    engine = PrefixLM(model(family, implementation))
    state = engine.prefill(*pad([prompt]), "prefix")
    steps = [state.logits]
    for token in answer[:-1]:
        state = engine.extend(state, torch.tensor([[token]]))
        steps.append(state.logits)
    packed = Packed.of([sample([30, 31, 32, 33], 2), sample(prompt + answer, len(prompt))])
    chosen = choose(trained, CPU)
    assert chosen.by_documents
    with torch.no_grad():
        found = chosen.logits(trained, packed)[2:]
    torch.testing.assert_close(found, torch.cat(steps), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("across", [False, True])
def test_by_documents_or_by_mask_loss_and_gradient_are_the_same(family: str, across: bool) -> None:
    generator = random.Random(3)
    samples = [sample([generator.randrange(256) for _ in range(n)], p) for n, p in ((12, 5), (7, 0), (2, 1), (9, 8))]
    packed = Packed.of(samples, across=across)
    found = []
    for by_documents in (False, True):
        trained = model(family, "eager")
        chosen = choose(trained, CPU)
        if not by_documents:
            trained.set_attn_implementation("eager")
            chosen = type(chosen)(by_documents=False)
        loss = chosen.loss(trained, packed)
        loss.backward()
        found.append((loss, {name: weight.grad for name, weight in trained.named_parameters()}))
    (first, grads), (second, others) = found
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-5)
    for name, grad in grads.items():
        torch.testing.assert_close(others[name], grad, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_packed_loss_is_the_sum_of_the_documents_losses_in_a_naive_pass(family: str) -> None:
    samples = [sample([5, 9, 3, 7, 8, 6], 3), sample([40, 41, 42, 43], 2, [0, 0, 0, 1])]
    trained = model(family)
    expected = 0.0
    for each in samples:
        logprobs = full_logits(trained, list(each.ids), each.prefix, "prefix").log_softmax(-1)
        expected -= sum(float(logprobs[k - 1, each.ids[k]]) for k in range(len(each)) if each.counted[k])
    chosen = choose(trained, CPU)
    assert math.isclose(float(chosen.loss(trained, Packed.of(samples)).detach()), expected, rel_tol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_gradient_reaches_what_a_document_must_not_see(family: str) -> None:
    trained = model(family, tie_word_embeddings=False)
    packed = Packed.of([sample([1, 2, 3, 4], 2, [0, 0, 0, 0]), sample([11, 12, 13, 14], 2, [0, 0, 1, 0])])
    choose(trained, CPU).loss(trained, packed).backward()
    grad = trained.get_input_embeddings().weight.grad
    assert grad[[1, 2, 3, 4, 13, 14]].abs().sum() == 0
    assert (grad[[11, 12]].abs().sum(1) > 0).all()


def test_a_model_that_ignores_the_mask_is_refused() -> None:
    with pytest.raises(ModelError, match="causally"):
        choose(model("gpt_neo", "eager"), CPU)


def test_a_text_is_split_anywhere_and_all_behind_the_split_counts() -> None:
    rng, prefixes = random.Random(0), set()
    for _ in range(300):
        found = text_sample([1, 2, 3, 4, 5], rng, 99, end=0)
        assert found is not None
        assert found.ids == (1, 2, 3, 4, 5, 0)
        assert found.counted == (False,) * found.prefix + (True,) * (6 - found.prefix)
        prefixes.add(found.prefix)
    assert prefixes == {1, 2, 3, 4, 5}


def test_of_a_long_text_every_window_is_taken_and_its_end_only_where_it_is_reached() -> None:
    rng = random.Random(0)
    windows = {found.ids for _ in range(100) if (found := text_sample([1, 2, 3, 4], rng, 3, end=0))}
    assert windows == {(1, 2, 3), (2, 3, 4), (3, 4, 0)}
    assert text_sample([1], rng, 3) is None


def test_an_episode_is_cut_as_the_engine_cuts_prompt_and_answer() -> None:
    rng, shown = random.Random(0), set()
    for _ in range(60):
        found = episode_sample(EPISODE, encode, rng, 999)
        assert found is not None
        texts = [context + answer for context, answer in EPISODE.turns]
        prompts = [("".join(texts[:k]) + EPISODE.turns[k][0]) for k in range(3)]
        k = next(k for k in range(3) if tuple(encode(prompts[k])) == found.ids[: found.prefix])
        shown.add(k)
        counted = [id for id, counts in zip(found.ids, found.counted, strict=True) if counts]
        assert counted == [id for _, answer in EPISODE.turns[k:] for id in encode(answer)]
        assert len(found) == sum(len(encode(text)) for text in texts)
    assert shown == {0, 1, 2}


def test_a_long_episode_loses_whole_turns_from_the_last() -> None:
    first, second = (len(encode(context + answer)) for context, answer in EPISODE.turns[:2])
    rng = random.Random(0)
    for length, tokens in ((first + second, first + second), (first + second - 1, first), (first, first)):
        found = episode_sample(EPISODE, encode, rng, length)
        assert found is not None
        assert len(found) == tokens
    assert episode_sample(EPISODE, encode, rng, first - 1) is None
