"""A bar on standard error that draws progress with its rate and the time left, where a person watches.

In: a title. Out: whom to tell of progress. Does not know what is done.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gptjt_demo.batch.progress import Progress, Told


@contextmanager
def bar(title: str = "", *, unit: str = "rows", hidden: bool = False) -> Iterator[Told | None]:
    """Whom to tell; None where standard error is no terminal, or it is to be hidden."""
    if hidden or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(desc=title or None, unit=f" {unit}", dynamic_ncols=True, file=sys.stderr) as drawn:

        def told(progress: Progress) -> None:
            if drawn.total is None:
                drawn.reset(progress.total)
                drawn.initial = progress.done  # a resumed run's rate is that of its own rows
            if progress.errors:
                drawn.set_postfix(errors=progress.errors, refresh=False)
            drawn.update(progress.done - drawn.n)

        yield told
