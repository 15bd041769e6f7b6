"""Who may call the API, and how it says no: keys, origins, limits, a model that is not there yet."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from api_server import HTTP, client, events, post, refused, serving
from fake_engine import FakeEngine

from gptjt_demo.api import body as bodies
from gptjt_demo.engine.limited import limited
from gptjt_demo.engine.request_log import LOGGER
from gptjt_demo.engine.served import Promise, Served
from gptjt_demo.errors import DoesNotFit
from gptjt_demo.settings import Limits

if TYPE_CHECKING:
    from conftest import Serve

ASKING = {"prompt": "p"}
CHAT = {"messages": [{"role": "user", "content": "p"}]}
CALLS: dict[str, Any] = {
    "v1/completions": ASKING,
    "v1/chat/completions": CHAT,
    "v1/score": {"prompt": "p", "labels": ["a"]},
}


def test_every_answer_has_an_id_and_a_client_may_give_its_own(url: str) -> None:
    first, second = (HTTP.get(f"{url}v1/models").headers["x-request-id"] for _ in range(2))
    assert first != second
    for given, taken in (("my-id.1", True), ("no good", False), ("x" * 65, False)):
        assert (HTTP.get(f"{url}v1/models", headers={"x-request-id": given}).headers["x-request-id"] == given) is taken


def test_a_request_leaves_a_line_of_counts_under_its_id_and_never_a_text(caplog: pytest.LogCaptureFixture) -> None:
    served = Served(Promise("mini", 2048))
    served.load(lambda tell: FakeEngine(default="SECRET answer", name="mini"))
    bodies = [ASKING, ASKING | {"stream": True}, ASKING | {"prompt": "SECRET " * 3000}]
    with serving(served) as url, caplog.at_level(logging.INFO, LOGGER.name):
        for index, body in enumerate(bodies):
            post(url, "v1/completions", body, **{"x-request-id": f"mine-{index}"})
    lines = [record.fields for record in caplog.records if record.name == LOGGER.name]  # type: ignore[attr-defined]
    assert [line["id"] for line in lines] == ["mine-0", "mine-1", "mine-2"]
    assert [line["kind"] for line in lines] == ["completions"] * 3
    assert [line["outcome"] for line in lines] == ["ok", "ok", "refused"]
    assert [line["completion_tokens"] for line in lines] == [2, 2, 0]
    assert "SECRET" not in repr(lines)


def test_where_there_is_no_route_or_another_method_the_error_has_the_same_form(url: str) -> None:
    for path in ("v1", "v1/", "v1/nothing", "v1/completions/more", "v1/engines/davinci/completions"):
        assert refused(HTTP.get(f"{url}{path}"), 404)["code"] == "not_found"
    for path in (*CALLS, "tokenize", "detokenize"):
        assert refused(HTTP.get(f"{url}{path}"), 405)["code"] == "method_not_allowed"
    assert refused(HTTP.post(f"{url}v1/models"), 405)
    assert refused(HTTP.delete(f"{url}tokenizer_info"), 405)


def test_a_body_that_is_not_said_to_be_json_is_refused(url: str) -> None:
    # What a website may send to another origin without asking is of these kinds.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        response = post(url, "v1/completions", ASKING, **{"Content-Type": kind})
        assert "application/json" in refused(response, 415)["message"]
    assert post(url, "v1/completions", ASKING, **{"Content-Type": "application/json; charset=utf-8"}).status_code == 200


def test_a_body_over_the_limit_is_too_large(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LARGEST", 1000)
    assert refused(post(url, "v1/completions", {"prompt": "a" * 2000}), 413)["code"] == "request_too_large"

    def parts() -> Iterator[bytes]:  # whose length is not told
        yield from [b" " * 600] * 3

    headers = {"Content-Type": "application/json"}
    assert refused(HTTP.post(f"{url}tokenize", content=parts(), headers=headers), 413)


def test_with_a_key_nobody_else_is_let_in() -> None:
    with serving(FakeEngine(), key="sésame") as url:
        for shown in ("", "Bearer other", "sésame", "Basic sésame"):
            for path in ("v1/models", "tokenizer_info", "v1/nothing"):
                response = HTTP.get(f"{url}{path}", headers={b"Authorization": shown.encode()})
                assert refused(response, 401)["code"] == "invalid_api_key"
        assert refused(post(url, "v1/completions", ASKING), 401)
        assert HTTP.get(f"{url}v1/models", headers={b"Authorization": "bearer sésame".encode()}).status_code == 200
    with serving(FakeEngine(), key="open") as url:
        assert client(url, key="open").completions.create(model="fake", prompt="p").choices[0].text == " joy"
        with pytest.raises(openai.AuthenticationError):
            client(url, key="shut").completions.create(model="fake", prompt="p")


def test_while_the_model_is_loaded_a_retry_helps_and_afterwards_it_answers() -> None:
    served = Served(Promise("mini", 2048))
    with serving(served) as url:
        for path, body in CALLS.items():
            response = post(url, path, body)
            assert refused(response, 503)["code"] == "not_ready"
            assert int(response.headers["retry-after"]) > 0
            assert "x-should-retry" not in response.headers
        assert refused(HTTP.get(f"{url}tokenizer_info"), 503)
        assert "mini:causal" in [model.id for model in client(url).models.list()]
        served.load(lambda tell: FakeEngine(name="mini"))
        assert post(url, "v1/completions", ASKING).json()["model"] == "mini:prefix"
        served.stop(0)
        assert refused(post(url, "v1/completions", ASKING), 503)


def test_a_model_that_cannot_be_loaded_is_said_once_and_for_all() -> None:
    def load(tell: Any) -> Any:
        raise DoesNotFit("it needs more than there is", where="big")

    served = Served(Promise("big", 2048))
    with serving(served) as url:
        with pytest.raises(DoesNotFit):
            served.load(load)
        response = post(url, "v1/completions", ASKING)
        refused(response, 503)


def test_a_metered_model_refuses_programs_in_a_line() -> None:
    engine = FakeEngine()
    engine.metered = True
    with serving(engine) as url:
        for path, body in CALLS.items():
            response = post(url, path, body)
            assert "use the page" in refused(response, 403)["message"]
            assert response.headers["x-should-retry"] == "false"
    assert engine.prompts == []


def test_limits_are_told_with_their_status() -> None:
    limits = Limits(prompt_characters=10, rows=3, run_seconds=0.2)
    with serving(limited(FakeEngine(default="one two", prefill=30), limits), limits) as url:
        assert refused(post(url, "v1/completions", {"prompt": "x" * 11}), 413)["param"] == "prompt"
        assert refused(post(url, "v1/completions", {"prompt": ["x"] * 4}), 413)["param"] == "prompt"
        response = post(url, "v1/completions", ASKING)
        assert refused(response, 504)["code"] == "took_too_long"
        assert response.headers["x-should-retry"] == "false"
        *_, error = _stream(url)
        assert error["error"]["code"] == "took_too_long"
    limits = Limits(batch_seconds=0.2)
    with serving(FakeEngine(prefill=0.3), limits) as url:
        assert refused(post(url, "v1/completions", {"prompt": ["x", "y"]}), 504)


def _stream(url: str) -> list[Any]:
    with HTTP.stream("POST", f"{url}v1/completions", json=ASKING | {"stream": True}, timeout=30) as response:
        return list(events(response.iter_lines()))


def test_a_full_line_says_when_to_come_again_and_those_in_it_are_answered() -> None:
    step = threading.Event()
    engine = FakeEngine(delay=step)
    with serving(engine, Limits(queue=2)) as url, ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(post, url, "v1/completions", ASKING) for _ in range(12)]
        first = next(done for done in _as_they_come(asked))
        error = refused(first, 429)
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
        assert int(first.headers["retry-after"]) > 0
        step.set()
        statuses = [each.result().status_code for each in asked]
        assert set(statuses) == {200, 429}
        assert statuses.count(200) >= 6  # four at work and two that waited
        assert post(url, "v1/completions", ASKING).status_code == 200


def _as_they_come(asked: list[Any]) -> Iterator[httpx.Response]:
    from concurrent.futures import as_completed

    return (done.result() for done in as_completed(asked))


def test_who_waits_for_one_answer_or_for_tokens_waits_behind_no_batch() -> None:
    class Slow(FakeEngine):
        def complete_many(self, *arguments: Any, **options: Any) -> Any:
            begun.set()
            step.wait(30)
            return super().complete_many(*arguments, **options)

    begun, step = threading.Event(), threading.Event()
    with serving(Slow()) as url, ThreadPoolExecutor(6) as pool:
        batches = [pool.submit(post, url, "v1/completions", {"prompt": ["a", "b"]}) for _ in range(6)]
        assert begun.wait(10)
        assert post(url, "v1/completions", ASKING).status_code == 200
        assert post(url, "tokenize", ASKING).status_code == 200
        assert not any(batch.done() for batch in batches)
        step.set()
        assert [batch.result().status_code for batch in batches] == [200] * 6


# --- beside the page

LOCAL, FAR = "http://localhost:8000", "https://tool.example.com"


def _told(url: str, origin: str, **headers: str) -> tuple[str | None, str | None]:
    """Which origin a browser is told of, before and with a request of this one."""
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}
    first = HTTP.options(f"{url}v1/completions", headers={"Origin": origin} | asking)
    then = post(url, "v1/completions", ASKING, Origin=origin, **headers)
    assert then.status_code == 200
    assert "authorization" in first.headers.get("access-control-allow-headers", "")
    return tuple(each.headers.get("access-control-allow-origin") for each in (first, then))


def test_beside_the_page_a_stream_is_not_held_back_by_what_compresses_and_local_pages_alone_may_call(
    serve: Serve,
) -> None:
    step = threading.Event()
    engine = FakeEngine(default="one " * 300, delay=step)
    url = serve(engine)
    body = {"prompt": "p", "stream": True, "max_tokens": 1024}
    with HTTP.stream("POST", f"{url}v1/completions", json=body, headers={"Accept-Encoding": "br, gzip"}) as response:
        assert response.headers.get("content-encoding", "identity") == "identity"
        step.set()
        assert next(events(response.iter_lines()))["choices"][0]["text"] == " one"
    assert engine.streams[0].ended.wait(5)
    assert refused(HTTP.get(f"{url}v1/nothing"), 404)
    assert refused(HTTP.get(f"{url}tokenize"), 405)
    assert client(url).completions.create(model="fake", prompt="p", max_tokens=2).choices[0].text == " one one"
    assert _told(url, LOCAL) == (LOCAL, LOCAL)
    assert _told(url, FAR) == _told(url, "null") == (None, None)


def test_a_key_and_more_origins_are_settings(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPTJT_API_KEY", "open")
    monkeypatch.setenv("GPTJT_API_ORIGINS", f" {FAR}/, https://second.example.com")
    url = serve(FakeEngine())
    assert refused(HTTP.get(f"{url}v1/models"), 401)
    assert client(url, key="open").models.list().data
    assert HTTP.get(f"{url}health").status_code == 200
    key = {"Authorization": "Bearer open"}
    assert _told(url, FAR, **key) == (FAR, FAR)
    assert _told(url, LOCAL, **key) == (LOCAL, LOCAL)
    assert _told(url, "https://third.example.com", **key) == (None, None)
    asking = {"Origin": FAR, "Access-Control-Request-Method": "POST"}
    page = HTTP.options(f"{url}gradio_api/call/complete", headers=asking)
    assert page.headers.get("access-control-allow-origin") is None
