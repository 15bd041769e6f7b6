"""How soon the page can be used. In: an engine. Out: seconds, each time in a fresh browser profile, on loopback."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from gptjt_demo.errors import ModelError

if TYPE_CHECKING:
    from gptjt_demo.engine.engine import Engine


def page_seconds(engine: Engine) -> float:
    """Seconds from opening the page to a Run that can be pressed; the second visit's, the first wakes the server.

    Raises:
        ModelError: there is no browser to measure with.
    """
    from gptjt_demo.templates.library import Library
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
    seconds = 0.0
    try:
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            for _ in range(2):
                tab = browser.new_context().new_page()
                started = time.perf_counter()
                tab.goto(url)
                tab.locator("#examples textarea").first.wait_for()
                tab.locator("#run").click(trial=True)
                seconds = time.perf_counter() - started
                tab.context.close()
            browser.close()
    finally:
        app.close(verbose=False)
    return seconds
