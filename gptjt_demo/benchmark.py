"""How fast a model runs here: a table, then one JSON line.

In: a loaded engine. Out: medians of rounds in which the things compared take turns, because machines are noisy.
Speeds are of this machine alone; ratios travel better. Knows nothing of how a model is loaded.
"""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gptjt_demo import samples
from gptjt_demo.completion import Attention
from gptjt_demo.errors import ModelError
from gptjt_demo.sampling import Sampling
from gptjt_demo.template import Template

if TYPE_CHECKING:
    from gptjt_demo.engine import Engine

PREFILLS = (32, 160, 512)  # tokens
DECODED = 32  # tokens
ROWS = 32  # of the batch
ROOM = 48  # tokens a row of the batch may have
_MODES: tuple[Attention, ...] = ("prefix", "causal")


@dataclass(frozen=True)
class Figure:
    """One line of the table; `key` is its name in the JSON."""

    key: str
    value: float
    unit: str
    what: str


def measure(engine: Engine, rounds: int, *, told: Callable[[str], None] = lambda line: None) -> list[Figure]:
    """Prefill, decode, label scoring, and a batch against a loop, each the median of some rounds.

    Args:
        engine: what is measured.
        rounds: how often each is done, after one that does not count.
        told: hears of each round that begins.
    """
    times: dict[str, list[float]] = {}
    for round_ in range(rounds + 1):
        told(f"round {round_} of {rounds}")
        for key, seconds in (*_single(engine), *_rows(engine)):
            if round_:
                times.setdefault(key, []).append(seconds)
    median = {key: statistics.median(values) for key, values in times.items()}
    figures = [Figure(f"prefill{n}", median[f"prefill{n}"], "s", f"prefill of {n} tokens") for n in PREFILLS]
    figures.append(Figure("decode", 1 / median["token"], "tokens/s", "decoding, one prompt"))
    ratio = statistics.median(a / b for a, b in zip(times["score6"], times["prefill160"], strict=True))
    figures.append(Figure("score6_over_prefill", ratio, "times", "scoring 6 labels against a prefill of 160 tokens"))
    for mode in _MODES:
        loop, many = times[f"loop_{mode}"], times[f"many_{mode}"]
        rate = ROWS / statistics.median(many)
        figures.append(Figure(f"rows_{mode}", rate, "rows/s", f"{ROWS} rows of contact cleaning, {mode}"))
        ratio = statistics.median(a / b for a, b in zip(loop, many, strict=True))
        figures.append(Figure(f"rows_{mode}_vs_loop", ratio, "times", f"... against a loop over complete(), {mode}"))
    return figures


def page(engine: Engine, rounds: int) -> Figure:
    """Seconds from opening the page to a Run that can be pressed, on loopback, each time in a fresh browser profile.

    Raises:
        ModelError: there is no browser to measure with.
    """
    import shutil

    from gptjt_demo.library import Library
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
    seconds = []
    try:
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
            browser = playwright.chromium.launch(executable_path=chromium, args=flags)
            for _ in range(rounds + 1):
                tab = browser.new_context().new_page()
                started = time.perf_counter()
                tab.goto(url)
                tab.locator("#examples textarea").first.wait_for()
                tab.locator("#run").click(trial=True)
                seconds.append(time.perf_counter() - started)
                tab.context.close()
            browser.close()
    finally:
        app.close(verbose=False)
    return Figure("page_seconds", statistics.median(seconds[1:]), "s", "page to interactive, on loopback")


def table(figures: list[Figure]) -> Iterator[str]:
    """The figures as lines for a terminal."""
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        yield f"{figure.what:{width}}  {figure.value:9.3f} {figure.unit}"


def _single(engine: Engine) -> Iterator[tuple[str, float]]:
    words = " ".join(["The quick brown fox jumps over the lazy dog."] * 80)
    pieces = engine.tokens(words)
    one = Sampling(max_new_tokens=1)
    for count in PREFILLS:
        prompt = "".join(pieces[:count])
        yield f"prefill{count}", engine.complete(prompt, one).seconds_to_first_token
    answer = engine.complete("".join(pieces[:32]), Sampling(max_new_tokens=DECODED, temperature=1, seed=1))
    yield "token", 1 / answer.tokens_per_second if answer.tokens_per_second else answer.seconds
    started = time.perf_counter()
    engine.score("".join(pieces[:160]), ["sadness", "joy", "love", "anger", "fear", "surprise"])
    yield "score6", time.perf_counter() - started


def _rows(engine: Engine) -> Iterator[tuple[str, float]]:
    template = Template.load("cleaning")
    sampling = template.generation.model_copy(update={"max_new_tokens": ROOM})
    with samples.path("cleaning").open(encoding="utf-8", newline="") as file:
        prompts = [template.render(row["input"]) for row in csv.DictReader(file)][:ROWS]
    for mode in _MODES:
        started = time.perf_counter()
        for prompt in prompts:
            engine.complete(prompt, sampling, attention=mode)
        yield f"loop_{mode}", time.perf_counter() - started
        started = time.perf_counter()
        for _ in engine.complete_many(prompts, sampling, attention=mode):
            pass
        yield f"many_{mode}", time.perf_counter() - started
