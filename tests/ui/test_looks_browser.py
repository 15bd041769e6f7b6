"""The page's looks and its use by finger, key and screen reader, in a real browser over a scripted engine."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import FakeEngine
from on_page import answered, go, review, run
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import OpenTab, Serve
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

TABS = ("Playground", "Gallery", "Batch", "Review", "Evaluate", "About")
AXE = files("axe_playwright_python").joinpath("axe.min.js")
PHONE: dict[str, Any] = {"width": 390, "height": 844}
SCORES = {"joy": -0.4, "love": -1.9}


def open_folds(page: Page) -> None:
    """Every fold that is in view and shut."""
    shut = page.locator("button.label-wrap:not(.open):visible, details:not([open]) > summary:visible")
    while shut.count():
        shut.first.click()


def findings(page: Page, *rules: str) -> list[str]:
    """What axe-core finds by these rules, or by all, each with its place."""
    only = {"runOnly": list(rules)} if rules else {}
    found = page.evaluate("given => axe.run(document, given)", {"resultTypes": ["violations"], **only})
    return [
        f"{each['impact']} {each['id']}: {node['target']} {node['html'][:120]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def reviewing(page: Page, folder: Path) -> None:
    """A review that has begun, with its editor open."""
    review(page, answered(folder, 30, gold=25))
    page.keyboard.press("2")
    expect(page.locator(".review-last")).to_contain_text("Row 1")
    expect(page.locator("#review-many-card .chart")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator(".review-editor")).to_be_visible()


# --- for everybody


def test_axe_finds_nothing_on_any_tab(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)), dark=True)
    assert page.evaluate("document.body.classList.contains('dark')")
    page.evaluate(AXE.read_text("utf-8"))
    page.add_style_tag(content="* { transition: none !important; }")  # what fades is measured as it will be
    run(page)
    go(page, "Evaluate")
    page.get_by_role("button", name="Try it on sample data").click()
    expect(page.locator(".matrix")).to_be_visible(timeout=30_000)
    reviewing(page, tmp_path)
    for name in TABS:
        go(page, name)
        open_folds(page)
        page.mouse.move(0, 0)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 860})
            page.evaluate("document.body.classList.remove('dark')")
            assert findings(page) == [], (name, width)
            page.evaluate("document.body.classList.add('dark')")
            assert findings(page, "color-contrast") == [], (name, width, "dark")


def test_axe_finds_nothing_in_a_token_s_menu(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)))
    run(page)
    page.evaluate(AXE.read_text("utf-8"))
    page.locator(".token[data-at]").first.click()
    expect(page.get_by_role("menu", name="Alternatives")).to_be_visible()
    assert findings(page) == []


def test_a_list_that_is_passed_by_with_the_tab_key_shuts(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.get_by_label("Template").focus()
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#reset")).to_be_focused()
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_the_first_screen_says_the_job_and_shows_it(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    for size in ({"width": 1280, "height": 860}, PHONE):
        page.set_viewport_size(size)
        expect(page.locator(".the-job")).to_be_in_viewport(ratio=1)
        expect(page.locator(".the-job")).to_contain_text("a few examples")
        picture = page.get_by_role("img", name="A picture of the job")
        expect(picture).to_be_in_viewport(ratio=1)
        expect(picture).to_contain_text("A new text")


def test_type_has_a_hierarchy(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)))
    run(page)
    places = (".answer-text", "#banner h1", "#answer h2", "#instruction [data-testid=block-info]", "#answer .status")
    sizes = [page.locator(each).evaluate("node => parseFloat(getComputedStyle(node).fontSize)") for each in places]
    answer, title, section, label, remark = sizes
    assert title > answer > section > label > remark


def test_a_placeholder_does_not_look_like_typed_text(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    page.locator("#kept summary").click()
    colors = page.locator(".kept-search").evaluate(
        "node => ['', '::placeholder'].map((part) => getComputedStyle(node, part).color)"
    )
    assert len(set(colors)) == 2


def test_a_ring_around_the_focus_is_whole_and_a_long_name_ends_before_the_arrow(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    for place in ("#instruction textarea", "#labels textarea, #labels input", "#template input"):
        cutting = page.locator(place).first.evaluate(
            """node => {
              const cut = [];
              for (let one = node.parentElement; one.id !== "edit"; one = one.parentElement)
                if (getComputedStyle(one).overflow !== "visible") cut.push(one.className);
              return cut;
            }"""
        )
        assert cutting == [], place
    field, arrow = (page.locator(f"#template {each}").first.bounding_box() or {} for each in ("input", ".icon-wrap"))
    assert field["x"] + field["width"] <= arrow["x"] + 1
    picker, button = (page.locator(each).first.bounding_box() or {} for each in ("#template .wrap-inner", "#reset"))
    assert abs(picker["y"] + picker["height"] / 2 - button["y"] - button["height"] / 2) <= 1


# --- the answer


def test_answer_and_bars_stand_above_the_facts_which_are_folded(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)))
    run(page)
    expect(page.locator(".shares li").first).to_be_visible()
    expect(page.locator(".details .facts")).to_be_hidden()
    tops = [page.locator(each).bounding_box() for each in (".answer-text", ".shares", ".details")]
    assert [box and box["y"] for box in tops] == sorted(box["y"] for box in tops if box)
    page.locator(".details summary").click()
    expect(page.locator(".details .facts")).to_contain_text("Seed")
    run(page)
    expect(page.locator(".details .facts")).to_be_visible()  # as it was left


def test_an_answer_that_is_no_label_says_so(serve: Serve, tab: OpenTab) -> None:
    engine = FakeEngine({"festive": "cheerful"}, scores=SCORES)
    page = tab(serve(engine))
    run(page)
    expect(page.locator(".off-label")).to_have_text(
        "This answer is not one of the labels; the bars below compare only the labels."
    )
    engine.answers = {"festive": "Joy."}
    run(page)
    expect(page.locator(".answer-text")).to_have_text("Joy.")
    expect(page.locator(".off-label")).to_have_count(0)


def test_the_query_stands_next_to_run(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    query, button = (page.locator(each).bounding_box() for each in ("#query", "#run"))
    assert query is not None
    assert button is not None
    assert query["x"] <= button["x"] < query["x"] + query["width"]
    assert 0 < button["y"] - (query["y"] + query["height"]) < 40


# --- by finger


def test_on_a_phone_all_six_tabs_are_in_reach_and_in_order(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine()))
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        tabs = page.get_by_role("tab").all()
        assert [each.text_content() for each in tabs] == list(TABS)
        boxes = [each.bounding_box() or {} for each in tabs]
        assert len({box["y"] for box in boxes}) == 1
        assert all(before["x"] + before["width"] <= box["x"] + 1 for before, box in pairwise(boxes))
        assert boxes[-1]["x"] + boxes[-1]["width"] <= width
        assert all(each.evaluate("node => node.scrollWidth <= node.clientWidth") for each in tabs)


def test_on_a_phone_nothing_is_painted_over_the_run_bar(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)), **PHONE)
    run(page)
    open_folds(page)
    over = page.evaluate(
        """async () => {
          const found = new Set();
          for (let top = 0; top < document.documentElement.scrollHeight; top += 37) {
            scrollTo({ top, behavior: "instant" });
            await new Promise(requestAnimationFrame);
            const bar = document.querySelector("#actions").getBoundingClientRect();
            for (let x = bar.left + 2; x < bar.right; x += 24)
              for (let y = bar.top + 2; y < bar.bottom; y += 9) {
                const node = document.elementFromPoint(x, y);
                if (node && !node.closest("#actions")) found.add(node.outerHTML.slice(0, 90));
              }
          }
          return [...found];
        }"""
    )
    assert over == []


def test_on_a_phone_every_target_is_44_px(serve: Serve, tab: OpenTab, tmp_path: Path) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)), **PHONE)
    run(page)
    go(page, "Evaluate")
    page.get_by_role("button", name="Try it on sample data").click()
    expect(page.locator(".matrix")).to_be_visible(timeout=30_000)
    reviewing(page, tmp_path)
    for name in TABS:
        go(page, name)
        open_folds(page)
        if name == "Playground":
            page.get_by_role("button", name="Example 1: move").click()
            page.locator(".token[data-at]").first.click()
            expect(page.get_by_role("menuitem").first).to_be_visible()
        assert small_targets(page) == [], name
        if name == "Playground":
            page.keyboard.press("Escape")


def small_targets(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], summary, input, textarea, label, [role]")]
          .filter((node) => node.checkVisibility({ checkVisibilityCSS: true }) && !node.closest("[aria-hidden=true]"))
          .filter((node) => !node.hasAttribute("role") || /^(button|option|menuitem|tab|combobox)$/.test(node.role))
          .filter((node) => node.tagName !== "LABEL" || node.querySelector("[type=radio], [type=checkbox]"))
          .filter((node) => !node.matches("[type=radio], [type=checkbox], [type=file], .unseen *"))
          .map((node) => [node, node.getBoundingClientRect()])
          .filter(([node, box]) => box.height < 43.5 || (box.width < 43.5 && !node.matches(".token")))
          .map(([node, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${node.outerHTML.slice(0, 110)}`)"""
    )
    return found


def test_the_whole_of_a_folds_head_opens_it(serve: Serve, tab: OpenTab) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)))
    run(page)
    for place in ("#words", "#settings", "#exchange", ".kept", ".details", "#evaluate-diagnostics"):
        if place.startswith("#evaluate"):
            go(page, "Evaluate")
        head = page.locator(place).locator(".label-wrap, summary").first
        for width, corner in product((1280, 390), ("top left", "bottom right")):
            page.set_viewport_size({"width": width, "height": 860})
            head.evaluate("node => node.scrollIntoView({ block: 'center', behavior: 'instant' })")
            box = page.locator(place).bounding_box()
            assert box is not None
            inset = (6, 6) if corner == "top left" else (box["width"] - 6, box["height"] - 6)
            page.mouse.click(box["x"] + inset[0], box["y"] + inset[1])
            opened(page, place, True)
            head.evaluate("node => node.click()")
            opened(page, place, False)


def opened(page: Page, place: str, wanted: bool) -> None:
    """Wait until a fold is open, or shut."""
    page.wait_for_function(
        """([place, wanted]) => {
          const node = document.querySelector(place);
          return (node.open ?? node.querySelector(".label-wrap").classList.contains("open")) === wanted;
        }""",
        arg=[place, wanted],
    )


# --- by key


def test_keys_alone_reach_everything_in_the_order_of_the_page_and_show_where_they_are(
    serve: Serve, tab: OpenTab
) -> None:
    page = tab(serve(FakeEngine(scores=SCORES)))
    page.locator("#banner summary").focus()
    seen: list[tuple[str, bool]] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => {
                  const node = document.activeElement;
                  const shown = (one) => {
                    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
                    return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || boxShadow !== "none";
                  };
                  const around = node.closest(".wrap");
                  const ring = [node, node.closest("label"), around].filter(Boolean).some(shown);
                  const id = node.closest("[id]:not([id^=html-])")?.id ?? node.tagName;
                  return [node.getAttribute("role") === "tab" ? node.textContent : id, ring || node === document.body];
                }"""
            )
        )
    order = list(dict.fromkeys(name for name, _ in seen))
    wanted = ["Playground", "template", "instruction", "examples", "labels", "query", "run", "compare"]
    assert [name for name in order if name in wanted] == wanted, order
    assert [name for name, shown in seen if not shown] == []
    page.locator("#query textarea").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator('.answer[data-state="done"]')).to_be_visible()
