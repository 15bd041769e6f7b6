"""The commands over a file: figures on standard output, one line for a mistake, and the file as it should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from command_line import answer_with, process, program, run
from fake_engine import FakeEngine

from gptjt_demo.evaluation.run import UNPARSED
from gptjt_demo.evaluation.samples import names
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

ROWS = [("so happy today", "joy"), ("what a fright", "fear"), ("furious", "anger"), ("so happy again", "joy")]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    found = FakeEngine({"happy": "joy", "fright": "Fear.", "furious": "rage"}, scores={"joy": -0.1, "fear": -3.0})
    answer_with(monkeypatch, found)
    return found


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.csv"
    rowfile.write(path, ["input", "output"], ROWS)
    return path


# --- batch


def test_a_file_is_read_line_by_line_when_told_and_not_gone_on_with_otherwise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer_with(monkeypatch, FakeEngine(fail_after=0))
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('input,n\n"The Wire,5\nOz,4\nLost",3\n')
    command = ["batch", source, target, "-t", "emotion"]
    assert "with --plain-quotes each of its lines is a row" in run(capsys, *command)[2]
    status, _, err = run(capsys, *command, "--resume", "--plain-quotes")
    assert (status, "reading of quotation marks differs" in err) == (2, True)
    answer_with(monkeypatch, FakeEngine())
    assert run(capsys, *command, "--overwrite", "--plain-quotes")[0] == 0
    assert [row[:2] for row in read(target)] == [('"The Wire', "5"), ("Oz", "4"), ('Lost"', "3")]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "xlsx"])
def test_batch_writes_the_answers_beside_the_rows(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path, ending: str
) -> None:
    target = gold.with_name(f"out.{ending}")
    status, out, err = run(capsys, "batch", gold, target, "-t", "emotion", "--input-column", "input")
    assert (status, out) == (0, "")
    assert "gold.csv: 4 rows; UTF-8 with a byte-order mark, comma-separated" in err
    assert f"{target}: 4 rows, 0 errors, 0 flagged; fake, prefix attention" in err
    assert [row[:3] for row in read(target)][2] == ("furious", "anger", "rage")


def test_batch_picks_labels_in_the_asked_attention(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path
) -> None:
    target = gold.with_name("out.csv")
    run(capsys, "batch", gold, target, "-t", "emotion", "--labels", "--attention", "causal", "--limit", "2")
    found = read(target)
    assert found.columns[2:] == ("label", "confidence", "runner_up", "check", "error")
    assert [row[2] for row in found] == ["joy", "joy"]


def test_batch_refuses_a_file_that_is_there_and_overwrites_or_resumes_when_told(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path
) -> None:
    target = gold.with_name("out.csv")
    command = ["batch", gold, target, "-t", "emotion"]
    assert run(capsys, *command)[0] == 0
    status, _, err = run(capsys, *command)
    assert status == 2
    assert "overwrite it, or choose another name" in err.splitlines()[-1]
    assert run(capsys, *command, "--overwrite")[0] == 0
    target.unlink()
    assert run(capsys, *command, "--resume")[0] == 0


def test_batch_says_which_column_it_takes_and_asks_between_two(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, tmp_path: Path
) -> None:
    rowfile.write(tmp_path / "in.csv", ["text", "n"], [("so happy", "1")])
    _, _, err = run(capsys, "batch", tmp_path / "in.csv", tmp_path / "out.csv", "-t", "emotion")
    assert "input from the column 'text'" in err
    rowfile.write(tmp_path / "two.csv", ["text", "comment", "n"], [("so happy", "1", "2")])
    status, _, err = run(capsys, "batch", tmp_path / "two.csv", tmp_path / "out2.csv", "-t", "emotion")
    assert status == 2
    assert "--input-column: the columns 'text', 'comment' could all be the input 'input'; give COLUMN" in err


def test_evaluate_asks_between_two_columns_of_right_answers(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, tmp_path: Path
) -> None:
    rowfile.write(tmp_path / "in.csv", ["input", "output", "label"], [("so happy", "joy", "fear")])
    status, out, err = run(capsys, "evaluate", tmp_path / "in.csv", "-t", "emotion", "--json")
    assert (status, out) == (2, "")
    assert "--output-column: the columns 'output', 'label' could all hold the right answers; name one" in err
    _, out, _ = run(capsys, "evaluate", tmp_path / "in.csv", "-t", "emotion", "-o", "label", "--json")
    assert json.loads(out)["runs"][0]["gold_column"] == "label"


def test_a_batch_is_calibrated_over_its_rows_and_says_when(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path
) -> None:
    target = gold.with_name("out.csv")
    command = ["batch", gold, target, "-t", "emotion", "--rule", "batch"]
    status, _, err = run(capsys, *command)
    assert (status, "--rule: it compares labels" in err) == (2, True)
    status, _, err = run(capsys, *command, "--labels")
    assert status == 0
    assert "labels are by the sum until the last row is answered" in err
    assert "labels by sum, divided by the mean over the rows" in err
    # The scripted engine gives every row the same shares, so that nothing is left of them.
    assert {row[3] for row in read(target)} == {f"{1 / 6:.4f}"}


def test_a_dry_run_says_what_it_comes_to_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path
) -> None:
    before = sorted(gold.parent.iterdir())
    for more in ([], [gold.with_name("out.csv")]):
        status, out, err = run(capsys, "batch", gold, *more, "-t", "emotion", "--dry-run")
        assert status == 0
        names = [line.split("  ")[0] for line in out.splitlines()]
        assert names == ["rows", "tokens", "too long", "time"]
        assert "nothing is written" in err
    _, out, _ = run(capsys, "batch", gold, "-t", "emotion", "--labels", "--dry-run", "--json")
    found = json.loads(out)
    assert (found["rows"], found["too_long"], found["model"], found["exact"]) == (4, 0, "fake", True)
    assert found["tokens"] > 0
    assert sorted(gold.parent.iterdir()) == before


def test_a_dry_run_refuses_an_output_that_the_run_would_refuse(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path
) -> None:
    status, _, err = run(capsys, "batch", gold, gold, "-t", "emotion", "--dry-run")
    assert (status, "the output would replace the input" in err) == (2, True)
    status, _, err = run(capsys, "batch", gold, "-t", "emotion")
    assert (status, "no file for the answers" in err) == (2, True)


def test_evaluate_tells_confidence_rules_and_doubtful_right_answers(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path, tmp_path: Path
) -> None:
    status, out, _ = run(capsys, "evaluate", gold, "-t", "emotion", "--rule", "pmi", "--plots", tmp_path / "plots")
    assert status == 0
    assert "expected calibration error" in out
    assert "sum, divided by what the answer's cue alone gives (in use)" in out
    assert "4 rows are too few to choose a rule" in out
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"reliability.png"}
    _, out, _ = run(capsys, "evaluate", gold, "-t", "emotion", "--json")
    found = json.loads(out)["runs"][0]
    assert [each["row"] for each in found["suspicious"]] == [3, 2]
    assert found["rules"]["in_use"] == "logprob"
    assert len(found["reliability"]["bins"]) == 10


@pytest.mark.parametrize("more", [[], ["--overwrite"], ["--resume"]])
def test_names_that_cannot_be_written_are_refused_before_the_model_is_loaded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, gold: Path, more: list[str]
) -> None:
    monkeypatch.setattr("gptjt_demo.cli.rows.open_engine", lambda *_: pytest.fail("the model was loaded"))
    (gold.parent / "folder.csv").mkdir()
    (gold.parent / "out.csv.run").write_text("mine")
    for name, word in (("folder.csv", "a folder"), ("out.csv", "out.csv.run: it is there"), ("no/x.csv", "no folder")):
        status, _, err = run(capsys, "batch", gold, gold.parent / name, "-t", "emotion", *more)
        assert (status, word in err.splitlines()[-1]) == (2, True)


def test_a_batch_that_ends_early_is_no_success(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "complete_many", lambda prompts, *args, **kwargs: iter(()))
    status, _, err = run(capsys, "batch", gold, gold.with_name("out.csv"), "-t", "emotion")
    assert status == 2
    assert "out.csv: the run ended early: 0 of 4 rows are answered; resume it" in err


def test_an_interrupted_batch_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], gold: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = gold.with_name("out.csv")
    interrupting = [True]

    def answer(prompt: str) -> str:
        if "furious" in prompt and interrupting:
            raise KeyboardInterrupt
        return "joy"

    engine = FakeEngine(answer)
    answer_with(monkeypatch, engine)
    status, _, err = run(capsys, "batch", gold, target, "-t", "emotion")
    assert status == 130
    assert "--resume continues" in err
    interrupting.clear()
    before = len(engine.prompts)
    assert run(capsys, "batch", gold, target, "-t", "emotion", "--resume")[0] == 0
    assert len(list(read(target))) == 4
    assert len(engine.prompts) - before == 2


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_batch_that_is_ended_from_outside_goes_on_with_whole_rows(tmp_path: Path, end: signal.Signals) -> None:
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [(f"{n:03}", f"row {n}") for n in range(300)])
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    command = [
        sys.executable,
        "-c",
        program({"default": "one", "delay": 0.02}),
        "batch",
        source,
        target,
        "-t",
        "emotion",
    ]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([*map(str, command)], env=env, stderr=subprocess.PIPE, text=True) as started:
        for _ in range(3_000):
            if target.exists() and target.read_bytes().count(b"\n") > 5:
                break
            time.sleep(0.02)
        started.send_signal(end)
        assert started.stderr is not None
        said = started.stderr.read()
    assert started.returncode == -end
    if end == signal.SIGTERM:
        assert said.splitlines()[-1] == f"stopped; the same command with --resume continues {target}"
    assert "Traceback" not in said
    so_far = list(read(target))
    assert 5 <= len(so_far) < 300
    assert {row[2] for row in so_far} == {"one"}
    done = process("batch", source, target, "-t", "emotion", "--resume", answers={"default": "two"})
    assert done.returncode == 0
    rows = list(read(target))
    assert [row[:2] for row in rows] == [(f"{n:03}", f"row {n}") for n in range(300)]
    assert rows[: len(so_far)] == so_far
    assert {row[2] for row in rows[len(so_far) + 1 :]} == {"two"}  # one may have been answered and not yet written


def test_each_of_several_inputs_has_its_column(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, tmp_path: Path
) -> None:
    template = tmp_path / "pair.yaml"
    template.write_text("name: pair\ntitle: Pair\ninputs:\n  - {name: first, cue: A}\n  - {name: second, cue: B}\n")
    rowfile.write(tmp_path / "in.csv", ["x", "y"], [("one", "two")])
    command = ["batch", tmp_path / "in.csv", tmp_path / "out.csv", "-t", template]
    assert run(capsys, *command, "-c", "second=x", "-c", "first=y")[0] == 0
    assert engine.prompts == ["A: two\nB: one\nOutput:"]
    for asked, word in ((["-c", "x"], "NAME=COLUMN"), (["-c", "first=x"], "second=COLUMN"), ([], "first=COLUMN")):
        status, _, err = run(capsys, *command, *asked)
        assert status == 2
        assert word in err.splitlines()[-1]


# --- evaluate


def test_evaluate_prints_the_promised_json_and_nothing_else(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path
) -> None:
    command = ["evaluate", gold, "-t", "emotion", "-c", "input", "-o", "output", "--attention", "both", "--json"]
    status, out, err = run(capsys, *command)
    found = json.loads(out)
    assert (status, err, out.count("\n")) == (0, "", 1)
    assert [each["attention"] for each in found["runs"]] == ["prefix", "causal"]
    keys = {"attention", "n", "errors", "accuracy", "interval", "macro_f1", "list_f1"}
    assert all(keys <= set(each) for each in found["runs"])
    assert found["runs"][0]["accuracy"] == 0.5
    assert found["paired"]["n"] == 4


def test_evaluate_prints_figures_matrix_and_the_paired_test_in_words(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path
) -> None:
    status, out, _ = run(capsys, "evaluate", gold, "-t", "emotion", "--attention", "both", "--generate")
    assert status == 0
    assert "emotion on fake, prefix attention" in out
    assert "accuracy     75.0 %   95 % interval" in out
    assert UNPARSED in out
    matrix = out[out.index("gold \\ predicted") :].splitlines()
    assert matrix[2].split() == ["joy", "0", "2", "0", "0", "0", "0", "0"]
    assert "Of 4 rows, 0 are right only with prefix and 0 only with causal: the two are right on the same rows." in out


def test_two_templates_are_compared_on_the_same_rows(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("name: other\ntitle: Other\nlabels: [joy, fear, anger]\n")
    status, out, _ = run(capsys, "evaluate", gold, "-t", "emotion", "--against", other, "--json", "--generate")
    found = json.loads(out)
    assert status == 0
    assert [each["template"] for each in found["runs"]] == ["emotion", "other"]
    assert found["paired"]["both_right"] == 3


def test_right_answers_may_come_through_a_pipe(
    engine: FakeEngine, gold: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(gold.read_bytes()))
    writer.start()
    status, out, err = run(capsys, "evaluate", tmp_path / "pipe", "-t", "emotion", "--attention", "both")
    writer.join()
    assert status == 0
    assert "pipe: 4 rows" in err
    assert out.count("of 4 rows") == 2


def test_rows_without_a_right_answer_are_said_in_text_and_json(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, tmp_path: Path
) -> None:
    rowfile.write(tmp_path / "in.csv", ["input", "output"], [*ROWS[:3], ("so happy", "")])
    command = ["evaluate", tmp_path / "in.csv", "-t", "emotion"]
    _, out, err = run(capsys, *command)
    assert "3 of 4 rows; one has no right answer" in out
    assert "3 of 4 rows; one has no right answer" in err
    _, out, _ = run(capsys, *command, "--json")
    found = json.loads(out)["runs"][0]
    assert (found["rows"], found["without_gold"], found["n"]) == (4, 1, 3)
    _, out, _ = run(capsys, "diagnose", tmp_path / "in.csv", "-t", "emotion", "--json")
    assert json.loads(out)["without_gold"] == 1


def test_without_a_file_the_template_s_own_sample_is_measured(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine
) -> None:
    _, out, _ = run(capsys, "evaluate", "-t", "hate", "--json", "--limit", "10")
    assert json.loads(out)["runs"][0]["n"] == 10


@pytest.mark.parametrize("modes", [["prefix", "causal"], ["causal"]])
def test_one_command_makes_the_table_of_the_five_tasks(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, modes: list[str]
) -> None:
    engine.supports_prefix = len(modes) == 2
    status, out, err = run(capsys, "evaluate", "--samples", "--limit", "3")
    lines = out.splitlines()
    assert status == 0
    assert lines[0].split(" | ")[2].rstrip(" |") == modes[0]
    assert [line.split("|")[1].strip(" `") for line in lines[2:]] == list(names())
    assert len({line.count("|") for line in lines}) == 1
    assert ("paired p" in lines[0]) is (len(modes) == 2)
    assert "list F1" in out
    assert "fake; accuracy" in err


# --- diagnose


def test_diagnose_says_a_sentence_each_and_saves_the_pictures(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path, tmp_path: Path
) -> None:
    status, out, _ = run(capsys, "diagnose", gold, "-t", "emotion", "--plots", tmp_path / "plots")
    assert status == 0
    assert [line.split(":")[0] for line in out.splitlines()] == ["order", "influence", "prior", "number"]
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "influence.png", "number.png", "order.png", "prior.png",
    ]  # fmt: skip
    assert (tmp_path / "plots" / "order.png").read_bytes().startswith(b"\x89PNG")


def test_diagnose_leaves_out_what_a_template_has_not(capsys: pytest.CaptureFixture[str], engine: FakeEngine) -> None:
    _, out, _ = run(capsys, "diagnose", "-t", "currency", "--limit", "3", "--json")
    found = json.loads(out)
    assert "no two examples to reorder" in found["order"]["sentence"]
    assert "no labels" in found["prior"]["sentence"]
    assert found["number"]["n"] == 3


# --- mistakes


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["batch", "{gold}", "out.txt", "-t", "emotion"], "out.txt"),
        (["batch", "gone.csv", "out.csv", "-t", "emotion"], "gone.csv"),
        (["batch", "{gold}", "out.csv", "-t", "emotion", "-c", "nope"], "nope"),
        (["batch", "{gold}", "out.csv", "-t", "currency", "--labels"], "labels"),
        (["batch", "{gold}", "out.csv", "-t", "emotion", "--limit", "0"], "limit"),
        (["batch", "{gold}", "out.csv", "-t", "emotion", "--attention", "both"], "both"),
        (["evaluate", "{gold}", "-t", "emotion", "-o", "nope"], "nope"),
        (["evaluate", "{gold}", "-t", "emotion", "--attention", "sideways"], "sideways"),
        (["evaluate", "{gold}"], "--template"),
        (["evaluate", "{gold}", "-t", "emotion", "--against", "hate", "--attention", "both"], "two comparisons"),
        (["evaluate", "{gold}", "--samples"], "--samples"),
        (["diagnose", "{gold}"], "template"),
    ],
)
def test_a_users_mistake_is_one_line_and_status_two(
    capsys: pytest.CaptureFixture[str], engine: FakeEngine, gold: Path, arguments: list[str], word: str
) -> None:
    status, out, err = run(capsys, *[part.format(gold=gold) for part in arguments])
    lines = [line for line in err.splitlines() if line.startswith("error:")]
    assert (status, out, len(lines)) == (2, "", 1)
    assert word in lines[0]
    assert "Traceback" not in err
