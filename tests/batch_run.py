"""A batch run in a process of its own, to be killed or launched in a group: SOURCE TARGET LOG [--evaluate].

Its engine finishes rows in the wrong order, takes a little time for each, and writes every prompt's row into LOG.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fake_engine import FakeEngine

from gptjt_demo.templates.template import Template

TEMPLATE = Template(name="echo", title="Echo", examples=(), labels=("joy", "fear"))
FREE = TEMPLATE.revised(labels=())
DELAY = 0.002


def asked(prompt: str) -> str:
    """The query that a prompt ends with."""
    return prompt.rsplit("Input: ", 1)[1].removesuffix("\nOutput:")


class Backwards(FakeEngine):
    """Answers the last of every eight prompts first."""

    def __init__(self, log: Path | None = None, delay: float = 0.0) -> None:
        super().__init__(lambda prompt: f"so {asked(prompt)}")
        self._log, self._pause = log, delay

    def complete_many(self, prompts: Any, *args: Any, **kwargs: Any) -> Iterator[tuple[int, Any]]:
        for start in range(0, len(prompts), 8):
            for index in reversed(range(start, min(start + 8, len(prompts)))):
                for _, outcome in super().complete_many(prompts[index : index + 1], *args, **kwargs):
                    time.sleep(self._pause)
                    if self._log is not None:
                        with self._log.open("a") as log:
                            log.write(f"{os.getpid()} {asked(prompts[index])}\n")
                    yield index, outcome


def stopped(source: Path, target: Path, after: int, **more: Any) -> None:
    """A run whose engine answers the last of every eight rows first, cancelled after so many."""
    from gptjt_demo.batch.run import run

    cancel, engine, seen = threading.Event(), Backwards(), []

    def answer(prompt: str) -> str:
        seen.append(prompt)
        if len(seen) > after:
            cancel.set()
        return f"so {asked(prompt)}"

    engine.answers = answer
    run(engine, TEMPLATE, source, target, columns={"input": "text"}, cancel=cancel, **more)


if __name__ == "__main__":
    from gptjt_demo.batch.run import run
    from gptjt_demo.batch.sharding import Shard
    from gptjt_demo.evaluation.evaluate import evaluate
    from gptjt_demo.evaluation.pair import report

    source, target, log = (Path(name) for name in sys.argv[1:4])
    engine: Any = Backwards(log, DELAY)
    if "--evaluate" in sys.argv:
        result = evaluate(engine, FREE, source, columns={"input": "text"}, gold="gold")
        if Shard.current().leads:
            target.write_text(json.dumps(report([result])))
    else:
        run(engine, TEMPLATE, source, target, columns={"input": "text"}, resume=True)
