"""Commands run in this process, as the tests of every room run them."""

from __future__ import annotations

from typing import Any

import pytest

from gptjt_demo.cli import main
from gptjt_demo.models import loading


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """A command's exit status, standard output and standard error."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return int(exit_.value.code or 0), captured.out, captured.err


def answer_with(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    """From now on, commands load `engine`, whatever model they name."""
    monkeypatch.setattr(loading, "load", lambda model, **options: engine)
