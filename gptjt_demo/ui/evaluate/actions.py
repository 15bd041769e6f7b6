"""What the evaluate tab's controls do, as plain functions of their values: choose, measure, look into a cell, diagnose.

In: control values and the visitor's session. Out: values for the tab's outputs, errors already turned into one line
where they belong. Knows nothing of layout or events.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from gptjt_demo.batch.progress import Meter, Progress
from gptjt_demo.batch.question import Question
from gptjt_demo.engine.calibration import LabelRule, check_rule
from gptjt_demo.errors import PlaygroundError, SettingError
from gptjt_demo.evaluation import samples
from gptjt_demo.evaluation.diagnostics import DIAGNOSTICS, Diagnosis
from gptjt_demo.evaluation.evaluate import LabelledRows, labelled, measure
from gptjt_demo.evaluation.limits import DIAGNOSED_ON_PAGE
from gptjt_demo.evaluation.run import Run
from gptjt_demo.settings import Attention
from gptjt_demo.tables.table import Table
from gptjt_demo.templates.template import MAX_INPUTS, Template
from gptjt_demo.ui.evaluate.charts import chart, no_chart
from gptjt_demo.ui.evaluate.figures import figures, free_cells, rows_list
from gptjt_demo.ui.evaluate.kept_report import Reports, write_rows
from gptjt_demo.ui.folders import fetched_folder, remove_served
from gptjt_demo.ui.html import problem, progress_bar
from gptjt_demo.ui.loading import need_model
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.grid import with_row
from gptjt_demo.ui.rows.template_choice import begun_as, chosen, chosen_or_wrong
from gptjt_demo.ui.work import Runs, Tell, Work

ROW_LIMIT = 10_000
NOTHING = "(nothing)"
"""The value of the picker of another prompt where none is picked; no template has such a name."""
KEPT = "(kept)"
"""... and where it is a version of the visitor's own."""

NONE = "-"
"""What a browser keeps in the place of an id: it does not take a blank for a value."""
_HERE = '<p class="hint">It ends when you close or reload this page; its report is kept.</p>'
_AGAIN = '<p class="hint" role="status">Your last report. To open the rows of a cell, measure again.</p>'
_FORGOTTEN = (
    '<p class="hint" role="status">Your last report is no longer kept here: a day has passed, or the app has moved.</p>'
)
_ELSEWHERE = '<p class="hint" role="status">Its rows are in the file. To open them here, measure again.</p>'

Rival = tuple[Template, str]
"""A version to measure against, and what it is called."""


class EvaluateActions:
    """What the tab does; safe for many visitors at once."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions
        self.runs = Runs()
        self.reports = Reports()
        self.cache = get_upload_folder()
        self._lock = threading.Lock()
        self._fetched: dict[str, Path] = {}

    # --- the file

    def look(self, path: str | None, name: str, *values: Any, sample: bool = False) -> tuple[Any, ...]:
        """Show an uploaded file: the table, what was found, its first rows, and `choose`."""
        table, found, preview = source.looked_at(path, ROW_LIMIT, self.actions.limits, sample=sample)
        return table, found, preview, *self.choose(table, name, *[None] * (1 + MAX_INPUTS), *values)

    def sample(self, name: str, *values: Any) -> tuple[Any, ...]:
        """`look` at the sample that ships for the prompt."""
        try:
            chosen(name, self.actions, values)  # what is wrong with the prompt comes first
            path = str(samples.path(begun_as(name, values)))
        except PlaygroundError as error:
            return None, problem(str(error)), "", *self.choose(None, name, *[None] * (1 + MAX_INPUTS), *values)
        return self.look(path, name, *values, sample=True)

    def choose(self, table: Table | None, name: str, *values: Any) -> tuple[Any, ...]:
        """The pickers for a prompt over the file: what is wrong with the prompt, the column of right answers, those of
        the inputs, how labels are compared, how it may answer, and whether there is a sample to try."""
        gold, columns, controls = values[0], values[1 : 1 + MAX_INPUTS], values[1 + MAX_INPUTS :]
        template, wrong = chosen_or_wrong(name, self.actions, controls)
        gold, said = source.gold_column(template, table, gold)
        labels = template is not None and bool(template.labels)
        return (
            wrong,
            source.gold_update(table if template else None, gold, said),
            *source.column_updates(template, table, columns, gold=gold),
            gr.Dropdown(visible=labels),
            gr.Radio(visible=labels),
            gr.Button(visible=template is not None and begun_as(name, controls) in samples.names()),
        )

    # --- measuring

    def measure(
        self,
        session: str,
        table: Table | None,
        name: str,
        against: str,
        how: str,
        rule: LabelRule,
        attention: str,
        *values: Any,
        rival: Rival | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """The runs, how far they are, and their figures; the figures when they are there."""
        self.runs.begin(session)
        called: list[str] = []
        most = source.fewer(ROW_LIMIT, self.actions.limits.rows)
        try:
            asked = [(*self.rows(table, name, values, most), mode) for mode in self.modes(attention)]
            if against != NOTHING:
                if len(asked) > 1:
                    raise SettingError("two comparisons at once", mend="choose one attention, or no other prompt")
                if against == KEPT and rival is None:
                    raise SettingError("that version is no longer here", mend="press Measure against it once more")
                own, name_of_own = rival if rival and against == KEPT else (None, "")
                asked.append((*self.rows(table, against, values, most, own), asked[0][2]))
                called = [asked[0][0].title, name_of_own] if own else []
        except PlaygroundError as error:
            yield gr.skip(), problem(str(error)), gr.skip(), gr.skip()
            return

        def function(cancel: threading.Event, tell: Tell[Progress]) -> tuple[list[Run], str]:
            runs: list[Run] = []
            for template, rows, mode in asked:
                labels = how == "labels" and bool(template.labels)
                question = Question(self.actions.engine, template, labels, mode, check_rule(rule))
                meter = Meter(len(rows), partial(tell, title=f"{template.title}, {question.mode} attention"))
                runs.append(measure(question, rows, cancel=cancel, meter=meter, rules=True))
            runs = [run for run in runs if run.n]
            return runs, figures(runs, called)  # here, because pictures take a while

        seconds = self.actions.limits.batch_seconds
        for standing in self.runs.watch(session, Work(function, "measure", seconds)):
            if not standing.finished:
                yield gr.skip(), progress_bar(standing) + _HERE, gr.skip(), gr.skip()
            elif standing.result is None:
                yield gr.skip(), problem(standing.error), gr.skip(), gr.skip()
            else:
                runs, shown = standing.result
                stopped = "" if runs else '<p class="hint">Stopped before the first row was answered.</p>'
                yield runs, problem(standing.error) + stopped, shown, ""

    def stop(self, session: str) -> None:
        """Stop the session's run; its rows so far are shown."""
        self.runs.stop(session)

    def cell(self, runs: Sequence[Run] | None, pressed: dict[str, Any]) -> str:
        """The rows of a cell that was pressed; nothing where there is no such cell."""
        number, gold, predicted = (_number(pressed, name) for name in ("run", "gold", "predicted"))
        if not runs:
            return _ELSEWHERE
        if not 0 <= number < len(runs):
            return ""
        run = runs[number]
        if not run.labels:
            name, outcomes = free_cells(run)[max(0, min(gold, 2))]
            return rows_list(run, number, name, None, outcomes)
        if not (0 <= gold < len(run.gold_labels) and 0 <= predicted < len(run.predicted_labels)):
            return ""
        names = run.gold_labels[gold], run.predicted_labels[predicted]
        return rows_list(run, number, *names, run.cell(*names))

    def add(self, runs: Sequence[Run] | None, pressed: dict[str, Any], held: Controls) -> tuple[Any, str]:
        """A row, with its right answer, among the playground's examples; and a line that says so or why not."""
        number, row = _number(pressed, "run"), _number(pressed, "row")
        found = (
            [each for each in runs[number].outcomes if each.row.index == row]
            if runs and 0 <= number < len(runs)
            else []
        )
        if not runs or not found:
            return gr.skip(), ""
        outcome, name, base = found[0], runs[number].template, held.base
        try:
            names = {base.name, self.actions.whole(held).name}  # an edited prompt has a name of its own
        except PlaygroundError:
            names = {base.name}
        if name not in names or list(outcome.row.query) != [field.name for field in base.inputs]:
            line = f"the playground shows “{held.title}”, and this row was answered with another prompt ({name})"
            return gr.skip(), problem(f"{line}; pick that one there first, then add the row")
        try:
            rows = with_row(held.examples, [*outcome.row.query.values(), outcome.gold])
        except PlaygroundError as error:
            return gr.skip(), problem(str(error))
        said = (
            f"Added to the playground’s examples, as number {len(rows['rows'])}. Measure again to see what it changes."
        )
        return rows, f'<p class="settled" role="status">{said}</p>'

    def keep(self, runs: Sequence[Run], shown: str, former: object) -> tuple[str, str]:
        """Keep a report beyond a reload, in the place of the one before: its id, and the line that says why not.

        Args:
            runs: what was measured; at least one.
            shown: the report as the page shows it.
            former: the id of the one before.
        """
        try:
            return self.reports.keep(shown, runs, former), ""
        except PlaygroundError as error:
            return NONE, problem(f"this report will be gone after a reload: {error}")

    def found(self, id: object) -> tuple[Any, str, Any]:
        """The visitor's last report: what is shown of it, what is said, and what it is fetched and deleted with."""
        report = self.reports.find(id)
        if report is not None:
            return report.shown, _AGAIN, gr.Column(visible=True)
        return gr.skip(), "" if id in (None, NONE) else _FORGOTTEN, gr.Column(visible=False)

    def fetch(self, session: str, runs: Sequence[Run] | None, id: object = None) -> str | None:
        """Every row with what came of it, as a CSV file; the session's one before is deleted.

        Args:
            session: the visitor's.
            runs: what was measured since the page was loaded.
            id: of what was measured before.
        """
        report = None if runs else self.reports.find(id)
        if runs:
            path = write_rows(runs, fetched_folder())
        elif report is not None:
            path = Path(shutil.copy(report.rows, fetched_folder()))
        else:
            return None
        self._forget(session)
        with self._lock:
            self._fetched[session] = path
        return str(path)

    def delete(self, session: str, id: object) -> None:
        """Delete the visitor's last report, and what they fetched of it."""
        self.reports.delete(id)
        self._forget(session)

    def leave(self, session: str) -> None:
        """The visitor has closed the page: nobody reads on, and what they fetched is deleted."""
        self.runs.drop(session)
        self._forget(session)

    def _forget(self, session: str) -> None:
        with self._lock:
            path = self._fetched.pop(session, None)
        if path is not None:
            remove_served(path, self.cache)
            shutil.rmtree(path.parent, ignore_errors=True)

    # --- diagnostics

    def diagnose(
        self,
        session: str,
        table: Table | None,
        name: str,
        against: str,
        how: str,
        rule: LabelRule,
        attention: str,
        *values: Any,
    ) -> Iterator[tuple[str, str]]:
        """How far the diagnostics are, and their charts as they come."""
        self.runs.begin(session)
        try:
            template, rows = self.rows(table, name, values, DIAGNOSED_ON_PAGE)
        except PlaygroundError as error:
            yield problem(str(error)), ""
            return
        mode = self.modes(attention)[0]
        labels = how == "labels" and bool(template.labels)
        question = Question(self.actions.engine, template, labels, mode, check_rule(rule))
        charts: list[str] = []

        def function(cancel: threading.Event, tell: Tell[Progress]) -> None:
            for name, diagnostic in DIAGNOSTICS.items():
                if cancel.is_set():
                    return
                try:
                    found: Diagnosis = diagnostic(
                        question, rows, cancel=cancel, progress=partial(tell, title=_STEPS[name])
                    )
                except SettingError as error:
                    charts.append(no_chart(name, str(error)))
                else:
                    charts.append(chart(name, found))

        seconds = self.actions.limits.batch_seconds
        for standing in self.runs.watch(session, Work(function, "diagnose", seconds)):
            bar = problem(standing.error) if standing.finished else progress_bar(standing)
            about = f'<p class="hint">On {len(rows)} rows, with {question.mode} attention.</p>' if charts else ""
            yield bar, about + (f'<div class="charts">{"".join(charts)}</div>' if charts else "")

    # --- what is asked

    def rows(
        self, table: Table | None, name: str, values: Sequence[Any], limit: int, own: Template | None = None
    ) -> tuple[Template, LabelledRows]:
        """A prompt, by its picker's name or one's own, and what it is measured on. Of two prompts, inputs with the same
        number share a column.

        Raises:
            PlaygroundError: there is no model, file or column yet, or the prompt is none.
        """
        gold, columns, controls = values[0], values[1 : 1 + MAX_INPUTS], values[1 + MAX_INPUTS :]
        need_model(self.actions.engine)
        template = own or chosen(name, self.actions, controls)
        file = source.needed(table)
        if not gold:
            raise SettingError("no column of right answers is chosen", mend="choose one")
        return template, labelled(file, template, columns=source.picked(template, columns), gold=gold, limit=limit)

    def modes(self, attention: str) -> list[Attention | None]:
        """The attention that is picked, or both kinds."""
        if attention == "both" and self.actions.engine.supports_prefix:
            return ["prefix", "causal"]
        return ["causal"] if attention in ("both", "causal") else ["prefix"]


_STEPS = {
    "order": "Other orders of the examples",
    "influence": "Without each of the examples",
    "prior": "Empty inputs",
    "number": "Fewer examples",
}


def _number(pressed: dict[str, Any], name: str) -> int:
    """What a browser sent, which may be anything."""
    value = pressed.get(name)
    return value if isinstance(value, int) else -1
