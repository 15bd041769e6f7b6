"""The playground in a real browser: editing, seeing why, comparing; over a scripted engine."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest
from fake_engine import FakeEngine
from on_page import HOSTILE, history, prompt, run
from playwright.sync_api import expect

from gptjt_demo.settings import NO_LIMITS

if TYPE_CHECKING:
    from conftest import OpenTab, Serve

pytestmark = pytest.mark.browser

PAIRS = "Say it in French.\n\nEN: dog\nFR: chien\n\nEN: cat\nFR: chat\n\nEN: cow\nFR:"


# --- editing


def test_rows_move_double_and_switch_off_by_button_and_key(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_role("button", name="Example 1: move").click()
    page.get_by_role("button", name="Move example 1 down").click()
    expect(page.locator("#prompt pre")).to_contain_text(re.compile(r"cranky.*sorry for myself", re.DOTALL))
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Move example 2 down"
    page.get_by_role("button", name="Switch example 2 off").click()
    expect(page.locator("#prompt pre")).not_to_contain_text("sorry for myself")
    expect(page.get_by_role("textbox", name="Example 2, Input")).to_have_value(re.compile("sorry for myself"))
    page.get_by_role("button", name="Switch example 2 on").click()
    expect(page.locator("#prompt pre")).to_contain_text("sorry for myself")
    page.get_by_role("button", name="Duplicate example 2").click()
    expect(page.locator("#examples .grid-row")).to_have_count(3)
    expect(page.get_by_role("textbox", name="Example 3, Input")).to_be_focused()
    page.get_by_role("textbox", name="Example 3, Output").fill("third")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.get_by_role("textbox", name="Example 1, Output")).to_have_value("third")
    expect(page.get_by_role("textbox", name="Example 1, Output")).to_be_focused()
    expect(page.locator("#prompt pre")).to_contain_text(re.compile(r"Output: third.*cranky", re.DOTALL))


def test_cues_and_separators_change_the_prompt_and_the_rows_names(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(lambda prompt: "joy\nPost: next")
    page = tab(serve(engine))
    page.get_by_role("button", name="Cues and separators").click()
    page.get_by_label("Cue before input").fill("Post")
    page.get_by_label("Between rows").fill("\\n###\\n")
    expect(page.locator("#prompt pre")).to_contain_text("soon.\nOutput: sadness\n###\nPost: I am just")
    expect(page.get_by_role("textbox", name="Example 1, Post")).to_be_visible()
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Stop sequences").fill("")
    page.get_by_label("Max new tokens").fill("20")
    run(page)
    assert page.locator(".answer-text").text_content() == "joy"  # the new cue is a stop without being written as one


def test_a_raw_prompt_runs_as_it_is_and_is_read_back_into_rows(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine({"cow": "vache"})
    page = tab(serve(engine))
    before = prompt(page)
    page.get_by_text("Raw prompt", exact=True).click()
    raw = page.get_by_label("The whole prompt")
    expect(raw).to_have_value(before)
    raw.fill(PAIRS)
    expect(page.locator("#prompt pre")).to_have_text(PAIRS, use_inner_text=True)
    run(page)
    assert engine.prompts == [PAIRS]
    page.get_by_text("Rows", exact=True).click()
    expect(page.get_by_role("textbox", name="Example 2, EN")).to_have_value("cat")
    expect(page.get_by_role("textbox", name="EN", exact=True)).to_have_value("cow")
    assert prompt(page) == PAIRS
    expect(page.get_by_label("Labels")).to_have_value("")
    page.get_by_role("button", name="Use the outputs as labels: chien, chat").click()
    expect(page.get_by_label("Labels")).to_have_value("chien, chat")
    expect(page.locator("#about")).to_have_text("A prompt of your own.")
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#prompt pre")).to_contain_text("sorry for myself")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#prompt pre")).to_contain_text("Say it in French.")
    expect(page.get_by_role("textbox", name="Example 2, EN")).to_have_value("cat")


def test_a_blank_raw_prompt_stays_in_view_and_says_so(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_text("Raw prompt", exact=True).click()
    expect(page.get_by_label("The whole prompt")).not_to_have_value("")
    page.get_by_label("The whole prompt").fill(" ")
    page.get_by_text("Rows", exact=True).click()
    expect(page.locator("#setting-problem")).to_contain_text("there is nothing in it")
    expect(page.get_by_label("The whole prompt")).to_be_visible()


def test_advice_names_the_place_and_mends_it(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_label("Instruction").fill("Name the mood.  ")
    line = page.locator("#advice li", has_text="Instruction")
    expect(line).to_contain_text("it ends with a space")
    line.get_by_role("button").click()
    expect(page.get_by_label("Instruction")).to_have_value("Name the mood.")
    expect(line).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Instruction")).to_have_value("Name the mood.  ")


def test_an_answer_to_what_was_edited_since_is_outdated(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    run(page)
    expect(page.locator(".outdated")).to_be_hidden()
    field = page.get_by_role("textbox", name="Input", exact=True)
    before = field.input_value()
    field.fill("something else")
    expect(page.locator(".outdated")).to_be_visible()
    field.fill(before)
    expect(page.locator(".outdated")).to_be_hidden()


# --- seeing


def test_a_token_shows_its_alternatives_and_one_of_them_goes_on(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(lambda prompt: "one two", scores={"joy": -1.0})
    page = tab(serve(engine))
    run(page)
    page.locator(".token").nth(1).hover()
    options = page.get_by_role("menuitem")
    expect(options).to_have_count(3)
    expect(options.first).to_contain_text("two")
    expect(options.first).to_contain_text("90 %")
    page.get_by_role("menuitem", name="instead").click()
    expect(page.locator(".branched")).to_contain_text("Continued, left to right")
    assert engine.continuations[-1] == (engine.words["one"], engine.words[" instead"])
    assert (page.locator(".answer-text").text_content() or "").startswith("one instead")
    expect(page.locator(".shares li").first).to_contain_text("joy")
    assert page.complaints == []


def test_alternatives_are_within_reach_of_keys(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(lambda prompt: "one two")
    page = tab(serve(engine))
    run(page)
    page.locator(".token").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.locator(".token").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".alternatives")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".alternatives")).to_be_visible()
    page.keyboard.press("Tab")  # it would lie over what comes next
    expect(page.locator(".alternatives")).to_be_hidden()
    page.locator(".token").nth(1).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".branched")).to_be_visible()
    assert len(engine.continuations[-1]) == 2


def test_the_tint_can_be_switched_off_and_stays_off(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    run(page)
    expect(page.locator(".legend")).to_be_visible()
    page.get_by_role("button", name="Plain text").click()
    expect(page.locator(".legend")).to_be_hidden()
    page.reload()
    page.locator("#examples textarea").first.wait_for()
    run(page)
    expect(page.get_by_role("button", name="Plain text")).to_have_attribute("aria-pressed", "true")


def test_label_shares_follow_the_rule(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(scores={"joy": -2.0, "love": -2.2, "surprise": -2.4})
    page = tab(serve(engine))
    run(page)
    for rule, words in (
        ("Per token", "mean log probability per token"),
        ("Per byte", "mean log probability per byte"),
        ("Prior-corrected", "“N/A”, “[MASK]”"),
    ):
        page.get_by_text(rule, exact=True).click()
        expect(page.locator(".shares .status")).to_contain_text(words)
        shares = [float(text.split()[0]) for text in page.locator(".share-value").all_text_contents()]
        assert sum(shares) == pytest.approx(100, abs=0.4)
    assert len(set(shares)) == 1  # the scripted engine says the same to no input: nothing is left


def test_compare_shows_both_answers_and_both_bars(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(scores={"joy": -1.0})
    page = tab(serve(engine))
    page.get_by_label("Compare prefix and causal attention").check()
    run(page)
    assert [stream.attention for stream in engine.streams] == ["prefix", "causal"]
    assert engine.streams[0].seed == engine.streams[1].seed
    expect(page.locator(".answer .side h3")).to_have_text(["Prefix", "Causal"])
    expect(page.locator(".answer .status")).to_have_text("both answers are the same")
    expect(page.locator(".shares .side")).to_have_count(2)
    expect(page.locator(".shares .status")).to_contain_text("both choose the same label")
    assert page.locator(".details dt", has_text="First token").count() == 2


def test_the_about_tab_draws_the_masks_of_the_prompt_in_hand(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(name="mini")))
    page.get_by_label("Instruction").fill("Zebra <b>x</b>")
    expect(page.locator("#prompt pre")).to_contain_text("Zebra")
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#masks svg")).to_have_count(2)
    expect(page.locator("#masks svg text").first).to_have_text("Zebra")
    expect(page.locator("#about-tab")).to_contain_text("mini passes")
    prefix, causal = page.locator("#masks svg").all()
    assert prefix.locator("rect.after").count() > 0
    assert causal.locator("rect.after").count() == 0


def test_hostile_answers_are_text_in_the_menu_and_the_history_too(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(lambda prompt: HOSTILE)))
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Max new tokens").fill("200")
    page.get_by_role("textbox", name="Input", exact=True).fill(HOSTILE)
    run(page)
    assert page.locator(".answer-text").text_content() == HOSTILE
    page.locator(".token", has_text="<").first.hover()
    expect(page.get_by_role("menuitem").first).to_contain_text("<")
    history(page)
    expect(page.locator(".kept-answer")).to_have_text(HOSTILE, use_inner_text=True)
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#masks svg")).to_have_count(2)
    assert page.locator("img[src=x], .answer-text b, .kept b b").count() == 0
    assert page.complaints == []


def test_who_waits_for_others_sees_the_place_in_the_queue(
    serve: Serve, tab: OpenTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptjt_demo.ui.playground.tab.RUNS_AT_ONCE", 1)
    free = threading.Event()
    url = serve(FakeEngine(delay=free), NO_LIMITS)
    first, second = tab(url), tab(url, width=390)
    first.locator("#run").click()
    expect(first.locator('.answer[data-state="running"]')).to_be_visible()
    second.locator("#run").click()
    told = second.locator("#place .progress-text")
    expect(told).to_contain_text("queue: 1/1")
    expect(told).to_be_visible()
    head, place = second.locator("#outcome header").bounding_box(), told.bounding_box()
    assert place["height"] > 10
    assert head["x"] < place["x"] < place["x"] + place["width"] <= head["x"] + head["width"] + 1
    assert abs(place["y"] - head["y"]) < 10  # and not over the text below it
    assert second.locator("#place").evaluate("node => node.querySelector('.wrap').clientHeight") > 10  # nothing is cut
    expect(first.locator("#place")).to_be_hidden()
    free.set()
    expect(second.locator('.answer[data-state="done"]')).to_be_visible()
    expect(told).to_have_count(0)
