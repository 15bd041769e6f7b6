"""The batch and evaluate tabs in a real browser, over a scripted engine: what a visitor sees and may not lose."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import FakeEngine
from on_page import cut_off, go
from playwright.sync_api import expect

from gptjt_demo.evaluation import samples
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read

if TYPE_CHECKING:
    from conftest import OpenTab, Serve
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} {{{y}}} <img src=x onerror=alert(1)> </pre> &amp; $& #"


def upload(page: Page, which: str, path: Path) -> None:
    page.locator(f"#{which}-file input[type=file]").set_input_files(path)


def rows(folder: Path, count: int = 6, name: str = "in.csv") -> Path:
    rowfile.write(folder / name, ["n", "text"], [(f"{n:03}", f"row {n} {HOSTILE}") for n in range(count)])
    return folder / name


def fetched(page: Page, folder: Path, which: str = "batch") -> Path:
    with page.expect_download() as begun:
        page.locator(f"#{which}-fetch").click()
    path = folder / "fetched" / begun.value.suggested_filename
    begun.value.save_as(path)
    return path


def held() -> tuple[FakeEngine, threading.Semaphore]:
    """An engine that answers a row for every permit, and is cancelled like any other."""
    permits = threading.Semaphore(0)

    class Held(FakeEngine):
        def wait(self, cancel: Any, seconds: Any) -> None:
            if seconds != "permit":
                return
            while not (cancel is not None and cancel.is_set()):
                if permits.acquire(timeout=0.01):
                    if cancel is not None and cancel.is_set():  # it was meant for what runs now
                        permits.release()
                    return

    engine = Held(prefill="permit")  # type: ignore[arg-type]
    return engine, permits


def started(page: Page, path: Path) -> None:
    go(page, "Batch")
    upload(page, "batch", path)
    expect(page.locator("#batch-found")).to_contain_text("rows")
    page.get_by_role("radio", name="Free text").click()
    page.locator("#batch-run").click()
    page.locator('.job:not([data-state="idle"])').wait_for()  # what was tried before the run has ended


def test_a_file_is_answered_and_comes_back_with_every_cell(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine(lambda prompt: HOSTILE)))
    path = rows(tmp_path)
    started(page, path)
    expect(page.locator("#batch-found")).to_contain_text("UTF-8 with a byte-order mark · comma-separated")
    expect(page.locator('.job[data-state="done"]')).to_contain_text("All 6 rows are answered.")
    expect(page.locator("#batch-preview td").nth(1)).to_have_text(f"row 0 {HOSTILE}")
    expect(page.locator("#batch-answers td").nth(2)).to_have_text(f"row 0 {HOSTILE}")
    assert page.locator("#batch-answers img, #batch-preview img, #batch-answers b").count() == 0
    found = read(fetched(page, tmp_path))
    assert found.path.name == "in-answers.csv"
    assert [row[:2] for row in found] == list(read(path))
    page.get_by_label("Format").click()
    page.get_by_role("option", name="Excel").click()
    assert [row[:2] for row in read(fetched(page, tmp_path))] == list(read(path))
    assert page.complaints == []


def test_a_run_goes_on_without_its_page_and_is_found_again_after_a_reload(
    serve: Serve, tab: OpenTab, tmp_path: Path
) -> None:
    engine, permits = held()
    page = tab(serve(engine))
    started(page, rows(tmp_path))
    permits.release(2)
    expect(page.locator(".job .bar-facts")).to_contain_text("2 of 6 rows")
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "33")
    page.reload()
    go(page, "Batch")
    expect(page.locator(".job .bar-facts")).to_contain_text("2 of 6 rows")
    expect(page.locator("#batch-answers tbody tr")).to_have_count(2)
    assert len(list(read(fetched(page, tmp_path)))) == 2
    permits.release(4)
    expect(page.locator(".job")).to_contain_text("All 6 rows are answered.")
    expect(page.locator("#batch-answers tbody tr")).to_have_count(6)
    assert len(list(read(fetched(page, tmp_path)))) == 6


def test_a_run_is_deleted_with_its_file_when_its_owner_says_so(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine()))
    started(page, rows(tmp_path))
    expect(page.locator(".job")).to_contain_text("All 6 rows are answered.")
    page.evaluate("window.confirm = () => false")
    page.locator("#batch-delete").click()
    expect(page.locator(".job")).to_contain_text("All 6 rows are answered.")
    page.evaluate("window.confirm = () => true")
    page.locator("#batch-delete").click()
    expect(page.locator(".job")).to_contain_text("Your file and its answers are deleted.")
    expect(page.locator("#batch-answers tbody tr")).to_have_count(0)
    page.reload()
    go(page, "Batch")
    expect(page.locator(".job")).to_contain_text("Choose a file")


def test_a_stopped_run_keeps_its_rows_and_goes_on(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    engine, permits = held()
    page = tab(serve(engine))
    started(page, rows(tmp_path))
    permits.release(2)
    expect(page.locator(".job .bar-facts")).to_contain_text("2 of 6 rows")
    page.locator("#batch-stop").click()
    expect(page.locator(".job")).to_contain_text("Stopped. 2 of 6 rows are answered.")
    assert len(list(read(fetched(page, tmp_path)))) == 2
    page.evaluate("window.confirm = (line) => { window.asked = line; return false; }")
    page.locator("#batch-run").click()  # it would begin anew, and the two rows would be gone
    page.wait_for_function("window.asked?.includes('the answers so far go')")
    permits.release(4)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".job")).to_contain_text("All 6 rows are answered.")
    assert [row[0] for row in read(fetched(page, tmp_path))] == [f"{n:03}" for n in range(6)]
    expect(page.get_by_role("button", name="Continue")).to_be_hidden()


def test_answers_that_were_not_downloaded_are_not_replaced_unasked(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine()))
    started(page, rows(tmp_path))
    expect(page.locator(".job")).to_contain_text("All 6 rows are answered.")
    page.evaluate("window.confirm = (line) => { window.asked = line; return false; }")
    page.locator("#batch-run").click()
    page.wait_for_function("window.asked?.includes('were not downloaded')")
    assert len(list(read(fetched(page, tmp_path)))) == 6
    expect(page.locator(".job[data-only-here]")).to_have_count(0)
    page.evaluate("window.asked = ''")
    page.locator("#batch-run").click()
    expect(page.locator(".job[data-only-here]")).to_contain_text("All 6 rows are answered.")
    assert page.evaluate("window.asked") == ""


def test_two_visitors_do_not_see_each_other_s_files_or_runs(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    url = serve(FakeEngine())
    first, second = tab(url), tab(url)
    started(first, rows(tmp_path))
    expect(first.locator(".job")).to_contain_text("All 6 rows are answered.")
    go(second, "Batch")
    expect(second.locator(".job")).to_contain_text("Choose a file")
    second.reload()
    go(second, "Batch")
    expect(second.locator(".job")).to_contain_text("Choose a file")
    expect(second.locator("#batch-fetch")).to_be_hidden()
    assert "row 0" not in second.content()


@pytest.mark.parametrize("which", ["batch", "evaluate"])
def test_a_bad_file_is_one_line_in_place(serve: Serve, tab: OpenTab, tmp_path: Path, which: str) -> None:
    page = tab(serve(FakeEngine()))
    go(page, which.capitalize())
    for name, data, line in (
        ("ragged.csv", b"a,b\n1,2,3\n", "ragged.csv: line 2: 3 fields, expected 2"),
        ("empty.csv", b"\n", "empty.csv: the file is empty"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\0", "picture.csv: a PNG picture, not a table"),
        ("old.xlsx", b"PK\x03\x04", "old.xlsx: a damaged zip or XLSX file"),
    ):
        (tmp_path / name).write_bytes(data)
        upload(page, which, tmp_path / name)
        expect(page.locator(f"#{which}-found .problem")).to_contain_text(line)
        page.locator(f"#{which}-file").get_by_label("Clear").click()
        expect(page.locator(f"#{which}-found .problem")).to_have_count(0)
    page.locator(f"#{which}-run").click()
    expect(page.get_by_text("there is no file yet; choose one first")).to_be_visible()


def test_a_newcomer_tries_a_sample_and_reads_how_good_the_prompt_is(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine(scores={"joy": -0.1})))
    go(page, "Evaluate")
    page.get_by_label("Both, compared").click()
    page.get_by_role("button", name="Try it on sample data").click()
    expect(page.locator(".run").first).to_contain_text("16.7 %")
    expect(page.locator(".run").first).to_contain_text("12 of 72 rows; 95 % interval")
    expect(page.locator(".run").first).to_contain_text("Macro-F1")
    expect(page.locator(".paired")).to_contain_text("the two are right on the same rows")
    cell = page.get_by_role("button", name="fear answered as joy: 12 rows").first
    cell.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cell-rows li")).to_have_count(12)
    expect(page.locator(".cell-rows h2")).to_have_text("fear → joy")
    found = read(fetched(page, tmp_path, "evaluate"))
    assert len(found) == 144
    assert page.complaints == []


def test_hostile_rows_and_labels_are_shown_as_typed_in_the_matrix_and_behind_it(
    serve: Serve, tab: OpenTab, tmp_path: Path
) -> None:
    page = tab(serve(FakeEngine(scores={"joy": -0.1})))
    path = tmp_path / "hostile.csv"
    rowfile.write(path, ["input", "output"], [(HOSTILE, HOSTILE), ("plain", "joy")])
    go(page, "Evaluate")
    upload(page, "evaluate", path)
    expect(page.locator("#evaluate-preview td").first).to_have_text(HOSTILE)
    page.locator("#evaluate-run").click()
    expect(page.locator(".matrix tbody th").last).to_have_text(HOSTILE)
    page.locator(".cell.wrong:not([disabled])").click()
    expect(page.locator(".cell-rows li p")).to_have_text(HOSTILE)
    expect(page.locator(".cell-rows h2")).to_have_text(f"{HOSTILE} → joy")
    assert page.locator(".data-result img:not(.chart > img), .data-result b b").count() == 0
    assert page.complaints == []


def test_a_row_is_added_to_the_examples_and_the_prompt_has_it(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine(scores={"joy": -0.1})
    page = tab(serve(engine))
    go(page, "Evaluate")
    page.get_by_role("button", name="Try it on sample data").click()
    page.get_by_role("button", name="fear answered as joy: 12 rows").click()
    text = page.locator(".cell-rows li p").first.text_content() or ""
    page.get_by_role("button", name="Add to the examples").first.click()
    expect(page.locator("#evaluate-added")).to_contain_text("Added to the playground’s examples, as number 3.")
    go(page, "Playground")
    expect(page.locator("#prompt pre")).to_contain_text(f"Input: {text}\nOutput: fear\n")
    expect(page.get_by_role("textbox", name="Example 3, Input")).to_have_value(text)


def test_a_report_is_there_after_a_reload_with_its_rows_until_it_is_deleted(
    serve: Serve, tab: OpenTab, tmp_path: Path
) -> None:
    page = tab(serve(FakeEngine(scores={"joy": -0.1})))
    go(page, "Evaluate")
    expect(page.locator("#evaluate-fetch")).to_be_hidden()
    page.get_by_role("button", name="Try it on sample data").click()
    expect(page.locator("#evaluate-fetch")).to_be_visible()
    page.reload()
    go(page, "Evaluate")
    expect(page.locator(".run")).to_contain_text("of 72 rows")
    expect(page.locator("#evaluate-bar")).to_contain_text("Your last report.")
    page.get_by_role("button", name="fear answered as joy: 12 rows").click()
    expect(page.locator("#evaluate-cell")).to_contain_text("measure again")
    page.locator("#evaluate-run").click()  # without a file: what is shown stays
    expect(page.locator("#evaluate-bar .problem")).to_be_visible()
    with page.expect_download() as begun:
        page.locator("#evaluate-fetch").click()
    begun.value.save_as(tmp_path / "rows.csv")
    assert len(read(tmp_path / "rows.csv")) == 72
    page.evaluate("window.confirm = () => true")
    page.locator("#evaluate-delete").click()
    expect(page.locator("#evaluate-bar")).to_contain_text("Your report is deleted.")
    page.reload()
    go(page, "Evaluate")
    expect(page.locator("#evaluate-figures")).to_contain_text("Choose a file")
    expect(page.locator("#evaluate-fetch")).to_be_hidden()
    assert page.complaints == []


def test_measuring_uses_the_prompt_as_it_is_edited(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine()
    page = tab(serve(engine))
    page.get_by_label("Instruction").fill("My own words.")
    go(page, "Evaluate")
    page.get_by_label("Write freely").click()
    page.get_by_role("button", name="Try it on sample data").click()
    expect(page.locator(".run")).to_contain_text("of 72 rows")
    assert all(prompt.startswith("My own words.") for prompt in engine.prompts)


def test_a_measurement_can_be_stopped_and_shows_its_rows(serve: Serve, tab: OpenTab) -> None:
    engine, permits = held()
    page = tab(serve(engine))
    go(page, "Evaluate")
    page.get_by_label("Write freely").click()
    page.get_by_role("button", name="Try it on sample data").click()
    permits.release(5)
    expect(page.locator("#evaluate-bar .bar-facts")).to_contain_text("5 of 72 rows")
    page.locator("#evaluate-stop").click()
    expect(page.locator(".run")).to_contain_text("Stopped early: these figures cover the rows so far.")
    expect(page.locator(".run")).to_contain_text("of 5 rows")


def test_diagnostics_are_drawn_with_their_sentences(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine(scores={"joy": -0.1})), dark=True)
    go(page, "Evaluate")
    path = tmp_path / "few.csv"
    rowfile.write(path, ["input", "output"], list(read(samples.path("emotion")))[:5])
    upload(page, "evaluate", path)
    expect(page.locator("#evaluate-found")).to_contain_text("5 rows")
    page.get_by_role("button", name="Diagnostics").click()
    page.locator("#evaluate-diagnose").click()
    expect(page.locator(".chart")).to_have_count(4, timeout=30_000)
    expect(page.locator(".chart .only-dark").first).to_be_visible()
    expect(page.locator(".chart .only-light").first).to_be_hidden()
    expect(page.locator(".chart figcaption").first).to_contain_text("orders of the same examples")


def test_a_phone_shows_one_column_with_nothing_cut(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine(scores={"joy": -0.1})), width=390, height=844)
    started(page, rows(tmp_path))
    expect(page.locator(".job")).to_contain_text("All 6 rows are answered.")
    assert cut_off(page, 390, ".data-panel *, .data-result *") == []
    go(page, "Evaluate")
    page.get_by_role("button", name="Try it on sample data").click()
    page.get_by_role("button", name="fear answered as joy: 12 rows").click()
    expect(page.locator(".cell-rows li")).to_have_count(12)
    assert cut_off(page, 390, ".data-panel *, .data-result *") == []


def test_every_control_has_a_name_for_a_screen_reader(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine()))
    for which in ("batch", "evaluate"):
        go(page, which.capitalize())
        upload(page, which, rows(tmp_path))
        expect(page.locator(f"#{which}-found")).to_contain_text("rows")
        for column in (".data-panel", ".data-result"):
            snapshot = page.locator(column).locator("visible=true").first.aria_snapshot()
            nameless = [line for line in snapshot.splitlines() if line.strip() in {f"- {role}" for role in NAMED}]
            assert nameless == []


NAMED = ("textbox", "button", "combobox", "radio", "listbox", "table", "region")
