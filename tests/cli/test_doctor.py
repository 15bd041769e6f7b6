"""The doctor: what is found is said, what fails is a line with how to mend it, and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest
import tiny
from command_line import answer_with, run
from fake_engine import FakeEngine

from gptjt_demo.cli import doctor
from gptjt_demo.cli.doctor import Fact, Trial, examine
from gptjt_demo.errors import DoesNotFit
from gptjt_demo.models import memory
from gptjt_demo.models.registry import MODELS
from gptjt_demo.templates.shipped import CARD

in_cache = doctor.in_cache


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "in_cache", lambda spec: "not asked")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    answers = {"treat": "joy", "India": "Indian Rupee", "Kuwait": "Kuwaiti Dinar"}
    engine = FakeEngine(answers, default="a, b", scores={"joy": -0.1})
    answer_with(monkeypatch, engine)
    return engine


def subjects(found: Any) -> Any:
    return {fact.subject: fact for fact in found.facts}


def test_it_says_what_the_machine_has_and_which_models_fit(fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_gib", lambda: 3.0)
    found = subjects(examine("fake", lambda: fake))
    assert {"python", "libraries", "processor", "cores", "memory"} <= set(found)
    assert "torch 2." in found["libraries"].text
    assert found["memory"].text.startswith("3.00 of ")
    assert set(MODELS) <= set(found)
    assert "needs 0.16 GiB, fits in memory" in found["mini"].text
    assert "needs 7.38 GiB, does not fit" in found["gpt-jt-6b-8bit"].text
    assert "scripted" in found["load report"].text


def test_the_five_widget_prompts_are_tried_in_both_attentions(fake: FakeEngine) -> None:
    found = examine("fake", lambda: fake)
    assert [(trial.template, trial.attention) for trial in found.trials] == [
        (name, mode) for name in CARD for mode in ("prefix", "causal")
    ]
    emotion, currency, hate, entities, cleaning = found.trials[::2]
    assert (emotion.answer, emotion.note, emotion.checks) == ("joy", "", 6)
    assert (currency.answer, currency.right, currency.checks) == ("Indian Rupee", 1, 5)
    assert hate.note == "none of the labels"
    assert entities.note == "not in the input: a, b"
    assert cleaning.note == "2 fields, expected 3"
    assert not found.problems
    assert found.verdict.startswith("fake runs here")
    assert f"{sum(t.right for t in found.trials[::2])} of 24 checks right with prefix attention" in found.verdict


def test_a_model_that_does_not_see_the_mask_is_a_problem_and_is_tried_causally(fake: FakeEngine) -> None:
    engine = FakeEngine(default="joy", supports_prefix=False)
    found = examine("fake", lambda: engine)
    (problem,) = found.problems
    assert problem.subject == "mask self-test"
    assert "runs causally" in problem.mend
    assert {trial.attention for trial in found.trials} == {"causal"}
    assert "not as it should: mask self-test" in found.verdict


@pytest.mark.parametrize("error", [RuntimeError("no kernel image\nfor this device"), ValueError(), DoesNotFit("big")])
def test_whatever_stops_the_load_is_a_line_and_the_rest_is_said_before(error: Any) -> None:
    def load() -> NoReturn:
        raise error

    told: list[Any] = []
    found = examine("broken", load, told.append)
    (problem,) = found.problems
    assert problem is told[-1]
    assert problem.subject == "model"
    assert "\n" not in problem.text
    assert set(MODELS) <= set(subjects(found))
    assert found.trials == []
    assert found.verdict.startswith("broken does not run here")


def test_a_trial_that_fails_is_a_line_and_the_others_go_on() -> None:
    def answer(prompt: str) -> str:
        if "India" in prompt:
            raise RuntimeError("out of memory")
        return "joy"

    engine = FakeEngine(answer)
    found = examine("fake", lambda: engine)
    assert [fact.subject for fact in found.problems] == ["currency, prefix", "currency, causal"]
    assert all("out of memory" in fact.text for fact in found.problems)
    assert len(found.trials) == 8


def test_a_model_that_gets_nothing_right_is_sent_to_verify(fake: FakeEngine) -> None:
    class Wrong(FakeEngine):
        def score_many(self, prompts: Sequence[Any], *_: object, **__: object) -> Iterator[tuple[int, Any]]:
            return ((index, self.score("x", ["zzz"])) for index in range(len(prompts)))

    engine = Wrong(default="zzz", scores={"love": -0.1, "hate speech": -5})
    found = examine("fake", lambda: engine)
    assert "verify fake" in subjects(found)["answers"].mend
    assert not found.problems


def test_what_the_hubs_cache_holds_of_a_model_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert in_cache(MODELS["mini"]) == "embedded"
    spec = MODELS["gpt-jt-6b-8bit"]
    assert in_cache(spec) == "not downloaded"
    repository = tmp_path / f"models--{str(spec.source).replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("1")
    folder = tiny.save(tiny.model("gptj"), repository / "snapshots" / "1")
    assert in_cache(spec) == "downloaded"
    (folder / "model.safetensors").unlink()
    assert in_cache(spec) == "downloaded in part"


# --- the command


def test_the_command_prints_facts_a_table_and_a_verdict(capsys: pytest.CaptureFixture[str], fake: FakeEngine) -> None:
    status, out, err = run(capsys, "doctor")
    lines = out.splitlines()
    assert (status, err) == (0, "")
    head = next(i for i, line in enumerate(lines) if line.startswith("template"))
    assert len(lines[head + 1 :]) == 12
    assert lines[head + 1].split()[:2] == ["emotion", "prefix"]
    assert lines[-1].startswith("fake runs here")


def test_the_command_prints_one_json_object(capsys: pytest.CaptureFixture[str], fake: FakeEngine) -> None:
    status, out, _ = run(capsys, "doctor", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["well"] is True
    assert len(found["trials"]) == 10
    assert set(found["trials"][0]) == set(Trial.__dataclass_fields__)
    assert set(found["facts"][0]) == set(Fact.__dataclass_fields__)


@pytest.mark.parametrize(("file", "word"), [("model.safetensors", "no weights found"), ("config.json", "config.json")])
def test_a_folder_that_lacks_its_weights_or_configuration_is_said_to(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, file: str, word: str
) -> None:
    folder = tiny.save(tiny.model("gptj"), tmp_path / "half")
    (folder / file).unlink()
    status, out, err = run(capsys, "doctor", "--model", folder)
    assert (status, err) == (2, "")
    (line,) = [line for line in out.splitlines() if "PROBLEM" in line]
    assert word in line
    assert out.splitlines()[-1].startswith(f"{folder} does not run here")


def test_a_model_that_does_not_fit_is_said_with_one_that_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_gib", lambda: 3.0)
    status, out, err = run(capsys, "doctor", "--model", "gpt-jt-6b-8bit")
    assert (status, err) == (2, "")
    (line,) = [line for line in out.splitlines() if "PROBLEM" in line]
    assert "needs 7.38 GiB of memory and 3.00 GiB are available; mini would fit" in line


def test_a_real_model_is_tried_in_both_attentions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tiny.save(tiny.model("gptj", vocabulary=tiny.VOCABULARY), tmp_path / "tiny")
    status, out, _ = run(capsys, "doctor", "--model", folder, "--json")
    found = json.loads(out)
    assert any("hivemind" in fact["text"] for fact in found["facts"])
    assert "passed" in next(fact["text"] for fact in found["facts"] if fact["subject"] == "mask self-test")
    # its context is too short for most of the prompts, which is said of each
    assert status == 2
    assert {fact["subject"] for fact in found["facts"] if fact["problem"]} >= {"hate, prefix", "hate, causal"}
    assert {trial["template"] for trial in found["trials"]} >= {"currency"}
