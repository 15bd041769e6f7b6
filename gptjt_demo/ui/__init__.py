"""The page: `build_app(engine, library)` and the arguments to launch it with."""

from __future__ import annotations

from gptjt_demo.ui.app import build_app, launch_options

__all__ = ["build_app", "launch_options"]
