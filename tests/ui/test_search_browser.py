"""The search for better examples in a real browser: asked, stopped, gone on with, and taken into the playground."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from improve_world import Model
from on_page import cut_off, go, prompt
from playwright.sync_api import expect

from gptjt_demo.evaluation import samples

if TYPE_CHECKING:
    from conftest import OpenTab, Serve

pytestmark = pytest.mark.browser


with samples.path("emotion").open(encoding="utf-8", newline="") as file:
    RIGHT = {row["input"]: row["output"] for row in csv.DictReader(file)}


def knows_what_it_is_shown(prompt: str) -> str:
    """The right answer where an example has it, else another."""
    *examples, query = prompt.split("\n\n")
    answer = RIGHT.get(query.removeprefix("Input: ").removesuffix("\nOutput:"), "joy")
    return answer if any(example.endswith(f"Output: {answer}") for example in examples) else "other"


def test_better_examples_are_found_and_one_click_takes_them(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(Model(knows_what_it_is_shown)), width=390)
    go(page, "Evaluate")
    page.locator("#evaluate-file input[type=file]").set_input_files(samples.path("emotion"))
    expect(page.locator("#evaluate-found")).to_contain_text("72 rows")
    page.get_by_role("button", name="Find better examples").first.click()
    page.get_by_label("Model calls, at most").fill("300")
    page.get_by_label("Examples in a prompt").fill("6")
    page.get_by_role("checkbox", name="Try also to show").uncheck()
    page.locator("#evaluate-find").click()
    found = page.locator("#evaluate-better")
    expect(found).to_contain_text("The new examples are better: on the 36 unseen rows", timeout=20_000)
    assert cut_off(page, 390, "#evaluate-search *") == []
    shown = page.locator("#evaluate-better tbody td").all_text_contents()
    assert sorted(shown[1::2]) == ["anger", "fear", "joy", "love", "sadness", "surprise"]
    page.locator("#evaluate-use").click()
    expect(page.locator("#evaluate-used")).to_contain_text("The new examples are in the playground.")
    go(page, "Playground")
    for text, answer in zip(shown[::2], shown[1::2], strict=True):
        assert f"Input: {text}\nOutput: {answer}\n\n" in prompt(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#examples textarea").first).not_to_have_value(shown[0])
    assert not any(text in prompt(page) for text in shown[::2])
    assert page.complaints == []
