"""A page served on loopback for tests, in a thread of this process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gptjt_demo.settings import NO_LIMITS

if TYPE_CHECKING:
    from gptjt_demo.settings import Limits


def launched(engine: Any, limits: Limits = NO_LIMITS, *, tools: bool = False) -> tuple[Any, str]:
    """The page of an engine with the shipped templates, to be closed, and its address."""
    from gptjt_demo.templates.library import Library
    from gptjt_demo.ui import build_app, launch_options

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
