"""The page within another site's frame, as a Space shows it: link and theme are read at the first load."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from fake_engine import FakeEngine
from playwright.sync_api import expect

from gptjt_demo.templates import link
from gptjt_demo.templates.libraries import Library

if TYPE_CHECKING:
    from conftest import Serve
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture
def other_site() -> Iterator[Callable[[str], str]]:
    """Serve a page as a site that the browser holds to be another: `other_site(html)` is its address."""
    shown = b""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(shown)

        def log_message(self, *_: object) -> None: ...

    def start(html: str) -> str:
        nonlocal shown
        shown = html.encode()
        return f"http://localhost:{server.server_port}/"

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield start
        server.shutdown()


def test_in_a_frame_the_link_and_the_theme_of_its_address_are_read_and_a_run_answers(
    serve: Serve, chromium: Browser, other_site: Callable[[str], str]
) -> None:
    url = serve(FakeEngine({"A day at sea": "joy"}))
    with urllib.request.urlopen(url) as answer:
        assert answer.headers["X-Frame-Options"] is None
        assert "frame-ancestors" not in (answer.headers["Content-Security-Policy"] or "")
    fragment = link.to_fragment(Library.open()["emotion"].revised(query={"input": "A day at sea"}))
    page = chromium.new_page()
    try:
        page.goto(other_site(f'<iframe src="{url}?__theme=dark{fragment}" width="1200" height="900"></iframe>'))
        frame = page.frame_locator("iframe")
        expect(frame.locator("#notice")).to_contain_text("came from a link", timeout=15_000)
        expect(frame.locator("#prompt pre")).to_contain_text("A day at sea")
        expect(frame.locator("body")).to_have_class("dark")
        frame.locator("#run").click()
        expect(frame.locator('.answer[data-state="done"] .answer-text')).to_have_text("joy")
    finally:
        page.close()
