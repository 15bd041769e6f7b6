"""The command `lm-eval`: lm-evaluation-harness with the model `gptjt` beside its own. Its options are the harness's."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import typer

from gptjt_demo.errors import SettingError

UNREAD = {"allow_extra_args": True, "ignore_unknown_options": True}
"""What the command is registered with: of what follows it, only `--help` is read here."""


def lm_eval(context: typer.Context) -> None:
    """Run lm-evaluation-harness, with `--model gptjt` beside its own: a prefix LM read as it was trained.

    All options are the harness's; `lm-eval run -h` shows them. Needs the extra lm-eval.
    """
    if find_spec("lm_eval") is None:
        mend = "pip install 'gptjt-demo[lm-eval]'"
        raise SettingError("the package lm_eval is not installed", where="lm-eval", mend=mend)
    from lm_eval.__main__ import cli_evaluate

    import gptjt_demo.evaluation.harness  # noqa: F401  # the model is registered

    ours = sys.argv
    sys.argv = ["lm-eval", *context.args]
    try:
        cli_evaluate()
    finally:
        sys.argv = ours
