"""`complete` and `score`: the answer alone on standard output, or the promised JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine(default="Indian Rupee")
    answer_with(monkeypatch, engine)
    return engine


def test_complete_prints_one_json_object_with_the_promised_keys(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine
) -> None:
    status, out, _ = run(capsys, "complete", "--template", "currency", "--input", "India", "--json")
    assert status == 0
    assert out.count("\n") == 1
    assert set(json.loads(out)) == {
        "text", "model", "attention", "stop_reason", "prompt_tokens", "completion_tokens",
        "seconds_to_first_token", "tokens_per_second", "seed", "forward_passes", "drafted", "accepted", "has_shape",
    }  # fmt: skip
    assert json.loads(out)["text"] == "Indian Rupee"


def test_complete_prints_the_answer_alone_on_standard_output(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine
) -> None:
    status, out, err = run(capsys, "complete", "-t", "currency", "-i", "India")
    assert (status, out) == (0, "Indian Rupee\n")
    assert fake.name in err


def test_score_prints_a_share_for_each_label(capsys: pytest.CaptureFixture[str], fake: FakeEngine) -> None:
    status, out, _ = run(capsys, "score", "--template", "emotion", "--input", "so happy", "--json")
    rows = json.loads(out)["labels"]
    assert status == 0
    assert [row["label"] for row in rows] == ["sadness", "joy", "love", "anger", "fear", "surprise"]
    assert set(rows[0]) == {"label", "logprob", "per_token", "per_byte", "share"}
    assert sum(row["share"] for row in rows) == pytest.approx(1)


@pytest.mark.parametrize(("rule", "asked"), [("prior", "[MASK]"), ("pmi", "Output:")])
def test_score_divides_by_what_a_rule_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rule: str, asked: str
) -> None:
    prompts = []

    def scores(prompt: str) -> dict[str, float]:
        prompts.append(prompt)
        return {"a": -1.0, "b": -3.0} if "so happy" in prompt else {"a": -1.0, "b": -2.0}

    answer_with(monkeypatch, FakeEngine(scores=scores))
    command = ["score", "-t", "emotion", "-i", "so happy", "--label", "a", "--label", "b", "--rule", rule]
    status, out, _ = run(capsys, *command, "--json")
    assert status == 0
    shares = {row["label"]: row["share"] for row in json.loads(out)["labels"]}
    assert shares["b"] == pytest.approx(1 / (1 + math.exp(1)))
    assert any(asked in prompt for prompt in prompts)
    assert rule == json.loads(out)["rule"]
    status, _, err = run(capsys, *command[:-1], "batch")
    assert (status, "'batch' is not one of" in err) == (2, True)


def test_the_embedded_default_names_the_yen_from_the_command_line() -> None:
    command = [sys.executable, "-m", "gptjt_demo", "complete", "--template", "currency", "--input", "Japan", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert "yen" in answer["text"].lower()
    assert (answer["model"], answer["attention"], answer["stop_reason"]) == ("mini", "prefix", "stop")
    assert done.stderr == ""
