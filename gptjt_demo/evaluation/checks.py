"""A template's own checks put to a model: how many it gets right, and which not.

In: an engine and a template. Out: a `CheckReport`. A wrong answer is information, not an error: checks say what is
right whatever a model makes of it. Labels are chosen by score, free text is compared as `check.same_answer` does.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Attention
from gptjt_demo.templates.answer_check import same_answer
from gptjt_demo.templates.example import Example
from gptjt_demo.templates.template import Template

if TYPE_CHECKING:
    from gptjt_demo.engine.protocol import Answers


@dataclass(frozen=True)
class CheckResult:
    """One case and what the model made of it; `problem` is the line that says why there is no answer."""

    case: Example
    answer: str
    right: bool
    problem: str = ""

    def __str__(self) -> str:
        given = ", ".join(" ".join(value.split()) for value in self.case.inputs.values())
        made = self.problem or f"{self.answer!r} instead of {self.case.output!r}"
        return f"{given if len(given) <= 60 else f'{given[:59]}…'}: {'right' if self.right else made}"


@dataclass(frozen=True)
class CheckReport:
    """The results of a template's checks, in their order."""

    template: str
    model: str
    attention: Attention
    results: tuple[CheckResult, ...]

    @property
    def right(self) -> int:
        """How many are right."""
        return sum(result.right for result in self.results)

    @property
    def wrong(self) -> tuple[CheckResult, ...]:
        """The others."""
        return tuple(result for result in self.results if not result.right)

    def __str__(self) -> str:
        return f"{self.model}: {self.right} of {len(self.results)} right"


def run_checks(
    engine: Answers, template: Template, *, attention: Attention | None = None, cancel: threading.Event | None = None
) -> CheckReport:
    """Put a template's checks to a model.

    Args:
        engine: the model.
        template: one with `checks`; without any the report is empty.
        attention: by default the template's, else the engine's.
        cancel: set it to stop; the report then holds what there is.
    """
    mode = attention or template.attention
    cases = template.checks
    prompts = [template.render(case.inputs) for case in cases]
    answers: dict[int, str | PlaygroundError] = {}
    if template.labels:
        for i, scores in engine.score_many(prompts, template.labels, attention=mode, cancel=cancel):
            best = scores if isinstance(scores, PlaygroundError) else max(scores, key=lambda score: score.share).label
            answers[i] = best
    else:
        shapes = [template.shape_for(case.inputs) for case in template.checks]
        for i, answer in engine.complete_many(
            prompts, template.generation, attention=mode, shapes=shapes, cancel=cancel
        ):
            answers[i] = answer if isinstance(answer, PlaygroundError) else answer.text
    results = tuple(_result(cases[i], answers[i]) for i in sorted(answers))
    return CheckReport(template.name, engine.name, engine.resolve(mode), results)


def _result(case: Example, answer: str | PlaygroundError) -> CheckResult:
    if isinstance(answer, PlaygroundError):
        return CheckResult(case, "", False, str(answer))
    return CheckResult(case, answer.strip(), same_answer(case.output, answer))
