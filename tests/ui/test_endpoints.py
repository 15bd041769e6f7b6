"""What programs may call, called wrongly: an error in one line, and never one without words."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from fake_engine import FakeEngine

PROMPT = "Input: a\nOutput:"
HALF = "so \ud83d happy"


@pytest.fixture
def url(serve: Any) -> str:
    return str(serve(FakeEngine(fail_after=0, failure=RuntimeError("the GPU\nis gone"))))


def said(url: str, path: str, body: Any) -> str:
    """The error that a call ends in."""
    post = httpx.post(
        f"{url}gradio_api/call/{path}",
        content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    if post.status_code != 200:
        assert post.status_code == 422
        return str(post.json().get("error") or post.json()["detail"][0]["msg"])
    answer = httpx.get(f"{url}gradio_api/call/{path}/{post.json()['event_id']}", timeout=30).text
    event, data = answer.strip().splitlines()
    assert event == "event: error"
    return json.loads(data.removeprefix("data: "))["error"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        (
            "v2/complete",
            [
                {"prompt": HALF},
                {"prompt": None},
                {"prompt": 5},
                {"prompt": {"path": "/etc/passwd"}},
                {"prompt": PROMPT, "temperature": "NaN"},
                {"prompt": PROMPT, "temperature": float("nan")},
                {"prompt": PROMPT, "temperature": {}},
                {"prompt": PROMPT, "stop": 5},
                {"prompt": PROMPT, "shape": {"columns": "3"}},
                {"prompt": PROMPT, "shape": {"pattern": "[a"}},
                {"prompt": PROMPT, "shape": [1]},
                {"prompt": PROMPT, "stop": [HALF]},
                {"prompt": PROMPT, "attention": ["prefix"]},
                {"prompt": PROMPT, "zork": 1},
                {"prompt": PROMPT},
                {},
                [],
                None,
            ],
        ),
        (
            "v2/score",
            [
                {"prompt": PROMPT, "labels": value}
                for value in (None, [], "ab", [1, 2], ["a", HALF], ["a", "a"], {"a": 1}, ["a", " "])
            ],
        ),
        ("v2/stream", [{"prompt": HALF}, {"prompt": PROMPT, "top_p": 3}, {"prompt": PROMPT}, {"zork": 1}]),
        (
            "v2/batch",
            [
                {"template": template, "rows": rows}
                for template, rows in [
                    (None, []),
                    (7, []),
                    (["currency"], []),
                    (HALF, []),
                    ("no\nyaml: [", []),
                    ("currency", None),
                    ("currency", {"input": "a"}),
                    ("currency", [None]),
                ]
            ],
        ),
        ("complete", [{"data": []}, {"data": [PROMPT]}, {"data": [None] * 8}, {"data": "x"}, {"data": None}, {}]),
        ("v2/no-such-function", [{}]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_call_that_does_not_fit_is_answered_in_one_line(url: str, path: str, bodies: list[Any]) -> None:
    for body in bodies:
        line = said(url, path, body)
        assert isinstance(line, str), body
        assert line.strip(), body
        assert "\n" not in line, body


def test_an_error_inside_the_program_has_words(url: str) -> None:
    assert "RuntimeError" in said(url, "v2/complete", {"prompt": PROMPT})
