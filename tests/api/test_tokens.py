"""A model's ids and its tokenizer over HTTP, in the shapes that programs ask for before they ask the model."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import openai
import pytest
import tiny
from api_server import HTTP, client, post, refused, serving
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from gptjt_demo.engine.engine import Engine


def test_a_model_is_listed_in_both_modes_and_under_an_id_that_chainforge_takes_for_completions(url: str) -> None:
    ids = [model.id for model in client(url).models.list()]
    assert ids == ["tiny", "tiny:prefix", "tiny:causal", "tiny:instruct"]
    for id in ids:
        assert client(url).models.retrieve(id).id == id
    with pytest.raises(openai.NotFoundError):
        client(url).models.retrieve("tiny:sideways")
    with serving(FakeEngine(supports_prefix=False)) as other:
        assert [model.id for model in client(other).models.list()] == ["fake", "fake:causal", "fake:instruct"]


def test_ids_of_the_hub_and_folders_with_colons_are_found_however_they_are_written() -> None:
    with serving(FakeEngine(name="owner/a:b c")) as url:
        for id in ("owner/a:b c", "owner/a:b c:causal"):
            assert client(url).models.retrieve(id).id == id
            for written in (quote(id, safe=""), quote(id, safe="/"), quote(id, safe="/:")):
                assert HTTP.get(f"{url}v1/models/{written}").json()["id"] == id
            body = {"model": id, "prompt": "p"}
            assert post(url, "v1/completions", body).status_code == 200
        assert refused(HTTP.get(f"{url}v1/models/owner"), 404)["code"] == "model_not_found"
        assert refused(HTTP.get(f"{url}v1/models/"), 404)


def test_the_harness_finds_a_tokenizer(url: str, engine: Engine) -> None:
    info = HTTP.get(f"{url}tokenizer_info").json()
    assert (info["bos_token"], info["eos_token"]) == ("<|endoftext|>", "<|endoftext|>")
    body = {"prompt": info["eos_token"], "add_special_tokens": False}
    assert post(url, "tokenize", body).json()["tokens"] == [tiny.END]
    assert HTTP.get(f"{url}tokenizer_info", headers={"Content-Type": "application/json"}).status_code == 200
    answer = post(url, "tokenize", {"prompt": "Input: é", "return_token_strs": True}).json()
    assert answer["tokens"] == engine.encode("Input: é")
    assert answer["count"] == len(answer["tokens"]) == len(answer["token_strs"])
    assert answer["max_model_len"] == tiny.CONTEXT
    assert post(url, "tokenize", {"prompt": "a<|endoftext|>"}).json()["count"] == 14  # within a text it is only text


@given(st.text(max_size=30))
@settings(max_examples=30)
def test_a_text_comes_back_from_its_tokens(url: str, text: str) -> None:
    text = text.encode("utf-8", errors="ignore").decode()
    ids = post(url, "tokenize", {"prompt": text}).json()["tokens"]
    assert post(url, "detokenize", {"tokens": ids}).json()["prompt"] == text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tokenize", {}),
        ("tokenize", {"prompt": 5}),
        ("tokenize", {"prompt": ["a"]}),
        ("tokenize", {"prompt": "so \ud83d"}),
        ("detokenize", {}),
        ("detokenize", {"tokens": "a"}),
        ("detokenize", {"tokens": [-1]}),
        ("detokenize", {"tokens": [1.0]}),
        ("detokenize", {"tokens": [True]}),
        ("detokenize", {"tokens": [10**300]}),
        ("detokenize", {"tokens": [265]}),
    ],
    ids=repr,
)
def test_what_is_no_text_or_no_tokens_is_refused(url: str, path: str, body: dict[str, Any]) -> None:
    assert refused(post(url, path, body))["message"]
