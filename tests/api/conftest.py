"""A small real model behind the API, once for all tests of the room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tiny
from api_server import serving

from gptjt_demo.engine.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine(tiny.model("llama"), tiny.tokenizer(), name="tiny")


@pytest.fixture(scope="session")
def url(engine: Engine) -> Iterator[str]:
    with serving(engine) as address:
        yield address
