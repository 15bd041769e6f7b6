"""The command that says which answers to look at first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import answer_with, run
from fake_engine import FakeEngine

from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

TEXTS = ["so happy", "what a fright", "nobody knows", "dull day"]
SHARES = {"happy": 0.9, "fright": 0.7, "knows": 0.42, "dull": 0.55}


@pytest.fixture
def answered(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What `batch --labels --shares` wrote."""
    import math

    def scores(prompt: str) -> dict[str, float]:
        part = next(share for word, share in SHARES.items() if word in prompt.rsplit("\n\n", 1)[-1])
        return {"joy": math.log(part), "fear": math.log(0.9 * (1 - part))}

    answer_with(monkeypatch, FakeEngine(scores=scores))
    rowfile.write(tmp_path / "in.csv", ["text", "gold"], [(text, "joy") for text in TEXTS])
    command = (
        "batch",
        tmp_path / "in.csv",
        tmp_path / "out.csv",
        "-t",
        "emotion",
        "-c",
        "text",
        "--labels",
        "--shares",
    )
    assert run(capsys, *command)[0] == 0
    return tmp_path / "out.csv"


def test_the_queue_is_printed_with_the_reason_of_each_row(capsys: pytest.CaptureFixture[str], answered: Path) -> None:
    status, out, _ = run(capsys, "review", answered)
    assert status == 0
    rows = [line for line in out.splitlines() if "  row " in line]
    assert [line.split("row")[1].split()[0] for line in rows] == ["3", "4", "2", "1"]
    assert "Two labels are close: “fear” 55 %, “joy” 45 %." in rows[0]
    assert "dull day" in out


def test_with_right_answers_it_says_what_they_say(capsys: pytest.CaptureFixture[str], answered: Path) -> None:
    status, out, _ = run(capsys, "review", answered, "--gold", "gold")
    assert status == 0
    assert "The 4 rows with right answers" in out
    assert "it takes 20 at least" in out


def test_as_json_it_is_one_object(capsys: pytest.CaptureFixture[str], answered: Path) -> None:
    status, out, err = run(capsys, "review", answered, "--json", "--limit", "2", "--gold", "gold")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert [row["row"] for row in found["queue"]] == [3, 4]
    assert found["waiting"] == 4
    assert found["risk"]["gold_rows"] == 4
    assert found["queue"][0]["margin"] == pytest.approx(0.11, abs=0.01)


def test_a_reviewed_file_shows_what_is_left(capsys: pytest.CaptureFixture[str], answered: Path) -> None:
    rows = [(*row, "yes" if n == 3 else "no", "fear", "person") for n, row in enumerate(read(answered))]
    rowfile.write(answered.with_name("back.csv"), [*read(answered).columns, "reviewed", "answer", "source"], rows)
    status, out, _ = run(capsys, "review", answered.with_name("back.csv"))
    assert status == 0
    assert "row 4" not in out
    assert "Looked at 1 of 4 rows, 1 changed." in out


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--gold", "nothing"], "no column 'nothing'"),
        (["--gold", "label"], "'label' is what the model said, not the right answer"),
        (["--gold", "gold", "--target", "100"], "--target: 100 is no part of the rows"),
    ],
)
def test_a_mistake_is_one_line(
    capsys: pytest.CaptureFixture[str], answered: Path, options: list[str], line: str
) -> None:
    status, out, err = run(capsys, "review", answered, *options)
    assert (status, out) == (2, "")
    assert line in err.splitlines()[-1]


def test_a_file_without_answers_is_refused(capsys: pytest.CaptureFixture[str], answered: Path) -> None:
    status, out, err = run(capsys, "review", answered.with_name("in.csv"))
    assert (status, out) == (2, "")
    assert "no column of answers" in err.splitlines()[-1]
    assert run(capsys, "review", answered.with_name("none.csv"))[0] == 2


def test_shares_are_asked_of_labels_alone(capsys: pytest.CaptureFixture[str], answered: Path) -> None:
    status, _, err = run(capsys, "batch", answered.with_name("in.csv"), "x.csv", "-t", "emotion", "--shares")
    assert status == 2
    assert "--shares: they are of labels" in err.splitlines()[-1]
