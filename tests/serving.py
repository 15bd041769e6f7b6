"""A page served on loopback for tests, in a thread of this process or by one of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from gptjt_demo.settings import NO_LIMITS

if TYPE_CHECKING:
    from gptjt_demo.settings import Limits


def launched(engine: Any, limits: Limits = NO_LIMITS, *, tools: bool = False) -> tuple[Any, str]:
    """The page of an engine with the shipped templates, to be closed, and its address."""
    from gptjt_demo.templates.libraries import Library
    from gptjt_demo.ui import build_app, launch_options

    port = free_port()
    app = build_app(engine, Library.open(), limits)
    options = launch_options(engine, limits, tools=tools)
    _, url, _ = app.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, **options)
    return app, url


@contextmanager
def serving(engine: Any, limits: Limits = NO_LIMITS) -> Iterator[str]:
    """That page as long as it lasts: its address."""
    app, url = launched(engine, limits)
    try:
        yield url
    finally:
        app.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Page(NamedTuple):
    """What a process said until its page was there, the process, and what it says after."""

    said: str
    process: subprocess.Popen[str]
    rest: IO[str]


@contextmanager
def served(code: str, *arguments: object, **environment: str) -> Iterator[Page]:
    """A page served by a process of its own; what it says is given once it answers."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1", **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as started:
        assert started.stdout is not None
        said = ""
        try:
            for line in started.stdout:
                said += line
                if "Running on local URL" in line:
                    break
            yield Page(said, started, started.stdout)
        finally:
            started.terminate()
