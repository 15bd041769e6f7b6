"""The command `serve`: the page over one model and one library of templates.

What stops a page from being served is found before the model is loaded; then the page answers at once, and shows how
far the load is. On SIGTERM, or Ctrl+C, answers that go on may end for `GRACE` seconds; whoever is cut off is told.
Does not know what is on the page.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from gptjt_demo.cli.log import log_as_set
from gptjt_demo.cli.options import DeviceOption, ModelOption, PromptsOption, open_library
from gptjt_demo.cli.output import say
from gptjt_demo.errors import DoesNotFit, ModelError, SettingError
from gptjt_demo.settings import Device, Limits, environment

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers
    from gptjt_demo.engine.served import Promise, Tell

GRACE = 6.0  # seconds; who stops a container waits for ten
SMALL = 1.0  # GiB: a model that a CPU answers from as fast
LAST_WORDS = 0.5  # seconds in which a page is told how its answer ended


def serve(
    model: ModelOption = None,
    device: DeviceOption = "auto",
    prompts: PromptsOption = None,
    host: Annotated[
        str | None,
        typer.Option(
            envvar=environment.HOST.name,
            help="0.0.0.0 lets other machines in.",
            show_default=environment.HOST.default,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(envvar=environment.PORT.name, help="Default: the first free one from 7860.", min=1, max=65535),
    ] = None,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Serve its calls as MCP tools too; needs the extra mcp.  [env var: GPTJT_MCP]")
    ] = False,
) -> None:
    """Open the playground's page."""
    environment.check()
    host, port = host or environment.HOST.read(), port or environment.PORT.read()
    host = as_in_links(host)
    _check_address(host, port)
    mcp = mcp or environment.MCP.read()
    if mcp and find_spec("mcp") is None:
        raise SettingError("the package mcp is not installed", where="--mcp", mend="pip install 'gptjt-demo[mcp]'")
    if mcp:
        reach_directly(host)
    limits = Limits.read()
    library = open_library(prompts)
    for problem in library.problems:
        say(f"left out: {problem}")
    lent = environment.on_zero_gpu()
    loads = Load(model or environment.MODEL.read(), device, lent=lent)
    from gptjt_demo.engine.served import Served

    served = Served(loads.promise())
    engine = cast("Answers", served)
    log_as_set()
    if lent:  # what is on the GPU when the page is launched is what a lent GPU has
        served.load(loads)
    with _stopped() as stopped:
        try:
            with _without_proxies():  # Gradio asks its own page whether it is there
                from gptjt_demo.ui import build_app, launch_options

                app = build_app(engine, library, limits)
                options = launch_options(engine, limits, tools=mcp)
                app.launch(server_name=host, server_port=port, prevent_thread_lock=True, **options)
        except OSError as error:
            if error.filename:  # a folder for uploads
                what = f"{error.filename} cannot be written ({error.strerror})"
                raise SettingError(what, where=environment.TEMP_DIR.name, mend="name a folder that can be") from error
            raise SettingError(str(error), where="--port", mend="choose another port") from error

        def load() -> None:
            try:
                served.load(loads)
            except ModelError:  # it is `served.error` now
                stopped.set()
            else:
                app.loaded()

        if not lent:
            threading.Thread(target=load, name="loading", daemon=True).start()
        stopped.wait()
    busy = served.calls
    served.stop(GRACE)
    if busy:
        time.sleep(LAST_WORDS)
    app.close(verbose=False)
    if served.error is not None:
        raise served.error


class Load:
    """Loads the model of a page.

    On a Space, whose owner may not be there, a model that cannot be loaded is replaced by `mini`, and every visitor is
    told; elsewhere so is one that the environment names and that does not fit.

    Args:
        model: its name.
        device: where it runs.
        lent: GPUs are lent by the second. What is small runs on the CPU then, and costs no visitor anything.
    """

    def __init__(self, model: str, device: Device, *, lent: bool = False) -> None:
        self._model = model
        self._device = device
        self._lent = lent

    def promise(self) -> Promise:
        """What is known of it before it is loaded.

        Raises:
            ModelError: there is no such model.
        """
        from gptjt_demo.engine.served import Promise
        from gptjt_demo.models.registry import DEFAULT_MODEL, resolve

        try:
            spec = resolve(self._model)
        except ModelError:
            if not environment.on_space():
                raise
            spec = resolve(DEFAULT_MODEL)
        mode = environment.ATTENTION.read() or spec.attention
        return Promise(spec.name, spec.context or 2048, mode, spec.stand_in)

    def __call__(self, tell: Tell) -> Answers:
        """The engine; raises what `load` does."""
        tell("importing PyTorch", 0.02)
        if self._lent:  # before torch
            from gptjt_demo.models import zerogpu

            zerogpu.declare()
        from gptjt_demo.models.loading import load
        from gptjt_demo.models.registry import DEFAULT_MODEL, resolve

        try:
            if not self._lent:
                return load(self._model, device=self._device, tell=tell)
            if self._device == "cpu" or (resolve(self._model).gib or SMALL) < SMALL:
                return load(self._model, device="cpu", tell=tell)
            return cast("Answers", zerogpu.Lent(load(self._model, device="cuda", tell=tell)))
        except Exception as error:
            if self._model == DEFAULT_MODEL or not self._may_be_replaced(error):
                raise
            why = error.what if isinstance(error, ModelError) else type(error).__name__
        engine = load(DEFAULT_MODEL, device="cpu", tell=tell)
        engine.notice = f"{self._model} could not be loaded: {why}. {engine.name} answers in its place."
        say(f"note: {engine.notice}")
        return engine

    def _may_be_replaced(self, error: Exception) -> bool:
        named_here = self._model != environment.MODEL.read()  # by --model
        return environment.on_space() or (isinstance(error, DoesNotFit) and not named_here)


@contextmanager
def _stopped() -> Iterator[threading.Event]:
    """An event that is set when the program is asked to end; the second time it ends at once."""
    stopped = threading.Event()
    before: dict[int, Any] = {}

    def stop(number: int, frame: Any) -> None:
        stopped.set()
        for each, earlier in before.items():
            signal.signal(each, earlier)

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def as_in_links(host: str) -> str:
    """An address as links and Gradio have it: one of IPv6 stands in brackets there."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


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


def reach_directly(host: str) -> None:
    """Have no proxy between this program and its own page, through which Gradio calls the tools."""
    spared = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, (spared, host, "127.0.0.1", "localhost")))


@contextmanager
def _without_proxies() -> Iterator[None]:
    """Hide the environment's proxies for a while: a request to this machine must not go through one."""
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if name.lower().endswith("_proxy")}
    try:
        yield
    finally:
        os.environ.update(hidden)
