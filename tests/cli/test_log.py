"""A page's log: lines of JSON that hold counts and never words, or text for people."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from gptjt_demo.cli.log import JsonLines, Text, log_as_set
from gptjt_demo.engine.request_log import request
from gptjt_demo.errors import SettingError


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Ours, as it was before once the test has ended."""
    ours = logging.getLogger("gptjt_demo")
    before = ours.handlers, ours.propagate, ours.level
    yield ours
    ours.handlers, ours.propagate, ours.level = before


def failure() -> logging.LogRecord:
    try:
        raise ValueError("what a visitor\nwrote")
    except ValueError:
        return logging.LogRecord("gptjt_demo", logging.ERROR, __file__, 1, "an event failed", (), sys.exc_info())


def test_in_json_an_error_is_its_type_and_place_and_none_of_its_words() -> None:
    text = JsonLines().format(failure())
    assert "\n" not in text
    assert "visitor" not in text
    line = json.loads(text)
    assert (line["level"], line["event"], line["error"]) == ("error", "an event failed", "ValueError")
    assert line["where"][-1].startswith(__file__)


def test_as_text_an_error_has_its_traceback() -> None:
    assert "ValueError: what a visitor" in Text().format(failure())


@pytest.mark.parametrize(("format", "level", "lines"), [("json", "info", 1), ("text", "info", 1), ("json", "error", 0)])
def test_format_and_level_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    logger: logging.Logger,
    format: str,
    level: str,
    lines: int,
) -> None:
    monkeypatch.setenv("GPTJT_LOG", format)
    monkeypatch.setenv("GPTJT_LOG_LEVEL", level)
    log_as_set()
    with request("run", "abc"):
        pass
    written = capsys.readouterr().err.splitlines()
    assert len(written) == lines
    for line in written:
        if format == "json":
            assert json.loads(line)["id"] == "abc"
        else:
            assert line.startswith("request id=abc kind=run")


def test_another_format_is_refused(monkeypatch: pytest.MonkeyPatch, logger: logging.Logger) -> None:
    monkeypatch.setenv("GPTJT_LOG", "xml")
    with pytest.raises(SettingError, match="GPTJT_LOG"):
        log_as_set()
