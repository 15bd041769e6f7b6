"""What a run that weighed labels tells: how far confidences hold, doubtful right answers, and the rules compared."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from gptjt_demo.engine.calibration import LABEL_RULES, LabelRule, mean_shares, reshared
from gptjt_demo.engine.label_scores import label_scores
from gptjt_demo.evaluation import metrics, plots
from gptjt_demo.evaluation.evaluate import evaluate
from gptjt_demo.evaluation.pair import report
from gptjt_demo.evaluation.report import run_lines
from gptjt_demo.evaluation.rules import FEWEST, Scored, compare_rules, halves
from gptjt_demo.evaluation.run import SUSPICIOUS_SHOWN, Run
from gptjt_demo.tables import rowfile
from gptjt_demo.templates.template import Template

LABELS = ("joy", "fear", "calm")
TEMPLATE = Template(name="mood", title="Mood", labels=LABELS)


def asked(prompt: str) -> str:
    return prompt.rsplit("Input: ", 1)[1].removesuffix("\nOutput:") if "Input: " in prompt else prompt


def measured(folder: Path, rows: list[tuple[str, str]], scores: Any, template: Template = TEMPLATE, **more: Any) -> Run:
    rowfile.write(folder / "gold.csv", ["text", "gold"], rows)
    engine = FakeEngine(scores=lambda prompt: scores(asked(prompt)))
    return evaluate(engine, template, folder / "gold.csv", columns={"input": "text"}, gold="gold", **more)


def leaning(text: str) -> dict[str, float]:
    """Knows the label that a text names, beneath a bias towards joy that is also there without a case."""
    return {label: (1.5 if label in text else 0.0) + (2.0 if label == "joy" else 0.0) - 3.6 for label in LABELS}


NAMED = [(f"{label} {n}", label) for n in range(20) for label in LABELS]


# --- confidences


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_a_loop(rows: list[tuple[float, bool]]) -> None:
    found = metrics.reliability(rows)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in rows:
        bins.setdefault(min(int(confidence * 10), 9), []).append((confidence, right))
    error = 0.0
    for each in bins.values():
        accuracy = sum(right for _, right in each) / len(each)
        error += len(each) / len(rows) * abs(accuracy - sum(confidence for confidence, _ in each) / len(each))
    assert found.error == pytest.approx(error)
    assert sum(each.n for each in found.bins) == found.n == len(rows)


def test_the_reliability_curve_is_scikit_learn_s() -> None:
    dice = random.Random(1)
    confidences = [dice.random() for _ in range(500)]
    right = [dice.random() < confidence**2 for confidence in confidences]
    found = metrics.reliability(list(zip(confidences, right, strict=True)))
    accuracy, confidence = calibration_curve(right, confidences, n_bins=10)
    assert [each.accuracy for each in found.bins] == pytest.approx(accuracy)
    assert [each.confidence for each in found.bins] == pytest.approx(confidence)
    assert plots.picture(plots.reliability(found)).startswith(b"\x89PNG")


def test_there_is_no_confidence_where_labels_are_not_weighed(tmp_path: Path) -> None:
    run = measured(tmp_path, [("joy", "joy")], leaning, labels=False)
    assert (run.reliability, run.rules, run.suspicious) == (None, None, [])
    assert metrics.reliability([]).error == 0


# --- right answers that look wrong


def test_planted_mistakes_come_first_and_the_surest_of_them_before_all(tmp_path: Path) -> None:
    def sure(text: str) -> dict[str, float]:
        return {label: float(text.split()[1]) if label in text else 0.0 for label in LABELS}

    rows = [(f"{label} {strength}", label) for label in LABELS for strength in (1, 2, 3, 6)]
    rows[2] = ("joy 3", "fear")
    rows[11] = ("calm 6", "joy")
    rows[4] = ("fear 1", "cahm")  # a right answer that is no label, and a model that is not sure
    run = measured(tmp_path, rows, sure)
    assert [outcome.row.index for outcome in run.suspicious] == [11, 2, 4]
    found = report([run])["runs"][0]["suspicious"]
    assert [(each["row"], each["gold"], each["answer"]) for each in found] == [
        (12, "joy", "calm"), (3, "fear", "joy"), (5, "cahm", "fear"),
    ]  # fmt: skip
    assert found[0]["answer_share"] > 0.98 > 0.02 > found[0]["gold_share"]
    lines = list(run_lines(run))
    first = next(place for place, line in enumerate(lines) if line.startswith("row 12: 'joy'"))
    assert first < next(place for place, line in enumerate(lines) if line.startswith("gold \\ predicted"))
    assert lines[first + 1].startswith("row 3: 'fear'")


def test_a_column_of_other_names_is_not_taken_for_mistakes(tmp_path: Path) -> None:
    run = measured(tmp_path, [(text, label.upper() + "!?x") for text, label in NAMED], leaning)
    assert run.suspicious == []
    assert run.right == 0


def test_no_more_than_a_screen_of_them_is_listed(tmp_path: Path) -> None:
    run = measured(tmp_path, [(text, "fear") for text, _ in NAMED], lambda text: {"joy": 0.0})
    assert len(run.suspicious) == len(NAMED)
    assert len(report([run])["runs"][0]["suspicious"]) == SUSPICIOUS_SHOWN
    assert sum(line.startswith("row ") for line in run_lines(run)) == SUSPICIOUS_SHOWN


# --- rules


def scored(sums: list[float], gold: str) -> Scored:
    return label_scores(LABELS, [f" {label}\n" for label in LABELS], [2, 3, 4], sums, "logprob"), gold


def at_random(count: int, seed: int) -> list[Scored]:
    dice = random.Random(seed)
    return [scored([dice.uniform(-9, 0) for _ in LABELS], dice.choice(LABELS)) for _ in range(count)]


def test_every_rule_s_accuracy_is_that_of_a_loop(tmp_path: Path) -> None:
    run = measured(tmp_path, NAMED, leaning)
    assert run.rules is not None
    assert [each.rule for each in run.rules.figures] == list(LABEL_RULES)
    references = {**run.references, "batch": mean_shares(outcome.reply.scores for outcome in run.outcomes)}
    for each in run.rules.figures:
        right = 0
        for outcome in run.outcomes:
            shares = reshared(outcome.reply.scores, each.rule, references.get(each.rule, ()))
            right += max(shares, key=lambda score: score.share).label == outcome.gold
        assert (each.right, each.accuracy) == (right, right / run.n)
    assert run.rules.figures[0].right == run.right


@pytest.mark.parametrize("rule", LABEL_RULES)
def test_a_run_by_a_rule_is_what_the_table_of_rules_says(tmp_path: Path, rule: LabelRule) -> None:
    run = measured(tmp_path, NAMED, leaning, rule=rule)
    assert run.rules is not None
    assert {each.rule: each.right for each in run.rules.figures}[rule] == run.right
    assert run.rules.in_use == rule
    found = report([run])["runs"][0]
    assert found["rule"] == rule
    assert json.loads(json.dumps(found))["rules"]["figures"][0]["rule"] == "logprob"


def test_a_bias_is_found_and_the_rule_against_it_is_more_than_chance(tmp_path: Path) -> None:
    run = measured(tmp_path, NAMED, leaning)
    assert run.accuracy == pytest.approx(1 / 3)
    assert run.rules is not None
    choice = run.rules.choice
    assert choice is not None
    assert choice.rule in ("prior", "pmi", "batch")
    assert (choice.accuracy, choice.in_use) == pytest.approx((1.0, 1 / 3))
    assert choice.paired.p_value < 0.001
    assert "the difference is more than chance (McNemar's exact test, p < 0.001)" in run.rules.sentence
    assert run.rules.sentence in list(run_lines(run))


def hits(rows: list[Scored], rule: LabelRule, references: Any) -> list[bool]:
    """Which rows a rule has right."""
    reference = {**references, "batch": mean_shares(scores for scores, _ in rows)}.get(rule, ())
    best = [max(reshared(scores, rule, reference), key=lambda score: score.share).label for scores, _ in rows]
    return [label == gold for label, (_, gold) in zip(best, rows, strict=True)]


@pytest.mark.parametrize("seed", range(10))
def test_a_rule_is_chosen_on_one_half_and_reported_on_the_other(seed: int) -> None:
    references: dict[LabelRule, tuple[float, ...]] = {"prior": (0.6, 0.3, 0.1), "pmi": (0.2, 0.2, 0.6)}
    rows = at_random(60, seed)
    first, second = halves(rows, 0)
    assert sorted([*first, *second]) == list(range(60))
    found = compare_rules(rows, in_use="per_byte", references=references).choice
    assert found is not None
    right = {rule: hits(rows, rule, references) for rule in LABEL_RULES}
    counts = {rule: sum(right[rule][place] for place in first) for rule in LABEL_RULES}
    assert counts[found.rule] == max(counts.values())
    assert found.rule == "per_byte" or counts["per_byte"] < max(counts.values())
    assert found.chosen_on == len(first)
    assert found.accuracy == sum(right[found.rule][place] for place in second) / len(second)
    assert found.in_use == sum(right["per_byte"][place] for place in second) / len(second)


def test_on_labels_that_are_chance_it_seldom_says_that_anything_was_gained() -> None:
    said = 0
    for seed in range(60):
        found = compare_rules(at_random(40, seed), in_use="logprob", references={"prior": (0.6, 0.3, 0.1)})
        said += "more than chance" in found.sentence
    assert said <= 4


def test_halves_have_their_part_of_every_right_answer() -> None:
    rows = at_random(101, 3)
    first, second = halves(rows, 0)
    for label in LABELS:
        counts = [sum(rows[place][1] == label for place in part) for part in (first, second)]
        assert abs(counts[0] - counts[1]) <= 1


def test_too_few_rows_choose_nothing_and_say_so() -> None:
    found = compare_rules(at_random(FEWEST - 1, 0), in_use="logprob", references={})
    assert found.choice is None
    assert "too few" in found.sentence
    assert compare_rules([], in_use="logprob", references={}).n == 0


def test_a_rule_that_cannot_be_asked_is_left_out_and_said(tmp_path: Path) -> None:
    run = measured(tmp_path, NAMED, leaning, TEMPLATE.revised(output_cue=""))
    assert run.rules is not None
    assert [each.rule for each in run.rules.figures] == [rule for rule in LABEL_RULES if rule != "pmi"]
    assert any("pmi is left out" in note for note in run.notes)


def test_a_row_that_failed_is_wrong_by_every_rule(tmp_path: Path) -> None:
    run = measured(tmp_path, [*NAMED, ("joy " * 3000, "joy")], leaning, rule="batch")
    assert (run.n, run.errors) == (61, 1)
    assert run.rules is not None
    assert run.rules.n == 61
    assert max(each.right for each in run.rules.figures) == 60
