"""The search: what it reports is what anybody measures on rows that it never saw, within its calls, cut off or not."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from fake_engine import FakeEngine
from improve_world import FREE, KINDS, MOOD, Model, answer, rows

from gptjt_demo.batch.question import Question, Reply
from gptjt_demo.errors import PromptError, SettingError
from gptjt_demo.evaluation import metrics
from gptjt_demo.evaluation.improve.improve import Improvement, improve
from gptjt_demo.evaluation.improve.report import lines, sentence
from gptjt_demo.evaluation.improve.scoring import InMemory
from gptjt_demo.evaluation.run import Labelled
from gptjt_demo.templates.template import Template


def searched(
    given: Sequence[Labelled], template: Template = MOOD, engine: FakeEngine | None = None, **how: Any
) -> Improvement:
    rule = how.pop("rule", "logprob")
    question = Question(engine or Model(), template, bool(template.labels), None, rule)
    return improve(question, given, **{"examples": 6, "budget": 700, "nearest": False, **how})


def own_loop(engine: FakeEngine, template: Template, given: Sequence[Labelled]) -> list[bool]:
    """Right or wrong, asked row by row by somebody who knows nothing of the search."""
    right = []
    for row in given:
        prompt = template.render(dict(row.query))
        if template.labels:
            scores = {score.label: score.logprob for score in engine.score(prompt, template.labels)}
            said = max(template.labels, key=lambda label: scores[label])
        else:
            said = engine.complete(prompt, template.generation).text
        right.append(said.strip().lower() == row.gold)
    return right


@pytest.mark.parametrize("template", [MOOD, FREE], ids=["labels", "free text"])
def test_the_gain_that_is_told_is_what_a_loop_of_ones_own_measures_on_the_unseen_rows(template: Template) -> None:
    given = rows()
    found = searched(given, template)
    assert found.present is not None
    assert found.better is not None
    unseen = [row for row in given if row.index + 1 in found.to_json()["unseen_rows"]]
    assert len(unseen) == 48
    before, after = (own_loop(FakeEngine(answer, scores=_weights), each, unseen) for each in (template, found.template))
    assert (found.present.right, found.better.right) == (sum(before), sum(after))
    assert found.paired == metrics.paired(before, after)
    assert sum(after) > sum(before)
    assert found.gained
    assert sentence(found).startswith(
        f"The new examples are better: on the 48 unseen rows, which had no part in the search, they are right on "
        f"{100 * sum(after) / 48:.1f} %"
    )


def _weights(prompt: str) -> dict[str, float]:
    return {answer(prompt): -0.5}


@pytest.mark.parametrize("rule", ["per_token", "prior", "pmi", "batch"])
def test_labels_are_compared_by_the_rule_that_is_asked_for(rule: Any) -> None:
    engine = Model()
    found = searched(rows(), engine=engine, rule=rule, budget=600)
    assert found.better is not None
    assert found.better.rule == rule
    assert len(engine.asked) <= found.spent <= 600


def test_nothing_of_the_unseen_half_is_asked_or_shown_before_the_search_is_over() -> None:
    given, engine = rows(), Model()
    found = searched(given, engine=engine)
    assert found.present is not None
    unseen = [outcome.row.query["input"] for outcome in found.present.outcomes]
    search = engine.asked[: -2 * len(unseen)]
    assert len(search) > 300
    assert not [prompt for prompt in search if any(f"{text}\n" in prompt for text in unseen)]
    shown = found.template.render("nothing")
    assert not any(text in shown for text in unseen)


def test_a_row_is_never_asked_while_it_is_an_example() -> None:
    engine = Model()
    searched([*rows(60), *(replace(row, index=60 + row.index) for row in rows(60))], engine=engine)
    for prompt in engine.asked:
        *examples, query = prompt.split("\n\n")
        asked = query.removesuffix("\nOutput:")
        assert not [example for example in examples if example.startswith(f"{asked}\n")]


@pytest.mark.parametrize("seed", range(8))
def test_on_random_answers_nothing_is_gained(seed: int) -> None:
    found = searched(rows(120, chance=seed), seed=seed, budget=500, nearest=True)
    assert found.score is not None
    assert found.before is not None
    assert found.score > found.before  # the rows that chose it make it look better
    assert sentence(found).startswith("Nothing was gained")
    assert not found.gained


def test_the_sentence_says_nothing_was_gained_where_no_set_is_better() -> None:
    found = searched(rows(), engine=Model(lambda prompt: "x"), budget=400)
    assert not found.changed
    assert found.template == MOOD
    assert found.present is found.better
    assert "none did better than the present ones on the rows of the search" in sentence(found)
    assert "right on 50.0 % of the 48 unseen rows" in sentence(found)


def test_a_gain_that_chance_could_give_is_called_that() -> None:
    found = searched(rows(24), examples=2, budget=400)
    assert found.changed
    assert found.paired is not None
    assert found.paired.difference > 0
    assert found.paired.p_value >= 0.05
    assert sentence(found).startswith("Nothing was gained for certain: on the 12 unseen rows")
    assert "chance alone could do as much (McNemar's exact test, p = " in sentence(found)


@pytest.mark.parametrize("budget", [100, 170, 1000])
def test_no_more_calls_are_made_than_are_granted(budget: int) -> None:
    for rule in ("logprob", "prior"):
        engine = Model()
        found = searched(rows(600), engine=engine, budget=budget, rule=rule, nearest=True)
        assert found.finished
        assert len(engine.asked) <= found.spent <= budget
        assert found.tried >= 2
        assert found.present is not None
        assert found.present.n >= 20
    with pytest.raises(SettingError, match="99 calls are too few"):
        searched(rows(), budget=99)


def test_more_calls_find_better_examples() -> None:
    little, much = (searched(rows(), seed=2, budget=budget) for budget in (200, 1200))
    assert little.score is not None
    assert much.score is not None
    assert much.score > little.score
    assert len({example.inputs["input"].split()[0] for example in much.template.examples}) == len(KINDS)


class Kept(InMemory):
    """Replies that are all that is left of a search that was cut off."""

    def __init__(self, after: int = 0, cancel: threading.Event | None = None) -> None:
        super().__init__()
        self.after, self.cancel = after, cancel

    def record(self, place: int, reply: Reply) -> None:
        super().record(place, replace(reply, scores=()))
        if self.cancel is not None and len(self) == self.after:
            self.cancel.set()


@pytest.mark.parametrize(("template", "after"), [(MOOD, 1), (MOOD, 17), (MOOD, 400), (FREE, 150)])
def test_a_search_that_was_cut_off_ends_as_one_that_was_not(template: Template, after: int) -> None:
    whole = searched(rows(), template, budget=500)
    cancel = threading.Event()
    kept = Kept(after, cancel)
    cut = searched(rows(), template, budget=500, kept=kept, cancel=cancel)
    assert not cut.finished
    assert cut.paired is None
    assert len(kept) == after
    assert sentence(cut).startswith("It was stopped")
    kept.cancel = None
    engine = Model()
    again = searched(rows(), template, engine, budget=500, kept=kept)
    assert again.to_json() == whole.to_json()
    assert len(engine.asked) == len(set(engine.asked)) <= whole.spent - after


def test_replies_are_good_for_a_larger_budget_too() -> None:
    kept, engine = Kept(), Model()
    searched(rows(), budget=300, kept=kept)
    known = len(kept)
    found = searched(rows(), engine=engine, budget=900, kept=kept)
    assert found.to_json() == searched(rows(), budget=900).to_json()
    assert len(engine.asked) < found.spent - known // 3


def test_what_is_known_when_it_is_stopped_is_told() -> None:
    cancel = threading.Event()
    found = searched(rows(), budget=500, kept=Kept(200, cancel), cancel=cancel)
    assert found.score is not None
    assert found.before is not None
    assert f"the best has {found.score.right} of {found.scored} rows of the search right" in sentence(found)
    assert "which chose it" not in sentence(found)
    assert any("→ x" in line for line in lines(found))
    cancel = threading.Event()
    cancel.set()
    assert "before the present examples were measured" in sentence(searched(rows(), cancel=cancel))


def test_the_nearest_of_the_pool_are_tried_and_taken_where_they_are_better() -> None:
    given, engine = rows(), Model()
    found = searched(given, engine=engine, examples=2, nearest=True)
    assert found.template.nearest_examples == 2
    assert found.gained
    assert len(found.template.examples) == 16
    assert list(lines(found))[-1] == "for each input the 2 nearest of 16 examples"
    assert found.better is not None
    unseen = [outcome.row for outcome in found.better.outcomes]
    own = own_loop(FakeEngine(scores=_weights), found.template, unseen)
    assert own == [outcome.right for outcome in found.better.outcomes]


def test_progress_counts_the_calls_and_the_steps_are_named() -> None:
    told: list[Any] = []
    steps: list[str] = []
    found = searched(rows(), budget=400, progress=told.append, step=steps.append)
    assert (told[-1].done, told[-1].total) == (found.spent, 400)
    assert steps[0] == "The present examples"
    assert steps[-1] == "Both on the unseen rows"


def test_a_reply_that_failed_is_asked_for_again_when_a_search_goes_on() -> None:
    failing = True

    class Failing(Model):
        def score(self, prompt: Any, *given: Any, **more: Any) -> Any:
            if failing and prompt.endswith("7\nOutput:"):
                raise PromptError("not now")
            return super().score(prompt, *given, **more)

    kept, cancel = Kept(150), threading.Event()
    kept.cancel = cancel
    cut = searched(rows(), engine=Failing(), budget=400, kept=kept, cancel=cancel)
    assert not cut.finished
    assert not any(reply.error for reply in kept.values())
    failing, kept.cancel = False, None
    assert searched(rows(), engine=Failing(), budget=400, kept=kept).to_json() == searched(rows(), budget=400).to_json()


def test_a_row_that_fails_counts_as_wrong_there_as_in_a_measurement() -> None:
    long = "word " * 3000
    given = [replace(row, query={"input": long + row.query["input"]}) if row.index % 12 == 5 else row for row in rows()]
    found = searched(given, budget=600)
    assert found.better is not None
    assert found.better.errors > 0
    assert found.better.right <= found.better.n - found.better.errors
