"""What the playground's controls do, as plain functions of their values: open, preview, run, branch, weigh, stop.

In: control values and the visitor's session. Out: values for the page's outputs, errors already turned into one line
where they belong. All state is the arguments' or the session's own; knows nothing of layout or events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from gptjt_demo.batch.progress import count
from gptjt_demo.batch.question import Question
from gptjt_demo.engine.request_log import request
from gptjt_demo.engine.results import Token
from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import NO_LIMITS, Attention, Limits
from gptjt_demo.templates.lint.finding import Finding
from gptjt_demo.templates.lint.lint import lint
from gptjt_demo.templates.neutral import Neutral
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.loading import Arrival
from gptjt_demo.ui.playground import settings, shape_box
from gptjt_demo.ui.playground.advice import advice
from gptjt_demo.ui.playground.answer import answer, idle, refused
from gptjt_demo.ui.playground.controls import Controls, Previews
from gptjt_demo.ui.playground.draft import (
    RAW,
    ROWS,
    Draft,
    columns,
    example_cells,
    own_stops,
    query_cells,
    show_labels,
    show_nearest,
)
from gptjt_demo.ui.playground.identity import BLANK, Origin, outputs_seen
from gptjt_demo.ui.playground.outcome import Outcome, Side, key, version
from gptjt_demo.ui.playground.past import Past
from gptjt_demo.ui.playground.prompt_box import no_prompt, prompt_box, whose
from gptjt_demo.ui.playground.reply import Reply, pace, reply_of, replying
from gptjt_demo.ui.playground.shares import shares
from gptjt_demo.ui.playground.wording import wording_cells
from gptjt_demo.ui.rows.grid import Cells, cells
from gptjt_demo.ui.work import Runs

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers
    from gptjt_demo.templates.libraries import Library

_NOTHING = Reply()
_ASKING: dict[str, tuple[Neutral, str]] = {
    "prior": ("prior", "asking the model about empty inputs…"),
    "pmi": ("pmi", "asking the model with the answer’s cue alone…"),
}

Shown = tuple[str, str, Outcome | None]
"""The answer's card, the shares', and the run they show."""


class Actions:
    """What the page does for one engine and one library; safe for many visitors at once."""

    def __init__(self, engine: Answers, library: Library, limits: Limits = NO_LIMITS) -> None:
        self.engine = engine
        self.templates = library
        self.limits = limits
        self.runs = Runs()
        self.past = Past()
        self.company: list[Callable[[], list[str]]] = [self._others]
        self.arrival = Arrival()

    # --- the prompt

    def controls(self, template: Template) -> Controls:
        """The controls' values for a template."""
        return Controls(
            base=template,
            title=template.title,
            instruction=template.instruction,
            examples=cells(columns(template), [["", ""]] * 2) if template == BLANK else example_cells(template),
            labels=show_labels(template.labels),
            query=query_cells(template),
            wording=wording_cells(template),
            raw="",
            view=ROWS,
            **settings.values(template.generation),
            stops=settings.show_stops(own_stops(template)),
            **shape_box.values(template.shape),
            nearest=show_nearest(template.nearest_examples),
            attention=self._attention(template),
        )

    def draft(self, held: Controls) -> Draft:
        """What the controls hold. The attention that a template runs with anyway is not an edit."""
        return Draft.held(held, None if held.attention == self._attention(held.base) else held.attention)

    def whole(self, held: Controls) -> Template:
        """All that the controls hold as one template.

        Raises:
            PlaygroundError: a control's value does not fit.
        """
        return self.draft(held).whole()

    def preview(self, held: Controls) -> Previews:
        """What the page shows of the prompt; in the prompt's place, the line that says why there is none."""
        draft = self.draft(held)
        wrong, misshapen, room = "", "", 0
        try:
            room = draft.sampling().max_new_tokens
        except PlaygroundError as error:
            wrong = problem(str(error))
        try:
            prompt = draft.prompt()
            tokens = self._count(prompt)
            template, made = draft.template(), draft.origin()
        except PlaygroundError as error:
            return Previews(no_prompt(str(error)), wrong, misshapen, "", gr.skip(), gr.update(visible=False))
        try:
            template = template if wrong else draft.whole()
        except PlaygroundError as error:  # words and settings are right: it is the shape
            misshapen = problem("; ".join(part for part in (error.what, error.mend) if part))
        whole = not wrong and not misshapen
        names = (key(template, prompt), version(template)) if whole else ("", "")
        return Previews(
            prompt_box(prompt, tokens, room, self.engine.context, *names),
            wrong,
            misshapen,
            advice(self.findings(template), draft.rows()) if whole else "",
            gr.skip()
            if not whole
            else whose(held.base, template, made, unfit="" if template.labels else draft.labels.strip()),
            self._offer(template, made),
        )

    def labels(self, held: Controls) -> str:
        """The outputs of the examples as labels, as text to edit; what is there where they cannot be labels."""
        try:
            return show_labels(outputs_seen(self.draft(held).template())) or held.labels
        except PlaygroundError:
            return str(held.labels)

    def shape_value(self, held: Controls) -> str:
        """What belongs to the kind of shape that was just chosen; nothing where the template says nothing of it."""
        try:
            return shape_box.suggested(held.shape, self.draft(held).template(), held.labels)
        except PlaygroundError:
            return ""

    def findings(self, template: Template) -> tuple[Finding, ...]:
        """What is odd about a template's prompt."""
        engine = self.engine
        if engine.loading is not None:
            return lint(template)
        return lint(template, count_tokens=engine.count_tokens, context=engine.context, encode=engine.encode)

    def mend(self, index: int, rule: str, held: Controls) -> Controls | None:
        """The controls' values with a finding mended; None where there is no such finding any more.

        Args:
            index: which of the findings.
            rule: the finding's, so that after an edit no other is mended.
            held: what the controls hold.
        """
        draft = self.draft(held)
        try:
            findings = self.findings(draft.whole())
        except PlaygroundError:
            return None
        found = findings[index] if 0 <= index < len(findings) else None
        if found is None or found.fixed is None or found.rule != rule:
            return None
        template = found.fixed if found.query is None else found.fixed.revised(query=dict(found.query))
        mended = self.controls(template)
        mended = mended._replace(
            base=held.base, title=held.title, examples=_with_rows_off(mended.examples, held.examples)
        )
        return mended._replace(raw=template.render(template.query), view=RAW) if held.view == RAW else mended

    def turn(self, held: Controls) -> tuple[Controls, str]:
        """Show the prompt as rows or as text: the controls' values in the other view, and why it cannot be shown."""
        draft = self.draft(held)
        try:
            if held.view == RAW:
                return held._replace(raw=replace(draft, raw=None).prompt()), ""
            if held.raw != self._rows(draft):  # a text that nobody touched leaves the rows as they were
                return _with_words(held, replace(draft, raw=held.raw)), ""
        except PlaygroundError as error:
            return held._replace(view=ROWS if held.view == RAW else RAW), problem(str(error))
        return held, ""

    # --- the run

    def run(
        self, session: str, compare: bool, rule: str, held: Controls, leads: Sequence[tuple[Token, ...]] = ()
    ) -> Iterator[Shown]:
        """Answer and shares as they come. Ends silently when the session has begun or picked something else.

        Args:
            session: the visitor's.
            compare: with both kinds of attention.
            rule: how label shares are shown.
            held: what the controls hold.
            leads: for each answer, the tokens that it continues from; none: it begins afresh.
        """
        self.runs.begin(session)
        draft = self.draft(held)
        try:
            prompt, template = draft.asked(), draft.whole()
        except PlaygroundError as error:
            self.runs.drop(session)
            yield refused(str(error)), "", None
            return
        modes: Sequence[Attention] = [held.attention]
        if compare and self.engine.supports_prefix:
            modes = ["prefix", "causal"]
        outcome = Outcome(template, prompt, key(template, prompt))
        for index, mode in enumerate(modes):
            begun = Side(mode, _NOTHING, leads[index] if index < len(leads) else ())
            for now in self._watch(session, outcome, index, begun, template.labels):
                outcome = now
                yield answer(outcome, expected=len(modes), beside=self.beside()), shares(outcome, rule), outcome
            reply = outcome.sides[-1].reply if len(outcome.sides) > index else _NOTHING
            # Both draw the same numbers, so that only attention makes a difference.
            seed = reply.completion.seed if reply.completion else None
            outcome = replace(outcome, template=_seeded(template, seed))
            cut = reply.completion is None or reply.completion.stop_reason == "cancelled"
            if cut or self.runs.stopped(session):  # a Stop may come when this side is done
                break
        if 0 < len(outcome.sides) < len(modes):
            yield answer(outcome), shares(outcome, rule), outcome

    def branch(self, session: str, rule: str, outcome: Outcome | None, choice: Any) -> Iterator[Shown]:
        """Continue from a token that the visitor chose.

        Args:
            session: the visitor's.
            rule: how label shares are shown.
            outcome: the run that is on the page.
            choice: {side, token, option}, as a browser sends them: not to be trusted.
        """
        self.runs.begin(session)
        try:
            index, token, option = (int(choice[name]) for name in ("side", "token", "option"))
            side = outcome.sides[index] if outcome and index >= 0 else None
            lead = side.upto(token, option) if side else ()
        except (TypeError, ValueError, KeyError, IndexError):
            return
        if outcome is None or side is None:
            return
        begun = Side(side.attention, _NOTHING, lead)
        for now in self._watch(session, outcome, index, begun, ()):
            scored = replace(now.sides[index].reply, scores=side.reply.scores)
            shown = now.with_side(index, replace(now.sides[index], reply=scored))
            yield answer(shown, beside=self.beside()), shares(shown, rule), shown

    def weigh(self, session: str, rule: str, outcome: Outcome | None) -> Iterator[tuple[str, Outcome | None]]:
        """The shares by another rule; the model is asked only for what the rule divides by."""
        if outcome is None or not outcome.done or self.runs.busy(session):
            return
        if rule in _ASKING and rule not in outcome.references and outcome.sides[0].reply.scores:
            asked, doing = _ASKING[rule]
            yield shares(outcome, "logprob", doing), outcome
            try:
                with request("prior"):
                    found = tuple(
                        Question(self.engine, outcome.template, True, side.attention).elsewhere(asked, background=False)
                        for side in outcome.sides
                    )
            except PlaygroundError as error:
                yield shares(outcome, "logprob") + problem(str(error)), outcome
                return
            outcome = replace(outcome, references={**outcome.references, rule: found})
        yield shares(outcome, rule), outcome

    def idle(self) -> str:
        """The answer's card before the first run."""
        return idle("the model" if self.engine.loading is not None else self.engine.name)

    def beside(self) -> str:
        """Whom a run shares the model with now; empty where it has the model to itself."""
        return ", ".join(line for each in self.company for line in each())

    def _others(self) -> list[str]:
        others = len(self.runs) - 1
        return [f"in turns with {count(others, 'other run')}"] if others > 0 else []

    def stop(self, session: str) -> None:
        """Stop this session's run; what it has written stays."""
        self.runs.stop(session)

    def leave(self, session: str) -> None:
        """The visitor has closed the page: nobody reads on, and nothing is undone."""
        self.runs.drop(session)
        self.past.drop(session)

    def _watch(
        self, session: str, outcome: Outcome, index: int, side: Side, labels: Sequence[str]
    ) -> Iterator[Outcome]:
        """The outcome as one side of it grows, as the session's run."""
        work = replying(
            self.engine,
            outcome.prompt,
            outcome.template.generation,
            attention=side.attention,
            labels=labels,
            continuation=[token.id for token in side.lead],
            shape=outcome.shape,
        )
        for standing in self.runs.watch(session, work, pace):
            reply = reply_of(standing)
            attention = reply.completion.attention if reply.completion else side.attention
            yield outcome.with_side(index, replace(side, attention=attention, reply=reply))

    def _count(self, prompt: str) -> int | None:
        """Its tokens; None while the model is loaded."""
        return None if self.engine.loading is not None else self.engine.count_tokens(prompt)

    def _offer(self, template: Template, made: Origin) -> Any:
        """The button that takes the outputs as labels, where somebody's own prompt has none."""
        seen = [] if template.labels or made == "same" else outputs_seen(template)
        return gr.update(value=f"Use the outputs as labels: {show_labels(seen)}"[:120], visible=bool(seen))

    def _rows(self, draft: Draft) -> str | None:
        try:
            return draft.prompt()
        except PlaygroundError:
            return None

    def _attention(self, template: Template) -> Attention:
        return self.engine.resolve(template.attention)


def _with_rows_off(shown: Cells, before: Any) -> Cells:
    """The grid with the rows that were switched off before, at its end."""
    if not isinstance(before, dict) or not isinstance(before.get("off"), list):
        return shown
    width = len(shown["columns"])
    rows = [row for index, row in enumerate(before.get("rows", ())) if index in before["off"] and len(row) == width]
    count = len(shown["rows"])
    return {**shown, "rows": [*shown["rows"], *rows], "off": list(range(count, count + len(rows)))}


def _seeded(template: Template, seed: int | None) -> Template:
    return template.revised(generation={**template.generation.model_dump(), "seed": seed})


def _with_words(held: Controls, draft: Draft) -> Controls:
    """The controls with a draft's instruction, examples, labels, query and wording."""
    shown = draft.template().revised(query=draft.inputs())
    return held._replace(
        instruction=shown.instruction,
        examples=example_cells(shown),
        labels=show_labels(shown.labels),
        query=query_cells(shown),
        wording=wording_cells(shown),
        nearest=show_nearest(shown.nearest_examples),
    )
