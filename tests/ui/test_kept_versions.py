"""A kept prompt's versions as the page's server sees them: what changed, figures, a version to measure against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from hypothesis import given
from hypothesis import strategies as st

from gptjt_demo.errors import TemplateError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import MAX_INPUTS, Template
from gptjt_demo.templates.versions.measured import Measured, prompt_key
from gptjt_demo.ui.evaluate.actions import KEPT, NOTHING, EvaluateActions
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.kept import template_record
from gptjt_demo.ui.playground.versions import LINES, MOST, compared, measured, rival

LIBRARY = Library.open()
EMOTION = LIBRARY["emotion"]
HOSTILE = "<b>x</b> ${alert(1)} {{x}}"


def sent(*templates: Template) -> dict[str, Any]:
    """What a browser sends of a prompt's versions."""
    data = {"id": "me", "templates": [template_record(each)["template"] for each in templates]}
    arrived: dict[str, Any] = json.loads(json.dumps(data))
    return arrived


def test_what_changed_is_told_for_each_version_with_before_and_after() -> None:
    second = EMOTION.revised(instruction=HOSTILE)
    told = compared(sent(EMOTION, second, second.revised(labels=[])))
    assert told["id"] == "me"
    assert [each["summary"] for each in told["differences"]] == ["instruction changed", "6 labels removed"]
    assert told["differences"][0]["changes"] == [
        {"words": "instruction changed", "lines": [["-", EMOTION.instruction], ["+", HOSTILE]], "more": 0}
    ]


def test_a_version_that_cannot_be_read_costs_its_own_line_alone() -> None:
    data = sent(EMOTION, EMOTION, EMOTION.revised(instruction="x"))
    data["templates"][0]["evil"] = 1
    first, second = compared(data)["differences"]
    assert first["summary"].startswith("kept: made by another version")
    assert second["summary"] == "instruction changed"


def test_what_is_told_is_bounded() -> None:
    long = EMOTION.revised(instruction="\n".join("x" * 10 for _ in range(5_000)))
    told = compared(sent(*[EMOTION, long] * MOST))["differences"]
    assert len(told) == MOST - 1
    assert {len(each["changes"][0]["lines"]) for each in told} == {LINES}
    assert told[0]["changes"][0]["more"] > 4_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_whatever_a_browser_sends_of_versions_is_answered_or_one_line(anything: Any, templates: Any) -> None:
    assert compared(anything)["kind"] == "differences"
    assert compared({"id": anything, "templates": templates})["kind"] == "differences"
    with pytest.raises(TemplateError):
        rival({"template": templates, "number": anything})


# --- measured


@pytest.fixture
def do() -> EvaluateActions:
    def scores(prompt: str) -> dict[str, float]:
        return {"joy": -0.2, "fear": -0.1 if "calm" in prompt else -3.0}

    return EvaluateActions(Actions(FakeEngine(scores=scores), LIBRARY))


def run(do: EvaluateActions, folder: Path, against: str = NOTHING, **more: Any) -> Any:
    rowfile.write(folder / "gold.csv", ["input", "output"], [("happy", "joy"), ("a fright", "fear"), ("fine", "joy")])
    columns = ["output", "input", *[None] * (MAX_INPUTS - 1)]
    controls = list(do.actions.controls(EMOTION))
    table = read(folder / "gold.csv")
    return list(do.measure("me", table, "", against, "labels", "logprob", "prefix", *columns, *controls, **more))[-1]


def test_figures_are_kept_under_the_key_of_the_prompt_that_was_measured(do: EvaluateActions, tmp_path: Path) -> None:
    runs, *_ = run(do, tmp_path)
    told = measured(runs)
    (kept,) = json.loads(json.dumps(told))["measured"]
    assert Measured.read(kept).sentence == kept["sentence"]
    assert kept["key"] == prompt_key(EMOTION) == template_record(EMOTION, {"name": "My moods"})["key"]
    assert (kept["file"], kept["rows"], kept["right"], kept["attention"]) == ("gold.csv", 3, 2, "prefix")


def test_a_version_is_measured_against_on_the_same_rows(do: EvaluateActions, tmp_path: Path) -> None:
    template, called = rival(
        {"template": template_record(EMOTION.revised(instruction="Be calm."))["template"], "number": 2}
    )
    assert called == "Sentiment Analysis, version 2"
    runs, _, shown, _ = run(do, tmp_path, KEPT, rival=(template, called))
    assert [each.key for each in runs] == [prompt_key(EMOTION), prompt_key(template)]
    assert "2 are right only with Sentiment Analysis and 1 only with Sentiment Analysis, version 2" in shown
    assert "95 % interval</th>" in shown
    assert "3 rows answered differently" in shown


def test_a_version_that_is_gone_is_said_in_a_line(do: EvaluateActions, tmp_path: Path) -> None:
    _, bar, *_ = run(do, tmp_path, KEPT)
    assert "press Measure against it" in bar
