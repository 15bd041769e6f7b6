"""The page before its model is there: it can be read and edited, and is put right when the model has come."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, cast

import pytest
from fake_engine import FakeEngine

from gptjt_demo.engine.protocol import Answers
from gptjt_demo.engine.served import Promise, Served
from gptjt_demo.errors import DoesNotFit, ModelError
from gptjt_demo.templates.libraries import Library
from gptjt_demo.ui import build_app
from gptjt_demo.ui.banner import banner
from gptjt_demo.ui.batch.tab import BatchActions
from gptjt_demo.ui.loading import loading_bar
from gptjt_demo.ui.playground.actions import Actions

if TYPE_CHECKING:
    from conftest import Serve


def begun(share: float = 0.42) -> Served:
    """A model whose load has come so far."""
    served = Served(Promise("big", 2048))
    served.tell("reading the weights", share)
    return served


def come(served: Served, engine: FakeEngine) -> None:
    served.load(lambda tell: cast(Answers, engine))


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


def test_the_prompt_is_shown_and_edited_while_the_model_is_loaded_and_counted_after(library: Library) -> None:
    served = begun()
    actions = Actions(cast(Answers, served), library)
    held = actions.controls(library["emotion"])._replace(instruction="Another instruction.")
    shown = actions.preview(held)
    assert "Another instruction." in shown.prompt
    assert "problem" not in shown.prompt
    assert "tokens" not in shown.prompt
    come(served, FakeEngine())
    assert " of 2,048 tokens" in actions.preview(held).prompt


def test_a_run_waits_for_the_model_and_says_so(library: Library) -> None:
    served = begun()
    actions = Actions(cast(Answers, served), library)
    run = actions.run("me", False, "logprob", actions.controls(library["currency"]))
    assert any("waits for the model" in next(run)[0] for _ in range(3))
    come(served, FakeEngine({"India": "Indian Rupee"}))
    assert "Rupee" in list(run)[-1][0]


def test_a_run_that_waits_can_be_stopped(library: Library) -> None:
    actions = Actions(cast(Answers, begun()), library)
    run = actions.run("me", False, "logprob", actions.controls(library["currency"]))
    next(run)
    actions.stop("me")
    assert "still being loaded" in list(run)[-1][0]


def test_a_batch_is_not_begun_before_the_model_is_there(library: Library) -> None:
    do = BatchActions(Actions(cast(Answers, begun()), library))
    assert "big: it is still being loaded (42 %)" in do.begin(None, "", "labels", "logprob", "prefix")[1]
    assert len(do.jobs) == 0


def test_the_bar_is_one_for_a_screen_reader_too_and_a_name_is_only_text() -> None:
    loading = begun(0.25).loading
    assert loading is not None
    html = loading_bar("<b>x", loading)
    assert 'role="progressbar"' in html
    assert 'aria-valuenow="25"' in html
    assert "reading the weights" in html
    assert "<b>x" not in html + banner("<b>x", "prefix", True, [], stand_in=True, notice="<b>x")


def components(page: str) -> tuple[dict[str, Any], int]:
    """What a page that is opened now is built of, by the ids of its elements, and how many timers go."""
    with urllib.request.urlopen(f"{page}config") as answer:
        found = json.load(answer)["components"]
    timers = sum(each["type"] == "timer" and each["props"]["active"] for each in found)
    return {each["props"].get("elem_id") or str(each["id"]): each["props"] for each in found}, timers


def test_the_page_answers_before_its_model_and_is_built_right_once_it_has_come(serve: Serve) -> None:
    served = begun()
    url = serve(served)
    with urllib.request.urlopen(f"{url}health") as answer:
        told = json.load(answer)
    assert (told["status"], told["model"]) == ("loading", "big")
    assert told["loading"] == {"phase": "reading the weights", "share": 0.42}
    parts, timers = components(url)
    assert "is being loaded" in parts["loading"]["value"]
    engine = FakeEngine(name="mini", supports_prefix=False, stand_in=True)
    engine.notice = "big could not be loaded. mini answers in its place."
    come(served, engine)
    serve.apps[-1].loaded()  # type: ignore[attr-defined]
    parts, later = components(url)
    assert later == timers - 1
    assert parts["loading"]["value"] == ""
    assert "mini answers in its place" in parts["banner"]["value"]
    assert "mini is a stand-in" in parts["banner"]["value"]
    assert "causal attention only" in parts["banner"]["value"]
    for name in ("attention", "batch-attention", "evaluate-attention"):
        assert (parts[name]["value"], parts[name]["interactive"]) == ("causal", False)
        assert "mini can only run causally" in parts[name]["info"]
    assert " of 2,048 tokens" in parts["prompt"]["value"]
    assert "the answer of mini" in parts["answer"]["value"]
    assert "does not pass" in json.dumps(parts)
    with urllib.request.urlopen(f"{url}health") as answer:
        told = json.load(answer)
    assert (told["status"], told["model"]) == ("ready", "mini")
    assert "in its place" in told["notice"]


def test_a_page_whose_model_is_there_has_no_timers_of_a_load(library: Library) -> None:
    def timers(engine: Any) -> int:
        config = build_app(engine, library).get_config_file()
        return sum(each["type"] == "timer" for each in config["components"])

    assert timers(begun()) == timers(FakeEngine()) + 2


def test_health_says_that_no_answer_will_come(serve: Serve) -> None:
    served = begun()
    url = serve(served)

    def load(tell: Any) -> Any:
        raise DoesNotFit("it is too large", where="big")

    with pytest.raises(ModelError):
        served.load(load)
    with pytest.raises(urllib.error.HTTPError, match="503") as refused:
        urllib.request.urlopen(f"{url}health")
    assert json.load(refused.value)["status"] == "failed"
    threading.Thread(target=served.stop, args=(0,)).start()
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(f"{url}health")
