"""A template measured on labelled rows: the rows, what came of each, and the figures that follow.

In: outcomes. Out: accuracy with its interval, F1, the confusion matrix and the rows behind each of its cells, how far
confidences can be relied on, right answers that look wrong, the rules side by side, and two runs compared. Does not
know how the outcomes came about, nor how figures are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from gptjt_demo.batch.question import Query, Reply
from gptjt_demo.engine.calibration import LabelRule, Shares
from gptjt_demo.errors import TableError
from gptjt_demo.evaluation import metrics
from gptjt_demo.evaluation.rules import Rules, compare_rules
from gptjt_demo.settings import Attention
from gptjt_demo.tables.sheet import Row
from gptjt_demo.templates.answer_check import normalised

UNPARSED = "(unparsed)"  # an answer that is none of the labels
ERROR = "(error)"  # a row without an answer
SURE = 0.5
"""How far the model's share of its answer has to be above that of the right answer for that to be doubted."""
SUSPICIOUS_SHOWN = 20
FEW_FOREIGN = 0.1
"""The part of the rows up to which right answers that are no label are taken for mistakes."""


@dataclass(frozen=True)
class Labelled:
    """A row with its right answer; `index` counts the table's rows from 0."""

    index: int
    query: Query
    gold: str


@dataclass(frozen=True)
class Outcome:
    """What came of a labelled row.

    Attributes:
        row: it.
        reply: the engine's.
        gold: the right answer as it is counted: one of the template's labels, or the row's own text.
        predicted: the reply as it is counted: a label, `UNPARSED`, `ERROR`, or the answer's text.
        right: whether they agree.
        gold_share: what the model gives to the right answer, 0 to 1; None where labels were not weighed or it failed.
    """

    row: Labelled
    reply: Reply
    gold: str
    predicted: str
    right: bool
    gold_share: float | None = None

    @property
    def doubt(self) -> float:
        """How far the model's answer is above the right one in its eyes; 0 where it agrees or says nothing."""
        if self.right or self.gold_share is None or self.reply.confidence is None:
            return 0.0
        return self.reply.confidence - self.gold_share


@dataclass(frozen=True)
class Run:
    """A template measured on a table.

    Attributes:
        template, model: their names.
        attention: the mode it ran in.
        labels: the template's; empty for free text.
        outcomes: a row each, in the table's order.
        notes: what should be known about the figures, a sentence each.
        finished: whether it came to its end.
        asked: the rows of the table that it was asked of, those without a right answer among them; None: `n`.
        without_gold: how many of them have no right answer; they are not measured.
        columns: for each of the template's inputs, the table's column.
        gold_column: the column of right answers.
        rule: how labels were compared.
        references: the label shares that other rules divide by, for `rules`.
        key: of the prompt, by which its figures are found again, see `templates.versions`.
        file: the table's name.
    """

    template: str
    model: str
    attention: Attention
    labels: Row
    outcomes: Sequence[Outcome]
    notes: Row = ()
    finished: bool = True
    asked: int | None = None
    without_gold: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    gold_column: str = ""
    rule: LabelRule = "logprob"
    references: Mapping[LabelRule, Shares] = field(default_factory=dict)
    key: str = ""
    file: str = ""

    @property
    def rows_sentence(self) -> str:
        """How many rows of the table are measured, where not all are; else nothing."""
        asked = self.n if self.asked is None else self.asked
        return rows_sentence(self.n, asked, self.without_gold, stopped=not self.finished)

    @property
    def n(self) -> int:
        """Rows measured, failed ones among them."""
        return len(self.outcomes)

    @cached_property
    def errors(self) -> int:
        """Rows without an answer; they count as wrong."""
        return sum(bool(outcome.reply.error) for outcome in self.outcomes)

    @cached_property
    def right(self) -> int:
        """Rows whose answer is right."""
        return sum(outcome.right for outcome in self.outcomes)

    @property
    def accuracy(self) -> float:
        """The part that is right, 0 to 1; of free text, the exact matches."""
        return self.right / self.n if self.n else 0.0

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return metrics.interval(self.right, self.n)

    @cached_property
    def gold_labels(self) -> Row:
        """The template's labels, and the gold ones beside them: the matrix's rows."""
        return tuple(dict.fromkeys([*self.labels, *(outcome.gold for outcome in self.outcomes)])) if self.labels else ()

    @cached_property
    def predicted_labels(self) -> Row:
        """The matrix's columns: the same, then `UNPARSED`, and `ERROR` if there is any."""
        return (*self.gold_labels, UNPARSED, *([ERROR] if self.errors else ())) if self.labels else ()

    @cached_property
    def label_figures(self) -> list[metrics.LabelFigures]:
        """Precision, recall and F1 of every label; empty for free text."""
        return metrics.label_figures(*self._columns, self.gold_labels)

    @cached_property
    def matrix(self) -> list[list[int]]:
        """Rows of the table by gold (down, `gold_labels`) and predicted (across, `predicted_labels`)."""
        return metrics.confusion(*self._columns, self.gold_labels, self.predicted_labels)

    @cached_property
    def macro_f1(self) -> float | None:
        """The mean F1 of the labels that are gold or predicted somewhere; None for free text."""
        seen = {text for column in self._columns for text in column}
        scores = [figures.f1 for figures in self.label_figures if figures.label in seen]
        return sum(scores) / len(scores) if scores else None

    @cached_property
    def list_figures(self) -> metrics.SetFigures | None:
        """Of free text read as comma-separated lists; None for labels."""
        if self.labels:
            return None
        texts = [(outcome.row.gold, outcome.reply.text) for outcome in self.outcomes]
        return metrics.set_figures([items(gold) for gold, _ in texts], [items(text) for _, text in texts])

    @cached_property
    def weighed(self) -> bool:
        """Whether labels were weighed, so that there are confidences."""
        return any(outcome.gold_share is not None for outcome in self.outcomes)

    @cached_property
    def reliability(self) -> metrics.Reliability | None:
        """How far confidences are what they say; None where labels were not weighed."""
        pairs = [(each.reply.confidence, each.right) for each in self.outcomes if each.reply.confidence is not None]
        return metrics.reliability(pairs) if self.weighed else None

    @cached_property
    def rules(self) -> Rules | None:
        """Every rule on these rows, and the best one; None where labels were not weighed."""
        if not self.weighed:
            return None
        rows = [(outcome.reply.scores, outcome.gold) for outcome in self.outcomes]
        return compare_rules(rows, in_use=self.rule, references=self.references)

    @cached_property
    def suspicious(self) -> list[Outcome]:
        """The rows whose right answer the model contradicts, the surest first: many are mistakes of whoever wrote it.

        One that is no label at all is among them, unless that is the way of the column.
        """
        foreign = sum(outcome.gold not in self.labels for outcome in self.outcomes)
        found = [
            outcome
            for outcome in self.outcomes
            if outcome.doubt >= SURE and (outcome.gold in self.labels or foreign <= FEW_FOREIGN * self.n)
        ]
        return sorted(found, key=lambda outcome: -outcome.doubt)

    @property
    def _columns(self) -> tuple[list[str], list[str]]:
        return [outcome.gold for outcome in self.outcomes], [outcome.predicted for outcome in self.outcomes]

    def cell(self, gold: str, predicted: str) -> list[Outcome]:
        """The rows that a cell of the matrix counts."""
        return [outcome for outcome in self.outcomes if (outcome.gold, outcome.predicted) == (gold, predicted)]

    def download(self) -> tuple[Row, Iterator[Row]]:
        """Column names and rows for a download: inputs, gold, answer, whether it is right, confidence and error."""
        names = list(self.outcomes[0].row.query) if self.outcomes else []
        columns = (*names, "gold", "answer", "counted_as", "right", "confidence", "error")
        return columns, (
            (
                *each.row.query.values(),
                each.row.gold,
                each.reply.text,
                each.predicted,
                "yes" if each.right else "no",
                "" if each.reply.confidence is None else f"{each.reply.confidence:.4f}",
                each.reply.error,
            )
            for each in self.outcomes
        )

    def to_json(self) -> dict[str, Any]:
        """The figures."""
        return {
            "template": self.template,
            "model": self.model,
            "attention": self.attention,
            "columns": dict(self.columns),
            "gold_column": self.gold_column,
            "rows": self.n if self.asked is None else self.asked,
            "without_gold": self.without_gold,
            "notes": list(self.notes),
            "finished": self.finished,
            "n": self.n,
            "errors": self.errors,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "macro_f1": self.macro_f1,
            "list_f1": self.list_figures.f1 if self.list_figures else None,
            "rule": self.rule if self.weighed else None,
            "calibration_error": self.reliability.error if self.reliability else None,
            "reliability": asdict(self.reliability) if self.reliability else None,
            "rules": self.rules.to_json() if self.rules else None,
            "suspicious": [_suspect(each) for each in self.suspicious[:SUSPICIOUS_SHOWN]],
        }


def rows_sentence(measured: int, asked: int, without_gold: int, *, stopped: bool = False) -> str:
    """ "3 of 4 rows; one has no right answer"; nothing where all rows are measured."""
    why = []
    if without_gold:
        why.append(f"{'one has' if without_gold == 1 else f'{without_gold:,} have'} no right answer")
    if stopped:
        why.append("it was stopped")
    return f"{measured:,} of {asked:,} rows; {' and '.join(why)}" if why else ""


def _suspect(outcome: Outcome) -> dict[str, Any]:
    return {
        "row": outcome.row.index + 1,
        "inputs": dict(outcome.row.query),
        "gold": outcome.row.gold,
        "answer": outcome.reply.text,
        "answer_share": outcome.reply.confidence,
        "gold_share": outcome.gold_share,
    }


def items(text: str) -> frozenset[str]:
    """What a comma-separated list holds, in the form in which answers are compared."""
    return frozenset(normalised(item) for item in text.split(",") if item.strip())


def compare(first: Run, second: Run) -> metrics.Paired:
    """Two runs on the rows that both have, a failed row being wrong.

    Raises:
        TableError: they have no row in common, or a row differs.
    """
    others = {outcome.row.index: outcome for outcome in second.outcomes}
    pairs = [(outcome, others[outcome.row.index]) for outcome in first.outcomes if outcome.row.index in others]
    if not pairs or any(one.row.gold != other.row.gold for one, other in pairs):
        raise TableError("the two runs are not over the same rows", mend="run both on the same file and gold column")
    return metrics.paired([one.right for one, _ in pairs], [other.right for _, other in pairs])
