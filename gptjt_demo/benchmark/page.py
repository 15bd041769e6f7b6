"""What visitors of the page wait for, and what a day of them leaves: in real browsers, each of its own profile, on
loopback.

In: an engine. Out: seconds until the page can be used; of a short run, alone and beside another visitor's batch; the
memory that many runs and batches leave behind.
"""

from __future__ import annotations

import csv
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gptjt_demo.errors import ModelError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from gptjt_demo.engine.engine import Engine

BATCH_ROWS = 300
SHORT_RUNS = 5
"""Of which the median is taken."""
DAY_RUNS = 300
DAY_BATCHES = 3
FIRST_RUNS = 10
"""After which memory is looked at first."""
PATIENCE = 600_000.0  # ms that a run or a row of a batch may take

_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
_DONE = '.answer[data-state="done"]:not([data-old])'


def page_seconds(engine: Engine) -> float:
    """Seconds from opening the page to a Run that can be pressed; the second visit's, the first wakes the server.

    Raises:
        ModelError: there is no browser to measure with.
    """
    seconds = 0.0
    with _served(engine) as (url, browser):
        for _ in range(2):
            started = time.perf_counter()
            tab = _visit(browser, url)
            tab.locator("#run").click(trial=True)
            seconds = time.perf_counter() - started
            tab.context.close()
    return seconds


def beside_a_batch(engine: Engine) -> tuple[float, float]:
    """Seconds of a visitor's short run: alone, and while another visitor's batch of 300 rows runs.

    Raises:
        ModelError: there is no browser to measure with, or the batch was over too soon.
    """
    with _served(engine) as (url, browser), tempfile.TemporaryDirectory(prefix="gptjt-bench-") as folder:
        visitor, other = _visit(browser, url), _visit(browser, url)
        _short_run(visitor, 0)
        alone = [_short_run(visitor, n + 1) for n in range(SHORT_RUNS)]
        _begin_batch(other, _rows(Path(folder), BATCH_ROWS))
        beside = [_short_run(visitor, n + 100) for n in range(SHORT_RUNS)]
        if other.locator('.job[data-state="running"]').count() == 0:
            raise ModelError("the batch was over before the runs beside it", where="--page")
        other.locator("#batch-stop").click()
        other.locator('.job[data-state="done"]').wait_for()
    return statistics.median(alone), statistics.median(beside)


def memory_of_a_day(engine: Engine) -> float:
    """Bytes that this process has grown by after 300 runs and three batches, since its first ten runs.

    Raises:
        ModelError: there is no browser to measure with.
    """
    with _served(engine) as (url, browser), tempfile.TemporaryDirectory(prefix="gptjt-bench-") as folder:
        visitor = _visit(browser, url)
        path = _rows(Path(folder), BATCH_ROWS)
        before = 0
        for run in range(DAY_RUNS):
            if run == FIRST_RUNS:
                before = resident_bytes()
            if run % (DAY_RUNS // DAY_BATCHES) == FIRST_RUNS:
                other = _visit(browser, url)
                _begin_batch(other, path)
                other.locator('.job[data-state="done"]').wait_for()
                other.context.close()
            _short_run(visitor, run)
        return float(resident_bytes() - before)


def resident_bytes() -> int:
    """The memory that this process has resident; 0 where the system does not say."""
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


@contextmanager
def _served(engine: Engine) -> Iterator[tuple[str, Browser]]:
    """The page's address, and a browser."""
    from gptjt_demo.templates.libraries import Library
    from gptjt_demo.ui import build_app, launch_options

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        raise ModelError("there is no browser to measure with", where="--page", mend="install playwright and Chromium")
    app = build_app(engine, Library.open())
    _, url, _ = app.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options(engine))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
            yield url, browser
            browser.close()
    finally:
        app.close(verbose=False)


def _visit(browser: Browser, url: str) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.locator("#examples textarea").first.wait_for()
    return page


def _short_run(page: Page, number: int) -> float:
    """Seconds from pressing Run to the answer, of a query that was not asked before."""
    page.locator("#query textarea").first.fill(f"This is the best thing of day {number}.")
    page.evaluate("document.querySelectorAll('.answer').forEach((old) => { old.dataset.old = 1; })")
    started = time.perf_counter()
    page.locator("#run").click()
    page.locator(_DONE).wait_for()
    return time.perf_counter() - started


def _begin_batch(page: Page, path: Path) -> None:
    """Upload a file, have its rows answered, and wait for the bar."""
    page.get_by_role("tab", name="Batch", exact=True).click()
    page.locator("#batch-file input[type=file]").set_input_files(path)
    page.locator("#batch-found p").wait_for()
    page.locator("#batch-run").click()
    page.locator('.job[data-state="running"]').wait_for()


def _rows(folder: Path, count: int) -> Path:
    path = folder / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text"])
        writer.writerows(
            [f"Row {n}: the parcel came late, and the box was wet, but the lamp works."] for n in range(count)
        )
    return path
