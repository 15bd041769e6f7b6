"""Rows asked of an engine: a template, many queries, and for each a reply or the reason why there is none.

In: queries, a value for each of the template's inputs. Out: replies in the queries' order, while the engine works on
many of them at once, a window at a time, so that the number of queries costs no memory. Where somebody waits for the
first reply, the first windows are small. A row that fails is a reply with an error. By the rule `batch` replies are by
the sum until all are there, and `corrected` then. Does not know files, nor what is right.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from gptjt_demo.batch.sharding import ALONE, Shard
from gptjt_demo.engine.calibration import LabelRule, Shares, asked_rule, calibrated, mean_shares, reshared
from gptjt_demo.engine.prompt import joiner
from gptjt_demo.engine.results import Completion, LabelScore
from gptjt_demo.errors import PlaygroundError, PromptError, SettingError
from gptjt_demo.settings import Attention
from gptjt_demo.tables.sheet import Cell, fault_of
from gptjt_demo.templates.answer_check import verdict
from gptjt_demo.templates.neutral import Neutral, neutral_prompts
from gptjt_demo.templates.template import Template

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers

WINDOW = 256  # rows in the engine's hands: enough to batch rows of like length
FIRST = 1  # rows of the first window, where its reply is to come soon
GROWTH = 4  # each window then holds so many times the rows of the one before

UNFINISHED = "unfinished: the token limit came before the answer had its shape"

_LONG = 1_000  # characters that are kept of a remark that is too long

Query = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What came of one row.

    Attributes:
        text: the answer, or the likeliest label; empty where there is an error.
        confidence: the label's share, 0 to 1.
        runner_up: the label with the next share.
        shares: of all labels, in the template's order.
        check: what the template's check found wrong, in a line.
        error: why there is no answer, in a line.
        scores: what the shares were made from, as long as nobody has written the reply down.
    """

    text: str = ""
    confidence: float | None = None
    runner_up: str = ""
    shares: tuple[float, ...] = ()
    check: str = ""
    error: str = ""
    scores: tuple[LabelScore, ...] = field(default=(), compare=False, repr=False)


TEXT_COLUMNS = ("answer", "check", "error")
LABEL_COLUMNS = ("label", "confidence", "runner_up", "check", "error")
SHARES_COLUMN = "shares"
_WIDEST = 32_000  # characters of the shares' cell, which any format holds


def reply_columns(labels: bool, shares: Sequence[str] = ()) -> tuple[str, ...]:
    """The columns that replies stand in, beside a file's own; the last two are the check's and the error's.

    Args:
        labels: labels were picked.
        shares: these labels' shares have a column too, which a review reads.
    """
    if not labels:
        return TEXT_COLUMNS
    return (*LABEL_COLUMNS[:3], SHARES_COLUMN, *LABEL_COLUMNS[3:]) if shares else LABEL_COLUMNS


def reply_cells(reply: Reply, labels: bool, shares: Sequence[str] = ()) -> tuple[str, ...]:
    """A reply in those columns."""
    if not labels:
        return reply.text, reply.check, reply.error
    confidence = "" if reply.confidence is None else f"{reply.confidence:.4f}"
    more = (_shares_cell(shares, reply.shares),) if shares else ()
    return reply.text, confidence, reply.runner_up, *more, reply.check, reply.error


def _shares_cell(labels: Sequence[str], shares: Shares) -> str:
    """Labels and their shares as one JSON object; blank where there are none, or too many for a cell."""
    if len(shares) != len(labels):
        return ""
    found = {label: round(share, 4) for label, share in zip(labels, shares, strict=True)}
    text = json.dumps(found, ensure_ascii=False)
    return Cell(text, json=text) if len(text) <= _WIDEST else ""


@dataclass(frozen=True)
class Question:
    """What is asked of every row, and of whom.

    Attributes:
        engine: whoever answers.
        template: the prompt around a row.
        labels: pick one of the template's labels instead of generating text.
        attention: None: the template's word, else the engine's.
        rule: how labels are compared; see `calibration.LABEL_RULES`.
        refused: why an answer cannot be kept, in a line; it is then the row's error.

    Raises:
        SettingError: labels are asked for, and the template has none, or one, which is no choice.
    """

    engine: Answers
    template: Template
    labels: bool = False
    attention: Attention | None = None
    rule: LabelRule = "logprob"
    refused: Callable[[str], str] = field(default=lambda text: "", compare=False)

    def __post_init__(self) -> None:
        if self.labels and len(self.template.labels) < 2:
            what = "one label is no choice" if self.template.labels else "it has no labels"
            raise SettingError(what, where=self.template.name, mend="add some, or ask for text")

    @property
    def mode(self) -> Attention:
        """The attention that replies are computed with."""
        return self.engine.resolve(self.attention or self.template.attention)

    def prompt(self, query: Query) -> str:
        """The exact prompt of a row.

        Raises:
            PlaygroundError: there is nothing to ask, or a cell is damaged.
        """
        for name, value in query.items():
            if fault := fault_of(value):
                raise PromptError(fault, where=name, mend="mend the file")
        if not any(value.strip() for value in query.values()):  # of several inputs some may be blank
            raise PromptError("the cell is blank", where=" and ".join(query), mend="write a text in it")
        return self.template.render(query)

    def room(self, prompt: str, sizes: dict[str, int]) -> int:
        """Tokens that an answer needs beside its prompt.

        Args:
            prompt: the row's.
            sizes: what was found for other prompts, by what joins an answer to them; added to.
        """
        space = joiner(prompt)
        if space not in sizes:
            texts = [f"{space}{label}\n" for label in self.template.labels] if self.labels else []
            sizes[space] = (
                max(map(self.engine.count_tokens, texts)) if texts else self.template.generation.max_new_tokens
            )
        return sizes[space]

    def elsewhere(self, rule: Neutral, cancel: threading.Event | None = None, *, background: bool = True) -> Shares:
        """The labels' shares on prompts without a case, which the rule divides by; nothing where it is cancelled.

        Raises:
            SettingError: the template has no such prompts.
            PlaygroundError: the model cannot be asked one of them.
        """
        prompts, rows = neutral_prompts(self.template, rule), []
        for _, outcome in self.engine.score_many(
            prompts, self.template.labels, attention=self.mode, cancel=cancel, background=background
        ):
            if isinstance(outcome, PlaygroundError):
                raise PlaygroundError(str(outcome), where="content-free input")
            if outcome:
                rows.append(outcome)
        return mean_shares(rows) if len(rows) == len(prompts) else ()

    def corrected(self, reply: Reply, query: Query, mean: Shares) -> Reply:
        """A reply by the sum, as it is by the rule `batch` once all rows are there.

        Args:
            reply: one without shares stays as it is.
            query: its row's.
            mean: the labels' mean shares over the rows.
        """
        return self._chosen(calibrated(reply.shares, mean), query, reply.scores) if reply.shares else reply

    def replies(
        self,
        queries: Iterable[Query],
        *,
        first: int = 0,
        known: Mapping[int, Reply] | None = None,
        finished: Callable[[int, Reply], None] = lambda index, reply: None,
        cancel: threading.Event | None = None,
        shard: Shard = ALONE,
        soon: bool = False,
    ) -> Iterator[Reply]:
        """Replies in order.

        Args:
            queries: read a window at a time.
            first: the index of the first query.
            known: replies by index that need not be asked for again.
            finished: told of every new reply as soon as it is there, in any order.
            cancel: set it and the replies end, after those whose predecessors are all there.
            shard: the processes that split the work; all of them get all replies.
            soon: begin with one row for each process, then a few, then many, so that the first reply comes after one
                row's time and not after a whole batch's.

        Raises:
            PlaygroundError: the rule divides by what cannot be asked.
        """
        rows = enumerate(queries, first)
        reference: Shares = ()
        if self.labels and (self.rule == "prior" or self.rule == "pmi"):
            reference = self.elsewhere(self.rule, cancel)
            if not reference:
                return  # cancelled
        size = FIRST if soon else WINDOW
        while window := dict(islice(rows, size * shard.world)):
            size = min(size * GROWTH, WINDOW)
            old = {index: reply for index, reply in (known or {}).items() if index in window}
            mine = shard.share((index, query) for index, query in window.items() if index not in old)
            waiting: dict[int, Reply] = {}
            due = next(iter(window))
            for index, reply in chain(old.items(), shard.gathered(self._ask(mine, reference, cancel))):
                waiting[index] = reply
                if index not in old:
                    finished(index, reply)
                while due in waiting:
                    yield waiting.pop(due)
                    due += 1
            if due in window:
                return  # cancelled

    def _ask(
        self, rows: Iterable[tuple[int, Query]], reference: Shares, cancel: threading.Event | None
    ) -> Iterator[tuple[int, Reply]]:
        """Indices and replies, as they come."""
        indices: list[int] = []
        prompts: list[str] = []
        queries: list[Query] = []
        for index, query in rows:
            try:
                prompts.append(self.prompt(query))
            except PlaygroundError as error:
                yield index, Reply(error=str(error))
            else:
                indices.append(index)
                queries.append(query)
        for asked, outcome in self._outcomes(prompts, queries, cancel):
            if isinstance(outcome, PlaygroundError):
                yield indices[asked], Reply(error=str(outcome))
            elif isinstance(outcome, Completion):
                if outcome.stop_reason != "cancelled":
                    yield indices[asked], self._written(outcome, queries[asked])
            elif outcome:  # no scores: cancelled
                scores = reshared(outcome, self.rule, reference) if reference else tuple(outcome)
                yield indices[asked], self._chosen([score.share for score in scores], queries[asked], scores)

    def _outcomes(
        self, prompts: list[str], queries: list[Query], cancel: threading.Event | None
    ) -> Iterator[tuple[int, Completion | list[LabelScore] | PlaygroundError]]:
        if not prompts:
            return
        # Nobody waits for a single row as one does for a run of the playground.
        how: Any = {"attention": self.mode, "cancel": cancel, "background": True}
        if self.labels:
            yield from self.engine.score_many(prompts, self.template.labels, rule=asked_rule(self.rule), **how)
        else:
            shapes = [self.template.shape_for(query) for query in queries] if self.template.shape else None
            yield from self.engine.complete_many(prompts, self.template.generation, shapes=shapes, **how)

    def _written(self, completion: Completion, query: Query) -> Reply:
        """A text as a reply; one that was cut off before it had its shape is marked."""
        reply = self._checked(Reply(completion.text), query)
        if completion.has_shape is False and completion.stop_reason == "max_new_tokens" and not reply.error:
            return replace(reply, check=UNFINISHED)
        return reply

    def _checked(self, reply: Reply, query: Query) -> Reply:
        if reason := self.refused(reply.text):
            return Reply(error=f"the answer cannot be kept: {reason}")
        problem = verdict(self.template.check, reply.text, query)
        if problem and self.refused(problem):
            problem = f"{problem[:_LONG]} …"
        return replace(reply, check=problem) if problem else reply

    def _chosen(self, shares: Sequence[float], query: Query, scores: tuple[LabelScore, ...]) -> Reply:
        """The likeliest label as a reply."""
        # Equal shares are told apart by the label's text, so that the order of the labels decides nothing.
        ranked = sorted(zip(shares, self.template.labels, strict=True), key=lambda pair: (-pair[0], pair[1]))
        (share, text), runner_up = ranked[0], ranked[1][1] if len(ranked) > 1 else ""
        return self._checked(Reply(text, share, runner_up, tuple(shares), scores=scores), query)
