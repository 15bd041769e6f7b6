"""Gradio's Blocks behind a gate: within a server's limits, and every failure a line.

In: whatever a visitor sends, and whatever a handler, or Gradio before it, raises. Out: a `gr.Error` that page, API
and tools pass on, or a refusal. What is a day old is deleted while it is served. Does not know what is on the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Limits
from gptjt_demo.settings.environment import HOST, HOSTS
from gptjt_demo.ui import folders, line
from gptjt_demo.ui.gate import LOCAL, MIB, Gate, name_of
from gptjt_demo.ui.rows.source import MOST_MIB
from gptjt_demo.ui.tools import answering_in_json
from gptjt_demo.ui.visitors import Visitors

CLOSED_SECONDS = 3600.0  # for which a tab that lost its connection may come back to what it had
_MANY = 1_000_000  # events: where there is no limit on what waits

_log = logging.getLogger(__name__)


class Page(gr.Blocks):
    """Blocks of a server that anybody may reach, whose tools answer in JSON.

    Attributes:
        limits: what it does for one visitor.
        when_loaded: what is to be done to the page's parts when its model is there.
        sweeps: what deletes that which has been kept for long enough; each is called every few minutes.
    """

    when_loaded: Callable[[], None] | None = None

    def __init__(self, limits: Limits, **options: Any) -> None:
        folders.hold_uploads()
        super().__init__(analytics_enabled=False, **options)
        self.limits = limits
        self.sweeps: list[Callable[[], None]] = [folders.sweep, self._forget_sessions]
        self._visitors = Visitors(limits.requests_per_minute)

    def loaded(self) -> None:
        """The model is there: pages that are opened from now on show it as it is."""
        if self.when_loaded is not None:
            self.when_loaded()
            self.config = self.get_config_file()

    @property
    def mcp_server_obj(self) -> Any:
        """The server of the tools, where the page was launched with one."""
        return self._tools

    @mcp_server_obj.setter
    def mcp_server_obj(self, server: Any) -> None:  # Gradio makes it while it launches
        self._tools = server and answering_in_json(server)

    @property
    def upload_bytes(self) -> int:
        """Of the largest file that is taken."""
        return (self.limits.upload_mib or MOST_MIB) * MIB

    def open_queue(self) -> None:
        """Make the queue, when all events are there."""
        self.queue(max_size=_MANY, api_open=False)
        line.guard(self, self.limits, self._visitors)

    def launch(self, *, app_kwargs: dict[str, Any] | None = None, **options: Any) -> Any:  # type: ignore[override]
        """Gradio's own, behind the gate."""
        kwargs = dict(app_kwargs or {})
        hosts = HOSTS.read() if _is_local(options.get("server_name")) else None
        gate = Middleware(Gate, upload=self.upload_bytes, visitors=self._visitors, hosts=hosts)
        kwargs["middleware"] = [gate, *kwargs.get("middleware", ())]
        kwargs["lifespan"] = self._lifespan(kwargs.get("lifespan"))
        return super().launch(app_kwargs=kwargs, max_file_size=self.upload_bytes, **options)

    async def process_api(self, block_fn: Any, inputs: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Gradio's own, but for what it takes and how it fails."""
        going_on = False
        try:
            event = options.get("event_data")
            for file in _files([inputs, getattr(event, "_data", None)]):
                if not folders.is_upload(file["path"]):
                    raise gr.Error("a file that was not uploaded here; upload it first", print_exception=False)
                file["url"] = None  # where it says it comes from is nothing to ask
            found: dict[str, Any] = await super().process_api(block_fn, inputs, *arguments, **options)
            going_on = bool(found.get("is_generating"))
        except gr.Error:
            raise
        except PlaygroundError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception as error:
            _log.exception("an event failed")
            raise gr.Error(in_a_line(error), print_exception=False) from None
        finally:
            session = options.get("session_hash")
            if not going_on and session is not None and session == options.get("event_id"):
                self._forget(session)  # a program's call is a session of its own, and over
        return found

    def _lifespan(self, inner: Any) -> Any:
        """The server's life, in which it sweeps."""

        @contextlib.asynccontextmanager
        async def life(app: Any) -> AsyncIterator[Any]:
            sweeping = asyncio.create_task(self._keep_sweeping())
            try:
                async with inner(app) if inner is not None else contextlib.nullcontext() as state:
                    yield state
            finally:
                sweeping.cancel()

        return life

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(folders.SWEEP_SECONDS)
            for sweep in self.sweeps:
                await asyncio.to_thread(sweep)

    def _forget_sessions(self) -> None:
        """What gradio keeps for tabs that were closed an hour ago, or that nobody has used for a day."""
        now = datetime.datetime.now()
        for session, used in [*self.state_holder.time_last_used.items()]:
            idle, state = (now - used).total_seconds(), self.state_holder.session_data.get(session)
            if idle > (CLOSED_SECONDS if state is None or state.is_closed else folders.KEPT_SECONDS):
                self._forget(session)
        waiting = self._queue.pending_event_ids_session  # of calls whose answer nobody fetched
        for session in [*waiting]:
            if session not in self._queue.pending_messages_per_session:
                waiting.pop(session, None)

    def _forget(self, session: str) -> None:
        self.state_holder.session_data.pop(session, None)
        self.state_holder.time_last_used.pop(session, None)


def _files(value: Any) -> Iterator[dict[str, Any]]:
    """The files that are named anywhere in what a visitor sent."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            meta = item.get("meta")
            if isinstance(item.get("path"), str) and isinstance(meta, dict) and meta.get("_type") == "gradio.FileData":
                yield item
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)


def _is_local(name: str | None) -> bool:
    """Whether a page that is served there is for this machine alone; gradio serves there where no name is given."""
    return name_of(name or HOST.read()) in LOCAL - {"0.0.0.0"}


def in_a_line(error: Exception) -> str:
    """What an error that nobody put into words says first."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


async def refuse_call(request: Request, error: Exception) -> JSONResponse:
    """The answer to a program whose call does not fit: a parameter that is missing or unknown, or no such function."""
    what = in_a_line(error) if isinstance(error, TypeError) else f"there is no function {request.url.path!r}"
    return JSONResponse({"error": what}, status_code=422)
