"""What the page's controls do, as plain functions of their values: pick, preview, run, stop, leave.

In: control values and the visitor's session. Out: values for the page's outputs, errors already turned into one line
where they belong. All state is the arguments' or the session's own job; knows nothing of layout or events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.template import Template
from gptjt_demo.ui import settings
from gptjt_demo.ui.answer import answer, idle, refused
from gptjt_demo.ui.banner import about
from gptjt_demo.ui.draft import Draft, example_cells, query_cells, show_labels
from gptjt_demo.ui.job import Job, Runs
from gptjt_demo.ui.problem import problem
from gptjt_demo.ui.prompt_box import no_prompt, prompt_box
from gptjt_demo.ui.shares import shares

if TYPE_CHECKING:
    from gptjt_demo.engine import Engine
    from gptjt_demo.library import Library


class Actions:
    """The page's doings for one engine and one library; safe for many visitors at once."""

    def __init__(self, engine: Engine, library: Library) -> None:
        self.engine = engine
        self.library = library
        self.runs = Runs()

    def fields(self, template: Template) -> tuple[Any, ...]:
        """Values of every control that a template fills, in the order in which `run` takes them, and its own lines."""
        sampling = template.generation
        return (
            template,
            template.instruction,
            example_cells(template),
            show_labels(template.labels),
            query_cells(template),
            *settings.values(sampling),
            settings.show_stops(sampling.stop),
            template.attention or self.engine.attention if self.engine.supports_prefix else "causal",
        )

    def lines(self, template: Template) -> str:
        """What a template says of itself."""
        return about(template.description, template.notice, template.licence, template.source)

    def pick(self, name: str, session: str) -> tuple[Any, ...]:
        """Show a template: `fields`, its lines, what `preview` says, an empty answer, no shares.

        The session's run, if one goes on, ends unseen: it was about another template.
        """
        self.runs.drop(session)
        template = self.library[name]
        fields = self.fields(template)
        return (*fields, self.lines(template), *self.preview(*fields), idle(self.engine.name), "")

    def preview(
        self, base: Template, instruction: str, examples: Any, labels: str, query: Any, *controls: Any
    ) -> tuple[str, str]:
        """The exact prompt with its tokens, or the line that says why there is none; and a wrong setting's line."""
        wrong, room = "", 0
        try:
            room = settings.read(controls[:-2], controls[-2]).max_new_tokens
        except PlaygroundError as error:
            wrong = problem(str(error))
        try:
            prompt = Draft(base, instruction, examples, labels, query).prompt()
        except PlaygroundError as error:
            return no_prompt(str(error)), wrong
        return prompt_box(prompt, self.engine.count_tokens(prompt), room, self.engine.context), wrong

    def run(
        self, session: str, base: Template, instruction: str, examples: Any, labels: str, query: Any, *controls: Any
    ) -> Iterator[tuple[str, str]]:
        """Answer and shares as they come. Ends without a word when the session has begun or picked something else."""
        draft = Draft(base, instruction, examples, labels, query)
        try:
            template, prompt = draft.template(), draft.asked()
            sampling = settings.read(controls[:-2], controls[-2])
        except PlaygroundError as error:
            self.runs.drop(session)
            yield refused(str(error)), ""
            return
        job = Job(self.engine, prompt, sampling, attention=controls[-1], labels=template.labels)
        self.runs.begin(session, job)
        try:
            for progress in job.watch():
                if not self.runs.holds(session, job):
                    return
                yield answer(progress), shares(progress.scores)
        finally:
            self.runs.end(session, job)

    def stop(self, session: str) -> None:
        """Stop this session's run; what it has written stays."""
        self.runs.stop(session)

    def leave(self, session: str) -> None:
        """The visitor has closed the page: nobody reads on."""
        self.runs.drop(session)
