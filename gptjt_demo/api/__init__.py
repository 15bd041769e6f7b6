"""The HTTP API that OpenAI's clients speak, beside the page: `api_routes(engine)`. README.md here says what it does."""

from __future__ import annotations

from gptjt_demo.api.origins import letting_in
from gptjt_demo.api.routes import PATHS, api_routes

__all__ = ["PATHS", "api_routes", "letting_in"]
