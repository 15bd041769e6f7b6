"""What is typed is never lost, in a real browser: drafts, pasted cells, removed rows, typing beside an answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from fake_engine import FakeEngine
from on_page import history, pick, prompt, run
from playwright.sync_api import expect

from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.link import to_fragment

if TYPE_CHECKING:
    from conftest import OpenTab, Serve
    from playwright.sync_api import Locator, Page, Route

pytestmark = pytest.mark.browser

PASTE = """(area, [text, html]) => {
  area.focus();
  const data = new DataTransfer();
  data.setData("text/plain", text);
  if (html) data.setData("text/html", html);
  area.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def paste(area: Locator, text: str, html: str = "") -> None:
    area.evaluate(PASTE, [text, html])


def query(page: Page) -> Locator:
    return page.locator("#query textarea").first


def examples(page: Page) -> list[str]:
    return [area.input_value() for area in page.locator("#examples textarea").all()]


# --- drafts


def test_a_draft_is_offered_after_a_reload_with_all_that_was_typed(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    expect(page.locator(".draft")).to_be_hidden()
    page.get_by_label("Name", exact=True).first.fill("My moods")
    page.get_by_role("textbox", name="Example 1, Output").fill("gloom")
    query(page).fill("a grey day")
    expect(page.locator("#prompt pre")).to_contain_text("a grey day")
    before = prompt(page)
    page.reload()
    expect(page.locator(".draft")).to_contain_text("You were editing “My moods”")
    assert prompt(page) != before
    page.get_by_role("button", name="Go back to your draft").press("Enter")
    expect(page.locator("#prompt pre")).to_contain_text("a grey day")
    expect(page.locator("#notice")).to_be_focused()  # the button is gone, and this says why
    assert prompt(page) == before
    expect(page.locator("#title textarea, #title input").first).to_have_value("My moods")
    page.reload()  # what came back is kept as well
    expect(page.locator(".draft")).to_contain_text("My moods")
    page.get_by_role("button", name="Discard it").click()
    expect(page.locator(".draft")).to_be_hidden()
    page.reload()
    page.locator("#examples textarea").first.wait_for()
    expect(page.locator(".draft")).to_be_hidden()
    assert page.complaints == []


def test_a_draft_is_offered_behind_a_shared_link(serve: Serve, tab: OpenTab) -> None:
    url = serve(FakeEngine())
    page = tab(url)
    query(page).fill("my own words")
    expect(page.locator("#prompt pre")).to_contain_text("my own words")
    page.goto("about:blank")
    page.goto(url + to_fragment(Library.open()["currency"]))
    expect(page.locator("#notice")).to_contain_text("came from a link")
    expect(page.locator(".draft")).to_contain_text("Sentiment Analysis")
    page.get_by_role("button", name="Go back to your draft").click()
    expect(page.locator("#prompt pre")).to_contain_text("my own words")


def test_an_older_draft_is_reached_without_discarding_a_newer_one(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    another = page.get_by_role("button", name="Another draft")
    for title, words in (("Sentiment Analysis", "my older words"), ("Country Currency", "my newer words")):
        pick(page, title)
        expect(page.locator("#title textarea, #title input").first).to_have_value(title)
        query(page).fill(words)
        expect(page.locator("#prompt pre")).to_contain_text(words)
        page.reload()
        expect(page.locator(".draft")).to_contain_text(title)
    expect(page.locator(".draft")).to_contain_text("1 of 2 drafts")
    another.click()
    expect(page.locator(".draft")).to_contain_text("Sentiment Analysis")
    page.get_by_role("button", name="Go back to your draft").click()
    expect(page.locator("#prompt pre")).to_contain_text("my older words")
    page.reload()
    expect(page.locator(".draft")).to_contain_text("2 drafts")
    page.get_by_role("button", name="Discard it").click()
    expect(page.locator(".draft")).to_contain_text("Country Currency")
    expect(another).to_be_hidden()


def test_a_damaged_draft_is_one_line_and_changes_nothing(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    before = prompt(page)
    damaged = [{"id": "x", "time": "", "template": {"title": "T"}, "controls": {"title": "<b>T</b>"}}]
    page.evaluate("text => localStorage.setItem('gptjt-playground-drafts-1', text)", json.dumps(damaged))
    page.reload()
    expect(page.locator(".draft")).to_contain_text("<b>T</b>")
    page.get_by_role("button", name="Go back to your draft").click()
    expect(page.locator("#notice .problem")).to_contain_text("draft: ")
    assert prompt(page) == before


def test_what_is_typed_while_a_picked_template_is_on_its_way_stays(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    held: list[Route] | None = []
    page.route("**/run/predict**", lambda route: route.continue_() if held is None else held.append(route))
    pick(page, "Country Currency")
    query(page).press_sequentially(" in haste")
    waiting, held = held, None
    assert waiting is not None
    for route in waiting:
        route.continue_()
    expect(page.locator("#prompt pre")).to_contain_text("Swiss Franc")
    expect(query(page)).to_have_value("I can have for a treat or if i am feeling festive. in haste")
    expect(page.locator("#prompt pre")).to_contain_text("in haste")
    expect(page.get_by_role("textbox", name="Example 1, Output")).to_have_value("Swiss Franc")


# --- rows


def test_removed_rows_are_brought_back_one_by_one_and_the_answer_stays(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    before = prompt(page)
    run(page)
    rows = page.locator("#examples .grid-row")
    page.get_by_role("button", name="Remove example 1").click()
    expect(page.locator("#examples .grid-said")).to_contain_text("Example 1 removed.")
    expect(page.locator("#prompt pre")).not_to_have_text(before)  # else both may arrive as one change
    page.get_by_role("button", name="Remove example 1").click()
    expect(rows).to_have_count(0)
    expect(page.locator(".outdated")).to_be_visible()
    page.locator("#examples .grid-said").get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Remove example 1").focus()
    page.keyboard.press("Control+z")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("button", name="Remove example 1")).to_be_focused()
    expect(page.locator("#prompt pre")).to_contain_text("sorry for myself")
    assert prompt(page) == before
    expect(page.locator(".answer-text")).to_have_text("joy")
    expect(page.locator(".outdated")).to_be_hidden()
    page.locator("#redo").click()
    expect(rows).to_have_count(1)
    page.locator("#redo").click()
    expect(rows).to_have_count(0)
    expect(page.locator("#redo")).to_be_hidden()


def test_a_choice_is_one_step(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    for title in ("Country Currency", "Tweet Eval Hate"):
        pick(page, title)
        expect(page.get_by_label("Name", exact=True).first).to_have_value(title)
    expect(page.locator("#undo")).to_be_hidden()  # nobody edited anything
    query(page).fill("mine")
    expect(page.locator("#prompt pre")).to_contain_text("mine")
    pick(page, "Country Currency")
    expect(page.locator("#undo")).to_be_visible()
    page.locator("#undo").click()
    expect(query(page)).to_have_value("mine")
    expect(page.locator("#undo")).to_be_disabled()


def test_cells_of_a_spreadsheet_become_rows(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    there = examples(page)
    first = page.locator("#examples textarea").first
    paste(first, 'Input\tOutput\r\n007\tjoy\r\n"two\nlines, ""so"""\tfear\r\n')
    expect(page.locator("#examples .grid-row")).to_have_count(4)
    assert examples(page) == [*there[:2], "007", "joy", 'two\nlines, "so"', "fear", *there[2:]]
    expect(page.locator("#examples .grid-said")).to_have_text("2 rows pasted. Undo")
    expect(page.locator("#prompt pre")).to_contain_text('Input: two\nlines, "so"\nOutput: fear')
    page.locator("#undo").click()
    expect(page.locator("#examples .grid-row")).to_have_count(2)
    paste(first, "one\ntwo\n", "<table><tr><td>one</td></tr><tr><td>two</td></tr></table>")
    expect(page.locator("#examples .grid-row")).to_have_count(4)
    assert examples(page)[2:6] == ["one", "", "two", ""]
    page.get_by_role("button", name="Add example").click()
    paste(page.locator("#examples textarea").nth(8), 'a\tb\tc\n"open\td\te\n')
    expect(page.locator("#examples .grid-said")).to_contain_text("3 columns were copied, 2 fit here")
    assert examples(page)[8:] == ["a", "b", '"open', "d"]


def test_plain_text_of_several_lines_is_pasted_into_its_cell(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    prevented = page.locator("#examples textarea").first.evaluate(
        """area => {
          const data = new DataTransfer();
          data.setData("text/plain", "a poem\\nof two lines");
          return !area.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, cancelable: true }));
        }"""
    )
    assert not prevented


# --- own prompts and repeated runs


def test_a_new_prompt_has_its_own_name_in_history_link_and_export(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_label("Template").click()
    expect(page.get_by_role("option").first).to_have_accessible_name("New prompt")
    page.get_by_role("option").first.click()
    expect(page.locator("#prompt pre")).to_have_text("Input:\nOutput:", use_inner_text=True)
    page.locator("#title textarea, #title input").first.fill("Good or bad")
    for number, texts in enumerate((("good", "pos"), ("awful", "neg")), 1):
        page.get_by_role("textbox", name=f"Example {number}, Input").fill(texts[0])
        page.get_by_role("textbox", name=f"Example {number}, Output").fill(texts[1])
    page.get_by_role("button", name="Use the outputs as labels: pos, neg").click()
    expect(page.get_by_label("Labels")).to_have_value("pos, neg")
    query(page).fill("fine")
    expect(page.locator("#prompt pre")).to_contain_text("fine")
    run(page)
    history(page)
    expect(page.locator(".kept-head b").first).to_have_text("Good or bad")
    page.get_by_role("button", name="Import and export").click()
    expect(page.locator("#format-about [data-file]")).to_have_attribute("data-file", "good-or-bad.yaml")
    expect(page.get_by_label("Exported text")).not_to_have_value("")
    exported = page.get_by_label("Exported text").input_value()
    assert "licence" not in exported
    assert "title: Good or bad" in exported


def test_again_repeats_a_comparison_and_a_branch(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(lambda prompt: "one two", scores={"joy": -1.0})
    page = tab(serve(engine))
    page.get_by_label("Compare prefix and causal attention").check()
    run(page)
    page.get_by_label("Compare prefix and causal attention").uncheck()
    page.get_by_text("Rows", exact=True).click()
    history(page)
    page.get_by_role("button", name="Run again").click()
    expect(page.locator(".kept-item")).to_have_count(2)
    expect(page.locator(".kept-item").last.get_by_role("button", name="Run again")).to_be_focused()
    expect(page.get_by_label("Compare prefix and causal attention")).to_be_checked()
    assert [stream.attention for stream in engine.streams] == ["prefix", "causal"] * 2
    assert len({stream.seed for stream in engine.streams}) == 1
    page.get_by_label("Compare prefix and causal attention").uncheck()
    run(page)
    expect(page.locator(".kept-item")).to_have_count(3)
    page.locator(".token").nth(1).hover()
    page.get_by_role("menuitem", name="instead").click()
    expect(page.locator(".kept-item")).to_have_count(4)
    page.get_by_role("button", name="Run again").first.click()
    expect(page.locator(".kept-item")).to_have_count(5)
    expect(page.locator(".branched")).to_be_visible()
    assert engine.continuations[-1] == engine.continuations[-2] != ()
    assert page.complaints == []


# --- pickers


def test_passing_a_picker_chooses_nothing_and_what_was_typed_stays(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    query(page).fill("mine")
    picker = page.get_by_label("Template")
    for key in ("Tab", "Shift+Tab"):
        picker.focus()
        page.keyboard.press(key)
        expect(page.get_by_role("listbox")).to_have_count(0)
    picker.focus()
    page.keyboard.press("Enter")  # what is chosen already
    picker.click()
    page.get_by_role("option", name="Sentiment Analysis").click()
    page.locator("#settings > button").click()
    page.locator("#shape input").click()
    page.get_by_role("option", name="Pattern").click()
    page.locator("#shape_value textarea, #shape_value input").first.fill("[0-9]+")
    page.locator("#shape input").focus()
    page.keyboard.press("Tab")
    run(page)  # all that was asked of the server before has come
    expect(query(page)).to_have_value("mine")
    expect(page.locator("#shape_value textarea, #shape_value input").first).to_have_value("[0-9]+")
    expect(page.locator("#undo")).to_be_hidden()
    assert page.complaints == []


def test_a_picker_is_used_by_keys_as_a_browser_s_own_and_keeps_the_focus(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()), height=500)
    picker, name = page.get_by_label("Template"), page.get_by_label("Name", exact=True).first
    picker.focus()
    before = page.evaluate("scrollY")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(name).to_have_value("Country Currency")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(picker).to_be_focused()
    assert page.evaluate("scrollY") == before
    page.keyboard.press("n")  # opens it, at the next one that begins so
    expect(page.get_by_role("option")).to_have_count(16)
    expect(picker).to_have_attribute("aria-activedescendant", re.compile("-10$"))
    page.keyboard.press("n")
    expect(picker).to_have_attribute("aria-activedescendant", re.compile("-11$"))
    page.keyboard.press(" ")
    expect(name).to_have_value("News Topic")
    expect(picker).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.keyboard.press("Home")  # opens it, at the first
    expect(picker).to_have_attribute("aria-activedescendant", re.compile("-0$"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    picker.click()
    expect(page.get_by_role("option")).to_have_count(16)
    expect(name).to_have_value("News Topic")
    assert page.complaints == []
