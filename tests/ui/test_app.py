"""The page's handlers as functions: what goes to the model, what comes to the screen, and who runs what."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_engine import FakeEngine
from page_client import PageClient

from gptjt_demo.engine.results import STOP_REASONS, LabelScore
from gptjt_demo.settings import Attention, Limits, Sampling
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.lint.finding import Finding
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.about.masks import masks
from gptjt_demo.ui.banner import about, banner
from gptjt_demo.ui.gallery.cards import cards
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.advice import advice
from gptjt_demo.ui.playground.answer import answer
from gptjt_demo.ui.playground.details import details
from gptjt_demo.ui.playground.outcome import Outcome, Side
from gptjt_demo.ui.playground.prompt_box import prompt_box
from gptjt_demo.ui.playground.reply import Reply
from gptjt_demo.ui.playground.shares import shares
from gptjt_demo.ui.rows.grid import cells

if TYPE_CHECKING:
    from conftest import Serve

HOSTILE = r"<b>x</b> ${alert(1)} `tick` C:\new {{x}} & &amp;"
SHOWN = "&lt;b&gt;x&lt;/b&gt; ${alert(1)} `tick` C:\\new {{x}} &amp; &amp;amp;"


@pytest.fixture(scope="module")
def library() -> Library:
    return Library.open()


# --- HTML

MODES: tuple[Attention, ...] = ("prefix", "causal")


def outcome(*replies: Reply, template: Template | None = None) -> Outcome:
    """A run whose sides are these."""
    sides = tuple(Side(mode, reply) for mode, reply in zip(MODES, replies, strict=False))
    return Outcome(template or Library.open()["emotion"], "p", "key", sides)


def words(html: str) -> str:
    """What a browser shows of it."""
    return re.sub(r"<[^>]*>", "", html)


def test_text_is_escaped_wherever_it_is_shown(library: Library) -> None:
    engine = FakeEngine(lambda prompt: HOSTILE, name=HOSTILE)
    completion = engine.complete("p", Sampling(max_new_tokens=100))
    scores = (LabelScore(HOSTILE, -1, -1, -1, 1, 1),)
    reply = Reply("done", tokens=completion.tokens, completion=completion, scores=scores)
    hostile = library["emotion"].revised(title=HOSTILE, description=HOSTILE, notice=HOSTILE)
    pieces = [
        words(answer(outcome(reply))),
        words(answer(outcome(reply, reply))),
        details(outcome(reply, reply)),
        answer(outcome(Reply("done", error=HOSTILE))),
        shares(outcome(reply)),
        shares(outcome(reply, reply)),
        prompt_box(HOSTILE, 1, 1, 10),
        banner(HOSTILE, "prefix", True, [HOSTILE], stand_in=True),
        about(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        advice([Finding("rule", "prompt", HOSTILE, HOSTILE, hostile)]),
        cards([hostile], "", {"emotion": HOSTILE}),
    ]
    for piece in pieces:
        assert SHOWN in piece
        assert "<b>x" not in piece
    assert "<b>x" not in masks(["<b>x</b>"])


def test_a_prompt_that_begins_with_a_line_feed_keeps_it() -> None:
    # HTML drops one line feed after <pre>, so there is one to drop.
    assert "<pre>\n\nText</pre>" in prompt_box("\nText", 1, 1, 10)


def test_bars_show_the_best_first_whatever_the_order() -> None:
    scores = FakeEngine(scores={"b": -1.0, "a": -3.0}).score("p", ["a", "b"])
    for given in (scores, scores[::-1]):
        html = shares(outcome(Reply("done", scores=tuple(given))))
        assert html.index(">b<") < html.index(">a<")
        assert html.count("class=best") == 1
    assert shares(outcome(Reply("done"))) == ""


def test_a_stand_in_is_called_one_and_the_real_model_is_not() -> None:
    assert "mini is a stand-in. It is not GPT-JT-6B." in banner("mini", "prefix", True, [], stand_in=True)
    assert "stand-in" not in banner("MY-MODEL", "prefix", True, [], stand_in=False)
    assert "causal attention only" in banner("mini", "causal", False, [], stand_in=True)


@pytest.mark.parametrize("reason", ["stop", "end_of_text", "max_new_tokens", "cancelled"])
def test_every_stop_reason_is_told_in_words(reason: Any) -> None:
    engine = FakeEngine({"p": "one two\nthree"})
    cancel = threading.Event()
    if reason == "cancelled":
        cancel.set()
    sampling = Sampling(
        max_new_tokens=1 if reason == "max_new_tokens" else 50, stop=("\n",) if reason == "stop" else (), seed=7
    )
    completion = engine.complete("p", sampling, cancel=cancel)
    assert completion.stop_reason == reason
    assert STOP_REASONS[completion.stop_reason] in details(outcome(Reply("done", completion=completion)))


# --- actions


def test_run_streams_and_leaves_nothing_behind(library: Library) -> None:
    engine = FakeEngine({"India": "Indian Rupee\nmore"})
    actions = Actions(engine, library)
    template = library["currency"]
    seen = list(actions.run("me", False, "logprob", actions.controls(template)))
    assert "Indian Rupee" in words(seen[-1][0])
    assert seen[-1][1] == ""
    assert engine.prompts == [template.render(template.query)]
    assert len(actions.runs) == 0


def test_closing_the_handler_stops_the_model(library: Library) -> None:
    engine = FakeEngine(prefill=60)
    actions = Actions(engine, library)
    run = actions.run("me", False, "logprob", actions.controls(library["emotion"]))
    next(run)
    run.close()  # type: ignore[attr-defined]
    assert engine.streams[0].ended.wait(1)
    assert len(actions.runs) == 0


def test_leaving_stops_the_run_and_its_handler_says_no_more(library: Library) -> None:
    actions = Actions(FakeEngine(prefill=60), library)
    run = actions.run("me", False, "logprob", actions.controls(library["emotion"]))
    next(run)
    actions.leave("me")
    assert [html for html, *_ in run if 'data-state="done"' in html] == []


def test_a_second_run_of_a_session_replaces_the_first(library: Library) -> None:
    engine = FakeEngine(prefill=60)
    actions = Actions(engine, library)
    held = actions.controls(library["emotion"])
    first, second = actions.run("me", False, "logprob", held), actions.run("me", False, "logprob", held)
    next(first)
    next(second)
    assert [html for html, *_ in first if 'data-state="done"' in html] == []
    assert actions.runs.busy("me")
    actions.stop("me")
    assert "stopped by you" in list(second)[-1][0]


def test_a_refused_run_does_not_reach_the_model(library: Library) -> None:
    engine = FakeEngine()
    actions = Actions(engine, library)
    held = actions.controls(library["emotion"])._replace(query=cells(["Input"], [[" "]]))
    [(html, bars, _)] = actions.run("me", False, "logprob", held)
    assert "the input is empty" in html
    assert (bars, engine.prompts) == ("", [])


def test_preview_counts_tokens_and_says_when_the_answer_has_no_room(library: Library) -> None:
    template = library["emotion"]
    prompt = template.render(template.query)
    count = FakeEngine().count_tokens(prompt)
    shown = Actions(FakeEngine(context=count + 5), library).preview(Actions(FakeEngine(), library).controls(template))
    assert f"{count} of {count + 5} tokens" in shown.prompt
    assert "problem" not in shown.prompt + shown.problem
    shown = Actions(FakeEngine(context=count + 4), library).preview(Actions(FakeEngine(), library).controls(template))
    assert "exceed the context" in shown.prompt


def test_a_model_without_prefix_attention_is_asked_causally(library: Library) -> None:
    engine = FakeEngine(supports_prefix=False)
    actions = Actions(engine, library)
    assert actions.controls(library["emotion"]).attention == "causal"
    list(actions.run("me", False, "logprob", actions.controls(library["emotion"])))
    assert engine.streams[0].attention == "causal"


# --- for programs


def test_programs_can_complete_score_list_and_see_health(serve: Serve) -> None:
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    engine = FakeEngine({"India": "Indian Rupee"}, scores={"x": -0.1}, name="mini")
    url = serve(engine)
    with urllib.request.urlopen(f"{url}health") as answered:
        assert json.load(answered) == {
            "status": "ready",
            "model": "mini",
            "attention": "prefix",
            "running": 0,
            "queue": 0,
        }
    client = Client(url, verbose=False)
    named = {"/complete", "/stream", "/score", "/batch", "/templates"}
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == named
    done = client.predict("Input: India", seed=7, attention="causal", api_name="/complete")
    assert (done["text"], done["model"], done["seed"], done["attention"]) == ("Indian Rupee", "mini", 7, "causal")
    assert done["stop_reason"] == "end_of_text"
    assert "tokens" not in done
    assert client.predict("p", ["x", "y"], api_name="/score")[0]["label"] == "x"
    assert "emotion" in {template["name"] for template in client.predict(api_name="/templates")}
    with pytest.raises(AppError, match="the prompt is empty"):
        client.predict(" ", api_name="/complete")
    with pytest.raises(AppError, match="neither prefix nor causal"):
        client.predict("p", attention="both", api_name="/complete")
    with pytest.raises(AppError, match="top_p"):
        client.predict("p", top_p=3, api_name="/complete")


class Gate(threading.Event):
    """Lets a first token through, and the others once it is set."""

    passed = False

    def wait(self, timeout: float | None = None) -> bool:
        first, self.passed = not self.passed, True
        return first or super().wait(timeout)


def test_a_stream_is_read_while_it_grows_and_ends_with_the_whole_answer(serve: Serve) -> None:
    from gradio_client import Client

    gate = Gate()
    client = Client(serve(FakeEngine({"India": "Indian Rupee\nmore"}, delay=gate)), verbose=False)
    growing = client.submit("Input: India", stop=["\n"], seed=7, api_name="/stream")
    assert next(part for part in growing if part["text"]) == {"text": "Indian"}
    gate.set()
    *_, whole = growing
    assert (whole["text"], whole["stop_reason"], whole["seed"]) == ("Indian Rupee", "stop", 7)
    assert "tokens" not in whole


def test_a_stream_that_is_cancelled_stops_the_model(serve: Serve) -> None:
    from gradio_client import Client

    engine = FakeEngine({"India": "Indian Rupee"}, delay=Gate())
    growing = Client(serve(engine), verbose=False).submit("Input: India", api_name="/stream")
    assert next(part for part in growing if part["text"]) == {"text": "Indian"}
    growing.cancel()
    assert engine.streams[0].ended.wait(30)


def test_a_batch_of_rows_is_answered_row_by_row(serve: Serve, tmp_path: Path) -> None:
    from gradio_client import Client
    from gradio_client.exceptions import AppError
    from httpx import HTTPStatusError

    engine = FakeEngine({"Japan": "Japanese Yen", "Peru": "Sol"}, scores={"joy": -0.1})
    client = Client(serve(engine, Limits(rows=4)), verbose=False)

    def batch(template: str, *rows: Any, **options: Any) -> Any:
        return client.predict(template, list(rows), **options, api_name="/batch")

    replies = batch("currency", {"input": "Japan"}, {"input": " "}, {"country": "Peru"}, {"input": "Peru"})
    assert [reply["text"] for reply in replies] == ["Japanese Yen", "", "", "Sol"]
    assert [bool(reply["error"]) for reply in replies] == [False, True, True, False]
    [reply] = batch("emotion", {"input": "what a day"}, labels=True)
    assert reply["text"] == "joy"
    assert len(reply["shares"]) == len(Library.open()["emotion"].labels)
    mine = Library.open()["currency"].revised(name="mine", attention="causal").to_yaml()
    assert batch(mine, {"input": "Japan"})[0]["text"] == "Japanese Yen"
    assert engine.streams[-1].attention == "causal"
    (tmp_path / "other.yaml").write_text(mine, encoding="utf-8")
    refused: list[tuple[str, list[Any], str]] = [
        ("currencies", [], "did you mean 'currency'"),
        (str(tmp_path / "other.yaml"), [{"input": "Japan"}], "no template"),
        ("currency", [{"input": "Japan"}] * 5, "413"),
        ("currency", ["Japan"], "row 1 is not names with a text each"),
        ("currency", [{"input": 7}], "row 1 is not names with a text each"),
        ("currency", [{"input": "Japan"}], "neither prefix nor causal"),
    ]
    for template, rows, words in refused:
        with pytest.raises((AppError, HTTPStatusError), match=words):
            batch(template, *rows, attention="both" if "neither" in words else None)


@pytest.mark.parametrize("origin", ["https://other.example.com", "null"])
def test_another_origin_is_not_let_in(serve: Serve, origin: str) -> None:
    engine = FakeEngine(lambda prompt: "an answer")
    url = f"{serve(engine)}gradio_api/call/complete"
    body = json.dumps({"data": ["p", "prefix", 8, 0, 0, 1, None, [], None]}).encode()
    # A browser asks first, and is told of no origin but the page's own; what it sends without asking is refused.
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    first = urllib.request.Request(url, method="OPTIONS", headers={"Origin": origin, **asking})
    with urllib.request.urlopen(first) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] is None
    blind = urllib.request.Request(url, body, {"Origin": origin, "Content-Type": "text/plain"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(blind)
    assert engine.prompts == []


def test_every_parameter_for_programs_is_described_and_typed_and_the_examples_run(serve: Serve) -> None:
    from gradio_client import Client

    client = Client(serve(FakeEngine({"lovely day": "happy"}, scores={"happy": -0.1})), verbose=False)
    endpoints: Any = client.view_api(return_format="dict")
    seen = {}
    for name, endpoint in endpoints["named_endpoints"].items():
        values = {}
        for parameter in endpoint["parameters"]:
            assert parameter["python_type"]["description"].endswith("."), parameter
            assert parameter["python_type"]["type"] not in ("", "Any")
            assert parameter["label"] == parameter["parameter_name"]
            if not parameter["parameter_has_default"]:
                values[parameter["parameter_name"]] = parameter["example_input"]
        [returned] = endpoint["returns"]
        assert returned["python_type"]["description"]
        assert "Any" not in returned["python_type"]["type"]
        seen[name] = client.predict(**values, api_name=name)
        call = endpoint["description"].split("Example: ")[1]
        eval(call, {"client": client})  # the example as it stands on the page
    assert seen["/complete"]["text"] == seen["/stream"]["text"] == "happy"
    assert [row["text"] for row in seen["/batch"]] == ["joy", "joy"]
    assert [row["label"] for row in seen["/score"]] == ["happy", "sad"]


def test_a_compiled_step_that_comes_after_the_page_was_built_is_told(serve: Serve) -> None:
    engine = FakeEngine()
    page = PageClient(serve(engine))
    engine.notes = ("a step compiled for this processor",)
    parts = page.config["components"]
    page.ids["About"] = next(part["id"] for part in parts if part["props"].get("label") == "About")
    assert "a step compiled for this processor" in str(page.send("About", "select"))
    loads = [event for event in page.config["dependencies"] if event["outputs"] == [page.ids["banner"]]]
    [[page.ids["page"], _]] = loads[0]["targets"]
    page.config["dependencies"] = loads
    assert "a step compiled for this processor" in str(page.send("page", "load"))
    page.close()
