"""The command `serve`: the page over one model and one library of templates.

What stops a page from being served is found before the model is loaded. Does not know what is on the page.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Annotated

import typer

from gptjt_demo.cli.options import DeviceOption, ModelOption, PromptsOption, open_engine, open_library
from gptjt_demo.cli.output import say
from gptjt_demo.errors import SettingError
from gptjt_demo.settings.environment import MCP


def serve(
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    host: Annotated[
        str, typer.Option(envvar="GRADIO_SERVER_NAME", help="0.0.0.0 lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(envvar="GRADIO_SERVER_PORT", help="Default: the first free one from 7860.", min=1, max=65535),
    ] = None,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Serve its calls as MCP tools too; needs the extra mcp.  [env var: GPTJT_MCP]")
    ] = False,
) -> None:
    """Open the playground's page."""
    _check_address(host, port)
    mcp = mcp or MCP.read()
    if mcp and find_spec("mcp") is None:
        raise SettingError("the package mcp is not installed", where="--mcp", mend="pip install 'gptjt-demo[mcp]'")
    library = open_library(prompts)
    for problem in library.problems:
        say(f"left out: {problem}")
    engine = open_engine(model, device)
    try:
        with _without_proxies():  # Gradio asks its own page whether it is there
            from gptjt_demo.ui import build_app, launch_options

            app = build_app(engine, library)
            options = launch_options(engine, tools=mcp)
            app.launch(server_name=host, server_port=port, prevent_thread_lock=True, **options)
    except OSError as error:
        raise SettingError(str(error), where="--port", mend="choose another port") from error
    app.block_thread()


def _check_address(host: str, port: int | None) -> None:
    """Refuse an address that no page can be served on, by the option that names it."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), port or 0, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise SettingError(
            f"there is no such address ({getattr(error, 'strerror', None) or error})",
            where=f"--host {host}",
            mend="leave it out, or give 0.0.0.0 to let other machines in",
        ) from None
    try:
        with socket.socket(family, kind) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just closed may be used again
            tried.bind(address)
    except OSError as error:
        where = f"--host {host}" if port is None else f"--port {port}"
        mend = "give an address of this machine" if port is None else "choose another port"
        raise SettingError(f"a page cannot be served there ({error.strerror})", where=where, mend=mend) from None


@contextmanager
def _without_proxies() -> Iterator[None]:
    """Hide the environment's proxies for a while: a request to this machine must not go through one."""
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if name.lower().endswith("_proxy")}
    try:
        yield
    finally:
        os.environ.update(hidden)
