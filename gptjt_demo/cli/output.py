"""What a command prints: results on standard output, everything else on standard error.

A character that standard output cannot hold is written as an escape, and a line says so: no encoding stops a command.
Knows no command.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_HANDLER = "gptjt-escape"  # the name of our error handler among Python's codecs


def write(text: str) -> None:
    """Text on standard output, as it is."""
    print(text, end="")


def print_json(value: object) -> None:
    """One JSON value on one line of standard output, with JSON's own escapes where it cannot hold the text."""
    text = json.dumps(value, ensure_ascii=False)
    print(text if holds(text) else json.dumps(value))


def say(line: str) -> None:
    """A line on standard error."""
    print(line, file=sys.stderr)


def leads() -> bool:
    """Whether this process is the one of a launch that speaks and writes."""
    from gptjt_demo.batch.sharding import Shard

    return Shard.current().leads


def tell(line: str) -> None:
    """A line on standard error, from one process of a launch."""
    if leads():
        say(line)


def holds(text: str) -> bool:
    """Whether standard output's encoding has every character of a text."""
    try:
        text.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True


def is_utf8() -> bool:
    """Whether what is printed arrives as UTF-8, the encoding of our files."""
    return codecs.lookup(_encoding()).name == "utf-8"


@contextmanager
def escaping() -> Iterator[None]:
    """Escape what standard output cannot hold, and say at the end that it was; an error handler of the user's stays."""
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper) or stream.errors not in ("strict", "surrogateescape"):
        yield
        return
    escaped = False

    def escape(error: UnicodeError) -> tuple[str, int]:
        nonlocal escaped
        if not isinstance(error, UnicodeEncodeError):
            raise error
        escaped = True
        return "".join(map(_escape, error.object[error.start : error.end])), error.end

    codecs.register_error(_HANDLER, escape)
    before = stream.errors
    stream.reconfigure(errors=_HANDLER)
    try:
        yield
    finally:
        with suppress(OSError):  # it flushes; what cannot be written is said where the output ends
            stream.reconfigure(errors=before)
    if escaped:
        say(
            f"note: standard output is {_encoding()}, and what that cannot hold is written as an escape such as "
            "\\u00e9; PYTHONIOENCODING=utf-8 prints it as it is"
        )


def leave_closed_pipe() -> None:
    """Standard output takes no more: what is still to be flushed goes nowhere, and raises nothing."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
