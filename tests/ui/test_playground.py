"""The playground's handlers beyond a plain run: branches, rules, both views, opening and keeping; no browser."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from fake_engine import FakeEngine

from gptjt_demo.engine.calibration import OneRule, reshared
from gptjt_demo.engine.results import LabelScore
from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.link import to_fragment
from gptjt_demo.ui.about.masks import sees
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.advice import place_name
from gptjt_demo.ui.playground.controls import Controls, Page
from gptjt_demo.ui.playground.draft import example_cells
from gptjt_demo.ui.playground.exchange import exported, link, linked
from gptjt_demo.ui.playground.kept import read_record, read_repeat, template_record
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.playground.outcome import Outcome
from gptjt_demo.ui.playground.rules import RULES
from gptjt_demo.ui.playground.shares import shares
from gptjt_demo.ui.rows.grid import with_row


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


def ran(actions: Actions, name: str = "emotion", compare: bool = False) -> Outcome:
    """A run that is done."""
    held = actions.controls(actions.templates[name])
    *_, (_, _, outcome) = actions.run("me", compare, "logprob", held)
    assert outcome is not None
    return outcome


def opened(page: Page) -> Controls:
    """What the browser puts in the controls."""
    return Controls(base=page.base, **page.held["controls"])


# --- branches and comparison


def test_a_branch_keeps_what_stands_before_the_choice_and_the_label_shares(library: Library) -> None:
    engine = FakeEngine(lambda prompt: "one two three")
    actions = Actions(engine, library)
    outcome = ran(actions)
    *_, (html, _, branched) = actions.branch("me", "logprob", outcome, {"side": 0, "token": 1, "option": 1})
    assert branched is not None
    side = branched.sides[0]
    assert "".join(token.text for token in side.tokens) == side.reply.text
    assert side.reply.text.startswith("one instead")
    assert engine.continuations[-1] == tuple(token.id for token in side.lead)
    assert side.reply.scores == outcome.sides[0].reply.scores
    assert "Continued, left to right" in html


@pytest.mark.parametrize(
    "choice",
    [
        None,
        {},
        {"side": 1, "token": 0, "option": 0},
        {"side": 0, "token": 99, "option": 0},
        {"side": 0, "token": 0, "option": 99},
        {"side": -1, "token": -1, "option": -1},
        {"side": "x", "token": 0, "option": 0},
    ],
)
def test_a_choice_that_there_is_not_does_nothing(library: Library, choice: Any) -> None:
    actions = Actions(FakeEngine(), library)
    assert list(actions.branch("me", "logprob", ran(actions), choice)) == []
    assert list(actions.branch("me", "logprob", None, {"side": 0, "token": 0, "option": 0})) == []


def test_a_comparison_asks_both_ways_with_one_seed_and_stops_with_the_first(library: Library) -> None:
    engine = FakeEngine()
    actions = Actions(engine, library)
    outcome = ran(actions, compare=True)
    assert [side.attention for side in outcome.sides] == ["prefix", "causal"]
    assert len({stream.seed for stream in engine.streams}) == 1
    engine = FakeEngine(prefill=60)
    actions = Actions(engine, library)
    run = actions.run("me", True, "logprob", actions.controls(library["emotion"]))
    next(run)
    actions.stop("me")
    *_, (html, _, _) = run
    assert "stopped by you" in html
    assert 'data-state="done"' in html
    assert len(engine.streams) == 1


def test_a_check_speaks_up_beneath_the_answer(library: Library) -> None:
    outcome = ran(Actions(FakeEngine({"Peter": "a,b,c,d"}), library), "cleaning")
    assert outcome.warning(outcome.sides[0]) == "4 fields, expected 3"


# --- rules


@pytest.mark.parametrize("rule", RULES)
def test_shares_by_any_rule_sum_to_one_whatever_the_order(rule: OneRule) -> None:
    scores = [LabelScore("a", -2.0, -1.0, -0.5, 0.0, 2), LabelScore("b", -3.0, -0.75, -0.1, 0.0, 4)]
    there = reshared(scores, rule, (0.7, 0.3))
    back = reshared(scores[::-1], rule, (0.3, 0.7))
    assert sum(score.share for score in there) == pytest.approx(1)
    assert {score.label: score.share for score in there} == {score.label: score.share for score in back}


def test_the_prior_is_divided_out() -> None:
    scores = [LabelScore("a", -1.0, -1.0, -1.0, 0.0, 1), LabelScore("b", -1.0, -1.0, -1.0, 0.0, 1)]
    assert [score.share for score in reshared(scores, "prior", (0.8, 0.2))] == pytest.approx([0.2, 0.8])


@pytest.mark.parametrize(("rule", "words"), [("prior", "[MASK]"), ("pmi", "the answer’s cue alone")])
def test_what_a_rule_divides_by_is_asked_once_and_the_rule_is_named(
    library: Library, rule: OneRule, words: str
) -> None:
    actions = Actions(FakeEngine(scores={"joy": -1.0}), library)
    outcome = ran(actions)
    *_, (html, weighed) = actions.weigh("me", rule, outcome)
    assert words in html
    assert weighed is not None
    assert len(weighed.references[rule][0]) == 6
    assert sum(weighed.references[rule][0]) == pytest.approx(1)
    assert len(list(actions.weigh("me", rule, weighed))) == 1
    assert RULES["logprob"][1] in shares(outcome, rule)  # not what it is not


# --- both views


def test_a_view_that_nobody_touched_turns_back_to_the_same_rows(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    held = actions.controls(library["emotion"])
    held = held._replace(examples={**held.examples, "off": [0]}, view="raw")
    raw, line = actions.turn(held)
    assert line == ""
    assert "sorry for myself" not in raw.raw
    back, line = actions.turn(raw._replace(view="rows"))
    assert line == ""
    assert back.examples == held.examples


def test_a_mend_keeps_the_rows_that_are_off_and_the_template_to_go_back_to(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    held = actions.controls(library["emotion"])
    held = held._replace(instruction="Name it. ", examples={**held.examples, "off": [0]})
    findings = actions.findings(actions.whole(held))
    index = next(index for index, finding in enumerate(findings) if finding.rule == "trailing-space")
    mended = actions.mend(index, "trailing-space", held)
    assert mended is not None
    assert mended.instruction == "Name it."
    assert mended.base == library["emotion"]
    assert mended.examples["rows"][1][1] == "sadness"
    assert mended.examples["off"] == [1]
    assert actions.mend(index, "another-rule", held) is None
    assert actions.mend(99, "trailing-space", held) is None


def test_advice_calls_places_as_the_page_does() -> None:
    assert place_name("examples[0].output", [2]) == "Example 3, output"
    assert place_name("inputs[1].cue") == "Cue before input 2"
    assert place_name("prompt") == "Prompt"


def test_a_row_can_be_added_to_a_grid(library: Library) -> None:
    examples = example_cells(library["emotion"])
    grown = with_row(examples, ["new", "joy"])
    assert grown["rows"][-1] == ["new", "joy"]
    with pytest.raises(TemplateError):
        with_row(examples, ["one"])


# --- opening


def test_what_is_opened_can_be_undone_only_where_something_would_be_lost(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    opening = Opening(actions)
    held = actions.controls(library["emotion"])
    assert not opening.picked("me", "currency", held).undo["visible"]
    held = held._replace(instruction="mine")
    shown = opening.picked("me", "currency", held)
    assert shown.undo["visible"]
    assert not opening.picked("another", "currency", actions.controls(library["hate"])).undo["visible"]
    assert opened(opening.back("me", opened(shown))) == held
    assert len(opening.refused("no").flat()) == len(shown.flat())


def test_several_changes_are_undone_one_by_one_and_done_again(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    opening = Opening(actions)
    first = actions.controls(library["emotion"])._replace(instruction="mine")
    second = opened(opening.picked("me", "currency", first))
    third = opened(opening.picked("me", "hate", second))
    assert opened(opening.back("me", third)) == second
    back = opening.back("me", second)
    assert opened(back) == first
    assert not back.undo["interactive"]
    assert opened(opening.forward("me", first)) == second
    assert opened(opening.forward("me", second)) == third
    opening.back("me", third)
    assert not opening.picked("me", "entities", second).redo["visible"]  # another change: nothing is left to do again
    actions.leave("me")
    assert opening.back("me", second).held == gr.skip()


def test_a_link_holds_what_the_controls_hold_and_a_long_one_offers_the_file(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    opening = Opening(actions)
    held = actions.controls(library["emotion"])
    held = held._replace(instruction="mine ${x}")
    fragment, line = link(actions, held)
    assert line == ""
    shown = linked(opening, "me", fragment, actions.controls(library["currency"]))
    assert actions.draft(opened(shown)).prompt() == actions.draft(held).prompt()
    assert actions.whole(opened(shown)) == actions.whole(held)
    long = "".join(chr(0x4E00 + (7919 * index) % 20000) for index in range(20_000))
    fragment, line = link(actions, held._replace(instruction=long))
    assert fragment == ""
    assert "YAML file" in line


@pytest.mark.parametrize("fragment", [None, 7, "", "#about", "#t", "#t=1.x.y", "#t=99.abc.def"])
def test_an_address_that_is_no_link_of_ours_changes_nothing(library: Library, fragment: Any) -> None:
    actions = Actions(FakeEngine(), library)
    shown = linked(Opening(actions), "me", fragment, actions.controls(library["currency"]))
    assert all("value" not in update for update in shown.flat()[:-1])
    foreign = isinstance(fragment, str) and bool(fragment)
    assert ("problem" in shown.notice) == foreign


def test_an_export_of_a_wrong_draft_is_one_line(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    held = actions.controls(library["emotion"])
    text, about = exported(actions, "yaml", "http://x", held)
    assert "name: emotion" in text
    assert 'data-file="emotion.yaml"' in about
    assert "problem" not in about
    text, about = exported(actions, "yaml", "http://x", held._replace(labels='joy, "'))
    assert text == ""
    assert "a quote is not closed" in about


# --- keeping


def test_a_kept_run_opens_as_it_was_with_its_seed(library: Library) -> None:
    outcome = ran(Actions(FakeEngine(), library))
    record = outcome.record()
    seed = record["answers"][0]["seed"]
    again = read_record({"template": record["template"], "seed": seed})
    assert again.generation.seed == seed
    assert again.render(again.query) == record["prompt"]
    assert read_record(template_record(library["hate"])) == library["hate"]


def test_a_run_is_repeated_with_its_mode_comparison_branch_and_seed(library: Library) -> None:
    engine = FakeEngine(lambda prompt: "one two three", name="mini")
    actions = Actions(engine, library)
    held = actions.controls(library["currency"])._replace(attention="causal", temperature=0.7)
    *_, (_, _, outcome) = actions.run("me", False, "logprob", held)
    *_, (_, _, branched) = actions.branch("me", "logprob", outcome, {"side": 0, "token": 1, "option": 1})
    assert branched is not None
    kept = json.loads(json.dumps({**branched.record(), "again": True}))
    kept["seed"] = kept["answers"][0]["seed"]
    again = read_repeat(kept, "mini")
    assert again is not None
    assert (again.compare, again.note) == (False, "")
    reopened = actions.controls(read_record(kept))
    *_, (_, _, repeated) = actions.run("me", again.compare, "logprob", reopened, again.leads)
    assert repeated is not None
    assert repeated.record()["answers"][0] | {"seconds": 0} == branched.record()["answers"][0] | {"seconds": 0}
    assert engine.streams[-1].attention == "causal"
    assert engine.continuations[-1] == engine.continuations[-2]


def test_a_comparison_is_repeated_as_one_and_another_model_is_said(library: Library) -> None:
    outcome = ran(Actions(FakeEngine(name="mini"), library), compare=True)
    kept = {**outcome.record(), "again": True}
    again, other = read_repeat(kept, "mini"), read_repeat(kept, "GPT-JT-6B")
    assert again is not None
    assert again.compare
    assert other is not None
    assert other.note == "It was answered by mini; this is GPT-JT-6B."
    assert read_repeat({**kept, "again": False}, "mini") is None
    with pytest.raises(TemplateError, match="tokens"):
        read_repeat({**kept, "answers": [{"model": "mini", "lead": [{"id": "x"}]}]}, "mini")


@pytest.mark.parametrize(
    "data", [None, [], {"template": 3}, {"template": {}}, {"template": {"name": "x", "title": "X", "evil": 1}}]
)
def test_what_a_browser_may_send_as_kept_is_checked(data: Any) -> None:
    with pytest.raises(TemplateError, match="kept: "):
        read_record(data)


def test_a_kept_run_names_all_that_it_takes_to_repeat_it(library: Library) -> None:
    outcome = ran(Actions(FakeEngine(name="mini"), library), compare=True)
    [prefix, causal] = outcome.record()["answers"]
    for answer in (prefix, causal):
        assert {"model", "attention", "seed", "stop_reason", "text"} <= answer.keys()
    assert (prefix["attention"], causal["attention"]) == ("prefix", "causal")
    assert outcome.record() == outcome.record()
    assert to_fragment(replace(outcome).template)


# --- masks


def test_only_prefix_attention_shows_a_prompt_what_comes_after() -> None:
    assert sees(0, 3, prompt=4, mode="prefix")
    assert not sees(0, 3, prompt=4, mode="causal")
    assert not sees(0, 4, prompt=4, mode="prefix")  # the answer is not there yet
    assert not sees(4, 5, prompt=4, mode="prefix")
    assert sees(5, 0, prompt=4, mode="causal")
