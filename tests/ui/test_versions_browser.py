"""Versions of a kept prompt in a real browser: saved, compared, measured, brought back, downloaded and read in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from fake_engine import FakeEngine
from on_page import HOSTILE, cut_off, go, history, prompt
from playwright.sync_api import expect

from gptjt_demo.templates.formats import read

if TYPE_CHECKING:
    from conftest import OpenTab, Serve

pytestmark = pytest.mark.browser


def test_versions_are_saved_compared_measured_against_and_brought_back_by_keys_alone(
    serve: Serve, tab: OpenTab, tmp_path: Path
) -> None:
    page = tab(serve(FakeEngine(scores={"joy": -0.1})), width=390)
    first = prompt(page)
    press = page.keyboard.press

    def on(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).focus()
        press("Enter")

    history(page)
    page.get_by_label("Name for this prompt").fill("My moods")
    on("Save this prompt")
    expect(page.locator(".kept-item")).to_have_count(1)
    page.locator("#instruction textarea").fill(HOSTILE)
    expect(page.locator("#prompt pre")).to_contain_text("tick")
    on("Save this prompt")
    expect(page.locator(".kept-none")).to_contain_text("saved as version 2")
    on("Save this prompt")
    expect(page.locator(".kept-none")).to_contain_text("has not changed since version 2")
    expect(page.locator(".kept-item")).to_have_count(1)

    on("Versions: My moods")
    expect(page.locator(".kept-summary").first).to_contain_text("instruction changed")
    expect(page.get_by_role("button", name="Versions: My moods")).to_be_focused()
    on("Before and after: version 2 of My moods")
    expect(page.locator(".kept-lines ins").first).to_have_text(f"+ {HOSTILE}", use_inner_text=True)
    assert cut_off(page, 390, "#kept *") == []
    found = Axe().run(page, "#kept", {"resultTypes": ["violations"]}).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []

    on("Measure against it: version 1 of My moods")
    expect(page.get_by_label("Compare with")).to_be_focused()
    expect(page.get_by_label("Compare with")).to_have_value("My moods, version 1")
    on("Try it on sample data")
    expect(page.locator(".paired")).to_contain_text("My moods, version 1", timeout=30_000)
    go(page, "Playground")
    expect(page.locator(".kept-version .kept-facts")).to_have_count(2)
    expect(page.locator(".kept-version .kept-facts").last).to_contain_text("on 72 rows of emotion.csv")

    on("Make it the newest: version 1 of My moods")
    expect(page.locator(".kept-none")).to_contain_text("Version 1 is version 3 now")
    expect(page.locator(".kept-summary").first).to_contain_text("version 1 again: instruction changed")
    on("Open: My moods")
    expect(page.locator("#notice")).to_contain_text("“My moods” was opened")
    assert prompt(page) == first

    with page.expect_download() as download:
        on("Download JSON")
    path = tmp_path / "gptjt-playground.json"
    download.value.save_as(path)
    (template,) = read(path.read_text("utf-8"), path.name)
    assert template.render(template.query) == first
    on("Delete: My moods")
    expect(page.locator(".kept-item")).to_have_count(0)
    on("Undo the deletion")
    expect(page.locator(".kept-item")).to_have_count(1)
    on("Delete: My moods")
    strange: list[Any] = [None, 3, {"kind": "run", "answers": 3}, {"kind": "template", "id": "x", "template": {}}]
    path.write_text(json.dumps([*json.loads(path.read_text("utf-8")), *strange]), encoding="utf-8")
    for facts in ("1 of 3 were new, 4 could not be read", "0 of 3 were new, 4 could not be read"):
        with page.expect_file_chooser() as chooser:
            on("Read in JSON…")
        chooser.value.set_files(path)
        expect(page.locator(".kept-none")).to_contain_text(facts)
    expect(page.locator(".kept-kind").first).to_have_text("version 3")
    assert page.complaints == []


def test_what_is_kept_stays_within_the_browser_s_room_and_saved_prompts_stay(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    history(page)
    page.get_by_label("Name for this prompt").fill("Mine")
    page.get_by_role("button", name="Save this prompt").click()
    expect(page.locator(".kept-item")).to_have_count(1)
    page.evaluate(
        """() => {
          const key = "gptjt-playground-kept-1", [mine] = JSON.parse(localStorage.getItem(key));
          const run = (number) => ({ ...mine, kind: "run", id: `r${number}`, title: "y".repeat(40_000), answers: [] });
          const versions = Array.from({ length: 30 }, (_, number) => ({ ...mine, number, time: mine.time }));
          const runs = Array.from({ length: 110 }, (_, number) => run(number));
          localStorage.setItem(key, JSON.stringify([{ ...mine, number: 31, versions }, ...runs]));
          for (let room = "z".repeat(100_000); ; ) {
            try { localStorage.setItem(`filled-${localStorage.length}`, room); } catch { break; }
          }
        }"""
    )
    page.locator("#instruction textarea").fill("Another.")
    expect(page.locator("#prompt pre")).to_contain_text("Another.")
    page.get_by_role("button", name="Save this prompt").click()
    expect(page.locator(".kept-none")).to_contain_text("saved as version 32")
    things = page.evaluate("JSON.parse(localStorage.getItem('gptjt-playground-kept-1'))")
    page.evaluate("localStorage.clear()")
    (mine,) = (thing for thing in things if thing["kind"] == "template")
    assert mine["template"]["instruction"] == "Another."
    assert len(mine["versions"]) == 19
