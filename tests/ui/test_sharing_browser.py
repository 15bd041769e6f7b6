"""Prompts handed on and kept, in a real browser: links, other formats, the history, the gallery."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import FakeEngine
from on_page import HOSTILE, history, prompt, run
from playwright.sync_api import expect

from gptjt_demo.templates.formats import export
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import Template

if TYPE_CHECKING:
    from conftest import OpenTab, Serve
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def copied_link(page: Page) -> str:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#notice")).to_contain_text("Link copied")
    link: str = page.evaluate("navigator.clipboard.readText()")
    return link


# --- sharing


def test_a_link_opens_the_same_prompt_to_the_byte_in_another_browser(serve: Serve, tab: OpenTab) -> None:
    url = serve(FakeEngine())
    page = tab(url)
    page.get_by_label("Instruction").fill(f"\n{HOSTILE}\n\n")
    page.get_by_role("textbox", name="Example 1, Output").fill(HOSTILE)
    page.get_by_role("textbox", name="Input", exact=True).fill("007 — ünï 🦓")
    expect(page.locator("#prompt pre")).to_contain_text("007 — ünï 🦓")
    link = copied_link(page)
    assert link.startswith(f"{url}#t=")
    other = tab(url)
    other.goto("about:blank")
    other.goto(link)
    expect(other.locator("#notice")).to_contain_text("came from a link")
    assert prompt(other) == prompt(page)
    assert other.complaints == []


def test_a_link_opens_in_a_tab_that_is_open_and_a_bad_one_changes_nothing(serve: Serve, tab: OpenTab) -> None:
    url = serve(FakeEngine())
    page, other = tab(url), tab(url)
    page.get_by_role("textbox", name="Input", exact=True).fill("from afar")
    expect(page.locator("#prompt pre")).to_contain_text("from afar")
    fragment = copied_link(page).partition("#")[2]
    other.get_by_role("textbox", name="Input", exact=True).fill("my own")
    expect(other.locator("#prompt pre")).to_contain_text("my own")
    other.evaluate("fragment => { location.hash = fragment; }", fragment[:-3])
    expect(other.locator("#notice .problem")).to_contain_text("cut off")
    assert "my own" in prompt(other)
    other.evaluate("() => { location.hash = 'somewhere'; }")
    expect(other.locator("#notice .problem")).to_contain_text("#somewhere, which is no prompt of this page")
    assert "my own" in prompt(other)
    other.evaluate("fragment => { location.hash = fragment; }", fragment)
    expect(other.locator("#prompt pre")).to_contain_text("from afar")
    other.get_by_role("button", name="Undo").click()
    expect(other.locator("#prompt pre")).to_contain_text("my own")


def test_a_model_cards_examples_are_imported(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    texts = [Library.open()[name] for name in ("currency", "emotion")]
    widget = "".join(
        f"  - example_title: {item.title}\n    text: {json.dumps(item.render(item.query))}\n" for item in texts
    )
    page.get_by_role("button", name="Import and export").click()
    page.get_by_label("Import", exact=False).first.fill(f"---\nlicense: mit\nwidget:\n{widget}---\n# A model\n")
    page.get_by_role("button", name="Open prompt").click()
    expect(page.locator("#import-said")).to_contain_text("2 were found")
    assert prompt(page) == texts[0].render(texts[0].query)
    page.get_by_label("Prompts found").click()
    page.get_by_role("option", name="Sentiment Analysis").click()
    expect(page.locator("#prompt pre")).to_contain_text("cranky")
    assert prompt(page) == texts[1].render(texts[1].query)


def test_an_import_that_cannot_be_read_is_one_line(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    before = prompt(page)
    page.get_by_role("button", name="Import and export").click()
    page.locator("#pasted textarea").fill("name: x\ntitle: X\nexamples: 3\n")
    page.get_by_role("button", name="Open prompt").click()
    expect(page.locator("#import-said .problem")).to_be_visible()
    assert prompt(page) == before


def test_the_prompt_is_exported_and_its_file_opens_again(serve: Serve, tab: OpenTab, tmp_path: object) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_role("textbox", name="Input", exact=True).fill("mine: \\n #1")
    expect(page.locator("#prompt pre")).to_contain_text("mine:")
    page.get_by_role("button", name="Import and export").click()
    written = page.get_by_label("Exported text")
    expect(written).to_have_value(re.compile("mine"))
    template = Template.from_yaml(written.input_value())
    assert template.render(template.query) == prompt(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert download.value.suggested_filename == "emotion.yaml"
    expect(page.locator("#export-done")).to_have_text("Saved as emotion.yaml.")
    path = download.value.path()
    expect(page.locator("#format-about .outdated")).to_be_hidden()
    page.get_by_role("textbox", name="Input", exact=True).fill("another")
    expect(page.locator("#format-about .outdated")).to_be_visible()
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#format-about .outdated")).to_be_hidden()
    expect(written).to_have_value(re.compile("another"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy text").click()
    expect(page.locator("#export-done")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == written.input_value()
    assert Template.from_yaml(path.read_text("utf-8")) == template
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#prompt pre")).not_to_contain_text("mine:")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="From a file").click()
    chooser.value.set_files({"name": "own.yaml", "mimeType": "text/yaml", "buffer": path.read_bytes()})
    expect(page.locator("#prompt pre")).to_contain_text("mine: \\n #1")
    page.get_by_label("Export as").click()
    page.get_by_role("option", name="curl").click()
    expect(written).to_have_value(re.compile(r"page=http://127\.0\.0\.1:\d+"))
    assert export(template, "python")


def test_without_a_clipboard_the_link_stands_in_a_field(serve: Serve, tab: OpenTab) -> None:
    url = serve(FakeEngine())
    page = tab(url)
    expect(page.get_by_label("Link", exact=True)).to_be_hidden()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_label("Link", exact=True)).to_be_visible()
    expect(page.get_by_label("Link", exact=True)).to_have_value(re.compile(re.escape(url) + "#t="))


# --- keeping


def test_runs_and_prompts_are_kept_in_this_browser_alone_and_over_a_restart(tab: OpenTab) -> None:
    from gptjt_demo.ui import build_app, launch_options

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def start(engine: FakeEngine) -> tuple[Any, str]:
        app = build_app(engine, Library.open())
        options = launch_options(engine)
        _, url, _ = app.launch(
            server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, **options
        )
        return app, url

    app, url = start(FakeEngine({"India": "Rupee"}))
    page = tab(url)
    page.get_by_role("textbox", name="Input", exact=True).fill("a day in India")
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Temperature").fill("0.7")
    run(page)
    history(page)
    expect(page.locator(".kept-item")).to_have_count(1)
    page.get_by_label("Name for this prompt").fill("My days!")
    page.get_by_role("button", name="Save this prompt").click()
    expect(page.locator(".kept-item")).to_have_count(2)
    expect(page.locator(".kept-item").first).to_contain_text("My days!")
    app.close()

    engine = FakeEngine({"India": "Rupee"})
    app, url = start(engine)
    try:
        page.goto(url)
        page.locator("#examples textarea").first.wait_for()
        history(page)
        expect(page.locator(".kept-item")).to_have_count(2)
        expect(page.locator(".kept-list")).to_contain_text("seed 1")
        expect(page.locator(".kept-list")).to_contain_text("temperature 0.7")
        page.get_by_label("Search your history").fill("no such words")
        expect(page.locator(".kept-item")).to_have_count(0)
        page.get_by_label("Search your history").fill("rupee")
        expect(page.locator(".kept-item")).to_have_count(1)
        page.get_by_role("button", name="Run again").click()
        expect(page.locator('.answer[data-state="done"]')).to_be_visible()
        assert engine.prompts == [prompt(page)]
        assert "a day in India" in prompt(page)
        assert engine.streams[0].seed == 1
        with page.expect_download() as download:
            page.get_by_role("button", name="Download JSON").click()
        kept = json.loads(download.value.path().read_text("utf-8"))
        assert {thing["kind"] for thing in kept} == {"run", "template"}
        page.get_by_label("Search your history").fill("")
        page.get_by_role("button", name="Open: My days!").click()
        expect(page.locator("#notice")).to_contain_text("“My days!” was opened")
        page.get_by_role("button", name="Delete: My days!").click()
        expect(page.get_by_role("button", name="Open: My days!")).to_have_count(0)
        other = tab(url)
        history(other)
        expect(other.locator(".kept-item")).to_have_count(0)
    finally:
        app.close()


# --- the gallery


def test_the_gallery_opens_templates_and_runs_their_checks(tab: OpenTab) -> None:
    from gptjt_demo.ui import build_app, launch_options

    library = Library.open()
    checked = library["currency"].revised(
        name="checked",
        title="Checked",
        checks=[{"input": "Japan", "output": "Yen"}, {"input": "Peru", "output": "Sol"}],
    )
    library = Library((*library.templates, checked), (), {})
    engine = FakeEngine({"Japan": "yen.", "Peru": "Euro"}, name="mini")
    app = build_app(engine, library)
    options = launch_options(engine)
    _, url, _ = app.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **options)
    try:
        page = tab(url)
        page.get_by_role("tab", name="Gallery").click()
        expect(page.locator(".gallery-card")).to_have_count(len(library))
        page.get_by_label("Search the gallery").fill("checked")
        expect(page.locator(".gallery-card")).to_have_count(1)
        page.get_by_role("button", name="Run its checks: Checked").click()
        expect(page.locator(".gallery-report")).to_contain_text("mini: 1 of 2 right")
        expect(page.locator(".gallery-report")).to_contain_text("Peru: 'Euro' instead of 'Sol'")
        page.get_by_label("Search the gallery").fill("")
        page.get_by_role("button", name="Run all checks").click()
        expect(page.locator(".gallery-report")).to_have_count(len(library), timeout=20_000)
        page.get_by_label("Search the gallery").fill("checked")
        page.get_by_role("button", name="Open Checked in the playground").press("Enter")
        expect(page.locator("#prompt pre")).to_be_visible()
        expect(page.get_by_role("tab", name="Playground")).to_be_focused()
        assert prompt(page) == checked.render(checked.query)
        expect(page.get_by_label("Template")).to_have_value("Checked")
    finally:
        app.close()
