"""Which of the visitors' tabs a request comes from."""

from __future__ import annotations

import gradio as gr


def session(request: gr.Request) -> str:
    """The visitor's tab: no other tab has the same."""
    return request.session_hash or ""
