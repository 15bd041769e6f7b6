"""What the page's tests read from it and do on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from gptjt_demo.tables import rowfile

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


def pick(page: Page, title: str) -> None:
    """Pick a template of the library."""
    page.get_by_label("Template").click()
    page.get_by_role("option", name=title).click()


def go(page: Page, name: str) -> None:
    """Open a tab of the page."""
    page.get_by_role("tab", name=name, exact=True).click()


def answered(folder: Path, rows: int = 6, gold: int = 0) -> Path:
    """A file as `batch` writes it, the least sure rows first; so many rows have a right answer."""
    made = []
    for n in range(rows):
        part = 0.4 + n / (2 * rows)
        shares = f'{{"joy": {part:.4f}, "fear": {0.6 * (1 - part):.4f}, "anger": {0.4 * (1 - part):.4f}}}'
        word = "".join(chr(97 + int(digit)) for digit in str(n))
        text = f"{word}{word} {HOSTILE if not n else ''}"
        right = ("fear" if n % 3 == 0 else "joy") if n >= rows - gold else ""
        made.append((f"{n:03}", text, right, "joy", f"{part:.4f}", "fear", shares, "", ""))
    names = ["id", "text", "right", "label", "confidence", "runner_up", "shares", "check", "error"]
    rowfile.write(folder / "answers.csv", names, made)
    return folder / "answers.csv"


def review(page: Page, path: Path) -> None:
    """Open the tab Review with a file of answers."""
    go(page, "Review")
    page.locator("#review-file input[type=file]").set_input_files(path)
    expect(page.locator(".review[data-shown]")).to_be_visible()


def cut_off(page: Page, width: int, within: str) -> list[str]:
    """What sticks out of the screen, of all that is in view within these; what scrolls on its own may."""
    found: list[str] = page.evaluate(
        """([width, within]) => {
          const out = ({ left, right }) => right > width + 1 || left < -1;
          const seen = [...document.querySelectorAll(within)]
            .filter((node) => node.checkVisibility() && !node.closest(".rows-scroll, .unseen"));
          const cut = seen.filter((node) => out(node.getBoundingClientRect()));
          if (document.documentElement.scrollWidth > width) cut.unshift(document.documentElement);
          return cut.map((node) => node.outerHTML.slice(0, 80));
        }""",
        [width, within],
    )
    return found
