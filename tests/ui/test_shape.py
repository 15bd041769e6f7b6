"""The shape of answers on the page: chosen, typed, refused beside its control, asked for, and said of the answer."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import FakeEngine
from on_page import pick, run
from playwright.sync_api import expect

from gptjt_demo.settings.shape import CsvRecord, ItemsOf, OneOf, Pattern
from gptjt_demo.templates.answer_shape import AnswerShape
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.link import from_fragment
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.playground.details import details
from gptjt_demo.ui.playground.draft_box import read_draft
from gptjt_demo.ui.playground.exchange import exported, link
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.playground.outcome import Outcome
from gptjt_demo.ui.playground.tokens import token_spans

if TYPE_CHECKING:
    from conftest import OpenTab, Serve

QUERY = "Peter Lee (510) 333-2429 email: peter@example.com"


@pytest.fixture
def actions() -> Actions:
    return Actions(FakeEngine({"Peter": "Peter Lee,peter@example.com,510-333-2429"}), Library.open())


def held(actions: Actions, kind: str, value: str = "") -> Controls:
    """The page with the contacts' template, and with this shape."""
    return actions.controls(actions.templates["cleaning"])._replace(shape=kind, shape_value=value)


def ran(actions: Actions, controls: Controls) -> tuple[str, Outcome]:
    *_, (html, _, outcome) = actions.run("me", False, "logprob", controls)
    assert outcome is not None
    return html, outcome


@pytest.mark.parametrize(
    ("kind", "value", "asked"),
    [
        ("none", "", None),
        ("csv", " 3 ", CsvRecord(3)),
        ("items", "", ItemsOf((QUERY,))),
        ("items", " / ", ItemsOf((QUERY,), " / ")),
        ("pattern", "[^\\n]+", Pattern("[^\\n]+")),
        ("one-of", 'yes, "no, never"', OneOf(("yes", "no, never"))),
    ],
)
def test_what_is_chosen_is_what_the_engine_is_asked(actions: Actions, kind: str, value: str, asked: Any) -> None:
    ran(actions, held(actions, kind, value))
    assert isinstance(actions.engine, FakeEngine)
    assert actions.engine.shapes == [asked]


def test_a_wrong_shape_is_said_beside_its_control_and_leaves_the_prompt(actions: Actions) -> None:
    for kind, value, words in (
        ("pattern", "[a", "the pattern cannot be read: unclosed character class"),
        ("csv", "one", "give a number from 2 to 100"),
        ("one-of", '"a\nb"', "an answer ends before the stop"),
        ("<b>", "", "there is no shape &#x27;&lt;b&gt;&#x27;"),
    ):
        shown = actions.preview(held(actions, kind, value))
        assert words in shown.misshapen
        assert "Format the data" in shown.prompt
        assert shown.problem == ""
        html = next(iter(actions.run("me", False, "logprob", held(actions, kind, value))))[0]
        assert 'data-state="error"' in html
    assert actions.preview(held(actions, "csv", "3")).misshapen == ""


def test_the_answer_says_that_it_has_its_shape_by_construction_or_is_unfinished(actions: Actions) -> None:
    html, outcome = ran(actions, held(actions, "csv", "3"))
    assert "has its shape by construction, a CSV record of 3 columns" in details(outcome)
    assert "Check:" not in html
    html, outcome = ran(actions, held(actions, "csv", "3")._replace(max_new_tokens=2))
    assert "unfinished: not yet a CSV record of 3 columns" in details(outcome)
    assert "Check: the token limit came before the answer had its shape" in html
    assert "Shape" not in details(ran(actions, held(actions, "none"))[1])


def test_a_tokens_probability_is_told_before_and_within_the_shape(actions: Actions) -> None:
    _, outcome = ran(actions, held(actions, "csv", "3"))
    spans = token_spans(outcome.sides[0].tokens, 0, live=False)
    assert "Peter, 90 % before the shape, 100 % within it" in spans
    data = [json.loads(unescape(each)) for each in re.findall(r'data-token="([^"]*)"', spans)]
    assert data[0]["chosen"] == [0.90484, 1.0]
    assert data[0]["options"] == [["Peter", 0.90484, 1.0], ["␣instead", 0.04979, 0], ["␣other", 0.01832, 0]]
    free = token_spans(ran(actions, held(actions, "none"))[1].sides[0].tokens, 0, live=False)
    assert "shape" not in free
    assert "chosen" not in free


def test_another_shape_makes_the_answer_outdated_and_is_kept_by_link_draft_and_file(actions: Actions) -> None:
    free, shaped = held(actions, "none"), held(actions, "items", "; ")
    assert actions.preview(free).prompt != actions.preview(shaped).prompt  # it carries the question's key
    assert actions.controls(actions.whole(shaped))[1:] == shaped[1:]
    fragment, problem = link(actions, shaped)
    assert problem == ""
    assert from_fragment(fragment)[0].shape == AnswerShape(from_input=True, separator="; ")
    assert "from_input: true" in exported(actions, "yaml", "", shaped)[0]
    assert "no place for the shape" in exported(actions, "hf-widget", "", shaped)[1]
    kept = Opening(actions).held(shaped)
    assert read_draft(kept)._replace(base=None) == shaped._replace(base=None)
    older = {name: value for name, value in kept["controls"].items() if not name.startswith("shape")}
    assert read_draft({**kept, "controls": older}).shape == "none"


def test_a_kind_that_is_chosen_begins_with_what_the_template_says(actions: Actions) -> None:
    assert actions.shape_value(held(actions, "csv")) == "3"
    assert actions.shape_value(held(actions, "items")) == ""
    emotion = actions.controls(actions.templates["emotion"])
    assert actions.shape_value(emotion._replace(shape="one-of")) == emotion.labels
    unchecked = actions.templates["cleaning"].revised(check=None)
    assert actions.shape_value(actions.controls(unchecked)._replace(shape="csv")) == "3"
    broken = replace(actions.draft(emotion), examples=None)
    assert broken.shape == "none"


@pytest.mark.browser
def test_a_shape_is_chosen_typed_and_seen_on_the_page(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine({"Peter": "Peter Lee,peter@example.com,510-333-2429"})
    page = tab(serve(engine), width=390)
    pick(page, "Data Cleaning")
    expect(page.locator("#prompt pre")).to_contain_text("Peter Lee")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Shape of the answer").click()
    page.get_by_role("option", name="CSV record").click()
    expect(page.get_by_label("Columns")).to_have_value("3")
    run(page)
    page.locator("details.details summary").click()
    expect(page.locator("#details")).to_contain_text("has its shape by construction")
    page.locator(".token[data-at]").first.click()
    expect(page.locator(".alternatives")).to_contain_text("90 % → 100 %")
    barred = page.locator(".alternative-barred").first
    expect(barred).to_have_attribute("aria-disabled", "true")
    barred.dispatch_event("click")
    page.keyboard.press("Escape")
    # A token that is none of the five likeliest, because the shape left none of those, has a line of its own.
    page.evaluate(
        """() => {
          const token = document.querySelectorAll(".token[data-at]")[2];
          token.dataset.token = JSON.stringify({ ...JSON.parse(token.dataset.token), own: -1, text: "rare" });
        }"""
    )
    page.locator(".token[data-at]").nth(2).click()
    expect(page.get_by_role("menuitem", name="rare, 90 %, 100 % within the shape, the one chosen")).to_be_visible()
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert [each["id"] for each in found["violations"]] == []
    page.keyboard.press("Escape")
    page.get_by_label("Columns").fill("three")
    expect(page.locator("#shape-problem")).to_contain_text("give a number from 2 to 100")
    assert engine.shapes == [CsvRecord(3)]  # what is not in the shape cannot be chosen
    assert page.complaints == []
