"""What programs may call, as tools of the Model Context Protocol, where the page is served with `mcp_server`.

Gradio serves its endpoints as tools and calls them through its own queue. What is made of them here: each parameter's
meaning stands in the tool's schema, an answer is JSON and not Python's notation, a call that the queue refuses is told
its line, and an endpoint may be left out. Does not know what the endpoints do.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import gradio as gr

F = TypeVar("F", bound=Callable[..., Any])


def no_tool(function: F) -> F:
    """An endpoint that is not among the tools."""
    function._mcp_type = "none"  # type: ignore[attr-defined]  # Gradio lists as tools what is marked as nothing else
    return function


def with_arguments(function: Callable[..., Any], words: Mapping[str, str]) -> None:
    """Write what each parameter means into the function's docstring, where Gradio's tools read it."""
    lines = [f"    {name}: {' '.join(text.split())}" for name, text in words.items()]
    function.__doc__ = "\n".join([" ".join((function.__doc__ or "").split()), "", "Args:", *lines])


def answering_in_json(server: Any) -> Any:
    """A `GradioMCPServer` whose answers are JSON; none of ours holds a file."""

    def as_json(data: list[Any], root_url: str) -> list[Any]:
        return [server.types.TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in data]

    server.postprocess_output_data = as_json
    for name in ("_execute_tool_without_progress", "_execute_tool_with_progress"):
        setattr(server, name, _in_a_line(getattr(server, name)))
    return server


def _in_a_line(execute: Callable[..., Awaitable[list[Any]]]) -> Callable[..., Awaitable[list[Any]]]:
    """The same, but for how it says that the queue has refused a call: Gradio would tell its client's words."""

    async def executed(*arguments: Any) -> list[Any]:
        try:
            return await execute(*arguments)
        except Exception as error:
            refused = getattr(error, "response", None)  # its HTTP client's
            if refused is None:
                raise
            try:
                line = str(refused.json()["detail"])
            except (ValueError, KeyError, TypeError):
                line = f"the call was refused ({refused.status_code})"
            raise gr.Error(line, print_exception=False) from None

    return executed
