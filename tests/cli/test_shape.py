"""`--shape` on the command line: what answers must be, in the place of what the template says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine

from gptjt_demo.batch.question import UNFINISHED, Question
from gptjt_demo.settings.shape import CsvRecord, ItemsOf, OneOf
from gptjt_demo.templates.template import Template


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine(default="Ana,a@example.com")
    answer_with(monkeypatch, engine)
    return engine


def test_complete_asks_within_the_shape_and_says_that_the_answer_has_it(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine
) -> None:
    status, out, err = run(capsys, "complete", "-t", "cleaning", "-i", "Ana a@example.com", "--shape", "csv:2")
    assert (status, out) == (0, "Ana,a@example.com\n")
    assert "has its shape by construction, a CSV record of 2 columns" in err
    run(capsys, "complete", "-t", "cleaning", "-i", "Ana", "--shape", "items:; ")
    run(capsys, "complete", "-t", "cleaning", "-i", "Ana", "--shape", "one-of:a, b")
    run(capsys, "complete", "-t", "cleaning", "-i", "Ana", "--shape", "none")
    assert fake.shapes == [CsvRecord(2), ItemsOf(("Ana",), "; "), OneOf(("a", "b")), None]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("cvs:3", "error: --shape: there is no shape 'cvs'; did you mean 'csv'?"),
        ("csv", "error: --shape: '' columns; give a number from 2 to 100"),
        ("pattern:[a", "error: --shape: '[a' does not fit; the pattern cannot be read: unclosed character class"),
        ('one-of:"a\nb"', "error: --shape: an answer ends before the stop"),
    ],
)
def test_what_is_no_shape_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine, shape: str, words: str
) -> None:
    status, out, err = run(capsys, "complete", "-t", "cleaning", "-i", "Ana", "--shape", shape)
    assert (status, out) == (2, "")
    assert err.startswith(words)
    assert err.count("\n") == 1


def test_a_batch_and_a_measurement_hold_each_row_to_its_own_input(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine, tmp_path: Path
) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("input,gold\nAna went,Ana\nBob sat,Bob\n")
    asked = ["-t", "cleaning", "-c", "input", "--shape", "items"]
    assert run(capsys, "batch", source, target, *asked)[0] == 0
    status, out, _ = run(capsys, "evaluate", source, *asked, "-o", "gold")
    assert (status, "Answers are held to a shape: a list of items that occur in the input" in out) == (0, True)
    assert fake.shapes == [ItemsOf(("Ana went",)), ItemsOf(("Bob sat",))] * 2


def test_labels_that_are_weighed_are_held_to_nothing(
    capsys: pytest.CaptureFixture[str], fake: FakeEngine, tmp_path: Path
) -> None:
    source = tmp_path / "in.csv"
    source.write_text("input,gold\nso happy,joy\n")
    asked = ["-t", "emotion", "-c", "input", "--shape", "csv:2"]
    for command in (
        ["batch", source, tmp_path / "out.csv", *asked, "--labels"],
        ["evaluate", source, *asked, "-o", "gold"],
    ):
        status, _, err = run(capsys, *command)
        assert (status, "labels are weighed and not written" in err) == (2, True)


def test_an_answer_that_was_cut_off_before_it_had_its_shape_is_marked() -> None:
    template = Template.load("cleaning").revised(shape={"columns": 2}, check=None)
    for tokens, check in ((2, UNFINISHED), (20, "")):
        asked = template.revised(generation={"max_new_tokens": tokens})
        (reply,) = Question(FakeEngine(default="Ana Bo,a@example.com"), asked).replies([{"input": "Ana"}])
        assert reply.check == check
