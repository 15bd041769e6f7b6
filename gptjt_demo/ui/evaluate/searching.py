"""Looking for better examples on the page: search, stop, go on, and take what was found into the playground.

In: control values and the visitor's session. Out: values for the tab's outputs, errors already turned into one line.
Replies are kept while the visitor's page is open, so that a search that was stopped goes on where it was. Knows nothing
of layout or events.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gptjt_demo.batch.journal import Identity
from gptjt_demo.batch.progress import Progress
from gptjt_demo.batch.question import Question
from gptjt_demo.engine.calibration import LabelRule, check_rule
from gptjt_demo.errors import PlaygroundError, SettingError
from gptjt_demo.evaluation.improve.improve import Improvement, improve
from gptjt_demo.evaluation.improve.journal import identity_of
from gptjt_demo.evaluation.improve.scoring import InMemory
from gptjt_demo.evaluation.limits import SEARCH_CALLS_AT_LEAST
from gptjt_demo.tables.table import Table
from gptjt_demo.templates.template import MAX_EXAMPLES, Template
from gptjt_demo.ui.evaluate.actions import ROW_LIMIT, EvaluateActions
from gptjt_demo.ui.evaluate.better import better
from gptjt_demo.ui.html import problem, progress_bar
from gptjt_demo.ui.playground.controls import Controls, Page
from gptjt_demo.ui.playground.draft import RAW, example_cells, show_nearest
from gptjt_demo.ui.playground.identity import identified
from gptjt_demo.ui.playground.opening import Opening
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.work import Tell, Work

MOST_CALLS = 10_000
"""Of one search on a page, where the server sets no limit."""


@dataclass(frozen=True)
class Searched:
    """What was found, and the template that it was found for."""

    present: Template
    found: Improvement


class Searching:
    """What the tab's search does; safe for many visitors at once."""

    def __init__(self, do: EvaluateActions, opening: Opening) -> None:
        self.do = do
        self.opening = opening
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Identity, InMemory]] = {}

    def search(
        self,
        session: str,
        budget: Any,
        examples: Any,
        nearest: Any,
        table: Table | None,
        name: str,
        against: str,
        how: str,
        rule: LabelRule,
        attention: str,
        *values: Any,
    ) -> Iterator[tuple[Any, ...]]:
        """What was found, how far the search is, the result, and whether it can be taken; the first when it is there.

        The arguments from `table` on are those of `EvaluateActions.measure`.
        """
        actions = self.do.actions
        self.do.runs.begin(session)
        try:
            most = source.fewer(MOST_CALLS, actions.limits.rows)
            calls = _whole(budget, "Model calls", SEARCH_CALLS_AT_LEAST, most)
            count = None if examples in (None, "", 0) else _whole(examples, "Examples in a prompt", 1, MAX_EXAMPLES)
            template, rows = self.do.rows(table, name, values, source.fewer(ROW_LIMIT, actions.limits.rows))
            labels = how == "labels" and bool(template.labels)
            question = Question(actions.engine, template, labels, self.do.modes(attention)[0], check_rule(rule))
            identity = identity_of(question, source.needed(table), rows.columns, rows.gold)
        except PlaygroundError as error:
            yield gr.skip(), problem(str(error)), gr.skip(), gr.skip()
            return
        kept = self._replies(session, identity)

        def function(cancel: threading.Event, tell: Tell[Progress]) -> Improvement:
            title = ""

            def step(name: str) -> None:
                nonlocal title
                title = name

            return improve(
                question,
                rows,
                examples=count,
                budget=calls,
                nearest=bool(nearest),
                kept=kept,
                cancel=cancel,
                progress=lambda progress: tell(progress, title),
                step=step,
            )

        for standing in self.do.runs.watch(session, Work(function, "improve", actions.limits.batch_seconds)):
            if not standing.finished:
                yield gr.skip(), progress_bar(standing, noun="calls"), gr.skip(), gr.skip()
            elif standing.result is None:
                yield gr.skip(), problem(standing.error), gr.skip(), gr.skip()
            else:
                found = standing.result
                on = "" if found.finished else '<p class="hint">Press the button again and it goes on from here.</p>'
                usable = found.finished and found.changed
                searched = Searched(template, found) if usable else None
                yield (
                    searched,
                    problem(standing.error) + on,
                    better(found, actions.engine.name),
                    gr.update(visible=usable),
                )

    def take(self, session: str, searched: Searched | None, held: Controls) -> tuple[Page | None, str]:
        """The page with the new examples, as an edit that can be undone, and a line that says so.

        Args:
            session: the visitor's.
            searched: what was found; None where nothing was.
            held: what the playground holds.
        """
        if searched is None:
            return None, ""
        found, title = searched.found.template, searched.present.title
        undone = "Undo there brings back what was."
        try:
            whole = self.do.actions.whole(held)
        except PlaygroundError:
            whole = None
        if whole != searched.present:  # the playground has another prompt
            new, note = identified(searched.present, found, ""), f"“{title}” has other examples."
            page = self.opening.opened(session, new, note, held)
            back = self.do.actions.past.ways(session).back
            return page, f"“{title}” with the new examples is in the playground. {undone if back else ''}".rstrip()
        now = held._replace(
            examples=example_cells(found),
            nearest=show_nearest(found.nearest_examples),
            raw=found.revised(query=whole.query).render(whole.query) if held.view == RAW else held.raw,
        )
        page = self.opening.mended(session, now, held)
        return page, f"The new examples are in the playground. {undone}"

    def leave(self, session: str) -> None:
        """The visitor has closed the page."""
        with self._lock:
            self._kept.pop(session, None)

    def _replies(self, session: str, identity: Identity) -> InMemory:
        """Those of the session's last search, where it asked the same of the same file."""
        with self._lock:
            before = self._kept.get(session)
            if before is None or before[0] != identity:
                before = self._kept[session] = identity, InMemory()
            return before[1]


def _whole(value: Any, where: str, least: int, most: int) -> int:
    """A number that a browser sent, which may be anything.

    Raises:
        SettingError: it is none, or out of its range.
    """
    if not isinstance(value, int | float) or not least <= value <= most or value != int(value):
        raise SettingError("not a number that fits", where=where, mend=f"give {least:,} to {most:,}")
    return int(value)
