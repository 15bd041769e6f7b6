"""A review in its folder: decided row by row, found again by whoever opens it, and a file back with its own cells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gptjt_demo.errors import SettingError, TableError
from gptjt_demo.evaluation.review.review import Review
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

HOSTILE = ["=SUM(A1)", "007", "+4915550199", " blank ", "a\nb", 'he said "no"', "1e5", "", "TRUE", "<b>x</b> ${y} \\n"]
COLUMNS = ["id", "text", "label", "confidence", "runner_up", "shares", "check", "error"]


def answers(folder: Path, name: str = "answers.csv", rows: int = 30) -> Path:
    found = []
    for n in range(rows):
        part = 0.5 + n / (2.5 * rows)
        shares = f'{{"joy": {part:.4f}, "fear": {1 - part:.4f}}}'
        found.append((f"{n:03}", f"{HOSTILE[n % 10]} {n * 'x'}", "joy", f"{part:.4f}", "fear", shares, "", ""))
    rowfile.write(folder / name, COLUMNS, found)
    return folder / name


def test_a_file_comes_back_with_every_cell_of_its_own_in_every_format(tmp_path: Path) -> None:
    table = read(answers(tmp_path))
    review = Review.begin(tmp_path / "review", table)
    review.take(4, "fear", "label")
    review.take(5, "joy", "accept")
    review.take(6, "=a formula", "edit")
    for ending in ("csv", "tsv", "jsonl", "xlsx"):
        review.write(tmp_path / f"back.{ending}")
        back = read(tmp_path / f"back.{ending}")
        assert back.columns == (*COLUMNS, "reviewed", "answer", "source")
        rows = list(back)
        assert [row[:8] for row in rows] == list(table)
        assert [row[8:] for row in rows[3:8]] == [
            ("no", "joy", "model"),
            ("yes", "fear", "person"),
            ("yes", "joy", "model"),
            ("yes", "=a formula", "person"),
            ("no", "joy", "model"),
        ]
    review.close()


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(
        '{"id": 7, "meta": {"a": [1, null]}, "text": "one", "answer": "x", "check": "", "error": ""}\n'
        '{"id": 8.50, "text": "two", "ok": true, "answer": "y", "check": "", "error": ""}\n'
    )
    review = Review.begin(tmp_path / "review", read(path))
    review.take(0, "z", "edit")
    review.write(tmp_path / "back.jsonl")
    first, second = (tmp_path / "back.jsonl").read_text().splitlines()
    assert first.startswith('{"id": 7, "meta": {"a": [1, null]}, "text": "one", "answer": "x",')
    assert first.endswith('"reviewed": "yes", "answer (2)": "z", "source": "person"}')
    assert '"id": 8.50' in second
    assert '"ok": true' in second
    assert "meta" not in second
    review.close()


def test_a_file_that_came_back_goes_on_where_it_was(tmp_path: Path) -> None:
    review = Review.begin(tmp_path / "one", read(answers(tmp_path)))
    review.take(0, "fear", "label")
    review.take(1, "joy", "accept")
    review.write(tmp_path / "back.csv")
    review.close()
    again = Review.begin(tmp_path / "two", read(tmp_path / "back.csv"))
    assert (again.looked, again.following()) == (2, 2)
    assert again.so_far().sentence == "Looked at 2 of 30 rows, 1 changed."
    again.take(2, "fear", "label")
    again.write(tmp_path / "more.csv")
    table = read(tmp_path / "more.csv")
    assert table.columns == (*COLUMNS, "reviewed", "answer", "source")
    assert [row[8:] for row in table][:4] == [
        ("yes", "fear", "person"),
        ("yes", "joy", "model"),
        ("yes", "fear", "person"),
        ("no", "joy", "model"),
    ]
    again.close()


def test_rows_with_a_right_answer_are_not_asked_and_come_back_with_it(tmp_path: Path) -> None:
    rows = list(read(answers(tmp_path)))
    gold = [(*row, ("fear" if n % 4 else "joy") if n < 20 else "") for n, row in enumerate(rows)]
    rowfile.write(tmp_path / "some.csv", [*COLUMNS, "gold"], gold)
    review = Review.begin(tmp_path / "review", read(tmp_path / "some.csv"))
    assert review.about.gold == "gold"  # by what it holds
    assert sorted(review.order) == list(range(20, 30))
    assert review.risk is not None
    review.write(tmp_path / "back.csv")
    back = list(read(tmp_path / "back.csv"))
    assert back[1][9:] == ("no", "fear", "person")
    assert back[25][9:] == ("no", "joy", "model")
    review.learn(None, 0.9)
    assert len(review.order) == 30
    assert review.risk is None
    with pytest.raises(SettingError, match="'label' is what the model said"):
        review.learn("label", 0.9)
    review.close()


def test_gold_rows_are_a_file_of_their_own(tmp_path: Path) -> None:
    review = Review.begin(tmp_path / "review", read(answers(tmp_path)))
    with pytest.raises(TableError, match="no row is kept as a gold row yet"):
        review.write_gold(tmp_path / "gold.csv")
    review.take(3, "fear", "label")
    review.decisions.keep_as_gold(3)
    review.write_gold(tmp_path / "gold.csv")
    table = read(tmp_path / "gold.csv")
    assert table.columns == ("id", "text", "gold")
    assert list(table) == [("003", " blank  xxx", "fear")]
    review.close()


def test_the_next_row_is_the_next_that_is_not_decided_and_after_the_last_the_first(tmp_path: Path) -> None:
    review = Review.begin(tmp_path / "review", read(answers(tmp_path, rows=4)))
    order = list(review.order)
    assert review.following() == order[0]
    review.take(order[1], "joy", "accept")
    assert review.following(0) == order[2]
    review.take(order[3], "joy", "accept")
    assert review.following(3) == order[0]
    for row in order:
        review.take(row, "joy", "accept")
    assert review.following(0) is None
    review.close()


KILLED = """
import sys
from pathlib import Path
from gptjt_demo.evaluation.review.review import Review
from gptjt_demo.tables.table import read

review = Review.begin(Path(sys.argv[2]), read(sys.argv[1]))
for row in review.order:
    review.take(row, "fear", "label")
    print(row, flush=True)
input()
"""


def test_a_killed_process_leaves_a_review_that_the_next_one_opens(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, answers(tmp_path), tmp_path / "review"],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    taken = [int(process.stdout.readline()) for _ in range(12)]
    process.send_signal(signal.SIGKILL)
    taken += [int(line) for line in process.stdout.read().splitlines()]
    process.wait()
    process.stdout.close()
    process.stdin.close()
    review = Review(tmp_path / "review")
    assert set(taken) <= set(review.all_decided())
    assert review.looked - len(taken) <= 1  # taken, and killed before it was said
    assert review.about.labels == ("joy", "fear")
    review.close()


def test_a_folder_without_a_review_is_none(tmp_path: Path) -> None:
    for content in (None, "{", "[]", '{"name": "x"}'):
        if content is not None:
            (tmp_path / "about.json").write_text(content)
        with pytest.raises(TableError, match="no review is kept here"):
            Review(tmp_path)


def test_what_the_rows_so_far_say_is_said_of_the_surest_of_them(tmp_path: Path) -> None:
    review = Review.begin(tmp_path / "review", read(answers(tmp_path)))
    for place, row in enumerate(review.order[:20]):
        review.take(row, "fear" if place < 6 else "joy", "label")
    assert review.so_far().sentence == (
        "Looked at 20 of 30 rows, 6 changed. Of these, 6 of the surest 20 were changed: if the other 10 rows are no "
        "worse, 83 to 95 % of the file is right now."
    )
    review.close()
