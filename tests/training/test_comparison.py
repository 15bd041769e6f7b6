"""What a trained model can do that its base could not: losses, exact answers, and the table of both."""

from __future__ import annotations

import pytest
import tiny
from fake_engine import FakeEngine

from gptjt_demo.evaluation import samples
from gptjt_demo.training import comparison
from gptjt_demo.training.base import Base
from gptjt_demo.training.episodes.task import Episode


def test_suffix_loss_is_the_mean_behind_fixed_splits_under_each_mask() -> None:
    model = tiny.model("llama")
    ids = [(11 * i) % 250 for i in range(40)]
    for mode in ("prefix", "causal"):
        total, count = 0.0, 0
        for split in (10, 20, 30):
            logits = tiny.full_logits(model, ids, split, mode).log_softmax(-1)
            total -= sum(float(logits[i - 1, ids[i]]) for i in range(split, 40))
            count += 40 - split
        assert comparison.suffix_loss(model, [ids], mode) == pytest.approx(total / count, rel=1e-4)


def test_an_episode_is_asked_up_to_its_last_answer() -> None:
    turns = (("Do.\n\nIn: a\nOut:", " b\n"), ("\nIn: c\nOut:", " d\n"))
    assert comparison.question(Episode("f", turns)) == ("Do.\n\nIn: a\nOut: b\n\nIn: c\nOut:", "d")
    assert comparison.question(Episode("f", (("Text\nx\nAnswer", "\ny\n"),))) == ("Text\nx\nAnswer\n", "y")


def test_exact_answers_are_counted() -> None:
    episodes = [Episode("f", ((f"In: {given}\nOut:", f" {right}\n"),)) for given, right in ("aA", "bb", "cd", "ef")]
    repeats_the_query = FakeEngine(lambda prompt: prompt.removesuffix("\nOut:").rsplit(" ", 1)[-1])
    assert comparison.exact(repeats_the_query, episodes, "prefix") == 0.5


def test_figures_measure_both_models_on_all_and_end_with_one_json_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    monkeypatch.setattr(samples, "names", lambda: ("currency",))
    model = Base(tiny.model("llama", vocabulary=len(tiny.tokenizer())), tiny.tokenizer(), "tiny")
    episodes = [Episode("f", (("In: a\nOut:", " b\n"),))]
    found = comparison.measure(model, model, [list(range(40))], episodes, limit=1, bar=lambda title: nullcontext())
    lines = list(comparison.table(found))
    assert lines[0] == "| | n | base, causal | trained, causal | trained, prefix |"
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        *("currency", "mean of the five", "held-out English, nats a token", "families left out")
    ]
    losses = comparison.as_json(found)["held-out English"]
    assert losses["base, causal"] == losses["trained, causal"] != losses["trained, prefix"]
