"""Gradio's Blocks, whose every failure is a line: no event and no program's call ends in an error without words.

In: whatever a handler, or Gradio before it, raises. Out: a `gr.Error` that page, API and tools pass on. Does not know
what is on the page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.ui.tools import answering_in_json

_log = logging.getLogger(__name__)


class Page(gr.Blocks):
    """Blocks that put an error into words for whoever asked, and whose tools answer in JSON.

    Attributes:
        when_loaded: what is to be done to the page's parts when its model is there.
    """

    when_loaded: Callable[[], None] | None = None

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

    async def process_api(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Gradio's own, but for how it fails."""
        try:
            found: dict[str, Any] = await super().process_api(*arguments, **options)
        except gr.Error:
            raise
        except PlaygroundError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception as error:
            _log.exception("an event failed")
            raise gr.Error(in_a_line(error), print_exception=False) from None
        return found


def in_a_line(error: Exception) -> str:
    """What an error that nobody put into words says first."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


async def refuse_call(request: Request, error: Exception) -> JSONResponse:
    """The answer to a program whose call does not fit: a parameter that is missing or unknown, or no such function."""
    what = in_a_line(error) if isinstance(error, TypeError) else f"there is no function {request.url.path!r}"
    return JSONResponse({"error": what}, status_code=422)
