"""The review tab in a real browser: decided by keys alone, found again, and nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_engine import FakeEngine
from on_page import HOSTILE, answered, cut_off, go, review
from playwright.sync_api import expect

from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

if TYPE_CHECKING:
    from conftest import OpenTab, Serve
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

LABELS = ("joy", "fear", "anger")


def looked(page: Page, sentence: str) -> None:
    expect(page.locator(".review .status")).to_contain_text(f"{sentence} looked at", timeout=15_000)


def fetched(page: Page, folder: Path) -> list[tuple[str, ...]]:
    with page.expect_download() as begun:
        page.locator("#review-fetch").click()
    begun.value.save_as(folder / "back.csv")
    return [tuple(row) for row in read(folder / "back.csv")]


def test_a_hundred_decisions_by_keys_alone_however_fast_and_a_reload_finds_them(
    serve: Serve, tab: OpenTab, tmp_path: Path
) -> None:
    page = tab(serve(FakeEngine()))
    path = answered(tmp_path, 101)
    review(page, path)
    page.locator("body").focus()
    keys = ["Enter", "1", "2", "3"]
    for n in range(100):
        page.keyboard.press(keys[n % 4])  # as fast as it goes: what is pressed waits for its row
        if n % 40 == 39:
            looked(page, f"{n + 1} of 101 rows")
    looked(page, "100 of 101 rows")
    expect(page.locator(".review h2")).to_have_text("Row 101")
    page.reload()
    go(page, "Review")
    looked(page, "100 of 101 rows")
    rows = fetched(page, tmp_path)
    assert [row[:9] for row in rows] == list(read(path))
    wanted = [("joy", "joy", *LABELS[1:])[n % 4] for n in range(100)]
    assert [row[9:] for row in rows] == [
        *(("yes", label, "model" if label == "joy" else "person") for label in wanted),
        ("no", "joy", "model"),
    ]
    assert page.complaints == []


def test_in_a_text_field_keys_are_text_and_undo_takes_back(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine()))
    review(page, answered(tmp_path))
    expect(page.locator(".review-cells").first).to_contain_text(HOSTILE)
    page.keyboard.press("e")
    page.keyboard.type("2 euros, u know")
    page.keyboard.press("Enter")
    looked(page, "1 of 6 rows")
    expect(page.locator(".review-last")).to_contain_text("Row 1: 2 euros, u know")
    page.keyboard.press("e")
    expect(page.locator(".review-editor textarea")).to_have_value("joy")  # the next row's own
    page.keyboard.type("not this")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".review-yours")).to_contain_text("2 euros, u know")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".review h2")).to_have_text("Row 2")
    looked(page, "1 of 6 rows")
    page.keyboard.press("u")
    looked(page, "0 of 6 rows")
    expect(page.locator(".review h2")).to_have_text("Row 1")
    go(page, "Playground")
    page.locator("#query textarea").fill("12")
    page.keyboard.press("1")
    go(page, "Review")
    looked(page, "0 of 6 rows")
    page.locator("#review-keys input").uncheck()
    page.keyboard.press("1")
    page.locator("#review-keys input").check()
    page.keyboard.press("2")
    looked(page, "1 of 6 rows")
    expect(page.locator(".review-last")).to_contain_text("Row 1: fear")
    assert page.complaints == []


def test_a_button_keeps_its_place_from_row_to_row_and_behind_the_last(
    serve: Serve, tab: OpenTab, tmp_path: Path
) -> None:
    path = answered(tmp_path, 3)
    table = read(path)
    first, *others = (tuple(row) for row in table)
    rowfile.write(path, table.columns, [("000", "", "", "", "", "", "", "", "it is blank"), first, *others])
    page = tab(serve(FakeEngine()))
    review(page, path)
    expect(page.locator(".review-cells dd").nth(1)).to_have_text("blank")
    tools = page.locator(".review > .review-tools button")
    places: list[list[tuple[str | None, float]]] = []
    for act, row in (("label", "Row 2"), ("accept", "Row 3"), ("accept", "Row 4"), ("accept", "All done")):
        places.append([(each.get_attribute("data-act"), (each.bounding_box() or {})["x"]) for each in tools.all()])
        page.locator(f'.review [data-act="{act}"]').first.click()
        expect(page.locator(".review h2")).to_have_text(row)
    places.append([(each.get_attribute("data-act"), (each.bounding_box() or {})["x"]) for each in tools.all()])
    assert all(each == places[0] for each in places)
    box = tools.first.bounding_box() or {}
    page.mouse.click(box["x"] + 9, box["y"] + 9)  # a press too many, where Undo once was
    looked(page, "4 of 4 rows")


def test_two_visitors_do_not_see_each_other_s(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    url = serve(FakeEngine())
    one, other = tab(url), tab(url)
    for page in (one, other):
        review(page, answered(tmp_path))
    one.keyboard.press("2")
    looked(one, "1 of 6 rows")
    other.reload()
    go(other, "Review")
    looked(other, "0 of 6 rows")
    other.keyboard.press("3")
    looked(other, "1 of 6 rows")
    assert fetched(one, tmp_path)[0][10] == "fear"
    assert fetched(other, tmp_path)[0][10] == "anger"
    one.evaluate("window.confirm = () => true")
    one.locator("#review-delete").click()
    expect(one.locator("#review-card")).to_contain_text("are deleted")
    other.reload()
    go(other, "Review")
    looked(other, "1 of 6 rows")


def test_after_a_batch_its_answers_are_reviewed_and_a_row_becomes_an_example(
    serve: Serve, tab: OpenTab, tmp_path: Path
) -> None:
    rowfile.write(tmp_path / "in.csv", ["n", "text"], [(f"{n:03}", f"{'abcdef'[n] * 3} today") for n in range(6)])
    page = tab(serve(FakeEngine(scores={"joy": -0.4, "love": -1.9})), width=390, height=844)
    go(page, "Batch")
    page.locator("#batch-file input[type=file]").set_input_files(tmp_path / "in.csv")
    expect(page.locator("#batch-found")).to_contain_text("rows")
    page.locator("#batch-run").click()
    page.locator("#batch-review").press("Enter")
    expect(page.locator(".review[data-shown]")).to_be_visible()
    expect(page.locator(".review-cells dd").first).to_have_text("aaa today")
    expect(page.locator(".review-accept")).to_be_focused()
    assert cut_off(page, 390, ".data-panel *, .data-result *") == []
    before = page.locator("#examples .grid-row").count()
    page.locator(".review-labels button").nth(4).click()
    page.get_by_role("button", name="Add row 1 to the examples").click()
    expect(page.locator("#review-added")).to_contain_text(f"Row 1 is example {before + 1}")
    page.get_by_role("button", name="Row 1 as a gold row").click()
    page.locator("#review-measure").press("Enter")
    expect(page.locator("#evaluate-found")).to_contain_text("1 row")
    expect(page.locator("#evaluate-gold input")).to_have_value("gold")
    expect(page.locator("#evaluate-run")).to_be_focused()
    go(page, "Playground")
    expect(page.locator("#examples .grid-row")).to_have_count(before + 1)
    expect(page.locator("#examples textarea").nth(-2)).to_have_value("aaa today")
    assert page.complaints == []


def test_right_answers_say_how_many_to_look_at(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine()), dark=True)
    review(page, answered(tmp_path, 90, gold=60))
    expect(page.locator(".review .status")).to_contain_text("of 30")
    expect(page.locator(".review-risk")).to_contain_text("60 rows with right answers, of which the model has 40")
    expect(page.locator("#review-many-card .only-dark")).to_be_visible()
    page.get_by_label("Column with right answers").click()
    page.get_by_role("option", name="No column").click()
    expect(page.locator(".review .status")).to_contain_text("of 90")
    expect(page.locator(".review-risk")).to_have_count(0)
