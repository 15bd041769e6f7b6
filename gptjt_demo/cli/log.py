"""What a served page logs, on standard error: text for people, or a line of JSON for programs that collect such lines.

In: records of our own loggers. Out: lines. In JSON an error is its type and where it came from, never its words: they
may hold what a visitor wrote. Does not know what is logged.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from gptjt_demo.settings import environment


def log_as_set() -> None:
    """Log in the format and from the level that the environment sets.

    Raises:
        SettingError: it sets what cannot be.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if environment.LOG.read() == "json" else Text())
    logger = logging.getLogger("gptjt_demo")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(environment.LOG_LEVEL.read().upper())


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            line["where"] = [f"{frame.filename}:{frame.lineno}" for frame in frames]
        return json.dumps(line)


class Text(logging.Formatter):
    """A record as a line, with its fields, and the traceback of an error under it."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        return super().format(record).replace(record.getMessage(), record.getMessage() + fields, 1)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = getattr(record, "fields", {})
    return found
