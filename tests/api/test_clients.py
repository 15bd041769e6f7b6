"""Requests as other programs send them, word for word, and lm-evaluation-harness's own client."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from api_server import HTTP, events, post, refused
from lm_eval.models.openai_completions import LocalCompletionsAPI

from gptjt_demo.engine.engine import Engine
from gptjt_demo.settings import Sampling

PROMPT = "Input: India\nOutput:"
GREEDY = Sampling(max_new_tokens=8)
# What the programs' own code sends for this prompt where nothing but the model and the length is set.
PROMPTFOO = {
    "prompt": PROMPT,
    "max_tokens": 8,
    "temperature": 0,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "best_of": 1,
    "stop": ["<|im_end|>", "<|endoftext|>"],
}
CHAINFORGE = {"n": 1, "temperature": 0, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
MESSAGE = {"role": "user", "content": PROMPT}


@pytest.mark.parametrize(
    "body",
    [
        {"model": "tiny", **PROMPTFOO},
        {"model": "tiny:instruct", **CHAINFORGE, "max_tokens": 8, "prompt": PROMPT},
        {"model": "tiny", "prompt": PROMPT, "stream": False, "max_tokens": 8, "temperature": 0},
    ],
    ids=["promptfoo", "ChainForge", "llm"],
)
def test_completions_as_other_programs_ask_for_them(url: str, engine: Engine, body: dict[str, Any]) -> None:
    answer = post(url, "v1/completions", body, Authorization="Bearer none").json()
    direct = engine.complete(PROMPT, GREEDY)
    [choice] = answer["choices"]
    assert choice["text"] == direct.joiner + direct.text
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "tiny", "messages": [MESSAGE], "max_tokens": 8, "temperature": 0},
        {
            "model": "tiny",
            **CHAINFORGE,
            "response_format": {"type": "text"},
            "max_completion_tokens": 8,
            "messages": [{"role": "system", "content": ""}, MESSAGE],
        },
    ],
    ids=["promptfoo", "ChainForge"],
)
def test_chats_as_other_programs_ask_for_them(url: str, engine: Engine, body: dict[str, Any]) -> None:
    [choice] = post(url, "v1/chat/completions", body).json()["choices"]
    assert choice["message"]["content"] == engine.complete(PROMPT, GREEDY).text


def test_chainforge_s_system_message_is_refused_in_words_that_it_shows(url: str) -> None:
    messages = [{"role": "system", "content": "You are a helpful assistant."}, MESSAGE]
    error = refused(post(url, "v1/chat/completions", {"model": "tiny", **CHAINFORGE, "messages": messages}))
    assert error["param"] == "messages"


def test_llm_reads_a_stream_with_its_counts(url: str, engine: Engine) -> None:
    body = {"model": "tiny", "prompt": PROMPT, "stream": True, "stream_options": {"include_usage": True}}
    with HTTP.stream("POST", f"{url}v1/completions", json=body | {"max_tokens": 8, "temperature": 0}) as response:
        *chunks, done = events(response.iter_lines())
    direct = engine.complete(PROMPT, GREEDY)
    assert done == "[DONE]"
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks[:-1]) == direct.joiner + direct.text
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == direct.completion_tokens


def test_the_harness_s_own_client_gives_the_label_scores(url: str, engine: Engine) -> None:
    theirs = LocalCompletionsAPI(base_url=f"{url}v1/completions", model="tiny:causal", tokenizer_backend="auto")
    assert theirs.tokenizer_backend == "remote"
    labels = ["joy", "deep sadness", "✓"]
    prompts = [PROMPT, "é\nOutput:"]
    asked = [SimpleNamespace(args=(prompt, f" {label}")) for prompt in prompts for label in labels]
    found = theirs.loglikelihood(asked, disable_tqdm=True)
    scores = [s.logprob for p in prompts for s in engine.score(p, labels, end="", attention="causal")]
    assert [each[0] for each in found] == pytest.approx(scores, abs=1e-4)
    settings = {"until": ["\n\n"], "max_gen_toks": 8, "do_sample": False}
    [text] = theirs.generate_until([SimpleNamespace(args=(PROMPT, settings))], disable_tqdm=True)
    direct = engine.complete(PROMPT, Sampling(max_new_tokens=8, stop=("\n\n",)), attention="causal")
    assert text == direct.joiner + direct.text
    assert json.loads(HTTP.get(f"{url}tokenizer_info").text)["eos_token"] == "<|endoftext|>"
