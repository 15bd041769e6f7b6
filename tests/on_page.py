"""What the page's tests read from it and do on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} <img src=x onerror=alert(1)> & #"


def prompt(page: Page) -> str:
    """The exact prompt, to the byte."""
    return page.locator("#prompt pre").text_content() or ""


def run(page: Page) -> None:
    """Press Run and wait for the answer."""
    page.locator("#run").click()
    expect(page.locator('.answer[data-state="done"]')).to_be_visible()


def history(page: Page) -> None:
    """Open the history."""
    page.locator("#kept summary").click()
