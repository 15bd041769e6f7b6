"""A visitor who comes before the model does: a bar, a page to edit, and an answer when it can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from fake_engine import FakeEngine
from playwright.sync_api import expect

from gptjt_demo.engine.protocol import Answers
from gptjt_demo.engine.served import Promise, Served

if TYPE_CHECKING:
    from conftest import OpenTab, Serve

pytestmark = pytest.mark.browser


def test_what_is_typed_and_run_before_the_model_is_there_is_answered_when_it_is(serve: Serve, tab: OpenTab) -> None:
    served = Served(Promise("big", 2048))
    page = tab(serve(served))
    bar = page.locator("#loading [role=progressbar]")
    expect(bar).to_be_visible()
    served.tell("reading the weights", 0.6)
    expect(bar).to_have_attribute("aria-valuenow", "60")
    instruction = page.locator("#instruction textarea")
    instruction.fill("My own instruction, typed while it was loaded.")
    expect(page.locator("#prompt pre")).to_contain_text("typed while it was loaded")
    page.locator("#run").click()
    expect(page.locator(".answer .status")).to_contain_text("waits for the model")
    engine = FakeEngine(default="here it is", name="mini")
    served.load(lambda tell: cast(Answers, engine))
    expect(page.locator('.answer[data-state="done"] .answer-text')).to_have_text("here it is")
    expect(bar).to_have_count(0)
    expect(page.locator("#loading")).to_contain_text("mini is loaded")
    expect(page.locator("#banner .chip").first).to_have_text("mini")
    expect(page.locator("#prompt .status")).to_contain_text("tokens")
    expect(instruction).to_have_value("My own instruction, typed while it was loaded.")
    assert engine.prompts[0].startswith("My own instruction")
    assert page.complaints == []
