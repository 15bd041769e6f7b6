"""Showing another template on the page: picked, reset to, from a link, imported, kept, or the one before.

In: the template, or what stands for it, and what the page held. Out: values for everything that changes then. Whatever
is opened, what was there before can be brought back; what cannot be opened changes nothing but one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.banner import about
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.answer import idle

OPENED = ""
"""The picker's value while the page shows a template that is not the library's."""


class Opening:
    """Opens templates for one page. Every method gives values for: the controls, the picker, the template's lines,
    what `Actions.preview` gives, answer, shares, outcome, what was there before, the button that brings it back, and
    the line that says what happened."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions

    def picked(self, session: str, name: str, *before: Any) -> tuple[Any, ...]:
        """A template of the library by its name; the one that is there, as it was, for `OPENED`."""
        return self.opened(session, self.actions.library[name] if name else before[0], "", before)

    def opened(self, session: str, template: Template, note: str, before: Sequence[Any]) -> tuple[Any, ...]:
        """Any template. The session's run, if one goes on, ends unseen: it was about another."""
        fields = self.actions.fields(template)
        edited = before and self._edited(before)
        return self._shown(session, fields, note, before if edited else ())

    def back(self, session: str, before: Sequence[Any], *now: Any) -> tuple[Any, ...]:
        """What was there before; what is there now can be brought back in turn."""
        return self._shown(session, tuple(before), "", now)

    def refused(self, line: str) -> tuple[Any, ...]:
        """One line, and nothing else changes."""
        kept = len(self.actions.fields(next(iter(self.actions.library)))) + 10
        return (*[gr.skip()] * kept, problem(line))

    def lines(self, template: Template) -> str:
        """What a template says of itself."""
        return about(template.description, template.notice, template.licence, template.source)

    def choices(self, template: Template) -> dict[str, Any]:
        """The picker's choices and value."""
        library = self.actions.library
        known = template.name in library.names and library[template.name] == template
        own = [] if known else [(f"{template.title} (not in the library)", OPENED)]
        return {
            "choices": [*own, *((item.title, item.name) for item in library)],
            "value": template.name if known else OPENED,
        }

    def _shown(self, session: str, fields: tuple[Any, ...], note: str, before: Sequence[Any]) -> tuple[Any, ...]:
        self.actions.runs.drop(session)
        template = fields[0]
        return (
            *fields,
            gr.update(**self.choices(template)),
            self.lines(template),
            *self.actions.preview(*fields),
            idle(self.actions.engine.name),
            "",
            None,
            tuple(before),
            gr.update(visible=bool(before)),
            f'<p class="note" role="status">{escape(note)}</p>' if note else "",
        )

    def _edited(self, values: Sequence[Any]) -> bool:
        """Whether the page holds anything that its template does not."""
        try:
            return self.actions.whole(*values) != self.actions.whole(*self.actions.fields(values[0]))
        except PlaygroundError:
            return True
