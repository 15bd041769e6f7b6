"""Calibration: shares divided by what the labels get elsewhere, as a script of a few lines does it."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from gptjt_demo.engine.calibration import LABEL_RULES, LabelRule, calibrated, mean_shares, reshared
from gptjt_demo.engine.label_scores import label_scores
from gptjt_demo.engine.results import LabelScore
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.templates.neutral import CONTENT_FREE, neutral_prompts
from gptjt_demo.templates.template import Example, Input, Template

LABELS = ("joy", "fear", "not joy")


def scored(sums: list[float], labels: tuple[str, ...] = LABELS) -> list[LabelScore]:
    return label_scores(labels, [f" {label}\n" for label in labels], [2, 3, 4], sums, "logprob")


def cases(count: int, seed: int = 0) -> list[list[LabelScore]]:
    dice = random.Random(seed)
    return [scored([dice.uniform(-12, 0) for _ in LABELS]) for _ in range(count)]


def test_batch_calibration_is_ten_lines_on_the_shares() -> None:
    rows = cases(50)
    shares = [[score.share for score in row] for row in rows]

    mean = [0.0] * 3
    for row in shares:
        for j in range(3):
            mean[j] += row[j] / len(shares)
    expected = []
    for row in shares:
        divided = [row[j] / mean[j] for j in range(3)]
        total = divided[0] + divided[1] + divided[2]
        expected.append([each / total for each in divided])

    assert mean_shares(rows) == pytest.approx(mean)
    assert mean_shares(shares) == pytest.approx(mean)
    for scores, row, wanted in zip(rows, shares, expected, strict=True):
        assert [score.share for score in reshared(scores, "batch", mean_shares(rows))] == pytest.approx(wanted)
        assert calibrated(row, mean_shares(shares)) == pytest.approx(wanted)


def test_dividing_by_the_cue_s_share_is_subtracting_its_log_probability() -> None:
    case, cue = scored([-3.0, -2.0, -40.0]), scored([-1.0, -4.0, -45.0])
    weights = [math.exp(a.logprob - b.logprob) for a, b in zip(case, cue, strict=True)]
    found = reshared(case, "pmi", mean_shares([cue]))
    assert [score.share for score in found] == pytest.approx([weight / sum(weights) for weight in weights])


@pytest.mark.parametrize("rule", LABEL_RULES)
def test_the_order_of_the_labels_decides_nothing(rule: LabelRule) -> None:
    rows = cases(5)
    reference = mean_shares(rows)
    for row in rows:
        there, back = reshared(row, rule, reference), reshared(row[::-1], rule, reference[::-1])
        assert math.fsum(score.share for score in there) == pytest.approx(1)
        assert {score.label: score.share for score in back} == pytest.approx(
            {score.label: score.share for score in there}
        )


def test_the_mean_is_that_of_the_sum_whatever_rule_the_scores_were_shared_by() -> None:
    rows = cases(5)
    assert mean_shares(reshared(row, "per_byte") for row in rows) == pytest.approx(mean_shares(rows))


def test_a_label_that_gets_nothing_anywhere_divides_nothing_by_zero() -> None:
    rows = [scored([0.0, -2000.0, -5.0]), scored([-1.0, -2000.0, 0.0])]
    for row in rows:
        found = [score.share for score in reshared(row, "batch", mean_shares(rows))]
        assert sum(found) == pytest.approx(1)
        assert all(math.isfinite(share) for share in found)


@pytest.mark.parametrize(
    "call",
    [
        lambda: calibrated([0.5, 0.5], [1.0]),
        lambda: calibrated([], []),
        lambda: calibrated([0.5, float("nan")], [0.5, 0.5]),
        lambda: calibrated([0.5, 0.5], [0.5, -1]),
        lambda: calibrated([0.5, 0.5], "ab"),  # type: ignore[arg-type]
        lambda: mean_shares([]),
        lambda: mean_shares([[0.5, 0.5], [1.0]]),
        lambda: mean_shares(None),  # type: ignore[arg-type]
        lambda: mean_shares([["a", "b"]]),  # type: ignore[list-item]
        lambda: reshared(cases(1)[0], "best"),
        lambda: reshared(cases(1)[0], "batch", [0.5, 0.5]),
        lambda: reshared(None, "batch"),  # type: ignore[arg-type]
        lambda: reshared([0.5, 0.5], "batch"),  # type: ignore[list-item]
        lambda: neutral_prompts("emotion", "prior"),  # type: ignore[arg-type]
        lambda: neutral_prompts(Template(name="t", title="T"), "batch"),  # type: ignore[arg-type]
        lambda: neutral_prompts(Template(name="t", title="T", output_cue=" "), "pmi"),
    ],
)
def test_what_cannot_be_divided_is_refused_in_a_line(call: Any) -> None:
    with pytest.raises(PlaygroundError) as error:
        call()
    assert "\n" not in str(error.value)


def test_neutral_prompts_are_the_template_s_own_without_a_case() -> None:
    two = (Input(name="a", cue="A"), Input(name="b", cue="B"))
    example = Example(inputs={"a": "x", "b": "y"}, output="z")
    template = Template(name="t", title="T", inputs=two, examples=(example,), output_cue="Same")
    assert neutral_prompts(template, "prior") == tuple(template.render({"a": text, "b": text}) for text in CONTENT_FREE)
    assert neutral_prompts(template, "pmi") == ("Same:",)
    assert template.render({"a": "1", "b": "2"}).endswith("\nSame:")
