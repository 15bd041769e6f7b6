"""A file of answers is read whatever stands in it, and its columns are found by where `batch` writes them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from batch_run import TEMPLATE
from fake_engine import FakeEngine

from gptjt_demo.batch.run import run
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.evaluation.review.answers import AnswerColumns, guessed_gold, labels_of
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read


def answered(folder: Path, ending: str, *, shares: bool = False) -> Path:
    """A file that `batch` wrote; its input has columns of the same names."""
    source, target = folder / "in.csv", folder / f"out.{ending}"
    rowfile.write(source, ["text", "label", "error"], [(f"row {n}", "fear" if n < 3 else "", "007") for n in range(6)])
    engine = FakeEngine(scores={"joy": -0.2, "fear": -1.8})
    run(engine, TEMPLATE, source, target, columns={"input": "text"}, labels=True, shares=shares)
    return target


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "xlsx"])
def test_what_batch_wrote_is_read_with_all_shares(tmp_path: Path, ending: str) -> None:
    table = read(answered(tmp_path, ending, shares=True))
    found = AnswerColumns.of(table.columns)
    assert [table.columns[index] for index in found.own] == ["text", "label", "error"]
    answers = [found.answer_of(index, row) for index, row in enumerate(table)]
    assert {each.text for each in answers} == {"joy"}
    assert list(answers[0].shares) == ["joy", "fear"]
    assert answers[0].shares["joy"] == pytest.approx(answers[0].confidence, abs=1e-4)
    assert answers[0].margin == pytest.approx(answers[0].shares["joy"] - answers[0].shares["fear"])
    assert (answers[0].error, answers[0].check) == ("", "")
    assert labels_of(answers) == TEMPLATE.labels
    assert guessed_gold(table, found, TEMPLATE.labels) == "label"


def test_without_shares_the_columns_are_those_of_before_and_two_labels_have_the_same_margin(tmp_path: Path) -> None:
    table = read(answered(tmp_path, "csv"))
    assert table.columns[3:] == ("label (2)", "confidence", "runner_up", "check", "error (2)")
    found = AnswerColumns.of(table.columns)
    answers = [found.answer_of(index, row) for index, row in enumerate(table)]
    assert answers[0].margin == pytest.approx(2 * answers[0].confidence - 1 if answers[0].confidence else None)
    assert labels_of(answers) == ("fear", "joy")


def test_free_text_has_no_sureness(tmp_path: Path) -> None:
    source = answered(tmp_path, "csv").with_name("in.csv")
    run(FakeEngine(), TEMPLATE, source, tmp_path / "free.csv", columns={"input": "text"})
    found = AnswerColumns.of(read(tmp_path / "free.csv").columns)
    assert not found.weighed
    assert found.answer_of(0, next(iter(read(tmp_path / "free.csv")))).margin is None


@pytest.mark.parametrize("cell", ["", "high", "nan", "-1", "2", "1e400"])
def test_a_confidence_that_is_none_counts_as_absent(cell: str) -> None:
    found = AnswerColumns.of(["text", "label", "confidence"])
    assert found.answer_of(0, ["x", "joy", cell]).confidence is None


@pytest.mark.parametrize("cell", ["", "[]", '{"joy": "1"}', '{"joy": 2}', '{"joy": NaN}', "{" * 9999, '{"joy": true}'])
def test_shares_that_are_none_count_as_absent(cell: str) -> None:
    found = AnswerColumns.of(["text", "label", "confidence", "shares"])
    assert found.answer_of(0, ["x", "joy", "0.5", cell]).shares == {}


def test_a_file_without_answers_and_a_column_that_is_none_are_refused() -> None:
    with pytest.raises(TableError, match="no column of answers; it has 'text'; give a file"):
        AnswerColumns.of(["text"])
    with pytest.raises(SettingError, match="'gold' is no column"):
        AnswerColumns.of(["text", "label"], gold="gold")
    with pytest.raises(SettingError, match="'label' is what the model said"):
        AnswerColumns.of(["text", "label"], gold="label")


def test_a_run_with_shares_goes_on_with_shares_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    rowfile.write(source, ["text"], [(f"row {n}",) for n in range(20)])

    def cut(*, stop: bool = False, shares: bool = False) -> None:
        cancel = threading.Event()
        run(
            FakeEngine(scores={"joy": -0.2}),
            TEMPLATE,
            source,
            target,
            columns={"input": "text"},
            labels=True,
            cancel=cancel,
            progress=lambda told: cancel.set() if stop and told.done == 5 else None,
            resume=True,
            shares=shares,
        )

    cut(shares=True, stop=True)
    with pytest.raises(TableError, match="its run was another: shares differs"):
        cut()
    cut(shares=True)
    table = read(target)
    assert len(table) == 20
    assert [len(AnswerColumns.of(table.columns).answer_of(0, row).shares) for row in table] == [2] * 20
