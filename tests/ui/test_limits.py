"""A served page within limits, over real HTTP: each limit is refused in one line that says it, what was given, and what
to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_engine import FakeEngine

from gptjt_demo.engine.limited import limited
from gptjt_demo.settings import Limits
from gptjt_demo.tables import rowfile
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.template import MAX_INPUTS
from gptjt_demo.ui.batch.tab import BatchActions
from gptjt_demo.ui.evaluate.actions import EvaluateActions
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.rows.template_choice import PLAYGROUND


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20) as client:
        yield client


def call(client: httpx.Client, url: str, name: str, **values: Any) -> httpx.Response:
    return client.post(f"{url}gradio_api/call/v2/{name}", json=values)


def answer(client: httpx.Client, url: str, begun: httpx.Response) -> tuple[str, Any]:
    """How a call ended, and what came of it."""
    lines = client.get(f"{url}gradio_api/call/complete/{begun.json()['event_id']}").text.strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


# --- over HTTP


@pytest.mark.parametrize(
    ("name", "values", "line"),
    [
        ("complete", {"prompt": "x" * 51}, "51 characters in one text or list, the limit here is 50; shorten it"),
        ("score", {"prompt": "p", "labels": ["a" * 30, "b" * 30]}, "60 characters in one text or list, the limit"),
        ("score", {"prompt": "p", "labels": list("abcdef")}, "6 entries in one list, the limit here is 5; send fewer"),
    ],
)
def test_a_call_that_sends_too_much_is_413(
    serve: Any, client: httpx.Client, name: str, values: dict[str, Any], line: str
) -> None:
    engine = FakeEngine()
    url = serve(engine, Limits(prompt_characters=50, rows=5))
    refused = call(client, url, name, **values)
    assert refused.status_code == 413
    assert line in refused.json()["detail"]
    assert engine.prompts == []
    assert answer(client, url, call(client, url, "complete", prompt="p"))[0] == "complete"


def test_requests_over_the_rate_are_429_with_the_seconds_to_wait(serve: Any, client: httpx.Client) -> None:
    url = serve(FakeEngine(), Limits(requests_per_minute=2))
    for _ in range(2):
        assert call(client, url, "complete", prompt="p").status_code == 200
    refused = call(client, url, "complete", prompt="p")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 30
    assert "more than 2 requests a minute, the limit here; try again in" in refused.json()["detail"]
    assert call(client, url, "templates").status_code == 200  # asks no model


def test_a_full_queue_is_429_and_who_waits_in_it_is_answered(serve: Any, client: httpx.Client) -> None:
    free = threading.Event()
    url = serve(FakeEngine(delay=free), Limits(queue=2))
    begun = [call(client, url, "complete", prompt=f"p {number}") for number in range(4)]  # that run at once
    waiting: list[httpx.Response] = []
    while len(waiting) < 20 and (not waiting or waiting[-1].status_code == 200):
        waiting.append(call(client, url, "complete", prompt="p"))
    refused = waiting.pop()
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "10"
    assert refused.json()["detail"].startswith("queue: 2 requests wait already, the limit here is 2; try again in 10 s")
    free.set()
    assert {answer(client, url, one)[0] for one in begun + waiting} == {"complete"}
    assert call(client, url, "complete", prompt="p").status_code == 200


def test_an_answer_over_its_time_is_ended_and_the_next_one_is_answered(serve: Any, client: httpx.Client) -> None:
    free = threading.Event()
    url = serve(FakeEngine(delay=free), Limits(run_seconds=0.2))
    how, said = answer(client, url, call(client, url, "complete", prompt="p"))
    assert how == "error"
    assert "it was ended after 0.2 s, the limit here; ask for fewer tokens" in said["error"]
    free.set()
    assert answer(client, url, call(client, url, "complete", prompt="p"))[0] == "complete"


def test_a_file_over_the_limit_is_413_and_the_page_is_told_before_it_sends_one(
    serve: Any, client: httpx.Client
) -> None:
    url = serve(FakeEngine(), Limits(upload_mib=1))
    for mib in (1.01, 3):
        refused = client.post(f"{url}gradio_api/upload", files={"files": ("a.csv", b"x" * int(mib * 2**20))})
        assert refused.status_code == 413
        assert refused.text.strip()
        assert "\n" not in refused.text.strip()
    assert "3.0 MiB, the limit here is 1 MiB; split the file" in refused.text
    assert client.post(f"{url}gradio_api/upload", files={"files": ("a.csv", b"x" * 2**20)}).status_code == 200
    assert client.get(f"{url}config").json()["max_file_size"] == 2**20


def test_nobody_goes_past_the_queue(serve: Any, client: httpx.Client) -> None:
    engine = FakeEngine()
    url = serve(engine)
    for path in ("run/complete", "api/complete", "run/complete/"):
        past = client.post(f"{url}gradio_api/{path}", json={"data": ["p", "prefix", 8, 0, 0, 1, None, [], None]})
        assert past.status_code == 404
    assert engine.prompts == []


# --- on the page


class Stuck(FakeEngine):
    """Gives one token, and no other until it is stopped."""

    waits = 0

    def wait(self, cancel: threading.Event | None, seconds: Any) -> None:
        self.waits += 1  # before the first token twice
        if self.waits > 2 and cancel is not None:
            cancel.wait(60)


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


def within(library: Library, **limits: Any) -> Actions:
    bound = Limits(**limits)
    return Actions(limited(FakeEngine(), bound), library, bound)


def test_a_prompt_over_the_limit_is_one_line_in_the_prompt_s_place_and_in_the_answer_s(library: Library) -> None:
    actions = within(library, prompt_characters=100)
    held = actions.controls(library["emotion"])
    line = "characters, the limit here is 100; shorten it"
    assert line in actions.preview(held).prompt
    assert line in [html for html, *_ in actions.run("me", False, "logprob", held)][-1]


def test_an_answer_over_its_time_keeps_what_it_has_and_says_the_limit(library: Library) -> None:
    actions = Actions(limited(Stuck(lambda prompt: "one two"), Limits(run_seconds=1)), library)
    shown = [html for html, *_ in actions.run("me", False, "logprob", actions.controls(library["currency"]))][-1]
    assert "one" in shown
    assert "two" not in shown
    assert "it was ended after 1 s, the limit here" in shown


@pytest.mark.parametrize("tab", [BatchActions, EvaluateActions])
def test_a_file_s_rows_and_size_over_the_limit_are_said_when_it_is_chosen(
    library: Library, tmp_path: Path, tab: Any
) -> None:
    rowfile.write(tmp_path / "a.csv", ["input", "output"], [("x" * 10, "joy")] * 6)
    actions = within(library, rows=4, upload_mib=1)
    controls = actions.controls(library["emotion"])
    plain = [False] if tab is BatchActions else []  # whether quotes are plain characters
    table, found, *_ = tab(actions).look(str(tmp_path / "a.csv"), *plain, PLAYGROUND, *controls)
    assert "Only the first 4 of 6 rows will be used here; the command line has no limit." in found
    assert len(table) == 6
    (tmp_path / "a.csv").write_text("input,output\n" + "x" * 2**20 + ",joy\n")
    table, found, *_ = tab(actions).look(str(tmp_path / "a.csv"), *plain, PLAYGROUND, *controls)
    assert table is None
    assert "a.csv: 1.0 MiB, the limit here is 1 MiB; split it, or use the command line" in found


def test_a_measurement_takes_the_rows_of_the_limit(library: Library, tmp_path: Path) -> None:
    rowfile.write(tmp_path / "a.csv", ["input", "output"], [("x", "joy")] * 6)
    actions = within(library, rows=4)
    do = EvaluateActions(actions)
    asked = measured(do, tmp_path / "a.csv", library)
    runs = [each[0] for each in do.measure("me", *asked)][-1]
    assert [run.n for run in runs] == [4]


def measured(do: EvaluateActions, path: Path, library: Library) -> tuple[Any, ...]:
    """What the tab asks, of a file with columns `input` and `output`."""
    controls = do.actions.controls(library["emotion"])
    table = do.look(str(path), "emotion", *controls)[0]
    columns = ["input", *[None] * (MAX_INPUTS - 1)]
    return table, "emotion", "(nothing)", "text", "logprob", "prefix", "output", *columns, *controls
