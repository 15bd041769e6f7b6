"""Evaluation: the figures are those that an independent computation gives, and every row can be found again."""

from __future__ import annotations

import json
import math
import threading
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.evaluation import metrics
from gptjt_demo.evaluation.evaluate import evaluate
from gptjt_demo.evaluation.pair import report
from gptjt_demo.evaluation.report import run_lines
from gptjt_demo.evaluation.run import ERROR, UNPARSED, Run, compare, items
from gptjt_demo.tables import rowfile
from gptjt_demo.templates.answer_check import Check
from gptjt_demo.templates.template import Template

LABELLED = Template(name="mood", title="Mood", labels=("joy", "fear", "not joy"))
FREE = Template(name="free", title="Free")


def measured(
    folder: Path, rows: list[tuple[str, str]], answers: Any, template: Template = LABELLED, **more: Any
) -> Run:
    path = folder / "gold.csv"
    rowfile.write(path, ["text", "gold"], rows)
    engine = more.pop("engine", None) or FakeEngine(answers, default="?")
    return evaluate(engine, template, path, columns={"input": "text"}, gold="gold", **{"labels": False, **more})


def test_answers_are_matched_as_labels_and_the_rest_is_unparsed(tmp_path: Path) -> None:
    rows = [("r1", " Joy."), ("r2", "joy"), ("r3", "fear"), ("r4", "not joy"), ("r5", "fear")]
    answers = {"r1": "joy", "r2": "Not joy.", "r3": "unsure", "r4": "NOT JOY", "r5": "fearful"}
    run = measured(tmp_path, rows, answers)
    assert (run.n, run.right, run.errors) == (5, 2, 0)
    assert run.gold_labels == ("joy", "fear", "not joy")
    assert run.predicted_labels == ("joy", "fear", "not joy", UNPARSED)
    assert run.matrix == [[1, 0, 1, 0], [0, 0, 0, 2], [0, 0, 1, 0]]
    assert [outcome.row.query["input"] for outcome in run.cell("fear", UNPARSED)] == ["r3", "r5"]


def test_every_row_is_in_one_cell_of_the_matrix(tmp_path: Path) -> None:
    rows = [("r1", "joy"), ("r2", "rage"), ("word " * 3000, "fear"), ("", "fear")]
    run = measured(tmp_path, rows, {"r1": "joy", "r2": "joy"})
    cells = {(gold, shown): run.cell(gold, shown) for gold in run.gold_labels for shown in run.predicted_labels}
    assert sum(map(len, cells.values())) == run.n
    for row, gold in enumerate(run.gold_labels):
        assert run.matrix[row] == [len(cells[gold, shown]) for shown in run.predicted_labels]


def test_a_row_that_fails_counts_as_wrong_and_is_counted(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", "joy"), ("word " * 3000, "joy")], {"r1": "joy"})
    assert (run.n, run.errors, run.accuracy) == (2, 1, 0.5)
    assert run.predicted_labels[-1] == ERROR
    assert "exceed the context" in run.cell("joy", ERROR)[0].reply.error


def test_gold_answers_outside_the_labels_are_said_and_wrong(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", "joy"), ("r2", "rage"), ("r3", "rage")], {"r1": "joy", "r2": "rage"})
    assert run.right == 1
    assert run.gold_labels[-1] == "rage"
    assert "'rage' (2)" in run.notes[0]


def test_rows_without_a_right_answer_are_left_out(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", ""), ("r2", "joy")], {"r2": "joy"})
    assert [outcome.row.index for outcome in run.outcomes] == [1]
    with pytest.raises(TableError, match="no right answers in the column 'gold'"):
        measured(tmp_path, [("r1", ""), ("r2", " ")], {})


@pytest.mark.parametrize("blank", ["", "  ", "\u200b", "\ufeff \u00ad"])
def test_rows_without_a_right_answer_are_counted_and_said(tmp_path: Path, blank: str) -> None:
    run = measured(tmp_path, [("r1", "joy"), ("r2", blank), ("r3", "joy"), ("r4", "fear")], {"r1": "joy"})
    assert (run.n, run.asked, run.without_gold) == (3, 4, 1)
    assert run.rows_sentence == "3 of 4 rows; one has no right answer"
    assert "3 of 4 rows; one has no right answer." in run.notes
    assert any("3 of 4 rows; one has no right answer" in line for line in run_lines(run))
    found = report([run])["runs"][0]
    assert (found["rows"], found["n"], found["without_gold"], found["finished"]) == (4, 3, 1, True)
    whole = measured(tmp_path, [("r1", "joy")], {"r1": "joy"})
    assert (whole.asked, whole.without_gold, whole.rows_sentence) == (1, 0, "")
    assert not any("right answer." in note for note in whole.notes)


def test_a_damaged_right_answer_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "r1", "gold": "joy"}\n{"text": "r2", "gold": "j\\ud800"}\n{"text": "r\\udc80", "gold": "joy"}\n'
    )
    run = evaluate(FakeEngine(), LABELLED, tmp_path / "a.jsonl", columns={"input": "text"}, gold="gold", labels=False)
    assert (run.n, run.without_gold, run.errors) == (2, 1, 1)


def test_the_columns_that_were_taken_are_said(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", "joy")], {"r1": "joy"})
    found = report([run])["runs"][0]
    assert (found["columns"], found["gold_column"]) == ({"input": "text"}, "gold")
    assert "note: input from the column 'text'; right answers from the column 'gold'" in list(run_lines(run))


def test_a_run_that_ends_early_is_no_success(tmp_path: Path) -> None:
    class Lazy(FakeEngine):
        def complete_many(self, *args: Any, **kwargs: Any) -> Any:
            return islice(super().complete_many(*args, **kwargs), 1)

    with pytest.raises(TableError, match="the run ended early: 1 of 2 rows"):
        measured(tmp_path, [("r1", "joy"), ("r2", "joy")], {}, engine=Lazy())


def test_labels_are_scored_by_default_where_there_are_any(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", "fear"), ("r2", "joy")], None, engine=FakeEngine(scores={"fear": -1}), labels=None)
    assert [outcome.predicted for outcome in run.outcomes] == ["fear", "fear"]
    assert run.outcomes[0].reply.confidence == pytest.approx(1, abs=1e-3)
    with pytest.raises(SettingError, match="no labels"):
        measured(tmp_path, [("r1", "a")], {}, FREE, labels=True)


def test_free_text_is_right_but_for_case_and_final_punctuation(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", " Yen."), ("r2", "A"), ("r3", "!")], {"r1": "yen", "r2": "B", "r3": "?"}, FREE)
    assert [outcome.right for outcome in run.outcomes] == [True, False, False]
    assert (run.macro_f1, run.matrix, run.label_figures) == (None, [], [])


def test_lists_are_measured_as_sets_over_all_rows(tmp_path: Path) -> None:
    template = FREE.revised(check=Check(from_input=True))
    rows = [("r1", "Ann, Bob"), ("r2", "Rome"), ("r3", "")]
    run = measured(tmp_path, rows, {"r1": "bob, Ann, Zoe", "r2": "Paris", "r3": " "}, template)
    figures = run.list_figures
    assert figures is not None
    assert (figures.precision, figures.recall) == (2 / 4, 2 / 3)
    assert figures.f1 == pytest.approx(2 * 2 / (4 + 3))
    assert [outcome.right for outcome in run.outcomes] == [False, False, True]
    assert items("a,, B ,") == {"a", "b"}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=40))
def test_label_figures_are_scikit_learn_s(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    gold, predicted = [list(column) for column in zip(*pairs, strict=True)]
    template = Template(name="abc", title="abc", labels=("a", "b", "c", "d"))
    rows = [(f"<{index}>", answer) for index, answer in enumerate(gold)]
    answers = {f"<{index}>": answer for index, answer in enumerate(predicted)}
    run = measured(tmp_path_factory.mktemp("figures"), rows, answers, template)
    assert run.accuracy == pytest.approx(accuracy_score(gold, predicted))
    assert run.macro_f1 == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))
    assert [figures.support for figures in run.label_figures] == [gold.count(label) for label in "abcd"]


@pytest.mark.parametrize(("right", "n"), [(0, 10), (28, 30), (10, 10), (1, 1), (0, 0)])
def test_the_interval_is_wilson_s(right: int, n: int) -> None:
    low, high = metrics.interval(right, n)
    if n == 0:
        assert (low, high) == (0, 1)
        return
    z, p = 1.959963984540054, right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_the_paired_test_is_mcnemar_s_exact_one(pairs: list[tuple[bool, bool]]) -> None:
    found = metrics.paired(*zip(*pairs, strict=True))
    b, c = pairs.count((True, False)), pairs.count((False, True))
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))
    assert found.both_right + found.both_wrong + b + c == found.n == len(pairs)
    assert found.difference == pytest.approx(sum(two - one for one, two in pairs) / len(pairs))


def test_two_runs_over_the_same_rows_are_compared_and_others_refused(tmp_path: Path) -> None:
    rows = [("r1", "joy"), ("r2", "fear"), ("r3", "fear")]
    first = measured(tmp_path, rows, {"r1": "joy", "r2": "joy", "r3": "joy"})
    second = measured(tmp_path, rows, {"r1": "joy", "r2": "fear", "r3": "fear"}, attention="causal")
    found = compare(first, second)
    assert (found.only_first, found.only_second, found.p_value) == (0, 2, 0.5)
    with pytest.raises(TableError, match="not over the same rows"):
        compare(first, measured(tmp_path, [("r1", "fear")], {}))


def test_the_report_is_one_json_object_with_the_figures(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", "joy")], {"r1": "joy"})
    found = json.loads(json.dumps(report([run, run])))
    keys = {"attention", "n", "errors", "accuracy", "interval", "macro_f1", "list_f1"}
    assert keys <= set(found["runs"][0])
    assert found["runs"][0]["list_f1"] is None
    assert found["runs"][0]["attention"] == "prefix"
    assert found["paired"]["p_value"] == 1
    assert "paired" not in report([run])


def test_a_model_without_the_prefix_mask_is_measured_causally_and_says_so(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", "joy")], {}, engine=FakeEngine(supports_prefix=False), attention="prefix")
    assert run.attention == "causal"
    assert any("causal" in note for note in run.notes)


def test_a_cancelled_evaluation_has_the_rows_so_far(tmp_path: Path) -> None:
    cancel = threading.Event()

    def answer(prompt: str) -> str:
        if "r3" in prompt:
            cancel.set()
        return "joy"

    engine = FakeEngine(answer)
    run = measured(tmp_path, [(f"r{n}", "joy") for n in range(1, 9)], None, engine=engine, cancel=cancel)
    assert not run.finished
    assert run.n == 2


def test_the_download_has_every_row(tmp_path: Path) -> None:
    run = measured(tmp_path, [("r1", "joy"), ("r2", "fear")], {"r1": "joy", "r2": "=1"})
    columns, rows = run.download()
    assert columns == ("input", "gold", "answer", "counted_as", "right", "confidence", "error")
    assert list(rows) == [("r1", "joy", "joy", "joy", "yes", "", ""), ("r2", "fear", "=1", UNPARSED, "no", "", "")]


def test_progress_goes_to_the_end(tmp_path: Path) -> None:
    told: list[Any] = []
    measured(tmp_path, [("r1", "joy"), ("r2", "fear")], {}, progress=told.append)
    assert (told[-1].done, told[-1].total) == (2, 2)


def test_a_column_is_not_both_the_input_and_the_right_answers(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "a.csv", ["text", "gold"], [("a", "joy")])
    engine = FakeEngine()
    with pytest.raises(SettingError, match=r"^a\.csv: the column 'gold' is an input and holds the right answers"):
        evaluate(engine, LABELLED, tmp_path / "a.csv", columns={"input": "gold"}, gold="gold")
    assert engine.prompts == []
