"""Better examples for a template: searched on one half of labelled rows, reported on the other beside the present ones.

In: a question, labelled rows, a budget of model calls. Out: an `Improvement`, whose figures are those of the half that
had no part in the search. Does not know files, nor how progress is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gptjt_demo.batch.progress import Meter, Told
from gptjt_demo.batch.question import Question
from gptjt_demo.batch.sharding import Shard
from gptjt_demo.errors import SettingError
from gptjt_demo.evaluation.improve.halves import check_count, default_count, halves
from gptjt_demo.evaluation.improve.scoring import InMemory, Kept, Score, Scoring, Stopped
from gptjt_demo.evaluation.improve.search import Search
from gptjt_demo.evaluation.improve.search import Told as StepTold
from gptjt_demo.evaluation.limits import SEARCH_CALLS, SEARCH_CALLS_AT_LEAST
from gptjt_demo.evaluation.metrics import Paired
from gptjt_demo.evaluation.run import Labelled, Run, compare
from gptjt_demo.templates.template import Template

SETS_AT_LEAST = 12
"""Sets that the calls must reach for: of many rows to score on, as many are used."""
SCORED_AT_LEAST = 10


@dataclass(frozen=True)
class Improvement:
    """What came of a search.

    Attributes:
        template: with the best examples; the present one where none did better on the rows of the search.
        count: examples that its prompts show.
        seed, budget, spent: of the search; the latter two in calls to the model.
        tried: sets of examples that were measured.
        scored: rows of the search that sets were measured on.
        score, before: the best's and the present one's figures there, which chose it and so are too good; None where
            it was stopped before they were known.
        present, better: both on the unseen rows, as `evaluate` measures them; None where it was stopped before.
        searched: the indices of all rows of the half that it was searched on.
        unseen: how many rows the other half has; the runs are over as many of them as half the calls reach for.
        finished: it was not stopped.
    """

    template: Template
    count: int
    seed: int
    budget: int
    spent: int
    tried: int
    scored: int
    score: Score | None
    before: Score | None
    present: Run | None
    better: Run | None
    searched: tuple[int, ...]
    unseen: int
    finished: bool
    changed: bool

    @property
    def paired(self) -> Paired | None:
        """The two compared on the unseen rows, the present one first."""
        return compare(self.present, self.better) if self.present and self.better else None

    @property
    def gained(self) -> bool:
        """Whether the new examples are better by more than chance does."""
        found = self.paired
        return found is not None and found.difference > 0 and found.p_value < 0.05

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain data; rows are counted from 1."""
        runs = {
            name: None if run is None else {"n": run.n, "right": run.right, "accuracy": run.accuracy}
            for name, run in (("present", self.present), ("better", self.better))
        }
        measured = self.present.outcomes if self.present else ()
        return {
            "finished": self.finished,
            "changed": self.changed,
            "gained": self.gained,
            "examples": self.count,
            "nearest": self.template.nearest_examples,
            "seed": self.seed,
            "budget": self.budget,
            "calls": self.spent,
            "tried": self.tried,
            "scored_rows": self.scored,
            "score": asdict(self.score) if self.score else None,
            "present_score": asdict(self.before) if self.before else None,
            **runs,
            "paired": asdict(self.paired) if self.paired else None,
            "searched_rows": [index + 1 for index in self.searched],
            "unseen_rows": sorted(outcome.row.index + 1 for outcome in measured),
            "template": self.template.model_dump(mode="json", exclude_defaults=True, exclude_none=True),
        }


def improve(
    question: Question,
    rows: Sequence[Labelled],
    *,
    examples: int | None = None,
    budget: int = SEARCH_CALLS,
    seed: int = 0,
    nearest: bool = True,
    kept: Kept | None = None,
    cancel: threading.Event | None = None,
    progress: Told | None = None,
    step: StepTold = lambda name: None,
) -> Improvement:
    """Search for better examples.

    Args:
        question: with the template as it stands.
        rows: with their right answers.
        examples: that a prompt shows; by default as many as now.
        budget: calls to the model, for the search and the report together.
        seed: of the halves and of chance.
        nearest: try also to show each input the examples of the pool that are most like it.
        kept: replies of a search that was cut off; with them this one takes the same way.
        cancel: set it to stop; the result is then what is known.
        progress: told of every call.
        step: told of every step, in words.

    Raises:
        TableError: there are too few rows, or all have one right answer.
        SettingError: the budget is too small, or more examples are asked for than there are rows to choose from.
    """
    if Shard.current().world > 1:
        raise SettingError("the search runs in one process", where="improve", mend="start it without a launcher")
    if budget < SEARCH_CALLS_AT_LEAST:
        raise SettingError(f"{budget} calls are too few", where="budget", mend=f"give at least {SEARCH_CALLS_AT_LEAST}")
    template = question.template
    wanted = examples or default_count(template)
    split = halves(rows, template, labels=question.labels, count=wanted, seed=seed)
    count = check_count(examples, template, split)
    meter = Meter(budget, progress)
    scoring = Scoring(question, InMemory() if kept is None else kept, cancel, meter)
    unseen = split.unseen[: (budget // 2 - 2 * scoring.cost(0)) // 2]
    reserve = 2 * scoring.cost(len(unseen))
    scored = split.scored[: max(SCORED_AT_LEAST, (budget - reserve) // SETS_AT_LEAST - scoring.cost(0))]
    found = Search(
        template,
        split.pool,
        scored,
        count=count,
        labels=question.labels,
        scoring=scoring,
        budget=budget - reserve,
        seed=seed,
        nearest=nearest,
        told=step,
    ).run()
    present = better = None
    finished = found.finished
    changed = found.best != template
    if finished:
        step("Both on the unseen rows")
        try:
            present = scoring.run(template, unseen)
            better = scoring.run(found.best, unseen) if changed else present
        except Stopped:
            present, better, finished = None, None, False
    meter.tell()
    return Improvement(
        template=found.best,
        count=count,
        seed=seed,
        budget=budget,
        spent=scoring.spent,
        tried=found.tried,
        scored=len(scored),
        score=found.score,
        before=found.present,
        present=present,
        better=better,
        searched=split.searched,
        unseen=len(split.unseen),
        finished=finished,
        changed=changed,
    )
