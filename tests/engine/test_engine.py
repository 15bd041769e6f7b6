from __future__ import annotations

import math
import threading
from typing import Any

import pytest
import tiny
import torch

from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.label_scores import Rule
from gptjt_demo.engine.prompt import Detail
from gptjt_demo.engine.results import Completion
from gptjt_demo.errors import PromptError, PromptTooLong, SettingError
from gptjt_demo.settings import Attention, Sampling

PROMPTS = ["Input: India\nOutput:", "Q", "A rather longer prompt, with é and ✓ in it.\n\nOutput:", "x: y ", "tail\n"]
GREEDY = Sampling(max_new_tokens=12)


@pytest.fixture(params=tiny.FAMILIES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return Engine(tiny.model(request.param), tiny.tokenizer(), name="tiny")


@pytest.fixture
def llama() -> Engine:
    return Engine(tiny.model("llama"), tiny.tokenizer(), name="tiny")


def naive_logprobs(engine: Engine, ids: list[int], prompt: int, attention: str) -> torch.Tensor:
    logits = tiny.full_logits(tiny.network(engine), ids, prompt, attention)
    logits[:, 257:] = float("-inf")
    return logits.log_softmax(-1)


def naive_greedy(engine: Engine, prompt: str, attention: str, count: int = 12) -> list[int]:
    """Greedy decoding that runs the whole text through the model for every token."""
    start = ids = list(engine.encode(prompt))
    while len(ids) < len(start) + count:
        best = int(naive_logprobs(engine, ids, len(start), attention)[-1].argmax())
        if best == tiny.END:
            break
        ids = [*ids, best]
    return ids[len(start) :]


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_greedy_answers_are_those_of_the_naive_loop(engine: Engine, attention: Attention) -> None:
    for prompt in PROMPTS:
        completion = engine.complete(prompt, GREEDY, attention=attention)
        expected = naive_greedy(engine, prompt, attention)
        assert [t.id for t in completion.tokens if t.id != tiny.END] == expected


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_many_completions_equal_the_single_ones(engine: Engine, attention: Attention) -> None:
    sampling = Sampling(max_new_tokens=12, temperature=1.5, seed=7, stop=("e",))
    many = tiny.answered(engine.complete_many(PROMPTS, sampling, attention=attention))
    assert sorted(many) == list(range(len(PROMPTS)))
    for index, prompt in enumerate(PROMPTS):
        single = engine.complete(prompt, sampling, attention=attention)
        assert many[index].text == single.text
        assert many[index].stop_reason == single.stop_reason
        assert [t.id for t in many[index].tokens] == [t.id for t in single.tokens]


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_prompts_that_begin_alike_are_answered_and_scored_as_alone(
    engine: Engine, attention: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefills = []
    prefill = engine.steps.prefill

    def noted(ids: torch.Tensor, *rest: Any) -> Any:
        prefills.append(ids.shape)
        return prefill(ids, *rest)

    monkeypatch.setattr(engine.steps, "prefill", noted)
    header = "A header that all of these begin with.\n\nInput: "
    prompts = [header + query + "\nOutput:" for query in ("a", "bcd", "b, and more of it", "a")]
    many = tiny.answered(engine.complete_many(prompts, GREEDY, attention=attention))
    scores = tiny.answered(engine.score_many(prompts, ["joy", "sadness"], attention=attention))
    shared = (1, len(header)) in prefills
    assert shared is (attention == "causal")
    for index, prompt in enumerate(prompts):
        assert many[index].text == engine.complete(prompt, GREEDY, attention=attention).text
        for one, other in zip(
            engine.score(prompt, ["joy", "sadness"], attention=attention), scores[index], strict=True
        ):
            assert one.logprob == pytest.approx(other.logprob, abs=1e-4)


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_an_answer_goes_on_causally_from_a_continuation(engine: Engine, attention: Attention) -> None:
    whole = engine.complete("Input: India\nOutput:", GREEDY, attention=attention)
    ids = [token.id for token in whole.tokens]
    stream = engine.stream(
        "Input: India\nOutput:", Sampling(max_new_tokens=8), attention=attention, continuation=ids[:4]
    )
    tokens = list(stream)
    assert [token.id for token in tokens] == ids[4:]
    assert stream.continued + "".join(token.text for token in tokens) == stream.completion.text == whole.text
    other = (ids[3] + 1) % 200
    branch = engine.complete("Input: India\nOutput:", GREEDY, attention=attention, continuation=[*ids[:3], other])
    start = engine.encode("Input: India\nOutput:")
    row = naive_logprobs(engine, [*start, *ids[:3], other], len(start), attention)[-1]
    assert branch.tokens[0].logprob == pytest.approx(float(row[branch.tokens[0].id]), abs=1e-4)


def test_a_stop_within_the_continuation_is_passed_over_and_one_across_its_end_counts(llama: Engine) -> None:
    ids = llama.encode(" one\ntwo")
    stop = Sampling(max_new_tokens=30, temperature=3, seed=2, stop=("\n",))
    passed = llama.complete("x:", stop, continuation=ids)
    assert passed.text.startswith("one\ntwo")
    follows = llama.complete("x:", Sampling(max_new_tokens=1), continuation=ids).text[-1]
    across = llama.complete("x:", Sampling(max_new_tokens=9, stop=(f"wo{follows}",)), continuation=ids)
    assert (across.text, across.stop_reason) == ("one\nt", "stop")


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_token_ids_are_a_prompt_like_their_text(engine: Any, attention: str) -> None:
    ids = [engine.encode(prompt) for prompt in PROMPTS]
    many = dict(engine.complete_many(ids, GREEDY, attention=attention))
    scores = dict(engine.score_many(ids, ["joy", "é"], attention=attention))
    for index, prompt in enumerate(PROMPTS):
        alone = engine.complete(ids[index], GREEDY, attention=attention)
        assert alone.text == many[index].text == engine.complete(prompt, GREEDY, attention=attention).text
        expected = engine.score(prompt, ["joy", "é"], attention=attention)
        for found, score in zip(scores[index], expected, strict=True):
            assert found.logprob == pytest.approx(score.logprob, abs=1e-4)


@pytest.mark.parametrize("ids", [[], [-1], [260], [True], [1.0], ["a"], [[1]], b"ab", (1, None)], ids=repr)
def test_what_are_no_token_ids_are_no_prompt(llama: Any, ids: Any) -> None:
    for ask in (llama.complete, lambda prompt: llama.score(prompt, ["a", "b"])):
        with pytest.raises(PromptError):
            ask(ids)


def test_an_exact_text_is_all_that_follows_the_prompt_and_a_joiner_is_only_what_the_model_wrote(engine: Any) -> None:
    for seed in range(8):
        sampling = Sampling(max_new_tokens=8, temperature=3, seed=seed)
        for prompt in PROMPTS:
            exact = engine.complete(prompt, sampling, detail=Detail(exact=True))
            ids = [token.id for token in exact.tokens if token.id != tiny.END]
            assert exact.joiner == ""
            assert exact.text == engine.decode(ids).rstrip("\ufffd")
            assert "".join(token.text for token in exact.tokens) == exact.text
            usual = engine.complete(prompt, sampling)
            assert usual.joiner + usual.text == exact.text


def test_a_stop_that_begins_with_the_joiner_counts_in_an_exact_text(llama: Any) -> None:
    tiny.network(llama).lm_head.register_forward_hook(
        lambda m, i, out: out.index_fill(-1, torch.tensor(llama.encode(" ")), 99.0)
    )
    stop = Sampling(max_new_tokens=4, stop=("  ",))
    assert llama.complete("x:", stop, detail=Detail(exact=True)).text == ""
    assert llama.complete("x:", stop).text == ""
    assert llama.complete("x:", Sampling(max_new_tokens=2, stop=(" ",))).joiner == " "


def test_an_echo_is_the_prompt_s_tokens_as_likely_as_in_one_causal_pass(engine: Any) -> None:
    prompt = "A prompt, with é and ✓, that is longer than a piece is.\n\nOutput:"
    full = engine.complete(prompt, GREEDY, attention="causal", detail=Detail(alternatives=3, echo=True))
    plain = engine.complete(prompt, GREEDY, attention="causal")
    ids = engine.encode(prompt)
    assert full.text == plain.text
    assert [token.id for token in full.echo] == ids
    assert "".join(token.text for token in full.echo) == prompt
    rows = naive_logprobs(engine, ids, 1, "causal")
    assert full.echo[0].logprob is None
    for place, token in enumerate(full.echo[1:], 1):
        assert token.logprob == pytest.approx(float(rows[place - 1, token.id]), abs=1e-4)
        best = rows[place - 1].topk(3)
        assert [each.id for each in token.alternatives] == best.indices.tolist()
        assert [each.logprob for each in token.alternatives] == pytest.approx(best.values.tolist(), abs=1e-4)
    assert {len(token.alternatives) for token in full.tokens} == {3}


def test_an_echo_of_what_is_read_both_ways_is_refused_and_one_may_fill_the_context(llama: Any) -> None:
    with pytest.raises(SettingError, match="causally"):
        llama.complete("x:", attention="prefix", detail=Detail(echo=True))
    whole = "a" * tiny.CONTEXT  # the one token that follows is never read
    found = llama.complete(whole, Sampling(max_new_tokens=1), attention="causal", detail=Detail(echo=True))
    assert len(found.echo) == tiny.CONTEXT
    cancel = threading.Event()
    cancel.set()
    gone = llama.complete("x:", GREEDY, attention="causal", detail=Detail(echo=True), cancel=cancel)
    assert gone.stop_reason == "cancelled"


@pytest.mark.parametrize("id", [-1, 260, 9999])
def test_a_continuation_of_no_tokens_is_refused(llama: Engine, id: int) -> None:
    with pytest.raises(PromptError, match=str(id)):
        llama.stream("x:", continuation=[id])


def test_tokens_joined_are_the_text(llama: Engine) -> None:
    assert "".join(llama.tokens("Input: India")) == "Input: India"


@pytest.mark.parametrize("attention", ["prefix", "causal"])
@pytest.mark.parametrize("end", ["\n", "", " END"])
def test_label_scores_equal_the_naive_computation(engine: Engine, attention: Attention, end: str) -> None:
    labels = ["joy", "sad and sorry", "✓"]
    for prompt in PROMPTS:
        joiner = "" if prompt[-1].isspace() else " "
        scores = engine.score(prompt, labels, end=end, attention=attention)
        for label, score in zip(labels, scores, strict=True):
            start = engine.encode(prompt)
            rest = engine.encode(joiner + label + end)
            rows = naive_logprobs(engine, start + rest, len(start), attention)
            expected = sum(float(rows[len(start) - 1 + k, id]) for k, id in enumerate(rest))
            assert score.logprob == pytest.approx(expected, abs=1e-4)
            assert score.per_token == pytest.approx(expected / len(rest), abs=1e-4)
            assert score.per_byte == pytest.approx(expected / len((joiner + label + end).encode()), abs=1e-4)
        assert math.fsum(score.share for score in scores) == pytest.approx(1)


@pytest.mark.parametrize("attention", ["prefix", "causal"])
def test_likelihoods_of_token_ids_are_those_of_the_naive_computation(engine: Any, attention: Any) -> None:
    contexts = [engine.encode(prompt) for prompt in PROMPTS]
    best = engine.complete(PROMPTS[0], Sampling(max_new_tokens=3), attention=attention)
    continuations = [engine.encode(" joy"), engine.encode("x"), [token.id for token in best.tokens]]
    found = dict(engine.likelihoods(contexts, continuations, attention=attention))
    assert sorted(found) == list(range(len(contexts)))
    for index, context in enumerate(contexts):
        for ids, likelihood in zip(continuations, found[index], strict=True):
            rows = naive_logprobs(engine, context + ids, len(context), attention)[len(context) - 1 : -1]
            assert likelihood.logprob == pytest.approx(float(rows[range(len(ids)), ids].sum()), abs=1e-4)
            assert likelihood.greedy == (rows.argmax(-1).tolist() == ids)
    assert found[0][2].greedy


def test_likelihoods_behind_a_prompt_are_its_label_scores(engine: Any) -> None:
    for prompt in PROMPTS:
        joiner = "" if prompt[-1].isspace() else " "
        labels = ["joy", "sad and sorry"]
        continuations = [engine.encode(joiner + label) for label in labels]
        [(_, found)] = engine.likelihoods([prompt], continuations)
        for likelihood, score in zip(found, engine.score(prompt, labels, end=""), strict=True):
            assert likelihood.logprob == pytest.approx(score.logprob, abs=1e-5)


def test_a_context_that_does_not_fit_gives_its_error_and_the_others_their_likelihoods(llama: Any) -> None:
    full = [65] * (tiny.CONTEXT - 2)
    found = dict(llama.likelihoods([full, [*full, 65], [9999], [66], []], [[70, 71, 72]]))
    assert len(found[0]) == len(found[3]) == 1  # the last token of a continuation is only predicted
    assert isinstance(found[1], PromptTooLong)
    assert isinstance(found[2], PromptError)
    assert isinstance(found[4], PromptError)
    assert list(llama.likelihoods([], [[70]])) == []
    for continuations in ([], [[70], []]):
        with pytest.raises(PromptError, match="no tokens"):
            list(llama.likelihoods([[66]], continuations))


def test_many_label_scores_equal_the_single_ones(engine: Engine) -> None:
    labels = ["joy", "sadness"]
    many = tiny.answered(engine.score_many(PROMPTS, labels))
    for index, prompt in enumerate(PROMPTS):
        for one, other in zip(engine.score(prompt, labels), many[index], strict=True):
            assert one.label == other.label
            assert one.logprob == pytest.approx(other.logprob, abs=1e-4)


def test_the_order_of_labels_changes_no_score(llama: Engine) -> None:
    labels = ["b", "a", "ba"]
    forward = {s.label: s for s in llama.score("x:", labels)}
    backward = {s.label: s for s in llama.score("x:", labels[::-1])}
    for label in labels:
        assert forward[label].logprob == pytest.approx(backward[label].logprob, abs=1e-5)
        assert forward[label].share == pytest.approx(backward[label].share, abs=1e-5)


def test_one_label_may_begin_another_and_is_not_favoured_for_it(llama: Engine) -> None:
    short, long = llama.score("x:", ["a", "ab"])
    assert short.tokens + 1 == long.tokens
    assert short.logprob != long.logprob


@pytest.mark.parametrize("rule", ["logprob", "per_token", "per_byte"])
def test_shares_are_the_softmax_of_the_rule_in_use(llama: Engine, rule: Rule) -> None:
    scores = llama.score("x:", ["a", "bcd", "efghi"], rule=rule)
    values = torch.tensor([getattr(score, rule) for score in scores], dtype=torch.float64)
    assert [score.share for score in scores] == pytest.approx(values.softmax(0).tolist())


def test_padding_tokens_are_never_sampled_and_never_counted(llama: Engine) -> None:
    with torch.no_grad():
        tiny.network(llama).lm_head.weight[257:] = tiny.network(llama).lm_head.weight[65] * 50
    completion = llama.complete("x:", Sampling(max_new_tokens=40, temperature=5, seed=3))
    assert all(token.id <= 256 for token in completion.tokens)
    first = naive_logprobs(llama, llama.encode("x:"), 2, "prefix")[-1]
    assert float(first.exp().sum()) == pytest.approx(1, abs=1e-4)
    token = completion.tokens[0]
    assert token.logprob == pytest.approx(float(first[token.id]), abs=1e-4)


def test_streamed_tokens_joined_are_the_completion(llama: Engine) -> None:
    sampling = Sampling(max_new_tokens=60, temperature=2, seed=11, stop=("ab", "\n"))
    stream = llama.stream("x:", sampling)
    parts = [token.text for token in stream]
    assert "".join(parts) == stream.completion.text == llama.complete("x:", sampling).text


def test_alternatives_are_the_likeliest_tokens_in_order(llama: Engine) -> None:
    token = llama.complete("x:", GREEDY).tokens[0]
    logprobs = [alternative.logprob for alternative in token.alternatives]
    assert logprobs == sorted(logprobs, reverse=True)
    assert token.alternatives[0].id == token.id
    assert token.logprob == logprobs[0]


def test_an_answer_says_why_it_ended(llama: Engine) -> None:
    full = llama.complete("x:", Sampling(max_new_tokens=30, temperature=2, seed=5))
    assert full.stop_reason == "max_new_tokens"
    assert full.completion_tokens == 30
    stop = full.text[10:12]
    stopped = llama.complete("x:", Sampling(max_new_tokens=30, temperature=2, seed=5, stop=(stop,)))
    assert (stopped.stop_reason, stopped.stop) == ("stop", stop)
    assert stopped.text == full.text[: full.text.index(stop)]
    with torch.no_grad():
        tiny.network(llama).lm_head.weight[tiny.END] = 0
        tiny.network(llama).lm_head.weight[:] = -tiny.network(llama).lm_head.weight[tiny.END]
    tiny.network(llama).lm_head.register_forward_hook(
        lambda m, i, out: out.index_fill(-1, torch.tensor([tiny.END]), 9.0)
    )
    ended = llama.complete("x:", GREEDY)
    assert (ended.stop_reason, ended.text, ended.completion_tokens) == ("end_of_text", "", 1)


@pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
def test_a_blank_prompt_is_refused_before_any_work(llama: Engine, blank: str) -> None:
    with pytest.raises(PromptError, match="empty"):
        llama.stream(blank)


def test_a_prompt_over_the_context_is_refused_with_both_counts(llama: Engine) -> None:
    for prompt, new in (("a" * 300, 1), ("a" * 250, 7)):
        with pytest.raises(PromptTooLong) as error:
            llama.stream(prompt, Sampling(max_new_tokens=new))
        assert str(len(prompt)) in str(error.value)
        assert str(tiny.CONTEXT) in str(error.value)
    assert llama.complete("a" * 250, Sampling(max_new_tokens=6)).prompt_tokens == 250


@pytest.mark.parametrize("labels", [[], ["a", ""], ["a", " "], ["a", "b", "a"], "ab"])
def test_labels_that_cannot_be_compared_are_refused(llama: Engine, labels: list[str]) -> None:
    with pytest.raises(PromptError):
        llama.score("x:", labels)


def test_an_unknown_mode_or_rule_is_refused(llama: Engine) -> None:
    with pytest.raises(SettingError, match="sideways"):
        llama.complete("x:", attention="sideways")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="best"):
        llama.score("x:", ["a"], rule="best")  # type: ignore[arg-type]


def test_a_bad_row_gives_its_error_and_the_others_their_answers(llama: Engine) -> None:
    prompts = ["a", "", "b" * 400, "c"]
    results = dict(llama.complete_many(prompts, GREEDY))
    assert isinstance(results[1], PromptError)
    assert isinstance(results[2], PromptTooLong)
    assert all(isinstance(results[k], Completion) for k in (0, 3))
    scores = dict(llama.score_many(prompts, ["x", "y"]))
    assert isinstance(scores[2], PromptTooLong)
    assert isinstance(scores[3], list)
    assert len(scores[3]) == 2


def test_cancelling_ends_within_a_token_and_leaves_the_engine_working(llama: Engine) -> None:
    cancel = threading.Event()
    stream = llama.stream("x:", Sampling(max_new_tokens=100, temperature=2, seed=1), cancel=cancel)
    for count, _ in enumerate(stream, 1):
        if count == 5:
            cancel.set()
    assert stream.completion.stop_reason == "cancelled"
    assert stream.completion.completion_tokens <= 6
    assert llama.complete("x:", GREEDY).stop_reason != "cancelled"


def test_a_flag_set_before_the_start_gives_an_empty_cancelled_answer(llama: Engine) -> None:
    cancel = threading.Event()
    cancel.set()
    completion = llama.complete("x:", GREEDY, cancel=cancel)
    assert (completion.text, completion.stop_reason, completion.completion_tokens) == ("", "cancelled", 0)
    assert llama.score("x:", ["a"], cancel=cancel) == []
    assert list(llama.complete_many(["x:"], GREEDY, cancel=cancel)) == []


def test_a_seed_gives_the_same_text_while_others_generate(llama: Engine) -> None:
    def sampling(seed: Any) -> Any:
        return Sampling(max_new_tokens=40, temperature=1.5, seed=seed)

    alone = {seed: llama.complete("x:", sampling(seed)).text for seed in range(4)}
    assert len(set(alone.values())) == 4
    together: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda s=seed: together.update({s: llama.complete("x:", sampling(s)).text}))
        for seed in alone
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_a_blank_seed_is_drawn_and_shown(llama: Engine) -> None:
    first, second = (llama.complete("x:", Sampling(temperature=2, max_new_tokens=20)) for _ in range(2))
    assert first.seed != second.seed
    again = llama.complete("x:", Sampling(temperature=2, max_new_tokens=20, seed=first.seed))
    assert again.text == first.text


def test_a_family_without_the_mask_answers_causally_and_says_so() -> None:
    made = tiny.model("gpt_neo", "eager")
    engine = Engine(made, tiny.tokenizer(), attention="prefix")
    assert not engine.supports_prefix
    assert engine.complete("x:", GREEDY, attention="prefix").attention == "causal"
    assert any("causally" in note for note in engine.notes)


def test_a_completion_names_the_model_the_mode_and_its_times(engine: Engine) -> None:
    completion = engine.complete("x:", GREEDY, attention="causal")
    assert (completion.model, completion.attention, completion.prompt_tokens) == ("tiny", "causal", 2)
    assert 0 < completion.seconds_to_first_token < completion.seconds
    assert completion.tokens_per_second > 0
