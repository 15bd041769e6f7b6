"""Fixtures for the page's tests: an app that is served on loopback, and Chromium tabs to look at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from gptjt_demo.engine.engine import Engine

settings.register_profile("any machine", deadline=None)  # how long an example takes is no property of the code
settings.load_profile("any machine")

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Serve = Callable[..., str]  # with `apps`, those that it served
OpenTab = Callable[..., Any]  # a Page, with `asked` and `complaints`


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """The step is compiled before the first test, so that no test sees a model change its form."""
    from gptjt_demo.models.compiled import ready

    if ready.wanted() and not ready.is_ready():
        subprocess.run([sys.executable, "-m", "gptjt_demo.models.compiled.ready"], check=True)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve the page of an engine, with the shipped templates: `serve(engine, tools=True)` is its address."""
    from gptjt_demo.templates.library import Library
    from gptjt_demo.ui import build_app, launch_options

    apps = []

    def start(engine: Any, **options: Any) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        app = build_app(engine, Library.open())
        apps.append(app)
        options = launch_options(engine, **options)
        _, url, _ = app.launch(
            server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, **options
        )
        return url

    start.apps = apps  # type: ignore[attr-defined]
    yield start
    for app in apps:
        app.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Without one the test is skipped here and fails in CI, where it must run."""
    path = shutil.which("chromium")
    if path is None:
        reason = "no chromium on the path: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[OpenTab]:
    """Open a tab of its own profile, `tab(url, width=390, dark=True)`; its requests and complaints are kept on it."""
    contexts = []

    def start(url: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page: Any = context.new_page()  # with two lists of our own on it
        page.set_default_timeout(15_000)
        page.asked = []
        page.complaints = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("dialog", lambda dialog: (page.complaints.append(dialog.message), dialog.dismiss()))
        page.on(
            "console",
            lambda message: message.type == "error" and page.complaints.append(message.text),
        )
        page.goto(f"{url}?__theme={'dark' if dark else 'light'}")
        page.locator("#examples textarea").first.wait_for()
        return page

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def mini() -> Engine:
    """The embedded default, loaded once."""
    from gptjt_demo.models.loading import load

    return load("mini", progress=False)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Models of two layers are slower on many threads, most of all when other processes use them too."""
    import torch

    torch.set_num_threads(1)
