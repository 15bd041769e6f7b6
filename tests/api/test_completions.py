"""Completions over HTTP: exact texts, OpenAI's defaults and shapes, and what does not fit refused by name."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
import tiny
from api_server import HTTP, client, post, refused, serving
from fake_engine import FakeEngine

from gptjt_demo.api.completions import TOKENS
from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.prompt import Detail
from gptjt_demo.settings import Sampling

PROMPT = "Input: India\nOutput:"
PROMPTS = [PROMPT, "Ends in a space ", "é and ✓\n", "x"]
EXACT = Detail(exact=True)


def complete(url: str, **fields: Any) -> Any:
    """The answer as the openai client reads it, greedy unless something else is asked for."""
    asked: dict[str, Any] = {"model": "tiny", "prompt": PROMPT, "temperature": 0}
    return client(url).completions.create(**asked | fields)


@pytest.mark.parametrize("attention", ["prefix", "causal"])
@pytest.mark.parametrize("prompt", PROMPTS)
def test_prompt_and_text_are_the_text_of_all_tokens(url: str, engine: Engine, prompt: str, attention: Any) -> None:
    answer = complete(url, prompt=prompt, model=f"tiny:{attention}", max_tokens=12)
    direct = engine.complete(prompt, Sampling(max_new_tokens=12), attention=attention)
    ids = [token.id for token in direct.tokens if token.id != tiny.END]
    whole = engine.decode([*engine.encode(prompt), *ids])
    assert prompt + answer.choices[0].text == whole.rstrip("\ufffd")
    assert answer.choices[0].text == direct.joiner + direct.text
    assert answer.model == f"tiny:{attention}"
    assert answer.usage.prompt_tokens == len(engine.encode(prompt))
    assert answer.usage.completion_tokens == len(direct.tokens)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_every_form_of_prompt_gives_the_same_and_an_index_tells_whose_it_is(url: str, engine: Engine) -> None:
    ids = [engine.encode(prompt) for prompt in PROMPTS]
    texts = [complete(url, prompt=prompt).choices[0].text for prompt in PROMPTS]
    assert [complete(url, prompt=each).choices[0].text for each in ids] == texts
    for many in (PROMPTS, ids):
        answer = complete(url, prompt=many, n=2)
        assert [choice.index for choice in answer.choices] == list(range(8))
        assert [choice.text for choice in answer.choices] == [text for text in texts for _ in range(2)]
        assert answer.usage.prompt_tokens == sum(map(len, ids))


@pytest.mark.parametrize("prompt", ["", [], [[]], [""], None], ids=repr)
def test_an_empty_context_is_the_start_token(url: str, engine: Engine, prompt: Any) -> None:
    expected = engine.complete([tiny.END], Sampling(max_new_tokens=TOKENS), detail=EXACT).text
    answer = post(url, "v1/completions", {"model": "tiny", "prompt": prompt, "temperature": 0}).json()
    assert answer["choices"][0]["text"] == expected
    assert answer["usage"]["prompt_tokens"] == 1


def test_ids_reach_the_model_as_ids(url: str, engine: Engine) -> None:
    ids = [tiny.END, *engine.encode("x"), tiny.END]
    assert (
        complete(url, prompt=ids).choices[0].text
        == engine.complete(ids, Sampling(max_new_tokens=16), detail=EXACT).text
    )


def test_what_is_left_out_or_null_is_as_openai_says(engine: Engine) -> None:
    class Noting(FakeEngine):
        def complete(self, prompt: Any, sampling: Any = None, **more: Any) -> Any:
            noted.append(sampling)
            return super().complete(prompt, sampling, **more)

    noted: list[Sampling] = []
    with serving(Noting()) as url:
        for body in ({}, {"stop": None, "seed": None, "n": None, "max_tokens": None, "logit_bias": None, "user": None}):
            assert post(url, "v1/completions", {"prompt": "p"} | body).status_code == 200
    assert noted == [Sampling(max_new_tokens=16, temperature=1.0)] * 2


def test_accepted_values_of_what_is_not_supported_and_unknown_keys_change_nothing(url: str) -> None:
    plain = complete(url).choices[0].text
    more = {"presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}, "best_of": 1, "messages": [], "zork": {}}
    body = {"model": "tiny", "prompt": PROMPT, "temperature": 0, "suffix": None, "user": "u"} | more
    assert post(url, "v1/completions", body).json()["choices"][0]["text"] == plain


def test_a_seed_of_any_size_decides_the_text_and_the_choices_differ(url: str, engine: Engine) -> None:
    for seed in (-1, 2**63):
        one, two = (complete(url, temperature=2, seed=seed, n=2, best_of=2, max_tokens=6) for _ in range(2))
        texts = [choice.text for choice in one.choices]
        assert texts == [choice.text for choice in two.choices]
        assert texts[0] != texts[1]
        sampling = Sampling(max_new_tokens=6, temperature=2, seed=seed % 2**32)
        assert texts[0] == engine.complete(PROMPT, sampling, detail=EXACT).text
    assert complete(url, temperature=2).choices[0].text != complete(url, temperature=2).choices[0].text


def test_a_stop_is_a_text_or_a_list_of_any_length_and_is_not_in_the_text(url: str) -> None:
    full = complete(url, temperature=2, seed=5, max_tokens=20).choices[0]
    assert full.finish_reason == "length"
    place = next(k for k in range(8, len(full.text)) if full.text[k] not in full.text[:k])
    stop = full.text[place]
    for given in (stop, [stop], ["", stop, ""], [*(f"never {k}" for k in range(300)), stop]):
        cut = complete(url, temperature=2, seed=5, max_tokens=20, stop=given).choices[0]
        assert (cut.text, cut.finish_reason) == (full.text[:place], "stop")
    for nothing in (None, "", [], [""]):
        assert complete(url, temperature=2, seed=5, max_tokens=20, stop=nothing).choices[0].text == full.text


def test_a_stop_may_be_the_space_before_the_answer() -> None:
    with serving(FakeEngine(default="joy ride")) as url:
        assert complete(url, model="fake").choices[0].text == " joy ride"
        assert complete(url, model="fake", stop=" ").choices[0].text == ""
        assert complete(url, model="fake", stop=" ride").choices[0].text == " joy"


def test_a_temperature_next_to_nothing_is_greedy(url: str) -> None:
    assert complete(url, temperature=1e-40).choices[0].text == complete(url).choices[0].text


def test_the_mode_is_the_models_or_the_fields(url: str) -> None:
    answers = {model: complete(url, model=model) for model in ("tiny", "tiny:prefix", "tiny:causal", "tiny:instruct")}
    assert {model: answer.model for model, answer in answers.items()} == {
        "tiny": "tiny:prefix",
        "tiny:prefix": "tiny:prefix",
        "tiny:causal": "tiny:causal",
        "tiny:instruct": "tiny:prefix",
    }
    for attention in ("prefix", "causal"):
        answer = complete(url, extra_body={"attention": attention})
        assert answer.choices[0].text == answers[f"tiny:{attention}"].choices[0].text
    both = {"model": "tiny:causal", "prompt": PROMPT, "attention": "prefix"}
    assert refused(post(url, "v1/completions", both))["param"] == "attention"


def test_no_model_is_the_default_and_an_unknown_one_is_not_found(url: str) -> None:
    body = {"prompt": PROMPT, "temperature": 0}
    assert post(url, "v1/completions", body).json()["choices"][0]["text"] == complete(url).choices[0].text
    for model in ("gpt-4", "", "tiny:sideways", "so \ud83d"):
        error = refused(post(url, "v1/completions", body | {"model": model}), 404)
        assert (error["param"], error["code"]) == ("model", "model_not_found")
        assert "tiny:causal" in error["message"]
    with pytest.raises(openai.NotFoundError):
        complete(url, model="other")


def test_a_model_that_takes_no_mask_is_not_found_in_prefix_mode() -> None:
    with serving(FakeEngine(supports_prefix=False)) as url:
        assert complete(url, model="fake").model == "fake:causal"
        refused(post(url, "v1/completions", {"model": "fake:prefix", "prompt": "p"}), 404)
        refused(post(url, "v1/completions", {"attention": "prefix", "prompt": "p"}))


HALF = "so \ud83d happy"
WRONG = {
    "prompt": [
        5,
        {},
        True,
        [1, "a"],
        ["a", ["b"]],
        [["a"]],
        [1.5],
        [True],
        [-1],
        [10**400],
        [260],
        HALF,
        [HALF],
        [None],
    ],
    "model": [5, ["tiny"], {}],
    "max_tokens": [-1, 1.5, "5", True, 10**400, 10**9, float("nan"), float("inf"), [], {}],
    "temperature": ["hot", -1, 100, float("nan"), float("-inf"), 1e400, 10**400, True, [], {}],
    "top_p": ["x", -1, 2, float("nan"), True],
    "n": [0, -1, "2", 1.5, True, 10**30, 129],
    "best_of": [2, 0, "1"],
    "stop": [5, [5], {}, [None], HALF, [HALF], ["x" * 5000]],
    "seed": ["7", 1.5, float("nan"), True, []],
    "logprobs": [-1, 11, 1.5, "1", True, 10**100],
    "echo": ["yes", 1, []],
    "stream": ["yes", 1],
    "suffix": ["and", "", 5],
    "logit_bias": [{"5": 1}, [], 5],
    "presence_penalty": [1, -0.5, "0", True],
    "frequency_penalty": [1, [], False],
    "attention": ["sideways", 5, ["prefix"], HALF],
    "stream_options": [5, [], {"include_usage": 1}],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_value_that_does_not_fit_is_refused_by_its_name(url: str, name: str) -> None:
    for value in WRONG[name]:
        response = post(url, "v1/completions", {"prompt": PROMPT} | {name: value})
        assert refused(response)["param"] in (name, "body"), value
        assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "5", "null", '"text"', b"\xff\xfe\xfa", "[" * 100_000, '{"a":' * 50_000, '{"prompt": "\\ud83"}'],
    ids=lambda body: repr(body)[:12],
)
def test_what_is_no_json_object_is_refused(url: str, body: Any) -> None:
    assert refused(post(url, "v1/completions", body))["param"] == "body"


def test_a_prompt_over_the_context_is_refused_with_both_counts(url: str) -> None:
    error = refused(post(url, "v1/completions", {"prompt": "a" * 250, "max_tokens": 7}))
    assert error["code"] == "context_length_exceeded"
    assert "257" in error["message"]
    assert "lower max_tokens" in error["message"]
    assert refused(post(url, "v1/completions", {"prompt": ["a", "a" * 400]}))["param"] == "prompt"


def test_more_prompts_or_choices_than_a_request_may_have_are_too_many(url: str) -> None:
    assert refused(post(url, "v1/completions", {"prompt": ["a"] * 2049}), 413)["param"] == "prompt"
    assert refused(post(url, "v1/completions", {"prompt": ["a"] * 100, "n": 128}), 413)["param"] == "n"


def test_what_the_tools_send_is_answered(url: str) -> None:
    # As in ChainForge, promptfoo and simonw/llm.
    bodies: list[dict[str, Any]] = [
        {
            "model": "tiny:instruct",
            "n": 2,
            "temperature": 1,
            "prompt": "p",
            "messages": None,
            "top_p": 1,
            "max_tokens": 9,
        },
        {
            "model": "tiny",
            "prompt": "p",
            "seed": 0,
            "max_tokens": 100,
            "temperature": 0,
            "top_p": 1,
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "best_of": 1,
        },
        {"model": "tiny", "prompt": "p", "stream": False, "max_tokens": 100, "logprobs": 2},
    ]
    for body in bodies:
        response = post(url, "v1/completions", body)
        assert response.status_code == 200, response.text
        assert len(response.json()["choices"]) == body.get("n", 1)
        json.dumps(response.json(), allow_nan=False)


def test_an_error_inside_the_program_is_told_without_its_words_and_a_retry_does_not_help() -> None:
    with serving(FakeEngine(fail_after=0, failure=RuntimeError("a secret\nin two lines"))) as url:
        for path in ("v1/completions", "v1/chat/completions"):
            body = {"prompt": "p", "messages": [{"role": "user", "content": "p"}]}
            response = post(url, path, body)
            error = refused(response, 500)
            assert "RuntimeError" in error["message"]
            assert "secret" not in error["message"]
            assert response.headers["x-should-retry"] == "false"


def test_a_client_that_leaves_stops_the_model() -> None:
    engine = FakeEngine(prefill=60)
    with serving(engine) as url:
        with pytest.raises(httpx.ReadTimeout):
            HTTP.post(f"{url}v1/completions", json={"prompt": "p"}, timeout=0.5)
        assert engine.streams[0].ended.wait(5)
        assert engine.streams[0].completion.stop_reason == "cancelled"
