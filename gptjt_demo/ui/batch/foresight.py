"""What a run will come to, found as soon as a file, a prompt and its columns are chosen: one look for each session.

In: control values and the visitor's session. Out: HTML as it becomes known. Knows nothing of layout or events.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

from gptjt_demo.batch.estimate import Estimate, estimates
from gptjt_demo.batch.question import Question
from gptjt_demo.batch.run import query_of
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.tables.table import Table
from gptjt_demo.templates.template import MAX_INPUTS
from gptjt_demo.ui.batch.ahead import ahead
from gptjt_demo.ui.batch.order import ROW_LIMIT
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.loading import LOOK_SECONDS
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.template_choice import chosen
from gptjt_demo.ui.work import Runs, Tell, Work


class Foresight:
    """The looks that go on; safe for many visitors at once."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._runs = Runs()
        self._latest: dict[str, object] = {}

    def look(
        self, session: str, table: Table | None, name: str, how: str, attention: Any, *values: Any
    ) -> Iterator[str]:
        """What a run would come to, as it becomes known; nothing as long as something is missing for one, nor after a
        look that was dropped. A look that the session began before ends."""
        columns, controls = values[:MAX_INPUTS], values[MAX_INPUTS:]
        self.drop(session)
        try:
            template = chosen(name, self._actions, controls)
            file = source.needed(table)
            query = query_of(file, template, source.picked(template, columns))
            labels = how == "labels" and bool(template.labels)
            question = Question(self._actions.engine, template, labels, attention)
        except PlaygroundError:
            yield ""
            return
        rows = min(len(file), ROW_LIMIT)

        def function(cancel: threading.Event, tell: Tell[Estimate]) -> Estimate | None:
            found = None
            while self._actions.engine.loading is not None and not cancel.wait(LOOK_SECONDS):
                pass  # it is told as soon as the model is there
            for found in estimates(question, lambda: map(query, islice(file, rows)), rows, cancel=cancel):
                tell(found)
            return found

        self._latest[session] = mine = object()
        finished = False
        try:
            for standing in self._runs.watch(session, Work(function)):
                finished = standing.finished
                yield problem(standing.error) or ahead(standing.progress, more=not finished)
        finally:
            latest = self._latest.get(session) is mine
            if latest:
                del self._latest[session]
        # What was on its way to the page when the run began may reach it after the run's own word, and would stay.
        if latest and not finished:
            yield ""

    def drop(self, session: str) -> None:
        """End the session's look: a run begins, or the page is closed."""
        self._runs.drop(session)
