"""Commands as the tests of every room run them: in this process, or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gptjt_demo.cli import main

# Commands of a process of their own load this in place of a model: it takes no seconds and answers as it is told.
STAND_IN = """
import sys, types
sys.path.insert(0, {tests!r})
from fake_engine import FakeEngine

def load(model, **options):
    print("the model is loaded", file=sys.stderr)
    return FakeEngine(**{options!r})

sys.modules["gptjt_demo.models.loading"] = loading = types.ModuleType("gptjt_demo.models.loading")
loading.load = load
from gptjt_demo.cli import main
main(sys.argv[1:])
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """A command's exit status, standard output and standard error."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def answer_with(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    """From now on, commands load `engine`, whatever model they name."""
    monkeypatch.setattr("gptjt_demo.models.loading.load", lambda model, **options: engine)


def process(
    *arguments: object,
    answers: dict[str, Any] | None = None,
    given: bytes = b"",
    stdout: Any = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[bytes]:
    """A command in a process of its own, whose engine is a `FakeEngine(**answers)`; `given` is its standard input."""
    return subprocess.run(
        [sys.executable, "-c", program(answers), *map(str, arguments)],
        input=given,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        check=False,
        timeout=120,
    )


def program(answers: dict[str, Any] | None = None) -> str:
    """The code of such a process."""
    return STAND_IN.format(tests=str(Path(__file__).parent), options=answers or {})
