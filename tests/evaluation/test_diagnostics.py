"""Diagnostics: each finds what was planted, says it in a sentence, and draws."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.batch.progress import Progress
from gptjt_demo.batch.question import Question
from gptjt_demo.errors import SettingError
from gptjt_demo.evaluation import diagnostics, plots
from gptjt_demo.evaluation.run import Labelled
from gptjt_demo.templates.template import Example, Template

EXAMPLES = tuple(Example(inputs={"input": f"x{n}"}, output=f"y{n}") for n in range(3))
TEMPLATE = Template(name="t", title="T", instruction="Do it.", examples=EXAMPLES, labels=("joy", "fear"))
ROWS = [Labelled(n, {"input": f"q{n}"}, "joy" if n % 2 else "fear") for n in range(40)]


def question(right_when: Any) -> Question:
    """Every row is right where the prompt's header satisfies a condition, and all are "joy" elsewhere."""

    def answer(prompt: str) -> str:
        header, number = prompt.rsplit("Input: q", 1)
        return ("joy" if int(number.split()[0]) % 2 else "fear") if right_when(header) else "joy"

    return Question(FakeEngine(answer), TEMPLATE)


def test_order_finds_that_the_order_matters() -> None:
    found = diagnostics.order(question(lambda header: header.rstrip().endswith("y2")), ROWS)
    assert len(found.points) == 6
    assert (found.points[0].name, found.points[0].accuracy) == ("1, 2, 3", 1.0)
    assert {point.name: point.accuracy for point in found.points}["3, 2, 1"] == 0.5
    assert "the order matters" in found.sentence
    assert "within what chance does" in diagnostics.order(question(lambda header: True), ROWS).sentence


def test_a_sample_of_orders_is_different_seeded_and_has_the_own_one_first() -> None:
    examples = tuple(Example(inputs={"input": f"x{n}"}, output="y") for n in range(6))
    many = Question(FakeEngine(), TEMPLATE.revised(examples=examples))
    names = [[point.name for point in diagnostics.order(many, ROWS[:1], orders=5, seed=3).points] for _ in range(2)]
    assert names[0] == names[1]
    assert names[0][0] == "1, 2, 3, 4, 5, 6"
    assert len(set(names[0])) == 5


def test_influence_finds_the_example_that_helps_and_the_one_that_harms() -> None:
    found = diagnostics.influence(question(lambda header: "x1" in header), ROWS)
    assert [point.accuracy for point in found.points] == [1.0, 1.0, 0.5, 1.0]
    assert "example 2 helps most (without it the accuracy goes from 100 % to 50 %)" in found.sentence
    assert "harms" not in found.sentence
    assert "example 1 harms most" in diagnostics.influence(question(lambda header: "x0" not in header), ROWS).sentence


def test_number_of_examples_finds_how_many_are_enough() -> None:
    found = diagnostics.number_of_examples(question(lambda header: header.count("Output: y") >= 2), ROWS)
    assert [(point.name, point.accuracy) for point in found.points] == [("0", 0.5), ("1", 0.5), ("2", 1.0), ("3", 1.0)]
    assert "2 examples reach the best, 100 %" in found.sentence


def test_prior_finds_a_bias_and_correcting_it_undoes_it() -> None:
    class Biased(FakeEngine):
        def score(self, prompt: Any, *args: Any, **kwargs: Any) -> Any:
            query = prompt.rsplit("Input: ", 1)[1].splitlines()[0]
            self.scores = {"joy": -1.0, "fear": -2.0}
            if query.startswith("q"):
                self.scores["joy" if int(query[1:]) % 2 else "fear"] += 0.5
            return super().score(prompt, *args, **kwargs)

    found = diagnostics.prior(Question(Biased(), TEMPLATE), ROWS)
    assert found.labels == ("joy", "fear")
    assert found.shares == pytest.approx((0.7311, 0.2689), abs=1e-4)
    assert [point.accuracy for point in found.points] == [0.5, 1.0]
    assert "'joy' with 73 %, where 50 % would be even" in found.sentence
    assert json.loads(json.dumps(found.to_json()))["n"] == 40


def test_what_cannot_be_diagnosed_is_refused() -> None:
    bare = Question(FakeEngine(), TEMPLATE.revised(examples=(), labels=()))
    for diagnose in (diagnostics.order, diagnostics.influence, diagnostics.prior):
        with pytest.raises(SettingError):
            diagnose(bare, ROWS)


@pytest.mark.parametrize("name", ["order", "influence", "number_of_examples", "prior"])
def test_each_tells_its_progress_and_ends_when_cancelled(name: str) -> None:
    diagnose = getattr(diagnostics, name)
    told: list[Progress] = []
    assert diagnose(question(lambda header: True), ROWS[:3], progress=told.append).finished
    assert told[-1].done == told[-1].total > 0
    cancel = threading.Event()
    cancel.set()
    found = diagnose(question(lambda header: True), ROWS, cancel=cancel)
    assert (found.points, found.finished) == ((), False)
    assert "stopped" in found.sentence


@pytest.mark.parametrize("palette", [plots.Palette(), plots.LIGHT])
def test_pictures_are_drawn_with_a_transparent_background(palette: plots.Palette) -> None:
    from PIL import Image

    labels = ["joy", "$x^2", "a label that is much too long for an axis", "(unparsed)"]
    found = diagnostics.order(question(lambda header: True), ROWS[:2]).points
    figures = [
        plots.bars(labels, [0.4, 0.3, 0.2, 0.1], palette, even=True),
        plots.points(found, palette, label="order"),
        plots.points(found, palette, label="examples", joined=True),
    ]
    for figure in figures:
        image = Image.open(io.BytesIO(plots.picture(figure)))
        assert image.convert("RGBA").getchannel("A").getpixel((1, 1)) == 0
        assert b"<svg" in plots.picture(figure, "svg")
