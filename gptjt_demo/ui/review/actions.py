"""What the review tab's controls do, as plain functions of their values: open, decide, undo, go on, learn, fetch.

In: control values and the visitor's key. Out: values for the tab's outputs, errors already turned into one line where
they belong. What a browser sends is checked. Knows nothing of layout or events.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.utils import get_upload_folder

from gptjt_demo.batch.columns import guess_inputs
from gptjt_demo.errors import PlaygroundError, SettingError, TableError
from gptjt_demo.evaluation.review.answers import AnswerColumns
from gptjt_demo.evaluation.review.review import Review
from gptjt_demo.evaluation.review.risk import TARGETS
from gptjt_demo.tables.table import read
from gptjt_demo.ui.batch.job import BatchJobs
from gptjt_demo.ui.folders import fetched_folder, remove_served
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls
from gptjt_demo.ui.review.card import deleted, no_review, row_card
from gptjt_demo.ui.review.keys import acted, number
from gptjt_demo.ui.review.known import how_many, progress
from gptjt_demo.ui.review.shelf import Shelf, new_key
from gptjt_demo.ui.rows import source
from gptjt_demo.ui.rows.grid import with_row

ROW_LIMIT = 100_000
NO_GOLD = "(none)"
AIMS = [(f"{100 * part:.0f} %", part) for part in TARGETS]
NONE = "-"
"""What a browser keeps in the place of a key: it does not take a blank for a value."""


class View(NamedTuple):
    """All that a review shows; see `tab.py` for what shows it."""

    key: Any
    wrong: Any
    card: Any
    far: Any
    many: Any
    gold: Any
    target: Any
    tools: Any
    gold_tools: Any


class ReviewActions:
    """What the tab does; safe for many visitors at once.

    Args:
        actions: what the page does.
        jobs: the batches whose answers can be reviewed.
        shelf: where reviews are kept.
    """

    def __init__(self, actions: Actions, jobs: BatchJobs, shelf: Shelf | None = None) -> None:
        self.actions = actions
        self.jobs = jobs
        self.shelf = shelf or Shelf()
        self.cache = get_upload_folder()
        self._lock = threading.Lock()
        self._fetched: dict[str, Path] = {}

    # --- opening

    def look(self, key: Any, path: str | None) -> View:
        """Review a file that was uploaded; without one nothing changes."""
        if path is None:
            return _same()
        try:
            limits = self.actions.limits
            table = source.opened(path, limits.upload_mib or source.MOST_MIB)
            if len(table) > source.fewer(ROW_LIMIT, limits.rows):
                most = source.fewer(ROW_LIMIT, limits.rows)
                raise TableError(
                    f"{len(table):,} rows, the limit here is {most:,}", where=table.path.name, mend="split it"
                )
            key = self._key(key)
            return self._view(key, self.shelf.begin(key, table))
        except PlaygroundError as error:
            return _same()._replace(wrong=problem(str(error)))

    def review_job(self, key: Any, id: Any) -> View:
        """Review the answers of a batch that has ended, or those so far."""
        job = self.jobs.find(id)
        if job is None:
            return _same()._replace(wrong=problem("this run is no longer kept here"))
        try:
            path = job.fetch("jsonl")
            order = job.order
            key = self._key(key)
            review = self.shelf.begin(
                key,
                read(path),
                labels=order.template.labels if order.labels else (),
                inputs=order.columns,
                template=order.template.name,
            )
            return self._view(key, review)
        except PlaygroundError as error:
            return _same()._replace(wrong=problem(str(error)))

    def show(self, key: Any) -> View:
        """The visitor's review as they left it, or none."""
        try:
            review = self.shelf.find(key)
        except PlaygroundError as error:
            return _none(no_review(str(error)))._replace(key=gr.skip())
        if review is None:
            return _none(no_review())._replace(key=gr.skip())
        return self._view(key, review)._replace(key=gr.skip())

    def delete(self, key: Any) -> View:
        """Delete all that the visitor reviewed."""
        if key is None:  # not confirmed
            return _same()
        self.shelf.delete(key)
        self._forget(str(key))
        return _none(deleted())._replace(key=NONE)

    def leave(self) -> None:
        """The server ends: reviews stay on the disk, for the next one to open."""
        self.shelf.close()

    # --- deciding

    def act(self, key: Any, pressed: Any) -> tuple[Any, Any, Any]:
        """What keys or buttons mean: the card, how far it is, and the buttons for gold rows.

        Args:
            key: the visitor's.
            pressed: as a browser sends it: {acts, shown, turn}. Of the acts, {act, row, label, text} each, the first is
                of the row that is shown, and each other of the row to which the one before leads.
        """
        asked = pressed if isinstance(pressed, dict) else {}
        turn = number(asked, "turn")
        try:
            review = self.shelf.find(key)
        except PlaygroundError as error:
            return no_review(str(error)), gr.skip(), gr.skip()
        if review is None:
            return no_review("this review is no longer kept here"), "", gr.Row(visible=False)
        row, last, line = acted(review, number(asked, "shown"), asked.get("acts"))
        card = row_card(review, row, last=last, line=line, turn=turn)
        return card, progress(review), _gold_tools(review)

    def learn(self, key: Any, gold: Any, target: Any) -> tuple[Any, Any, Any, Any]:
        """Take another column of right answers, or aim: the card, how far it is, what is known, what is wrong."""
        try:
            review = self.shelf.find(key)
            if review is None:
                return gr.skip(), gr.skip(), gr.skip(), problem("this review is no longer kept here")
            review.learn(None if gold in (None, NO_GOLD) else str(gold), _target(target))
        except PlaygroundError as error:
            return gr.skip(), gr.skip(), gr.skip(), problem(str(error))
        return row_card(review, review.following()), progress(review), how_many(review), ""

    def add(self, key: Any, pressed: Any, held: Controls) -> tuple[Any, str]:
        """A row with its answer among the playground's examples; and a line that says so or why not."""
        asked = pressed if isinstance(pressed, dict) else {}
        try:
            review = self.shelf.find(key)
            row = number(asked, "row")
            answer = review.decided(row) if review is not None and 0 <= row < len(review) else None
            if review is None or answer is None:
                raise SettingError("only a row that was decided can be an example", mend="decide it first")
            rows = with_row(held.examples, [*_inputs(review, row, held), answer])
        except PlaygroundError as error:
            return gr.skip(), problem(str(error))
        said = f"Row {row + 1:,} is example {len(rows['rows'])} of “{held.title}” in the playground."
        return rows, f'<p class="settled" role="status">{said}</p>'

    # --- the file back

    def fetch(self, key: Any, format: str) -> tuple[str | None, str]:
        """The file with what was decided, or the line that says why there is none."""
        return self._fetch(key, f"reviewed.{format}", lambda review, path: review.write(path))

    def fetch_gold(self, key: Any) -> tuple[str | None, str]:
        """The gold rows as CSV."""
        return self._fetch(key, "gold.csv", lambda review, path: review.write_gold(path))

    def measure(self, key: Any) -> tuple[Any, Any, str]:
        """The gold rows as the file of Evaluate, which is opened; or the line that says why not."""
        try:
            review = self.shelf.find(key)
            if review is None:
                return gr.skip(), gr.skip(), problem("this review is no longer kept here")
            path = Path(tempfile.mkdtemp(dir=get_upload_folder())) / f"{_name(review)}-gold.csv"
            review.write_gold(path)
        except PlaygroundError as error:
            return gr.skip(), gr.skip(), problem(str(error))
        return str(path), gr.update(selected="evaluate"), ""

    def _fetch(self, key: Any, ending: str, write: Callable[[Review, Path], None]) -> tuple[str | None, str]:
        try:
            review = self.shelf.find(key)
            if review is None:
                return None, problem("this review is no longer kept here")
            path = fetched_folder() / f"{_name(review)}-{ending}"
            write(review, path)
        except PlaygroundError as error:
            return None, problem(str(error))
        self._forget(key)
        with self._lock:
            self._fetched[key] = path
        return str(path), ""

    def _forget(self, key: str) -> None:
        """Delete what the visitor fetched before."""
        with self._lock:
            path = self._fetched.pop(key, None)
        if path is not None:
            remove_served(path, self.cache)
            shutil.rmtree(path.parent, ignore_errors=True)

    # --- inner

    def _key(self, key: Any) -> str:
        return key if isinstance(key, str) and len(key) >= len(new_key()) else new_key()

    def _view(self, key: str, review: Review) -> View:
        about = review.about
        columns = AnswerColumns.of(about.columns, where=about.name)
        own = [about.columns[index] for index in columns.own]
        return View(
            key,
            "",
            row_card(review, review.following()),
            progress(review),
            how_many(review),
            gr.Dropdown([("No column", NO_GOLD), *own], value=about.gold or NO_GOLD, visible=columns.weighed),
            gr.Dropdown(AIMS, value=about.target, visible=columns.weighed),
            gr.Column(visible=True),
            _gold_tools(review),
        )


def _same() -> View:
    return View(*[gr.skip()] * len(View._fields))


def _none(card: str) -> View:
    """A page without a review."""
    hidden = gr.Dropdown(visible=False)
    return View(NONE, "", card, "", "", hidden, hidden, gr.Column(visible=False), gr.Row(visible=False))


def _gold_tools(review: Review) -> Any:
    return gr.Row(visible=len(review.decisions.gold) > 0)


def _name(review: Review) -> str:
    """The name of the file that was answered, for those that come of it."""
    return review.about.name[:80].removesuffix("-answers")


def _inputs(review: Review, row: int, held: Controls) -> list[str]:
    """The row's text for each input of the playground's prompt.

    Raises:
        SettingError: it is not known which cell is which input.
    """
    names = [field.name for field in held.base.inputs]
    known = review.inputs(row)
    if names == list(known):
        return list(known.values())
    cells = {**known, **review.others(row)}
    found = guess_inputs(held.base, list(cells), gold=review.about.gold)
    if len(found) < len(names):
        what = f"it is not known which cell is which input of “{held.title}”"
        raise SettingError(what, mend="pick the prompt that the file was answered with in the playground")
    return [cells[found[name]] for name in names]


def _target(value: Any) -> float:
    return value if value in TARGETS else TARGETS[1]
