"""Looking for better examples on the page: the result, going on after Stop, and the examples in the playground."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from improve_world import MOOD, Model, answer, rows

from gptjt_demo.settings import Limits
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import Table, read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import MAX_INPUTS, Template
from gptjt_demo.ui.evaluate.actions import NOTHING, EvaluateActions
from gptjt_demo.ui.evaluate.searching import Searching
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.playground.draft import RAW
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.rows.template_choice import PLAYGROUND

COLUMNS = ["input", *[None] * (MAX_INPUTS - 1)]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    rowfile.write(tmp_path / "gold.csv", ["input", "label"], [(row.query["input"], row.gold) for row in rows()])
    return read(tmp_path / "gold.csv")


def page(engine: Any = None, limits: Limits | None = None) -> tuple[Searching, Controls]:
    """The panel's actions, and the playground with the world's template in it."""
    actions = Actions(engine or Model(), Library.open(), *([limits] if limits else []))
    return Searching(EvaluateActions(actions), Opening(actions)), actions.controls(MOOD)


def searched(do: Searching, held: Controls, table: Table | None, **how: Any) -> list[tuple[Any, ...]]:
    numbers = [how.get("budget", 300), how.get("examples", 6), how.get("nearest", False)]
    asked = [*numbers, table, how.get("name", PLAYGROUND), NOTHING, "labels"]
    return list(do.search("me", *asked, "logprob", "prefix", "label", *COLUMNS, *held))


def template_of(do: Searching, controls: dict[str, Any], base: Any) -> Template:
    """What the page's controls hold once the browser has put them in their places."""
    return do.do.actions.whole(Controls(base=base, **controls["controls"]))


def test_the_sentence_both_figures_and_the_examples_are_shown(table: Table) -> None:
    do, held = page()
    found, bar, shown, use = searched(do, held, table)[-1]
    assert bar == ""
    assert use["visible"] is True
    assert "The new examples are better: on the 48 unseen rows" in shown
    assert shown.count("of 48 unseen rows; 95 % interval") == 2
    for example in found.found.template.examples:
        assert f"<td>{example.inputs['input']}</td><td>{example.output}</td>" in shown
    assert "of 300 calls to the model" in shown


def test_one_click_is_an_edit_of_the_playground_that_can_be_undone(table: Table) -> None:
    do, held = page()
    found = searched(do, held, table)[-1][0]
    for view in (held, held._replace(view=RAW, raw=MOOD.render(MOOD.query))):
        taken, said = do.take("me", found, view)
        assert said == "The new examples are in the playground. Undo there brings back what was."
        assert taken is not None
        now = template_of(do, taken.held, view.base)
        assert now.examples == found.found.template.examples
        assert (now.instruction, now.labels, now.query) == (MOOD.instruction, MOOD.labels, MOOD.query)
        assert taken.undo["interactive"] is True
        assert do.opening.actions.past.back("me", view) == view


def test_the_nearest_of_a_pool_are_taken_with_the_way_they_are_shown(table: Table) -> None:
    do, held = page()
    found = searched(do, held, table, examples=2, nearest=True)[-1][0]
    assert found.found.template.nearest_examples == 2
    taken, said = do.take("me", found, held)
    assert taken is not None
    assert said == "The new examples are in the playground. Undo there brings back what was."
    assert taken.undo["interactive"] is True
    now = template_of(do, taken.held, held.base)
    assert now.render("birch new") == found.found.template.render("birch new")


def test_another_prompt_than_the_playground_s_is_opened_with_its_new_examples(table: Table) -> None:
    do, held = page()
    found = searched(do, held, table)[-1][0]
    other = do.opening.actions.controls(do.opening.actions.templates["currency"])
    taken, said = do.take("me", found, other)
    assert taken is not None
    assert taken.base.examples == found.found.template.examples
    assert taken.base.labels == MOOD.labels
    assert said == "“Mood” with the new examples is in the playground."  # one of the library need not be kept
    assert do.take("me", None, other) == (None, "")


def test_a_stopped_search_tells_what_is_known_and_goes_on_where_it_was(table: Table) -> None:
    asked: list[str] = []

    def stopping(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) == 120:
            while not do.do.runs.busy("me"):  # who presses Stop sees the run
                time.sleep(0.001)
            do.do.stop("me")
        return answer(prompt)

    do, held = page(Model(stopping))
    found, said, shown, use = searched(do, held, table)[-1]
    assert (found, use["visible"]) == (None, False)
    assert "It was stopped. Of " in shown
    assert "goes on from here" in said
    before = len(asked)
    found = searched(do, held, table)[-1][0]
    assert found.found.finished
    assert len(asked) - before <= found.found.spent - 119
    whole, other = page()
    assert searched(whole, other, table)[-1][2] == searched(do, held, table)[-1][2]
    do.leave("me")
    before = len(asked)
    searched(do, held, table)
    assert len(asked) - before > 200


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"budget": 99}, "Model calls: not a number that fits; give 100 to 10,000"),
        ({"budget": None}, "Model calls: not a number that fits"),
        ({"budget": float("nan")}, "Model calls: not a number that fits"),
        ({"examples": 500}, "Examples in a prompt: not a number that fits"),
        ({"examples": 30}, "30 examples, and the half to search on has"),
        ({"table": None}, "there is no file yet"),
    ],
)
def test_a_mistake_is_one_line_before_the_model_is_asked(table: Table, how: dict[str, Any], line: str) -> None:
    engine = Model()
    do, held = page(engine)
    given = how.pop("table", table)
    _, bar, *_ = searched(do, held, given, **how)[-1]
    assert line in bar
    assert engine.asked == []


def test_a_server_s_limit_of_rows_holds_for_the_calls(table: Table) -> None:
    do, held = page(limits=Limits(rows=200))
    assert "give 100 to 200" in searched(do, held, table, budget=201)[-1][1]
    found = searched(do, held, table, budget=200)[-1][0]
    assert found is None or found.found.spent <= 200
