"""Fixtures for the page's tests: an app that is served on loopback, and Chromium tabs to look at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from gptjt_demo.engine.engine import Engine

settings.register_profile("any machine", deadline=None)  # how long an example takes is no property of the code
settings.register_profile("long", deadline=None, max_examples=5_000)
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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the load test in its long form")


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """The step is compiled before the first test, so that no test sees a model change its form."""
    from gptjt_demo.models.compiled import ready

    if ready.wanted() and not ready.is_ready():
        subprocess.run([sys.executable, "-m", "gptjt_demo.models.compiled.ready"], check=True)


@pytest.fixture
def one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run asks for all of its first rows at once, so that the engine decides which is answered first."""
    monkeypatch.setattr("gptjt_demo.batch.question.FIRST", 256)


@pytest.fixture(scope="session", autouse=True)
def folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What pages keep for a day lies with what else the tests leave, which pytest clears away."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("pages"))


class Stage:
    """The engine of a page that outlives a test: all that is asked of it goes to the engine of the test that runs."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


class Stages:
    """The pages that are served already, by what a page shows of its engine."""

    def __init__(self) -> None:
        self._pages: dict[tuple[Any, ...], tuple[Stage, Any, str]] = {}

    def play(self, engine: Any, launch: Callable[[Any], tuple[Any, str]]) -> str:
        """The address of a page of the engine; one that is there already gets it in the place of its former one."""
        shown = (engine.name, engine.stand_in, engine.supports_prefix, engine.attention, engine.context)
        if shown not in self._pages:
            stage = Stage(engine)
            self._pages[shown] = stage, *launch(stage)
        stage, _, url = self._pages[shown]
        stage.engine = engine
        return url

    def close(self) -> None:
        for _, app, _ in self._pages.values():
            app.close()


@pytest.fixture(scope="session")
def stages() -> Iterator[Stages]:
    """The pages that tests in a browser share."""
    stages = Stages()
    yield stages
    stages.close()


@pytest.fixture
def serve(request: pytest.FixtureRequest, stages: Stages) -> Iterator[Serve]:
    """Serve the page of an engine, with the shipped templates: `serve(engine, limits, tools=True)` is its address.

    Tests in a browser share a page, as building one and reading its scripts takes longer than most of them.
    """
    from serving import launched

    apps = []
    shares = request.node.get_closest_marker("browser") is not None

    def start(engine: Any, *given: Any, **options: Any) -> str:
        if shares and not given:
            return stages.play(engine, launched)
        app, url = launched(engine, *given, **options)
        apps.append(app)
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


@pytest.fixture(scope="session")
def home(chromium: Browser) -> Iterator[BrowserContext]:
    """The profile that most tests use, one after the other: its scripts are read once."""
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture
def tab(chromium: Browser, home: BrowserContext) -> Iterator[OpenTab]:
    """Open a tab, `tab(url, width=390, dark=True)`; its requests and complaints are kept on it.

    Nothing is kept in its browser yet. A test's second tab has a profile of its own: it is another visitor's.
    """
    contexts: list[BrowserContext] = []

    def start(url: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> Any:
        context = chromium.new_context() if contexts else home
        contexts.append(context)
        page: Any = context.new_page()  # with two lists of our own on it
        page.set_viewport_size({"width": width, "height": height})
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
        if context is home:
            home.clear_permissions()
            kept = {"origin": url.rstrip("/"), "storageTypes": "cookies,indexeddb,local_storage"}
            home.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)
        page.goto(f"{url}?__theme={'dark' if dark else 'light'}")
        page.locator("#examples textarea").first.wait_for()
        return page

    yield start
    for context in contexts:
        if context is not home:
            context.close()
    for page in home.pages:
        page.close()


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
