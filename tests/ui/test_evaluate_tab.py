"""Measuring on the page: the figures, the rows behind each cell, and a row among the examples."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.evaluation import plots
from gptjt_demo.evaluation.diagnostics import DIAGNOSTICS, Diagnosis, Point, Prior
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import MAX_INPUTS
from gptjt_demo.ui.evaluate.actions import NONE, NOTHING, EvaluateActions
from gptjt_demo.ui.evaluate.charts import TITLES, chart
from gptjt_demo.ui.evaluate.figures import figures
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.rows.template_choice import PLAYGROUND

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} & &amp;"
SHOWN = "&lt;b&gt;x&lt;/b&gt; ${alert(1)} `tick` C:\\new {{x}} &amp; &amp;amp;"
ROWS = [("so happy", "joy"), ("a fright", "fear"), ("furious", "anger"), ("happy too", "joy")]
COLUMNS = ["input", *[None] * (MAX_INPUTS - 1)]


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine({"happy": "joy", "fright": "joy", "furious": HOSTILE}, scores={"joy": -0.1, "fear": -3.0})


@pytest.fixture
def do(engine: FakeEngine, library: Library) -> EvaluateActions:
    return EvaluateActions(Actions(engine, library))


def gold(folder: Path, rows: Any = ROWS) -> Any:
    rowfile.write(folder / "gold.csv", ["input", "output"], rows)
    return read(folder / "gold.csv")


def controls(do: EvaluateActions, name: str = "emotion") -> list[Any]:
    return list(do.actions.controls(do.actions.templates[name]))


def measured(do: EvaluateActions, table: Any, attention: str = "prefix", how: str = "text", **more: Any) -> Any:
    values = more.get("values") or controls(do)
    name, against = more.get("name", PLAYGROUND), more.get("against", NOTHING)
    return list(
        do.measure("me", table, name, against, how, more.get("rule", "logprob"), attention, "output", *COLUMNS, *values)
    )[-1]


# --- the file


def test_a_sample_is_shown_with_its_columns_chosen(do: EvaluateActions) -> None:
    table, found, _, wrong, answers, first, *rest = do.sample("hate", *controls(do))
    assert len(table) == 72
    assert "72" in found
    assert (wrong, answers.value, first.value) == ("", "output", "input")
    assert rest[-1].visible is True  # the sample can be tried
    assert rest[-2].visible is True  # it has labels


def test_a_prompt_without_a_sample_offers_none(do: EvaluateActions) -> None:
    values = controls(do)
    values[0] = values[0].model_copy(update={"name": "mine"})
    assert do.choose(None, PLAYGROUND, None, *[None] * MAX_INPUTS, *values)[-1].visible is False


# --- measuring


def test_both_attentions_are_measured_and_compared(do: EvaluateActions, tmp_path: Path) -> None:
    runs, bar, shown, cell = measured(do, gold(tmp_path), "both", "labels")
    assert [run.attention for run in runs] == ["prefix", "causal"]
    assert (bar, cell) == ("", "")
    assert shown.count("50.0 %") >= 2
    assert "Of 4 rows, 0 are right only with prefix attention and 0 only with causal attention" in shown
    assert "95 % interval" in shown


def test_another_prompt_is_compared_on_the_same_rows(do: EvaluateActions, tmp_path: Path) -> None:
    runs, _, shown, _ = measured(do, gold(tmp_path), against="hate")
    assert [run.template for run in runs] == ["emotion", "hate"]
    assert [run.attention for run in runs] == ["prefix", "prefix"]
    assert "2 are right only with emotion and 0 only with hate" in shown
    _, bar, *_ = measured(do, gold(tmp_path), "both", against="hate")
    assert "two comparisons at once" in bar


def test_a_model_without_the_mask_is_measured_once(engine: FakeEngine, library: Library, tmp_path: Path) -> None:
    engine.supports_prefix = False
    runs, *_ = measured(EvaluateActions(Actions(engine, library)), gold(tmp_path), "both")
    assert [run.attention for run in runs] == ["causal"]


def test_a_pressed_cell_lists_its_rows_as_typed(do: EvaluateActions, tmp_path: Path) -> None:
    table = gold(tmp_path, [*ROWS, (HOSTILE, "fear")])
    runs, _, shown, _ = measured(do, table)
    assert shown.count('class="cell right"') == 6
    names = runs[0].gold_labels, runs[0].predicted_labels
    listed = do.cell(runs, {"run": 0, "gold": names[0].index("fear"), "predicted": names[1].index("joy")})
    assert "fear → joy" in listed
    assert "a fright" in listed
    assert SHOWN in listed
    assert "so happy" not in listed
    unparsed = do.cell(runs, {"run": 0, "gold": names[0].index("anger"), "predicted": len(names[1]) - 1})
    assert "&lt;b&gt;x" in unparsed  # as much of it as five tokens are
    assert "<b>x" not in listed + unparsed + shown


@pytest.mark.parametrize("pressed", [{}, {"run": 9, "gold": 0, "predicted": 0}, {"run": "0"}, {"run": 0, "gold": -1}])
def test_a_cell_that_is_none_shows_nothing(do: EvaluateActions, tmp_path: Path, pressed: dict[str, Any]) -> None:
    runs, *_ = measured(do, gold(tmp_path))
    assert do.cell(runs, pressed) == ""
    assert "measure again" in do.cell(None, {"run": 0, "gold": 0, "predicted": 0})  # of a report that is kept


def test_free_text_lists_right_wrong_and_failed_rows(library: Library, tmp_path: Path) -> None:
    do = EvaluateActions(Actions(FakeEngine({"Chad": "franc"}, default="Euro"), library))
    table = gold(tmp_path, [("Chad", "Franc"), ("Togo", "x"), ("word " * 3000, "y")])
    runs, _, shown, _ = measured(do, table, values=controls(do, "currency"))
    assert "Right: 1" in shown
    assert "1 row failed and count as wrong." in shown
    assert "Chad" in do.cell(runs, {"run": 0, "gold": 0, "predicted": 0})
    assert "Togo" in do.cell(runs, {"run": 0, "gold": 1, "predicted": 0})
    assert "exceed the context" in do.cell(runs, {"run": 0, "gold": 2, "predicted": 0})


def test_a_stopped_run_shows_its_rows_so_far(engine: FakeEngine, library: Library, tmp_path: Path) -> None:
    do = EvaluateActions(Actions(engine, library))
    asked = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        time.sleep(0.1)
        if len(asked) == 3:
            do.stop("me")
        return "joy"

    engine.answers = answer
    runs, _, shown, _ = measured(do, gold(tmp_path))
    assert 0 < runs[0].n < 4
    assert "Stopped early: these figures cover the rows so far." in shown


def test_what_is_missing_is_one_line_and_the_figures_stay(do: EvaluateActions) -> None:
    runs, bar, shown, _ = measured(do, None)
    assert "there is no file yet" in bar
    assert {runs["__type__"], shown["__type__"]} == {"update"}


def test_closing_the_page_stops_the_run(engine: FakeEngine, do: EvaluateActions, tmp_path: Path) -> None:
    engine.prefill = 60
    run = do.measure(
        "me", gold(tmp_path), PLAYGROUND, NOTHING, "text", "logprob", "prefix", "output", *COLUMNS, *controls(do)
    )
    next(run)
    run.close()  # type: ignore[attr-defined]
    assert engine.streams[0].ended.wait(2)
    assert not do.runs.busy("me")


def test_every_row_is_in_the_download(do: EvaluateActions, tmp_path: Path) -> None:
    runs, *_ = measured(do, gold(tmp_path), "both")
    path = do.fetch("me", runs)
    assert path is not None
    found = read(path)
    assert found.columns[:4] == ("attention", "input", "gold", "answer")
    assert [row[0] for row in found] == ["prefix"] * 4 + ["causal"] * 4
    assert do.fetch("me", None) is None


def test_the_last_report_is_found_again_by_its_id_alone_also_by_a_program_started_later(
    do: EvaluateActions, engine: FakeEngine, library: Library, tmp_path: Path
) -> None:
    runs, _, shown, _ = measured(do, gold(tmp_path))
    id, line = do.keep(runs, shown, None)
    assert line == ""
    first = read(do.fetch("me", runs) or "")
    assert do.found(id)[0] == shown
    kept = do.reports.find(id)
    assert kept is not None
    root = kept.rows.parents[3] / "gptjt-page-killed-report"
    root.joinpath("kept").mkdir(parents=True)
    kept.rows.parent.rename(root / "kept" / kept.rows.parent.name)
    (root / ".in-use").touch()  # as a program leaves it that is killed
    assert "no longer kept" in do.found(id)[1]
    do = EvaluateActions(Actions(engine, library))
    assert do.found(id)[0] == shown
    assert [*read(do.fetch("other", None, id) or "")] == [*first]
    for other in (None, NONE, id[:-1], f"../{id}", "x" * 32, 7):
        assert do.fetch("other", None, other) is None
    newer, _ = do.keep(runs, "newer", id)
    assert (do.found(newer)[0], do.fetch("me", None, id)) == ("newer", None)  # one is kept of each visitor
    assert "no longer kept" in do.found(id)[1]
    do.delete("me", newer)
    assert do.fetch("me", None, newer) is None


# --- a row among the examples


def test_a_row_becomes_the_playground_s_next_example_with_its_right_answer(do: EvaluateActions, tmp_path: Path) -> None:
    runs, *_ = measured(do, gold(tmp_path))
    held = Controls(*controls(do))
    rows, said = do.add(runs, {"run": 0, "row": 1}, held)
    assert rows["rows"] == [*held.examples["rows"], ["a fright", "fear"]]
    assert "as number 3" in said


def test_a_row_is_added_to_an_edited_prompt_before_and_after_the_edit(do: EvaluateActions, tmp_path: Path) -> None:
    runs, *_ = measured(do, gold(tmp_path))
    edited = Controls(*controls(do))._replace(instruction="Name the mood.")
    assert "as number 3" in do.add(runs, {"run": 0, "row": 1}, edited)[1]
    run = replace(runs[0], template=do.actions.whole(edited).name)
    assert "as number 3" in do.add([run], {"run": 0, "row": 1}, edited)[1]


def test_a_row_of_another_prompt_is_not_added_and_nothing_is_lost(do: EvaluateActions, tmp_path: Path) -> None:
    runs, *_ = measured(do, gold(tmp_path), name="hate")
    held = Controls(*controls(do))
    rows, said = do.add(runs, {"run": 0, "row": 1}, held)
    assert rows["__type__"] == "update"
    assert "pick that one there first" in said


def test_a_row_that_is_none_is_not_added(do: EvaluateActions, tmp_path: Path) -> None:
    runs, *_ = measured(do, gold(tmp_path))
    held = Controls(*controls(do))
    for pressed in ({}, {"run": 0, "row": 99}, {"run": 5, "row": 0}):
        assert do.add(runs, pressed, held)[1] == ""


# --- diagnostics


def test_diagnostics_come_one_after_the_other_and_end_with_all(do: EvaluateActions, tmp_path: Path) -> None:
    values = controls(do)
    seen = list(
        do.diagnose("me", gold(tmp_path), PLAYGROUND, NOTHING, "labels", "logprob", "both", "output", *COLUMNS, *values)
    )
    bar, charts = seen[-1]
    assert bar == ""
    for title in TITLES.values():
        assert title in charts
    assert "On 4 rows, with prefix attention." in charts


def test_one_that_cannot_be_made_says_why_and_the_others_come(do: EvaluateActions, tmp_path: Path) -> None:
    values = controls(do, "currency")
    *_, (_, charts) = do.diagnose(
        "me", gold(tmp_path), PLAYGROUND, NOTHING, "text", "logprob", "prefix", "output", *COLUMNS, *values
    )
    assert "Not shown: currency: it has no labels" in charts
    assert charts.count("<figure") == 4


def test_each_chart_has_a_light_and_a_dark_picture_and_its_sentence() -> None:
    point = Point("1, 2", 0.5, (0.3, 0.7))
    assert set(TITLES) == set(DIAGNOSTICS)
    for name in TITLES:
        found = Diagnosis(10, (point, point), f"Says {HOSTILE}.", True)
        if name == "prior":
            found = Prior(10, (point, point), f"Says {HOSTILE}.", True, (HOSTILE, "b"), (0.9, 0.1))
        html = chart(name, found)
        assert html.count("data:image/svg+xml") == 2
        assert f"Says {SHOWN}." in html
        assert plots.picture(plots.diagnosis(name, found)).startswith(b"\x89PNG")


def test_no_figures_without_rows() -> None:
    assert figures([]) == ""


# --- which columns


def columns_of(do: EvaluateActions, folder: Path, names: list[str], rows: Any, name: str = "emotion") -> Any:
    """The pickers of right answers and of the text for a file."""
    rowfile.write(folder / "file.csv", names, rows)
    _, gold_picker, first, *_ = do.choose(read(folder / "file.csv"), name, *[None] * (1 + MAX_INPUTS), *controls(do))
    return gold_picker, first


def test_the_columns_that_were_taken_are_said(do: EvaluateActions, tmp_path: Path) -> None:
    answers, text = columns_of(do, tmp_path, ["Text ", "LABEL"], [("a", "joy")])
    assert (answers.value, text.value) == ("LABEL", "Text ")
    assert answers.info == "“LABEL” was taken: no other column fits."
    assert text.info == "“Text ” was taken: no other column fits."


def test_where_two_columns_fit_it_asks(do: EvaluateActions, tmp_path: Path) -> None:
    answers, text = columns_of(do, tmp_path, ["text", "tweet", "output", "label"], [("a", "b", "joy", "fear")])
    assert (answers.value, text.value) == (None, None)
    assert answers.info == "“output” and “label” fit: choose one."
    assert text.info == "“text” and “tweet” fit: choose one."


def test_right_answers_are_known_by_what_their_column_holds(do: EvaluateActions, tmp_path: Path) -> None:
    rows = [("so happy", "1", "Joy"), ("a fright", "2", "fear"), ("x", "3", "")]
    answers, _ = columns_of(do, tmp_path, ["text", "n", "mood of it"], rows)
    assert answers.value == "mood of it"
    assert answers.info == "“mood of it” was taken: it holds the prompt’s labels."
    answers, _ = columns_of(do, tmp_path, ["text", "a", "b"], [("x", "joy", "fear")])
    assert answers.value is None


# --- what should be known about the rows


def test_rows_without_a_right_answer_are_counted_and_said(do: EvaluateActions, tmp_path: Path) -> None:
    table = gold(tmp_path, [("so happy", "joy"), ("a fright", ""), ("furious", " "), ("happy too", "joy")])
    assert "2 of 4 rows; 2 have no right answer." in measured(do, table)[2]
    assert "no right answer" not in measured(do, gold(tmp_path))[2]


def test_a_measured_row_that_is_among_the_examples_is_warned_of(do: EvaluateActions, tmp_path: Path) -> None:
    template = do.actions.templates["emotion"]
    known = template.examples[0]
    shown = measured(do, gold(tmp_path, [*ROWS, (known.inputs["input"].upper(), known.output)]))[2]
    assert "1 measured row is among the examples of" in shown
    assert "too good" not in measured(do, gold(tmp_path))[2]


# --- labels that are weighed


def test_doubtful_right_answers_come_before_the_matrix_and_the_rules_after_it(
    do: EvaluateActions, tmp_path: Path
) -> None:
    shown = measured(do, gold(tmp_path, [*ROWS, (HOSTILE, "fear")]), how="labels", rule="batch")[2]
    assert "Batch-calibrated (in use)" in shown
    shown = measured(do, gold(tmp_path, [*ROWS, (HOSTILE, "fear")]), how="labels")[2]
    places = [shown.index(words) for words in ("Right answers to look at", 'class="matrix"', "Labels compared by")]
    assert places == sorted(places)
    doubtful = shown[places[0] : places[1]]
    assert "row 2 · right answer <b>fear</b>" in doubtful
    assert SHOWN in doubtful
    assert "so happy" not in doubtful
    assert "Calibration error" in shown
    assert shown.count("data:image/svg+xml") == 2
    assert "5 rows are too few to choose a rule" in shown


def test_free_text_has_no_rules(do: EvaluateActions, tmp_path: Path) -> None:
    shown = measured(do, gold(tmp_path))[2]
    assert "Labels compared by" not in shown
    assert "Calibration error" not in shown


# --- two runs


def test_two_runs_stand_side_by_side_with_what_differs(library: Library, tmp_path: Path) -> None:
    class TwoMinds(FakeEngine):
        def complete(self, prompt: Any, *args: Any, attention: Any = None, **more: Any) -> Any:
            self.default = "joy" if attention == "prefix" else "fear"
            return super().complete(prompt, *args, attention=attention, **more)

    do = EvaluateActions(Actions(TwoMinds({"furious": HOSTILE}), library))
    shown = measured(do, gold(tmp_path), "both")[2]
    table = shown[shown.index("Side by side") :]
    assert '<th scope="row">Accuracy</th><td>50.0 %</td><td>25.0 %</td><td>−25.0</td>' in table
    assert "3 rows answered differently" in shown
    rows = shown[shown.index("differing-title") : shown.index('class="runs"')]
    assert rows.count("<li>") == 3
    assert "prefix attention: <b>joy</b> (right) · causal attention: <b>fear</b> (wrong)" in rows
    assert "furious" not in rows  # both said the same


def test_runs_that_agree_say_so(do: EvaluateActions, tmp_path: Path) -> None:
    assert "Both answer every row alike" in measured(do, gold(tmp_path), "both")[2]


# --- what a visitor measured


def test_what_was_fetched_is_deleted_with_the_next_and_when_the_page_is_closed(
    do: EvaluateActions, tmp_path: Path
) -> None:
    runs = measured(do, gold(tmp_path))[0]
    first, other = (Path(str(do.fetch(session, runs))) for session in ("me", "you"))
    second = Path(str(do.fetch("me", runs)))
    assert not first.exists()
    assert second.exists()
    do.leave("me")
    assert not second.parent.exists()
    assert other.exists()
    do.leave("you")
