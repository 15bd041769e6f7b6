"""Labels as they are typed on the page: two that look alike are refused by the rule of all rooms, before a
model is asked, wherever the page asks one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import MAX_INPUTS
from gptjt_demo.ui.batch.tab import BatchActions
from gptjt_demo.ui.evaluate.actions import NOTHING, EvaluateActions
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.draft import read_labels
from gptjt_demo.ui.rows.grid import cells
from gptjt_demo.ui.rows.template_choice import PLAYGROUND

TYPED = [
    "joy, fear, fear",
    "joy, fear, Fear",
    'joy, fear, "fear "',
    "joy, fear, fe\u200bar",
    "joy, fear, fear\u00a0",
    "joy, fear, “fear”.",
    "joy, fear\nfear",
    "joy, caf\u00e9, cafe\u0301",
    "joy, fear, ｆｅａｒ",
]
COLUMNS = ["input", *[None] * (MAX_INPUTS - 1)]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def actions(engine: FakeEngine) -> Actions:
    return Actions(engine, Library.open())


@pytest.mark.parametrize("typed", TYPED, ids=ascii)
def test_labels_that_look_alike_are_refused_on_every_tab_before_the_model_is_asked(
    tmp_path: Path, engine: FakeEngine, actions: Actions, typed: str
) -> None:
    held = actions.controls(actions.templates["emotion"])._replace(labels=typed)
    rowfile.write(tmp_path / "in.csv", ["input", "output"], [("so happy", "joy")])
    table = read(tmp_path / "in.csv")
    batch = BatchActions(actions)
    said = {
        "preview": actions.preview(held).prompt,
        "playground": next(actions.run("me", False, "logprob", held))[0],
        "batch": batch.begin(table, PLAYGROUND, "labels", "logprob", "prefix", *COLUMNS, *held)[1],
        "evaluate": list(
            EvaluateActions(actions).measure(
                "me", table, PLAYGROUND, NOTHING, "labels", "logprob", "prefix", "output", *COLUMNS, *held
            )
        )[-1][1],
    }
    assert [tab for tab, line in said.items() if "reads like the label" not in line] == []
    assert engine.prompts == []
    assert len(batch.jobs) == 0


def test_labels_that_differ_to_the_eye_are_taken(actions: Actions) -> None:
    held = actions.controls(actions.templates["emotion"])._replace(labels="fear, fears, x², x2, Straße, Strasse")
    assert "reads like" not in actions.preview(held).prompt


def test_of_outputs_that_look_alike_one_is_offered_as_a_label(actions: Actions) -> None:
    rows: list[Any] = [["a", "Joy"], ["b", "joy."], ["c", "fear"], ["d", "fear\u200b"], ["e", ""]]
    held = actions.controls(actions.templates["emotion"])._replace(examples=cells(["Input", "Output"], rows), labels="")
    assert read_labels(actions.labels(held)) == ["Joy", "fear"]


def test_one_label_is_no_choice_for_a_file(tmp_path: Path, engine: FakeEngine, actions: Actions) -> None:
    held = actions.controls(actions.templates["emotion"])._replace(labels="joy")
    rowfile.write(tmp_path / "in.csv", ["input", "output"], [("so happy", "joy")])
    table = read(tmp_path / "in.csv")
    assert "one label is no choice" in BatchActions(actions).begin(
        table, PLAYGROUND, "labels", "logprob", "prefix", *COLUMNS, *held
    )[1]  # fmt: skip
    measured = EvaluateActions(actions).measure(
        "me", table, PLAYGROUND, NOTHING, "labels", "logprob", "prefix", "output", *COLUMNS, *held
    )
    assert "one label is no choice" in list(measured)[-1][1]
    assert engine.prompts == []
