"""A run's figures as they are kept beside the versions of its template. In: a run. Out: a `Measured`."""

from __future__ import annotations

from gptjt_demo.evaluation.run import Run
from gptjt_demo.templates.versions.measured import Measured, now


def measured_of(run: Run, time: str = "") -> Measured:
    """The run's figures.

    Args:
        run: with at least one row.
        time: when it was, as `versions.measured.now` gives it; blank: now.
    """
    return Measured(
        key=run.key,
        time=time or now(),
        file=_sound(run.file),
        rows=run.n,
        right=run.right,
        accuracy=run.accuracy,
        interval=run.interval,
        macro_f1=run.macro_f1,
        attention=run.attention,
        model=_sound(run.model),
        how=(run.rule if run.weighed else "generated") if run.labels else "",
    )


def _sound(name: str) -> str:
    """A file's name as text that can be kept anywhere: a name on disk need not be one."""
    return name.encode("utf-8", "replace").decode()[:300]
