"""What a batch will come to: the counts are those of a loop, the time that of the probe, and nothing is written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from batch_run import TEMPLATE, asked
from fake_engine import FakeEngine

from gptjt_demo.batch import estimate
from gptjt_demo.batch.estimate import PROBED, Estimate, estimates, lines
from gptjt_demo.batch.question import Question
from gptjt_demo.errors import PromptTooLong
from gptjt_demo.settings import Sampling

FREE = TEMPLATE.revised(labels=())
ROWS = [{"input": f"row {'word ' * (n % 7)}{n}"} for n in range(40)]


class Timed(FakeEngine):
    """Takes a second for every token of a prompt, by its own clock."""

    now = 0.0

    def clock(self) -> float:
        return self.now

    def complete_many(self, prompts: Any, *args: Any, **kwargs: Any) -> Any:
        for index, outcome in super().complete_many(prompts, *args, **kwargs):
            self.now += self.count_tokens(prompts[index])
            yield index, outcome


def estimated(engine: Any, rows: Any, labels: bool = False, template: Any = TEMPLATE, **more: Any) -> list[Estimate]:
    question = Question(engine, template, labels, rule="batch" if labels else "logprob")
    return list(estimates(question, lambda: iter(rows), len(rows), **more))


def test_the_counts_are_those_of_a_loop_and_cost_no_question() -> None:
    engine = FakeEngine()
    first = next(estimates(Question(engine, FREE), lambda: iter(ROWS), len(ROWS)))
    lengths = [engine.count_tokens(FREE.render(row)) for row in ROWS]
    assert (first.rows, first.tokens, first.longest) == (40, sum(lengths), max(lengths))
    assert first.exact
    assert (first.too_long, first.unaskable, first.seconds) == (0, 0, None)
    assert engine.prompts == []


@pytest.mark.parametrize("labels", [True, False])
def test_a_row_is_too_long_exactly_where_the_engine_refuses_it(labels: bool) -> None:
    engine = FakeEngine(context=FakeEngine().count_tokens(FREE.render(ROWS[0])) + 36, scores={"joy": -1.0})
    rows = [{"input": "word " * n + "end"} for n in range(0, 60, 1)]
    found = estimated(engine, rows, labels)[0]
    question = Question(engine, TEMPLATE, labels)
    refused = []
    for place, row in enumerate(rows):
        room = question.room(question.prompt(row), {})
        try:
            engine.complete(question.prompt(row), Sampling(max_new_tokens=room))
        except PromptTooLong:
            refused.append(place + 1)
    assert 0 < len(refused) < 60
    assert (found.too_long, found.too_long_rows) == (len(refused), tuple(refused[: estimate.NAMED]))
    told = "\n".join(lines(found))
    assert f"{len(refused)} rows ({refused[0]}, " in told
    assert f"context of {engine.context:,}" in told


def test_the_room_for_labels_is_that_of_the_longest() -> None:
    template = TEMPLATE.revised(labels=("yes", "no and no and no"))
    engine = FakeEngine()
    found = estimated(engine, ROWS, True, template)[0]
    assert found.room == engine.count_tokens(" no and no and no\n")


def test_rows_that_cannot_be_asked_are_counted() -> None:
    found = estimated(FakeEngine(), [{"input": "a"}, {"input": "  "}, {"input": "b"}])[-1]
    assert (found.rows, found.unaskable, found.counted) == (3, 1, 2)
    assert found.exact
    assert any("blank" in line for line in lines(found))


def test_the_time_is_that_of_a_probe_of_few_rows_spread_over_the_file() -> None:
    engine = Timed()
    counted, timed = estimated(engine, ROWS, template=FREE, clock=engine.clock)
    assert timed.probed == 1  # more of them would take longer than a probe may
    assert len(engine.prompts) <= 2
    quick = Timed()
    counted, timed = estimated(quick, ROWS, template=FREE, clock=lambda: quick.clock() / 100)
    assert timed.probed == PROBED
    assert timed.seconds == pytest.approx(counted.tokens / 100)
    places = [int(asked(prompt).split()[-1]) for prompt in quick.prompts]
    assert places == sorted(set(places))
    assert places[0] == 0
    assert places[-1] > 30
    assert any(line.startswith("time      about") for line in lines(timed))


def test_rows_that_are_too_long_take_no_time() -> None:
    rows = [{"input": "a"}] * 10 + [{"input": "word " * 3000}] * 10
    engine = Timed()
    _, timed = estimated(engine, rows, template=FREE, clock=lambda: engine.clock() / 100)
    assert timed.too_long == 10
    assert timed.seconds == pytest.approx(10 * engine.count_tokens(FREE.render("a")) / 100)


def test_of_many_rows_the_tokens_are_estimated_and_what_is_too_long_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "COUNTED", 10)
    rows = [{"input": f"row {n}"} for n in range(100)]
    rows[57] = {"input": "word " * 3000}
    found = estimated(FakeEngine(), rows, template=FREE)[0]
    assert (found.counted, found.exact, found.too_long_rows) == (10, False, (58,))
    each = FakeEngine().count_tokens(FREE.render("row 1"))
    assert found.tokens == 100 * each
    assert "about" in "\n".join(lines(found))


def test_a_rule_that_divides_is_not_asked_for_what_it_divides_by() -> None:
    engine = FakeEngine(scores={"joy": -1.0})
    question = Question(engine, TEMPLATE, True, rule="pmi")
    *_, found = estimates(question, lambda: iter(ROWS), len(ROWS))
    assert found.probed == PROBED


@pytest.mark.parametrize("rows", [[], [{"input": " "}], [{"input": "word " * 3000}]])
def test_there_is_no_time_where_no_row_can_be_asked(rows: Any) -> None:
    found = estimated(FakeEngine(), rows)
    assert [each.seconds for each in found] == [None]
    assert list(lines(found[0]))


def test_a_look_that_is_cancelled_asks_nothing_more() -> None:
    cancel = threading.Event()

    def rows() -> Iterator[dict[str, str]]:
        for place, row in enumerate(ROWS):
            if place == 5:
                cancel.set()
            yield row

    engine = FakeEngine()
    found = list(estimates(Question(engine, FREE), rows, len(ROWS), cancel=cancel))
    assert len(found) == 1
    assert engine.prompts == []
