"""Drafts are guessed as the module says, and an answer is the same with them and without."""

from __future__ import annotations

import csv
import random
import threading
from typing import Any

import pytest
import tiny
import torch

from gptjt_demo.engine.drafting import FEW, LONGEST, MAX_DRAFT, PATIENCE, Drafter
from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.masks import pad
from gptjt_demo.engine.prefix_lm import PrefixLM
from gptjt_demo.evaluation import samples
from gptjt_demo.settings import Sampling
from gptjt_demo.templates.template import Template


def settled(prompt: Any, answer: Any) -> Any:
    """A drafter that has guessed right after every token of an answer but the last."""
    drafter = Drafter(prompt)
    for count in range(1, len(answer)):
        if guess := drafter.propose(answer[:count]):
            drafter.settle(len(guess), int(guess[0] == answer[count]))
    return drafter


def test_what_followed_the_newest_tokens_before_is_guessed_again() -> None:
    assert Drafter([5, 1, 2, 3, 4, 9, 9]).propose([1]) == [2, 3, 4, 9, 9][:FEW]


def test_more_is_guessed_where_more_tokens_are_alike() -> None:
    prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    counts = [len(Drafter(prompt).propose(prompt[:known])) for known in range(1, LONGEST + 1)]
    assert counts == [*[FEW] * (LONGEST - 1), MAX_DRAFT]


def test_nothing_is_guessed_for_a_token_that_never_stood_before() -> None:
    assert Drafter([1, 2, 3]).propose([7]) == []


def test_more_tokens_alike_decide_before_fewer() -> None:
    assert Drafter([1, 2, 30, 8, 2, 40]).propose([1, 2])[0] == 30


def test_the_query_comes_before_the_examples_and_the_answer_last() -> None:
    assert Drafter([1, 10, 5, 1, 20, 6]).propose([1])[0] == 20
    assert Drafter([1, 10, 5, 6]).propose([1, 30, 1])[0] == 10


def test_the_copy_goes_on_ahead_of_what_was_copied_last() -> None:
    # Both 1s before and behind the 2, 3 that the answer has copied.
    prompt, answer = [1, 50, 2, 3, 1, 60, 1, 70], [2, 3, 8, 1]
    assert settled(prompt, answer).propose(answer)[0] == 60


def test_a_single_token_alike_counts_only_ahead_of_the_copy() -> None:
    # The prompt writes 4, 1, 5, dot, 6, 7 and the answer 4, 1, 5, dash, 6.
    drafter = Drafter([9, 6, 2, 4, 1, 5, 100, 6, 7, 8])
    guess = drafter.propose([4])
    assert guess == [1, 5, 100]
    drafter.settle(len(guess), 2)
    assert drafter.propose([4, 1, 5, 200]) == []
    assert drafter.propose([4, 1, 5, 2]) == []
    assert drafter.propose([4, 1, 5, 200, 6]) == [7, 8, 4]


def test_an_answer_that_does_not_copy_is_left_alone_unless_told_otherwise() -> None:
    for patience, gives_up in ((PATIENCE, True), (None, False)):
        drafter = Drafter([1, 2, 3], patience)
        for _ in range(PATIENCE):
            drafter.settle(len(drafter.propose([1])), 0)
        assert (drafter.propose([1]) == []) is gives_up
        assert (drafter.drafted, drafter.accepted) == (3 * PATIENCE, 0)


def prompts(count: Any, seed: Any) -> Any:
    """Few-shot prompts over few letters, so that answers find something to copy."""
    chance = random.Random(seed)

    def word() -> str:
        return "".join(chance.choice("abc é,.\n") for _ in range(chance.randint(1, 9)))

    return [f"In: {word()}\nOut: {word()}\n\nIn: {word()}{word()}\nOut:" for _ in range(count)]


def same(engine: Engine, prompt: Any, sampling: Any, **more: Any) -> Any:
    """Ask with drafts and without; both completions, found to be alike."""
    plain = engine.complete(prompt, sampling, drafting=False, **more)
    drafted = engine.complete(prompt, sampling, drafting=True, **more)
    assert [token.id for token in drafted.tokens] == [token.id for token in plain.tokens]
    assert [token.text for token in drafted.tokens] == [token.text for token in plain.tokens]
    assert (drafted.text, drafted.stop_reason, drafted.stop) == (plain.text, plain.stop_reason, plain.stop)
    for one, other in zip(drafted.tokens, plain.tokens, strict=True):
        assert one.logprob == pytest.approx(other.logprob, abs=1e-4)
        assert [a.id for a in one.alternatives] == [a.id for a in other.alternatives]
    assert (plain.drafted, plain.accepted) == (0, 0)
    return plain, drafted


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_drafted_answers_are_those_of_plain_greedy_decoding(family: str, implementation: str, attention: str) -> None:
    engine = Engine(tiny.model(family, implementation, seed=3), tiny.tokenizer())
    accepted = spared = 0
    for k, prompt in enumerate(prompts(8, seed=5)):
        plain, drafted = same(engine, prompt, Sampling(max_new_tokens=1 + 7 * k), attention=attention)
        accepted += drafted.accepted
        spared += plain.forward_passes - drafted.forward_passes
    assert 0 < accepted == spared


@pytest.fixture
def llama() -> Any:
    """A model whose answers soon repeat themselves: drafts hold often, and never always."""
    return Engine(tiny.model("llama", seed=3), tiny.tokenizer())


def test_a_stop_ends_a_drafted_answer_where_it_ends_a_plain_one(llama: Engine) -> None:
    for prompt in prompts(3, seed=1):
        full = llama.complete(prompt, Sampling(max_new_tokens=40), drafting=False).text
        for start in range(0, len(full) - 3, 6):
            for size in (1, 3):
                same(llama, prompt, Sampling(max_new_tokens=40, stop=(full[start : start + size],)))


def test_no_row_is_spent_on_what_follows_a_stop_or_the_last_token(
    llama: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    check = llama.steps.check

    def noted(state: Any, ids: Any, flag: Any) -> Any:
        rows.append(ids)
        return check(state, ids, flag)

    monkeypatch.setattr(llama.steps, "check", noted)
    for prompt in prompts(3, seed=1):
        full = llama.complete(prompt, Sampling(max_new_tokens=40), drafting=False)
        for count in (2, 5, 9, 40):
            rows.clear()
            answer = llama.complete(prompt, Sampling(max_new_tokens=count), drafting=True)
            assert all(len(ids) <= MAX_DRAFT + 1 for ids in rows)
            assert answer.completion_tokens == count
        stop = full.text[len(full.text) // 2]
        rows.clear()
        llama.complete(prompt, Sampling(max_new_tokens=40, stop=(stop,)), drafting=True)
        assert not any(stop in llama.vocabulary.decode(ids[1:]) for ids in rows)


def test_the_end_of_the_text_within_a_draft_ends_the_answer(llama: Engine) -> None:
    ids = [*llama.encode("ab"), tiny.END, *llama.encode("cdab")]  # a continuation may hold what a prompt cannot
    head = tiny.network(llama).lm_head

    def always_the_end(module: Any, inputs: Any, out: Any) -> Any:
        return out.index_fill(-1, torch.tensor([tiny.END]), 99.0)

    hook = head.register_forward_hook(always_the_end)
    _, drafted = same(llama, "x:", Sampling(max_new_tokens=20), continuation=ids)
    hook.remove()
    assert (drafted.stop_reason, drafted.completion_tokens) == ("end_of_text", 1)
    copied = iter(llama.encode("b"))

    def the_end_after_b(module: Any, inputs: Any, out: Any) -> Any:
        wanted = next(copied, tiny.END)
        return out.index_fill(-1, torch.tensor([wanted]), 99.0)

    head.register_forward_hook(the_end_after_b)
    completion = llama.complete("x:", Sampling(max_new_tokens=20), continuation=[*ids, ord("a")], drafting=True)
    assert completion.stop_reason == "end_of_text"
    assert completion.tokens[-1].id == tiny.END


def test_a_drafted_answer_goes_on_from_a_continuation(llama: Engine) -> None:
    for prompt in prompts(3, seed=2):
        whole = llama.complete(prompt, Sampling(max_new_tokens=30), drafting=False)
        ids = [token.id for token in whole.tokens]
        plain, _ = same(llama, prompt, Sampling(max_new_tokens=20), continuation=ids[:10])
        assert [token.id for token in plain.tokens] == ids[10:]


def test_a_drafted_answer_can_be_cancelled_between_the_tokens_of_a_pass(llama: Engine) -> None:
    prompt = prompts(1, seed=1)[0]
    whole = llama.complete(prompt, Sampling(max_new_tokens=60), drafting=False)
    for after in range(1, 12):
        cancel = threading.Event()
        stream = llama.stream(prompt, Sampling(max_new_tokens=60), drafting=True, cancel=cancel)
        seen = []
        for token in stream:
            seen.append(token.id)
            if len(seen) == after:
                cancel.set()
        assert stream.completion.stop_reason == "cancelled"
        assert after <= len(seen) <= after + 1
        assert seen == [token.id for token in whole.tokens][: len(seen)]


def test_answers_with_chance_in_them_and_batches_are_not_drafted(llama: Engine) -> None:
    prompt = prompts(1, seed=1)[0]
    chance = Sampling(max_new_tokens=30, temperature=1.5, seed=4)
    asked = llama.complete(prompt, chance, drafting=True)
    assert asked.drafted == 0
    assert asked.text == llama.complete(prompt, chance, drafting=False).text
    greedy = Sampling(max_new_tokens=30)
    assert llama.complete(prompt, greedy).drafted > 0
    many = tiny.answered(llama.complete_many([prompt, prompt + " "], greedy))
    assert all(completion.drafted == 0 for completion in many.values())
    assert many[0].forward_passes == 30


def test_a_model_whose_rows_may_differ_is_drafted_only_when_asked() -> None:
    engine = Engine(tiny.model("llama", "eager", seed=3), tiny.tokenizer())
    prompt = prompts(1, seed=1)[0]
    assert engine.complete(prompt, Sampling(max_new_tokens=30)).drafted == 0
    assert engine.complete(prompt, Sampling(max_new_tokens=30), drafting=True).drafted > 0


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_tokens_taken_back_leave_the_state_as_it_was(family: str) -> None:
    lm = PrefixLM(tiny.model(family))
    state, _ = lm.check(lm.prefill(*pad([[5, 9, 2, 77]]), "prefix"), [7, 1, 200, 13])
    state, logits = lm.check(state.crop(3), [90, 91])
    expected = tiny.full_logits(lm.model, [5, 9, 2, 77, 7, 90, 91], 4, "prefix")
    assert state.keep.shape == (1, 7)
    assert torch.allclose(logits, expected[-2:], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["entities", "cleaning"])
def test_mini_answers_with_drafts_to_the_bit_as_without(mini: Engine, name: str) -> None:
    template = Template.load(name)
    with samples.path(name).open(encoding="utf-8", newline="") as file:
        rows = [row["input"] for row in csv.DictReader(file)][:5]
    passes = [0, 0]
    for row in rows:
        prompt = template.render(row)
        plain = mini.complete(prompt, template.generation, drafting=False)
        drafted = mini.complete(prompt, template.generation)
        assert drafted.tokens == plain.tokens  # ids, texts, log probabilities and alternatives
        passes = [passes[0] + plain.forward_passes, passes[1] + drafted.forward_passes]
    assert passes[1] <= 0.65 * passes[0]


@pytest.mark.parametrize("columns", [20, 150, 520])
def test_mini_reads_a_row_alike_alone_and_among_others(mini: Engine, columns: int) -> None:
    prompt, ids = [(7 * k + 11) % 40000 for k in range(columns)], [500, 600, 700, 800, 900][: MAX_DRAFT + 1]
    state, together = mini.steps.check(mini.steps.prefill(*pad([prompt]), "prefix"), ids)
    state = state.crop(len(ids))
    for id, row in zip(ids, together, strict=True):
        state = mini.steps.extend(state, torch.tensor([[id]]))
        assert torch.equal(state.logits[0], row)
