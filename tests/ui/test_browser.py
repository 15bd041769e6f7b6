"""The page in a real browser, over a scripted engine: what a visitor sees, and what they may not lose."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest
from fake_engine import FakeEngine
from on_page import cut_off, pick, prompt
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import OpenTab, Serve
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} {{{y}}} <img src=x onerror=alert(1)> </pre> &amp; $& #"


def finished(page: Page) -> None:
    expect(page.locator('.answer[data-state="done"]')).to_be_visible()


def test_a_newcomer_picks_sentiment_analysis_presses_run_and_reads_the_answer(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine({"festive": "joy\nInput: and so on"}, name="mini", scores={"joy": -0.2, "love": -2.0})
    page = tab(serve(engine))
    pick(page, "Sentiment Analysis")
    page.get_by_role("button", name="Run").click()
    finished(page)
    assert page.locator(".answer-text").text_content() == "joy"
    facts = page.locator(".facts")
    for fact in ("mini", "prefix", "reached a stop sequence", "tokens/s", "First token", "Seed"):
        expect(facts).to_contain_text(fact)
    expect(page.locator(".shares li").first).to_have_class("best")
    expect(page.locator(".shares li").first).to_contain_text("joy")
    expect(page.locator(".shares")).to_contain_text("summed log probability")
    assert page.locator(".shares li").count() == 6
    assert engine.prompts == [prompt(page)]
    assert page.complaints == []


def test_run_pressed_right_after_picking_runs_the_picked_template(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine({"India": "Indian Rupee"})
    page = tab(serve(engine))
    pick(page, "Country Currency")
    page.evaluate("document.getElementById('run').click()")
    finished(page)
    assert page.locator(".answer-text").text_content() == "Indian Rupee"
    assert engine.prompts == [prompt(page)]


def test_the_first_visit_shows_a_filled_page_and_says_what_to_do(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(name="mini", stand_in=True)))
    assert prompt(page).startswith("The task is to label")
    assert prompt(page).endswith("Output:")
    expect(page.locator(".answer")).to_contain_text("Press Run")
    expect(page.locator("#banner")).to_contain_text("mini is a stand-in. It is not GPT-JT-6B.")
    expect(page.locator("#banner")).to_contain_text("prefix attention")


def test_the_page_asks_no_other_host(serve: Serve, tab: OpenTab) -> None:
    url = serve(FakeEngine())
    page = tab(url)
    page.get_by_role("button", name="Run").click()
    finished(page)
    assert [asked for asked in page.asked if not asked.startswith((url, "data:", "blob:"))] == []


def test_hostile_text_is_shown_as_typed_everywhere(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(lambda prompt: HOSTILE)
    page = tab(serve(engine))
    page.get_by_label("Instruction").fill(f"\n{HOSTILE}")
    page.get_by_label("Labels").fill(f'{HOSTILE}, "a, b"')
    page.get_by_role("textbox", name="Example 1, Output").fill(HOSTILE)
    page.get_by_role("textbox", name="Input", exact=True).fill(HOSTILE)
    expect(page.locator("#prompt pre")).to_contain_text(f"Input: {HOSTILE}\nOutput:")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Max new tokens").fill("200")
    page.get_by_role("button", name="Run").click()
    finished(page)
    assert page.locator(".answer-text").text_content() == HOSTILE
    assert engine.prompts[-1].count(HOSTILE) == 3
    assert engine.prompts[-1] == prompt(page)
    assert page.locator(".share-label").all_text_contents() == [HOSTILE, "a, b"]
    assert page.locator("#result img, #result b b, #edit img").count() == 0
    assert page.complaints == []


def test_rows_are_added_edited_and_removed_and_007_stays_007(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_role("button", name="Add example").click()
    page.keyboard.type("007")
    page.keyboard.press("Tab")
    page.keyboard.type("NA")
    expect(page.locator("#prompt pre")).to_contain_text("Input: 007\nOutput: NA\n")
    page.get_by_role("button", name="Remove example 1").click()
    expect(page.locator("#prompt pre")).not_to_contain_text("sorry for myself")
    expect(page.get_by_role("textbox", name="Example 2, Input")).to_have_value("007")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove example 1"
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#prompt pre")).to_contain_text("sorry for myself")
    expect(page.locator("#examples .grid-row")).to_have_count(2)


def test_typing_keeps_the_focus_and_every_letter(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    field = page.get_by_role("textbox", name="Input", exact=True)
    field.fill("")
    field.press_sequentially("what a lovely long day it was", delay=5)
    expect(page.locator("#prompt pre")).to_contain_text("Input: what a lovely long day it was\nOutput:")
    expect(field).to_be_focused()


def test_keys_run_and_stop_and_what_was_written_stays(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(lambda prompt: "word " * 200, delay=0.03)
    page = tab(serve(engine))
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Max new tokens").fill("200")
    field = page.get_by_role("textbox", name="Input", exact=True)
    field.fill("go on")
    field.press("Control+Enter")
    expect(page.locator(".answer-text")).to_contain_text("word word word")
    page.keyboard.press("Escape")
    finished(page)
    expect(page.locator(".facts")).to_contain_text("stopped by you")
    assert engine.streams[0].ended.wait(1)
    assert page.locator(".answer-text").text_content() == "".join(token.text for token in engine.streams[0].given)
    assert len(engine.streams[0].given) < 200
    expect(field).to_be_focused()


def test_a_long_prefill_shows_that_it_works_and_can_be_stopped(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(prefill=60)
    page = tab(serve(engine))
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".answer .status")).to_have_text(re.compile(r"reading the prompt… [1-9]"))
    page.get_by_role("button", name="Stop").click()
    finished(page)
    assert engine.streams[0].ended.wait(1)


def test_two_visitors_neither_see_nor_stop_each_other(serve: Serve, tab: OpenTab) -> None:
    go = threading.Event()
    engine = FakeEngine({"India": "Rupee", "Japan": "Yen"}, delay=go)
    url = serve(engine)
    pages = tab(url), tab(url)
    for page, country in zip(pages, ("India", "Japan"), strict=True):
        pick(page, "Country Currency")
        expect(page.locator("#prompt pre")).to_contain_text("currency")
        page.get_by_role("textbox", name="Input", exact=True).fill(country)
        page.get_by_role("button", name="Run").click()
        expect(page.locator('.answer[data-state="running"]')).to_be_visible()
    pages[0].get_by_role("button", name="Stop").click()
    finished(pages[0])
    expect(pages[0].locator(".facts")).to_contain_text("stopped by you")
    expect(pages[1].locator('.answer[data-state="running"]')).to_be_visible()
    go.set()
    finished(pages[1])
    assert pages[1].locator(".answer-text").text_content() == "Yen"
    assert "Japan" not in prompt(pages[0])


def amid_a_long_answer(serve: Serve, tab: OpenTab) -> tuple[FakeEngine, Page]:
    """A page whose answer would still grow for many seconds."""
    engine = FakeEngine(lambda prompt: "word " * 4000, delay=0.02)
    page = tab(serve(engine))
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Max new tokens").fill("1000")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".answer-text")).to_contain_text("word")
    return engine, page


def test_a_closed_tab_stops_the_model(serve: Serve, tab: OpenTab) -> None:
    engine, page = amid_a_long_answer(serve, tab)
    page.close()
    assert engine.streams[0].ended.wait(5)
    assert len(engine.streams[0].given) < 500


def test_a_wrong_setting_is_one_line_in_place_and_loses_nothing(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine()
    page = tab(serve(engine))
    page.get_by_role("textbox", name="Input", exact=True).fill("mine")
    page.get_by_role("button", name="Settings").click()
    for label, value, line in (
        ("Max new tokens", "16.5", "Max new tokens: 16.5 does not fit; give a whole number from 1 to 1024"),
        ("Top p", "2", "Top p: 2 does not fit; give a number from 0 to 1"),
        ("Seed", "-1", "Seed: -1 does not fit; give a whole number from 0 to 4294967295"),
    ):
        before = page.get_by_label(label).input_value()
        page.get_by_label(label).fill(value)
        expect(page.locator("#setting-problem")).to_have_text(line)
        page.get_by_role("button", name="Run").click()
        expect(page.locator(".answer .problem")).to_have_text(line)
        assert engine.prompts == []
        expect(page.get_by_role("textbox", name="Input", exact=True)).to_have_value("mine")
        expect(page.get_by_label(label)).to_have_value(value)
        expect(page.locator("#prompt pre")).to_contain_text("Input: mine")
        page.get_by_label(label).fill(before)
        expect(page.locator("#setting-problem")).to_be_hidden()


def test_a_blank_input_and_an_overlong_prompt_are_said_in_one_line(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    field = page.get_by_role("textbox", name="Input", exact=True)
    field.fill("  ")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".answer .problem")).to_contain_text("the input is empty")
    field.fill("word " * 2100)
    expect(page.locator("#prompt .problem")).to_contain_text("exceed the context of 2,048")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".answer .problem")).to_contain_text("exceed the context")
    field.fill("short again")
    expect(page.locator("#prompt .problem")).to_have_count(0)
    page.get_by_role("button", name="Run").click()
    finished(page)


def test_a_failure_in_the_middle_reaches_the_screen_and_the_next_run_works(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(lambda prompt: "one two three", fail_after=2)
    page = tab(serve(engine))
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".answer .problem")).to_contain_text("the run failed inside the app (RuntimeError)")
    assert page.locator(".answer-text").text_content() == "one two"
    assert "Traceback" not in page.content()
    engine.fail_after = None
    page.get_by_role("button", name="Run").click()
    finished(page)


def test_picking_another_template_ends_the_run_and_clears_its_answer(serve: Serve, tab: OpenTab) -> None:
    engine, page = amid_a_long_answer(serve, tab)
    pick(page, "Tweet Eval Hate")
    assert engine.streams[0].ended.wait(2)
    expect(page.locator("#about")).to_contain_text("offensive")
    expect(page.get_by_role("textbox", name="Example 1, Tweet")).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.locator(".answer")).to_contain_text("Press Run")


def test_a_phone_shows_one_column_with_run_in_reach_and_nothing_cut(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()), width=390, height=844)
    for _ in range(2):
        assert cut_off(page, 390, "#edit *, #result *") == []
        expect(page.get_by_role("button", name="Run")).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("button", name="Stop")).to_be_in_viewport(ratio=1)
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("button", name="Run").click()
        finished(page)
        expect(page.locator(".answer header")).to_be_in_viewport()


def test_every_control_has_a_name_for_a_screen_reader(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_role("button", name="Settings").click()
    snapshot = page.locator("#columns").aria_snapshot()
    nameless = [
        line
        for line in snapshot.splitlines()
        if re.match(r"\s*- (textbox|button|combobox|spinbutton|radio)(:|$)", line)
    ]
    assert nameless == []
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".unseen[role=status]")).to_have_text("joy")
