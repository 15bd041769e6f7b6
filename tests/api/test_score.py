"""Scores over HTTP: the engine's own, in either mode."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from api_server import post, refused, serving
from fake_engine import FakeEngine

from gptjt_demo.engine.engine import Engine

PROMPT = "Input: India\nOutput:"
LABELS = ["joy", "sadness", "é"]


@pytest.mark.parametrize("attention", ["prefix", "causal"])
@pytest.mark.parametrize("more", [{}, {"end": ""}, {"end": " END", "rule": "per_byte"}], ids=repr)
def test_scores_are_the_engine_s(url: str, engine: Engine, attention: Any, more: dict[str, Any]) -> None:
    body = {"model": f"tiny:{attention}", "prompt": PROMPT, "labels": LABELS} | more
    answer = post(url, "v1/score", body).json()
    expected = engine.score(PROMPT, LABELS, attention=attention, **more)
    assert [row["label"] for row in answer["scores"]] == LABELS
    for row, score in zip(answer["scores"], expected, strict=True):
        assert row == pytest.approx(asdict(score), abs=1e-5)
    assert (answer["object"], answer["model"]) == ("score", f"tiny:{attention}")
    assert answer["usage"]["completion_tokens"] == 0
    ids = post(url, "v1/score", body | {"prompt": engine.encode(PROMPT)}).json()
    assert ids["scores"] == answer["scores"]
    assert ids["usage"] == answer["usage"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": value}
        for value in (None, [], "ab", 5, [1], ["a", "a"], ["a", " "], {"a": 1}, ["a", "so \ud83d"], [["a"]])
    ]
    + [{"end": 5}, {"end": "\ud83d"}, {"rule": "best"}, {"rule": 5}, {"prompt": ["a", "b"]}, {"prompt": "x" * 300}],
    ids=repr,
)
def test_what_cannot_be_scored_is_refused_by_its_name(url: str, wrong: dict[str, Any]) -> None:
    error = refused(post(url, "v1/score", {"prompt": PROMPT, "labels": LABELS} | wrong))
    assert error["param"] in wrong


def test_a_client_that_leaves_is_not_answered_and_no_thread_is_left() -> None:
    with serving(FakeEngine(scores={"a": -1.0})) as url:
        assert post(url, "v1/score", {"prompt": "p", "labels": ["a", "b"]}).json()["scores"][0]["logprob"] == -1.0
