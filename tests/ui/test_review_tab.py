"""The review tab's actions: a review is found by its key alone, after a kill too, and what is sent is checked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read
from gptjt_demo.templates.libraries import Library
from gptjt_demo.ui.batch.job import BatchJobs
from gptjt_demo.ui.batch.order import Order
from gptjt_demo.ui.folders import lasting_folder, sweep
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.review import shelf as shelf_module
from gptjt_demo.ui.review.actions import NONE, ReviewActions
from gptjt_demo.ui.review.shelf import Shelf, new_key

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} & &amp;"
LIBRARY = Library.open()
# Without all shares, labels are in the order of their texts: key 1 is the runner-up.
LABELS = LIBRARY["emotion"].labels


def answers(folder: Path, rows: int = 12, name: str = "answers.csv") -> Path:
    columns = ["n", "text", "label", "confidence", "runner_up", "check", "error"]
    made = [
        (f"{n:03}", f"row {chr(97 + n)} {HOSTILE}", LABELS[0], f"{0.3 + n / 20:.4f}", LABELS[1], "", "")
        for n in range(rows)
    ]
    rowfile.write(folder / name, columns, made)
    return folder / name


@pytest.fixture
def do(tmp_path: Path) -> Any:
    actions = Actions(FakeEngine(scores={LABELS[0]: -0.3, LABELS[1]: -1.5}), LIBRARY)
    found = ReviewActions(actions, BatchJobs(actions.engine), Shelf(tmp_path / "kept"))
    (tmp_path / "kept").mkdir()
    yield found
    found.leave()


def begun(do: ReviewActions, path: Path) -> str:
    """The key of a new visitor who reviews a file."""
    key = new_key()
    do.shelf.begin(key, read(path))
    return key


def shown(card: str) -> int:
    found = re.search(r'data-shown="(\d+)"', card)
    assert found is not None, card
    return int(found[1])


def press(do: ReviewActions, key: str, act: str, at: int, **more: Any) -> str:
    card = do.act(key, {"acts": [{"act": act, **more}], "shown": at, "turn": 1})[0]
    assert isinstance(card, str)
    return card


def state(do: ReviewActions, key: str) -> dict[int, str]:
    review = do.shelf.find(key)
    assert review is not None
    return review.all_decided()


def test_two_visitors_never_see_each_other_s(do: ReviewActions, tmp_path: Path) -> None:
    one, other = (begun(do, answers(tmp_path)) for _ in range(2))  # the same file
    press(do, one, "label", 0, label=0)
    press(do, other, "accept", 0)
    assert (state(do, one), state(do, other)) == ({0: LABELS[1]}, {0: LABELS[0]})
    for wrong in (one[:-1], one + "x", "", None, 7, NONE, "../" + one, [one]):
        assert "no longer kept here" in do.act(wrong, {"acts": [{"act": "accept"}], "shown": 1})[0]
        assert do.fetch(wrong, "csv")[0] is None
        assert 'data-state="idle"' in do.show(wrong).card
    do.delete(one)
    assert do.shelf.find(one) is None
    assert state(do, other) == {0: LABELS[0]}


def test_who_reads_the_disk_s_names_learns_no_key(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path))
    press(do, key, "accept", 0)
    assert not [
        path
        for path in (tmp_path / "kept").rglob("*")
        if key in str(path) or (path.is_file() and key in path.read_text())
    ]


def test_keys_decide_the_row_that_is_shown_and_go_to_the_next(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path))
    card = do.show(key).card
    for place, act in enumerate(("accept", "label", "save")):
        assert shown(card) == place  # the least sure first
        card = press(do, key, act, place, label=0, text=HOSTILE)
    assert state(do, key) == {0: LABELS[0], 1: LABELS[1], 2: HOSTILE}
    assert "3 of 12 rows looked at" in card
    assert shown(press(do, key, "back", 3)) == 2
    assert shown(press(do, key, "back", 0)) == 0
    assert shown(press(do, key, "next", 3)) == 4
    assert shown(press(do, key, "next", 11)) == 11
    assert shown(press(do, key, "undo", 11)) == 2
    assert state(do, key) == {0: LABELS[0], 1: LABELS[1]}
    press(do, key, "accept", 1)  # what a person said is not undone by looking again
    assert state(do, key)[1] == LABELS[1]
    for row in range(2, 12):
        card = press(do, key, "accept", row)
    assert 'data-state="done"' in card
    for act in ("accept", "label", "save", "next"):  # a key too many decides nothing
        assert 'data-state="done"' in press(do, key, act, -1, label=1, text="x")
    assert shown(press(do, key, "back", -1)) == 11
    assert shown(press(do, key, "undo", -1)) == 11
    for _ in range(12):
        card = press(do, key, "undo", 0)
    assert state(do, key) == {}
    assert "there is nothing to undo" in press(do, key, "undo", 0)


def test_what_was_pressed_meanwhile_goes_to_the_rows_that_follow(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path))
    acts = [{"act": "accept"}, {"act": "label", "label": 0}, {"act": "undo"}, {"act": "next"}, {"act": "accept"}]
    card = do.act(key, {"acts": acts, "shown": 0, "turn": 7})[0]
    assert state(do, key) == {0: LABELS[0], 2: LABELS[0]}
    assert shown(card) == 3
    assert 'data-turn="7"' in card


def test_hostile_text_is_shown_as_typed(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path))
    card = press(do, key, "save", 0, text=HOSTILE)
    assert "<b>x</b>" not in card
    assert "&lt;b&gt;x&lt;/b&gt; ${alert(1)} `tick` C:\\new {{x}} &amp; &amp;amp;" in card


@pytest.mark.parametrize(
    "sent",
    [
        None,
        7,
        [],
        {},
        {"acts": {"act": "accept"}},
        {"acts": ["accept", None, ["act"]]},
        *(
            {"acts": [act], "shown": 0}
            for act in (
                {"act": "drop"},
                {"act": ["accept"]},
                {"act": "label"},
                {"act": "label", "label": 99},
                {"act": "label", "label": True},
                {"act": "label", "label": -1},
                {"act": "save", "text": 7},
                {"act": "save", "text": "x" * 100_001},
                {"act": "gold", "row": 0},
                {"act": "gold", "row": 1e9},
            )
        ),
    ],
)
def test_what_a_browser_may_send_is_checked(do: ReviewActions, tmp_path: Path, sent: Any) -> None:
    key = begun(do, answers(tmp_path))
    do.act(key, sent)
    assert state(do, key) == {}


def test_a_batch_is_reviewed_with_its_labels_inputs_and_shares(do: ReviewActions, tmp_path: Path) -> None:
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [(f"{n:03}", f"text {chr(97 + n)}") for n in range(5)])
    order = Order(read(tmp_path / "in.csv"), LIBRARY["emotion"], {"input": "text"}, labels=True)
    job = do.jobs.begin(order)
    assert job.wait(10)
    view = do.review_job(NONE, job.id)
    assert view.wrong == ""
    review = do.shelf.find(view.key)
    assert review is not None
    assert review.about.labels == LABELS
    assert review.inputs(0) == {"input": "text a"}
    assert review.others(0) == {"n": "000"}
    assert len(review.answer(0).shares) == len(LABELS)
    assert view.card.count('data-act="label"') == len(LABELS)
    press(do, view.key, "label", 2, label=3)
    path, line = do.fetch(view.key, "csv")
    assert line == ""
    assert path is not None
    assert Path(path).name == "in-reviewed.csv"
    back = read(path)
    assert [row[:2] for row in back] == list(read(tmp_path / "in.csv"))
    assert list(back)[2][-3:] == ("yes", LABELS[3], "person")
    assert "no longer kept" in do.review_job(view.key, "another's").wrong


def test_a_decided_row_becomes_an_example_or_a_gold_row(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path))
    held = do.actions.controls(LIBRARY["emotion"])
    assert "only a row that was decided" in do.add(key, {"row": 0}, held)[1]
    press(do, key, "label", 0, label=0)
    rows, line = do.add(key, {"row": 0}, held)
    assert rows["rows"][-1] == [f"row a {HOSTILE}", LABELS[1]]
    assert f"Row 1 is example {len(rows['rows'])} of “{held.title}”" in line
    two = do.actions.controls(next(item for item in LIBRARY if len(item.inputs) == 2))
    assert "it is not known which cell is which input" in do.add(key, {"row": 0}, two)[1]
    press(do, key, "gold", 1, row=0)
    path, _ = do.fetch_gold(key)
    assert path is not None
    assert list(read(path)) == [("000", f"row a {HOSTILE}", LABELS[1])]
    press(do, key, "gold", 1, row=0)
    assert do.fetch_gold(key)[0] is None


def test_another_file_is_another_review_and_the_same_file_goes_on(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path))
    press(do, key, "accept", 0)
    do.shelf.begin(key, read(answers(tmp_path, 6, "other.csv")))
    assert state(do, key) == {}
    do.shelf.begin(key, read(answers(tmp_path)))
    assert state(do, key) == {0: LABELS[0]}


def test_more_rows_of_the_same_file_keep_what_was_decided(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path, 4))
    press(do, key, "label", 2, label=0)
    press(do, key, "accept", 0)
    press(do, key, "gold", 1, row=2)
    later = do.shelf.begin(key, read(answers(tmp_path, 9)))
    assert (len(later), state(do, key)) == (9, {2: LABELS[1], 0: LABELS[0]})
    assert later.decisions.gold == (2,)
    press(do, key, "undo", 1)
    do.shelf.begin(key, read(answers(tmp_path, 9)))
    assert state(do, key) == {2: LABELS[1]}
    stranger = new_key()
    do.shelf.begin(stranger, read(answers(tmp_path, 9)))
    assert state(do, stranger) == {}


def test_old_reviews_are_deleted_and_others_stay(
    do: ReviewActions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = begun(do, answers(tmp_path)), begun(do, answers(tmp_path))
    do.shelf.find(old)
    for folder in (tmp_path / "kept").iterdir():
        if not any(folder.samefile(each) for each in _folders(do, tmp_path, new)):
            past = time.time() - shelf_module.KEPT_SECONDS - 1
            os.utime(folder, (past, past))
    do.shelf.sweep()
    assert do.shelf.find(old) is None
    assert do.shelf.find(new) is not None
    monkeypatch.setattr(shelf_module, "MOST", 0)
    do.shelf.sweep()
    assert list((tmp_path / "kept").iterdir()) == []


def _folders(do: ReviewActions, tmp_path: Path, key: str) -> list[Path]:
    review = do.shelf.find(key)
    assert review is not None
    return [review.folder.parent]


def test_a_review_that_another_server_holds_is_said(do: ReviewActions, tmp_path: Path) -> None:
    key = begun(do, answers(tmp_path))
    second = Shelf(tmp_path / "kept")
    with pytest.raises(TableError, match="another process holds this review"):
        second.find(key)
    do.shelf.close()
    assert second.find(key) is not None
    second.close()


# A server that keeps reviews where servers do, and is killed as soon as three rows are decided.
SERVER = """
import os, signal, sys
from pathlib import Path
from gptjt_demo.tables.table import read
from gptjt_demo.ui.review.shelf import Shelf

review = Shelf().begin(sys.argv[2], read(Path(sys.argv[1])))
for row in range(3):
    review.take(row, f"answer {row}", "edit")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_server_loses_nothing_when_the_visitor_returns(tmp_path: Path) -> None:
    key, kept = new_key(), lasting_folder()
    around = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GRADIO_TEMP_DIR": str(kept.parent)}
    done = subprocess.run([sys.executable, "-c", SERVER, answers(tmp_path), key], env=around, check=False)
    assert done.returncode == -signal.SIGKILL
    sweep()  # clears up after the killed one
    here = Shelf()  # the next one
    review = here.find(key)
    assert review is not None
    assert review.all_decided() == {0: "answer 0", 1: "answer 1", 2: "answer 2"}
    assert oct(kept.stat().st_mode & 0o777) == "0o700"
    here.delete(key)
    here.close()
