"""The page's edits laid over a template, and its settings: data in, the same data out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_engine import FakeEngine

from gptjt_demo.errors import PromptError, SettingError, TemplateError
from gptjt_demo.settings import Sampling
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import MAX_EXAMPLES, Template
from gptjt_demo.ui.playground import settings
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.draft import Draft, columns, example_cells, query_cells, read_labels, show_labels
from gptjt_demo.ui.playground.draft_box import read_draft
from gptjt_demo.ui.playground.identity import BLANK
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.playground.wording import wording_cells
from gptjt_demo.ui.rows.grid import cells

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} & &amp;"
PAIR = Template.model_validate(
    {
        "name": "pair",
        "title": "Pair",
        "instruction": "Same?",
        "inputs": [{"name": "first", "cue": "A"}, {"name": "second", "cue": "B"}],
        "output_cue": "Same",
        "examples": [{"first": "x", "second": "y", "output": "no"}],
        "query": {"first": "p", "second": "q"},
        "labels": ["yes", "no"],
    }
)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


def draft(template: Template, **edits: Any) -> Draft:
    held = {
        "instruction": template.instruction,
        "examples": example_cells(template),
        "labels": show_labels(template.labels),
        "query": query_cells(template),
    }
    return Draft(template, **{**held, **edits})


# --- the draft


@pytest.mark.parametrize("name", Library.open().names)
def test_an_unedited_draft_is_the_template_to_the_byte(library: Library, name: str) -> None:
    template = library[name]
    assert draft(template).prompt() == template.render(template.query)
    assert draft(template).template() == template


def test_edits_reach_the_prompt_exactly_once_and_as_typed() -> None:
    edited = draft(
        PAIR,
        instruction=HOSTILE,
        examples=cells(columns(PAIR), [["007", "NA", "1e5"], ["", " ", ""]]),
        query=cells(["A", "B"], [["ask", "back"]]),
    )
    assert edited.prompt() == f"{HOSTILE}\n\nA: 007\nB: NA\nSame: 1e5\n\nA: ask\nB: back\nSame:"


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("NO, yes, 007", ["NO", "yes", "007"]),
        ('"a, b", c', ["a, b", "c"]),
        ("hate speech,not hate speech", ["hate speech", "not hate speech"]),
        (" , ,", []),
        ("one\ntwo", ["one", "two"]),
    ],
)
def test_labels_are_kept_as_the_texts_they_are(text: str, labels: list[str]) -> None:
    assert read_labels(text) == labels
    assert read_labels(show_labels(labels)) == labels


def test_labels_with_quotes_and_commas_survive_a_round_trip() -> None:
    labels = ['say "hi"', "a, b", "c", 'd"']
    assert read_labels(show_labels(labels)) == labels


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {"rows": None},
        {"rows": [["a"]]},
        {"rows": [["a", "b", 3]]},
        {"rows": [["a", "b", "c"]] * (MAX_EXAMPLES + 1)},
    ],
)
def test_what_a_browser_may_send_for_a_grid_is_checked(sent: Any) -> None:
    with pytest.raises(TemplateError, match="Examples: "):
        draft(PAIR, examples=sent).template()


@pytest.mark.parametrize("sent", [None, {"rows": []}, {"rows": [["a", "b"], ["c", "d"]]}])
def test_a_query_is_one_row(sent: Any) -> None:
    with pytest.raises((TemplateError, PromptError), match="Your input: "):
        draft(PAIR, query=sent).asked()


def test_a_blank_query_is_refused_and_one_blank_input_of_two_is_not() -> None:
    with pytest.raises(PromptError, match="the input is empty"):
        draft(PAIR, query=cells(["A", "B"], [["  ", ""]])).asked()
    assert draft(PAIR, query=cells(["A", "B"], [["x", ""]])).asked().endswith("A: x\nB:\nSame:")


# --- settings


def test_settings_are_shown_and_read_back_unchanged(library: Library) -> None:
    for template in library:
        sampling = template.generation
        assert settings.read(settings.values(sampling), settings.show_stops(sampling.stop)) == sampling


def test_stops_with_line_feeds_tabs_and_backslashes_survive_a_round_trip() -> None:
    stops = ["\n\n", "\nInput:", "\\n", "\t", "C:\\new", " ", "\\\\"]
    assert settings.read_stops(settings.show_stops(stops)) == stops


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("max_new_tokens", 16.5, "Max new tokens: 16.5 does not fit; give a whole number from 1 to 1024"),
        ("max_new_tokens", None, "Max new tokens: it is blank; give a whole number from 1 to 1024"),
        ("temperature", -1, "Temperature: -1 does not fit; give a number from 0 to 5"),
        ("seed", "abc", "Seed: abc does not fit; give a whole number from 0 to 4294967295"),
    ],
)
def test_a_wrong_setting_is_named_with_its_range(name: str, value: Any, line: str) -> None:
    given = settings.values(Sampling())
    given[name] = value
    with pytest.raises(SettingError) as error:
        settings.read(given, "")
    assert str(error.value) == line


def test_sixteen_point_zero_is_sixteen_and_a_blank_seed_is_none() -> None:
    read = settings.read({**settings.values(Sampling()), "max_new_tokens": 16.0, "seed": " "}, "")
    assert (read.max_new_tokens, read.seed) == (16, None)


# --- cues, separators, raw text, rows that are off


@pytest.mark.parametrize("name", Library.open().names)
def test_unedited_wording_is_the_templates_own(library: Library, name: str) -> None:
    template = library[name]
    assert draft(template, wording=wording_cells(template)).template() == template


def test_edited_wording_reaches_the_prompt_and_the_stops() -> None:
    wording = wording_cells(PAIR)
    wording["rows"] = [["Q1", "Q2", "=>", "\\n--\\n", "\\t", ""]]
    template = draft(PAIR, wording=wording).template()
    assert template.render(PAIR.query) == "Same?\n--\nQ1: x\tQ2: y\t=> no\n--\nQ1: p\tQ2: q\t=>"
    assert template.generation.stop == ("\n--\n", "\tQ1:", "\tQ2:", "\t=>")


@pytest.mark.parametrize(
    "sent", [[], {}, {"rows": [["a"] * 5], "names": []}, {"rows": [["a"]], "names": ["first", "second"]}]
)
def test_what_a_browser_may_send_for_the_wording_is_checked(sent: Any) -> None:
    with pytest.raises(TemplateError, match="Cues and separators: "):
        draft(PAIR, wording=sent).template()


@pytest.mark.parametrize("name", Library.open().names)
def test_a_prompt_pasted_over_another_template_renders_to_the_byte_and_is_ones_own(library: Library, name: str) -> None:
    text = library[name].render(library[name].query)
    held = draft(PAIR, raw=text)
    assert held.prompt() == text
    assert held.template().render(held.inputs()) == text
    assert held.origin() == "own"
    assert held.whole().labels == (PAIR.labels if name == "paraphrase" else ())  # whose outputs are yes and no too


def test_raw_text_as_it_was_leaves_everything_as_it_was(library: Library) -> None:
    template = library["paraphrase"]
    assert draft(template, raw=template.render(template.query)).template() == template


def test_checks_go_with_the_inputs_they_speak_of(library: Library) -> None:
    template = library["currency"].revised(checks=[{"input": "Peru", "output": "Sol"}])
    assert draft(template, raw="X: a\nY: b\n\nX: c\nY:").template().checks == template.checks
    assert draft(template, raw="X: a\nY: b\nZ: c\n\nX: d\nY: e\nZ:").template().checks == ()


def test_a_row_that_is_off_is_not_in_the_prompt_and_the_others_know_their_places() -> None:
    rows = cells(columns(PAIR), [["a", "b", "yes"], ["", "", ""], ["c", "d", "no"]])
    held = draft(PAIR, examples={**rows, "off": [0]})
    assert [row.output for row in held.template().examples] == ["no"]
    assert held.rows() == [2]


def test_the_whole_of_an_unedited_page_is_the_template(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    for template in library:
        assert actions.whole(actions.controls(template)) == template


# --- whose a prompt is


THEIRS = PAIR.revised(
    description="Says whether two are the same.",
    licence="Apache-2.0",
    source="https://example.com/pair",
    notice="It quotes letters.",
    checks=[{"first": "x", "second": "x", "output": "yes"}],
)


def said(template: Template) -> list[Any]:
    """What a template says of where it comes from."""
    return [template.licence, template.source, list(template.checks), template.description, template.notice]


def test_a_prompt_with_another_query_or_other_settings_is_still_the_templates() -> None:
    held = draft(THEIRS, query=cells(["A", "B"], [["ask", "back"]]), numbers=settings.values(Sampling(temperature=1)))
    assert held.origin() == "same"
    assert held.whole().title == "Pair"
    assert said(held.whole()) == said(THEIRS)


def test_an_edited_prompt_does_not_pass_for_the_template() -> None:
    held = draft(THEIRS, instruction="Are they the same?")
    whole = held.whole()
    assert (held.origin(), whole.title, whole.name) == ("edited", "Pair (edited)", "pair-edited")
    assert said(whole) == ["", "", [], THEIRS.description, THEIRS.notice]
    assert whole.labels == THEIRS.labels


def test_a_name_that_is_typed_is_the_prompts_own() -> None:
    whole = draft(THEIRS, title="  My  pairs! ").whole()
    assert (whole.title, whole.name) == ("My pairs!", "my-pairs")
    assert said(whole) == said(THEIRS)  # its words are
    assert draft(THEIRS, title="").whole() == THEIRS
    assert draft(THEIRS, title="日本語").whole().name == "my-prompt"


def test_a_pasted_prompt_carries_nothing_of_the_template_that_was_there() -> None:
    whole = draft(THEIRS, raw="Say it in French.\n\nEN: dog\nFR: chien\n\nEN: cow\nFR:").whole()
    assert (whole.title, whole.name, whole.labels) == ("My prompt", "my-prompt", ())
    assert said(whole) == ["", "", [], "", ""]


def test_ones_own_prompt_keeps_its_name_whatever_is_edited() -> None:
    mine = PAIR.revised(title="My days", name="my-days")
    assert draft(mine, instruction="Other").whole().title == "My days"
    assert draft(mine, raw="EN: dog\nFR: chien\n\nEN: cow\nFR:").whole().title == "My days"


def test_labels_stay_with_a_pasted_text_whose_outputs_are_among_them() -> None:
    text = "Do they agree?\n\nA: p\nB: q\nSame: yes\n\nA: c\nB: d\nSame:"
    assert draft(PAIR, raw=text).whole().labels == PAIR.labels
    other = text.replace("yes", "maybe")
    assert draft(PAIR, raw=other).whole().labels == ()
    assert draft(PAIR, raw=other, labels="maybe, never").whole().labels == ("maybe", "never")  # typed for it
    assert draft(PAIR, raw=other, labels="dog, cat").whole().labels == ()  # typed for another


def test_labels_that_are_left_out_are_said(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    held = actions.controls(library["emotion"])
    pasted = held._replace(view="raw", raw="EN: dog\nFR: chien\n\nEN: cow\nFR:")
    assert "do not fit it and are left out" in actions.preview(pasted).about
    assert "left out" not in actions.preview(pasted._replace(labels="")).about
    assert "left out" not in actions.preview(held).about


def test_labels_are_offered_from_the_outputs_seen(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    held = actions.controls(BLANK)
    assert not actions.preview(held).offer["visible"]
    held = held._replace(examples=cells(["Input", "Output"], [["a", "pos"], ["b", "neg, or not"], ["c", "pos"]]))
    assert actions.preview(held).offer["visible"]
    assert read_labels(actions.labels(held)) == ["pos", "neg, or not"]
    assert not actions.preview(held._replace(labels="x, y")).offer["visible"]
    assert not actions.preview(actions.controls(library["currency"])).offer["visible"]


# --- a draft that comes back from the browser


def test_a_kept_draft_holds_what_the_controls_held(library: Library) -> None:
    actions = Actions(FakeEngine(), library)
    held = actions.controls(library["emotion"])._replace(instruction="mine", seed="7")
    kept = json.loads(json.dumps(Opening(actions).held(held)))
    assert kept["edited"]
    assert read_draft({"template": kept["template"], "controls": kept["controls"]}) == held
    assert not Opening(actions).held(actions.controls(library["emotion"]))["edited"]


@pytest.mark.parametrize("broken", [None, {}, {"title": 3}, {"view": "x"}, {"attention": None}, {"examples": []}])
def test_what_a_browser_may_send_as_a_draft_is_checked(library: Library, broken: Any) -> None:
    kept = Opening(Actions(FakeEngine(), library)).held(Actions(FakeEngine(), library).controls(library["emotion"]))
    sent = broken and {"template": kept["template"], "controls": {**kept["controls"], **broken}}
    with pytest.raises(TemplateError, match="draft: "):
        read_draft(sent)
