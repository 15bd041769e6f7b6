"""Log probabilities over HTTP: four lists of one length, what the harness reads off them, and what an echo holds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import tiny
import torch
from api_server import client, post, refused, serving
from fake_engine import FakeEngine

from gptjt_demo.api.logprobs import NOTHING, Logprobs
from gptjt_demo.engine.engine import Engine
from gptjt_demo.engine.prompt import ControlTokens
from gptjt_demo.engine.results import Alternative, Token
from gptjt_demo.settings import Sampling

PROMPT = "Input: é, India\nOutput:"
ONE = Sampling(max_new_tokens=1)
LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


def asked(url: str, **fields: Any) -> Any:
    """The first choice, as plain values: OpenAI's own types have no room for an echo's null."""
    response = post(url, "v1/completions", {"model": "tiny:causal", "prompt": PROMPT, "temperature": 0} | fields)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]


def check_lists(choice: Any) -> None:
    """What holds for every answer's lists."""
    found = choice["logprobs"]
    assert set(found) == set(LISTS)
    assert len({len(found[name]) for name in LISTS}) == 1
    assert found["text_offset"] == sorted(found["text_offset"])
    for token, logprob, top, offset in zip(*(found[name] for name in LISTS), strict=True):
        assert 0 <= offset <= len(choice["text"])
        if not token.startswith("token_id:") and token != "<|endoftext|>":
            assert choice["text"][offset : offset + len(token)] == token[: len(choice["text"]) - offset]
        assert (logprob is None) == (top is None)
        if logprob is not None:
            assert top[token] == logprob  # the same float
            assert math.isfinite(logprob)


@pytest.mark.parametrize("best", [0, 1, 5, 10])
@pytest.mark.parametrize("echo", [False, True])
def test_the_lists_are_of_one_length_and_hold_what_was_asked_for(url: str, best: int, echo: bool) -> None:
    for seed in range(3):
        choice = asked(url, logprobs=best, echo=echo, max_tokens=20, temperature=2, seed=seed)
        check_lists(choice)
        tops = [top for top in choice["logprobs"]["top_logprobs"] if top is not None]
        assert all(best <= len(top) <= best + 1 for top in tops if best)
        assert choice["text"].startswith(PROMPT) == echo


def test_the_openai_client_reads_them(url: str) -> None:
    answer = client(url).completions.create(model="tiny", prompt=PROMPT, logprobs=10, max_tokens=4)
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert len(logprobs.tokens) == 4
    echo = client(url, strict=False).completions.create(model="tiny:causal", prompt=PROMPT, logprobs=1, echo=True)
    assert echo.choices[0].logprobs is not None
    assert (echo.choices[0].logprobs.token_logprobs or [])[0] is None


def test_without_them_there_are_none(url: str) -> None:
    assert asked(url)["logprobs"] is None
    assert asked(url, echo=True)["logprobs"] is None
    assert asked(url, echo=True)["text"] == PROMPT + asked(url)["text"]


def test_an_echo_holds_the_naive_log_probabilities_of_the_prompt(url: str, engine: Engine) -> None:
    ids = [tiny.END, *engine.encode(PROMPT * 4)]  # more than one piece
    choice = asked(url, prompt=ids, logprobs=3, echo=True, max_tokens=1)
    check_lists(choice)
    logits = tiny.full_logits(tiny.network(engine), ids, 1, "causal")
    logits[:, 257:] = float("-inf")
    rows = logits.log_softmax(-1)
    found = choice["logprobs"]
    assert len(found["tokens"]) == len(ids) + 1
    assert found["token_logprobs"][0] is found["top_logprobs"][0] is None
    for index in range(1, len(ids)):
        assert found["token_logprobs"][index] == pytest.approx(float(rows[index - 1, ids[index]]), abs=1e-4)
        assert max(found["top_logprobs"][index].values()) == pytest.approx(float(rows[index - 1].max()), abs=1e-4)
    assert found["token_logprobs"][-1] == pytest.approx(float(rows[-1].max()), abs=1e-4)


@pytest.mark.parametrize("prompt", ["Input: India\nOutput:", "a line\n", "é", ""])
def test_labels_weigh_as_in_a_score(url: str, engine: Engine, prompt: str) -> None:
    """As lm-evaluation-harness asks: ids of context and continuation, one token more, the sum of what lies between."""
    joiner = "" if not prompt or prompt[-1].isspace() else " "
    context = engine.encode(prompt) or [tiny.END]
    labels = ["joy", "sad and sorry", "é"]
    rests = [engine.encode((joiner if prompt else " ") + label) for label in labels]
    body = {
        "model": "tiny:causal",
        "prompt": [[*context, *rest] for rest in rests],
        "temperature": 0,
        "max_tokens": 1,
        "logprobs": 1,
        "seed": 1234,
        "echo": True,
    }
    choices = post(url, "v1/completions", body).json()["choices"]
    scores = engine.score(prompt or [tiny.END], labels, end="", attention="causal")
    for choice, score, rest in zip(choices, scores, rests, strict=True):
        found = choice["logprobs"]
        assert len(found["tokens"]) == len(context) + len(rest) + 1
        assert sum(found["token_logprobs"][len(context) : -1]) == pytest.approx(score.logprob, abs=1e-4)


def test_labels_weigh_as_in_a_score_of_the_embedded_model_too(mini: Engine) -> None:
    prompt, labels = "Text: I won the race!\nMood: happy\n\nText: My dog is ill.\nMood:", ["sad", "very angry"]
    context = mini.encode(prompt)
    with serving(mini) as url:
        for label, score in zip(labels, mini.score(prompt, labels, end="", attention="causal"), strict=True):
            ids = [*context, *mini.encode(f" {label}")]
            choice = asked(url, model="mini:causal", prompt=ids, max_tokens=1, logprobs=1, echo=True)
            check_lists(choice)
            logprobs = choice["logprobs"]["token_logprobs"]
            assert sum(logprobs[len(context) : -1]) == pytest.approx(score.logprob, abs=1e-4)


def test_a_greedy_continuation_is_told_from_another_by_comparing_floats(url: str, engine: Engine) -> None:
    best = [token.id for token in engine.complete(PROMPT, Sampling(max_new_tokens=6), attention="causal").tokens]
    for ids, greedy in ((best, True), ([*best[:-1], (best[-1] + 1) % 200], False)):
        choice = asked(url, prompt=[*engine.encode(PROMPT), *ids], logprobs=1, echo=True, max_tokens=1)
        pairs = list(zip(choice["logprobs"]["token_logprobs"], choice["logprobs"]["top_logprobs"], strict=True))[-7:-1]
        assert all(logprob == max(top.values()) for logprob, top in pairs) is greedy


def test_one_token_is_one_entry_also_where_it_ends_the_text_or_is_a_stop(url: str, engine: Engine) -> None:
    firsts = {prompt: engine.complete(prompt, ONE, attention="causal").tokens[0].raw for prompt in "abcdefghijklmn"}
    prompt, first = next((prompt, raw) for prompt, raw in firsts.items() if raw.isascii())
    choice = asked(url, prompt=prompt, logprobs=1, echo=True, max_tokens=1, stop=[first])
    assert (choice["text"], choice["finish_reason"], choice["logprobs"]["tokens"]) == (prompt, "stop", [prompt, first])
    check_lists(choice)
    length = len(engine.encode(PROMPT))
    ending = tiny.model("llama")
    ending.lm_head.register_forward_hook(lambda m, i, out: out.index_fill(-1, torch.tensor([tiny.END]), 99.0))
    with serving(Engine(ending, tiny.tokenizer(), name="tiny")) as other:
        choice = asked(other, logprobs=1, echo=True, max_tokens=1)
        assert (choice["text"], choice["finish_reason"]) == (PROMPT, "stop")
        assert choice["logprobs"]["tokens"][length:] == ["<|endoftext|>"]
        check_lists(choice)


def test_no_tokens_with_an_echo_is_the_prompt_alone(url: str, engine: Engine) -> None:
    choice = asked(url, logprobs=2, echo=True, max_tokens=0)
    check_lists(choice)
    assert (choice["text"], choice["finish_reason"]) == (PROMPT, "length")
    assert len(choice["logprobs"]["tokens"]) == len(engine.encode(PROMPT))
    assert asked(url, max_tokens=0)["text"] == ""
    full = asked(url, prompt="a" * tiny.CONTEXT, echo=True, logprobs=1, max_tokens=0)  # all that the context holds
    assert len(full["logprobs"]["tokens"]) == tiny.CONTEXT
    body = {"model": "tiny:causal", "prompt": "ab", "max_tokens": 0, "echo": True}
    assert post(url, "v1/completions", body).json()["usage"]["completion_tokens"] == 0


@pytest.mark.parametrize("model", ["tiny", "tiny:prefix", "tiny:instruct"])
def test_an_echo_in_prefix_mode_is_refused_and_shown_the_way(url: str, model: str) -> None:
    error = refused(post(url, "v1/completions", {"model": model, "prompt": PROMPT, "echo": True, "logprobs": 1}))
    assert error["param"] == "echo"
    assert "/v1/score" in error["message"]
    assert "tiny:causal" in error["message"]
    assert asked(url, model="tiny", attention="causal", echo=True)["text"].startswith(PROMPT)


def test_no_number_that_json_lacks_is_sent() -> None:
    nothing = [Alternative(1, "a", -math.inf), Alternative(2, "b", math.nan)]
    lists = Logprobs(5, ControlTokens({}))
    lists.add([Token(1, "a", "a", -math.inf, tuple(nothing))])
    assert lists.take() == {
        "tokens": ["a"],
        "token_logprobs": [NOTHING],
        "top_logprobs": [{"a": NOTHING, "b": NOTHING}],
        "text_offset": [0],
    }


def test_tokens_that_look_alike_are_told_apart() -> None:
    alike = (Alternative(1, "\ufffd", -0.1), Alternative(2, "\ufffd", -0.2), Alternative(3, "joy", -0.3))
    lists = Logprobs(5, ControlTokens({}))
    lists.add([Token(2, "", "\ufffd", -0.2, alike), Token(4, "joy", "joy", -3.0, alike)])
    found = lists.take()
    assert found["tokens"] == ["token_id:2", "joy"]
    assert found["top_logprobs"][0] == {"token_id:1": -0.1, "token_id:2": -0.2, "joy": -0.3}
    assert found["top_logprobs"][1] == {"token_id:1": -0.1, "token_id:2": -0.2, "token_id:3": -0.3, "joy": -3.0}


def test_offsets_stay_within_a_text_that_a_stop_cut() -> None:
    with serving(FakeEngine(default="joy and more")) as url:
        choice = asked(url, model="fake:causal", prompt="p", logprobs=1, stop=" and", max_tokens=9)
        assert choice["text"] == " joy"
        check_lists(choice)
