"""Batches by a rule that divides: the answers are those of a script on the shares, whatever cuts the run off."""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from batch_run import TEMPLATE, asked
from fake_engine import FakeEngine

from gptjt_demo.batch.answered import AnsweredRows
from gptjt_demo.batch.journal import journal_of
from gptjt_demo.batch.run import run
from gptjt_demo.engine.label_scores import softmax
from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

LABELS = ("joy", "fear", "calm")
WEIGHED = TEMPLATE.revised(labels=LABELS)
ROWS = 40


def sums(text: str) -> dict[str, float]:
    """Log probabilities of a row, or of a prompt without one, with a bias towards joy."""
    dice = random.Random(text)
    return {label: dice.uniform(-6, 0) + (3 if label == "joy" else 0) for label in LABELS}


def scores(prompt: str) -> dict[str, float]:
    return sums(asked(prompt) if "Input: " in prompt else prompt)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [(f"{n:03}", f"row {n}") for n in range(ROWS)])
    return tmp_path / "in.csv"


def go(source: Path, name: str, **more: Any) -> Any:
    engine = more.pop("engine", None) or FakeEngine(scores=scores)
    how = {"columns": {"input": "text"}, "labels": True, "rule": "batch", **more}
    return run(engine, WEIGHED, source, source.with_name(name), **how)


def stopped(source: Path, name: str, after: int, **more: Any) -> FakeEngine:
    """A run that is cancelled after so many rows."""
    cancel, seen = threading.Event(), []

    def counted(prompt: str) -> dict[str, float]:
        seen.append(prompt)
        if len(seen) >= after:
            cancel.set()
        return scores(prompt)

    engine = FakeEngine(scores=counted)
    assert not go(source, name, engine=engine, cancel=cancel, **more).finished
    return engine


def shares(text: str) -> list[float]:
    return softmax([sums(text)[label] for label in LABELS])


def script(reference: Sequence[float], rows: int = ROWS) -> list[tuple[str, str]]:
    """Label and confidence of every row, its shares divided by the reference."""
    found = []
    for row in (shares(f"row {n}") for n in range(rows)):
        divided = [share / other for share, other in zip(row, reference, strict=True)]
        best = max(range(3), key=lambda j: divided[j])
        found.append((LABELS[best], f"{divided[best] / sum(divided):.4f}"))
    return found


def mean(texts: Sequence[str]) -> list[float]:
    return [sum(column) / len(texts) for column in zip(*map(shares, texts), strict=True)]


ALL = [f"row {n}" for n in range(ROWS)]
CALIBRATED = script(mean(ALL))
BY_SUM = script([1.0, 1.0, 1.0])


def answers(path: Path) -> list[tuple[str, str]]:
    return [(row[2], row[3]) for row in read(path)]


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl", "xlsx"])
def test_a_file_is_calibrated_by_the_mean_over_its_rows(source: Path, format: str) -> None:
    result = go(source, f"out.{format}")
    assert (result.rows, result.errors, result.finished) == (ROWS, 0, True)
    assert answers(result.path) == CALIBRATED
    assert CALIBRATED != BY_SUM
    assert [row[:2] for row in read(result.path)] == list(read(source))
    assert sorted(path.name for path in source.parent.iterdir()) == ["in.csv", f"out.{format}"]


def test_the_mean_is_over_the_rows_that_are_asked_for_and_answered(source: Path) -> None:
    rowfile.write(source, ["n", "text"], [("0", "row 0"), ("1", "row 1"), ("2", ""), ("3", "row 3")])
    result = go(source, "out.csv", limit=3)
    assert (result.rows, result.errors) == (3, 1)
    assert answers(result.path)[:2] == script(mean(["row 0", "row 1"]), 2)
    assert "the cell is blank" in list(read(result.path))[2][-1]


@pytest.mark.parametrize("format", ["csv", "xlsx"])
@pytest.mark.parametrize("after", [1, 8])
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(source: Path, format: str, after: int) -> None:
    name = f"out.{format}"
    stopped(source, name, after)
    assert not source.with_name(name).exists()
    so_far = AnsweredRows(read(source), source.with_name(name), labels=True)
    assert [(row[2], row[3]) for row in so_far] == BY_SUM[:after]
    engine = FakeEngine(scores=scores)
    assert answers(go(source, name, engine=engine, resume=True).path) == CALIBRATED
    assert [(row[2], row[3]) for row in so_far] == CALIBRATED
    assert go(source, name, resume=True).was_complete
    assert sorted(path.name for path in source.parent.iterdir()) == ["in.csv", name]


def test_one_that_was_killed_while_the_rows_were_calibrated_is_calibrated_again(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, *args: Any) -> None:
        path.with_name(path.name + ".tmp").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rowfile, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            go(source, "out.csv")
    asked_again = FakeEngine(scores=lambda prompt: pytest.fail("a row was asked for again"))
    assert answers(go(source, "out.csv", engine=asked_again, resume=True).path) == CALIBRATED
    assert sorted(path.name for path in source.parent.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize(("first", "second"), [("batch", "logprob"), ("prior", "batch"), ("logprob", "pmi")])
def test_a_run_is_not_gone_on_with_by_another_rule(source: Path, first: str, second: str) -> None:
    stopped(source, "out.csv", 9, rule=first)
    with pytest.raises(TableError, match="its run was another: rule differs"):
        go(source, "out.csv", rule=second, resume=True)


def test_a_journal_from_before_there_were_rules_is_one_by_the_sum(source: Path) -> None:
    stopped(source, "out.csv", 9, rule="logprob")
    journal = journal_of(source.with_name("out.csv"))
    head, *lines = journal.read_text().splitlines()
    assert "rule" not in json.loads(head)
    assert "scores" not in json.loads(lines[0])
    assert answers(go(source, "out.csv", rule="logprob", resume=True).path) == BY_SUM


def test_a_row_whose_reply_was_lost_is_asked_for_again_when_told(source: Path) -> None:
    stopped(source, "out.csv", 9)
    journal = journal_of(source.with_name("out.csv"))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], b"{}\n", *lines[4:]]))
    with pytest.raises(TableError, match="line 4 is damaged"):
        go(source, "out.csv", resume=True)
    assert answers(go(source, "out.csv", resume=True, overwrite=True).path) == CALIBRATED


def test_what_is_the_input_s_is_not_written_over(source: Path) -> None:
    beside = source.rename(source.with_name("out.csv.part.jsonl"))
    before = beside.read_bytes()
    with pytest.raises(TableError, match="would write over the input"):
        go(beside, "out.csv")
    assert beside.read_bytes() == before


def test_prior_and_pmi_divide_by_what_prompts_without_a_case_give(source: Path) -> None:
    prior = mean(["N/A", "[MASK]", "…"])
    assert answers(go(source, "prior.csv", rule="prior").path) == script(prior)
    assert answers(go(source, "pmi.csv", rule="pmi").path) == script(shares("Output:"))


def test_a_rule_that_cannot_be_asked_stops_the_run_with_a_line(source: Path) -> None:
    bare = WEIGHED.revised(output_cue="")
    with pytest.raises(SettingError, match="the answer has no cue"):
        run(
            FakeEngine(scores=scores), bare, source, source.with_name("out.csv"), columns={"input": "text"},
            labels=True, rule="pmi",
        )  # fmt: skip
    with pytest.raises(SettingError, match="is not a rule"):
        go(source, "out.csv", rule="best")


def test_calibrated_confidences_are_shares(source: Path) -> None:
    for row in read(go(source, "out.csv").path):
        assert 1 / 3 <= float(row[3]) <= 1
        assert math.isfinite(float(row[3]))
