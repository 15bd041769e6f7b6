"""Showing another template on the page: picked, reset to, from a link, imported, kept, or the one before.

In: the template, or what stands for it, and what the page held. Out: a `Page` of values. Whatever
is opened, what was there before can be brought back; what cannot be opened changes nothing but one line.
"""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.banner import about
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.answer import idle
from gptjt_demo.ui.playground.controls import Controls, Page, unchanged

OPENED = ""
"""The picker's value while the page shows a template that is not the library's."""


class Opening:
    """Opens templates for one page."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions

    def picked(self, session: str, name: str, before: Controls) -> Page:
        """A template of the library by its name; the one that is there, as it was, for `OPENED`."""
        return self.opened(session, self.actions.library[name] if name else before.base, "", before)

    def opened(self, session: str, template: Template, note: str, before: Controls) -> Page:
        """Any template. The session's run, if one goes on, ends unseen: it was about another."""
        controls = self.actions.controls(template)
        return self._shown(session, controls, note, before if self._edited(before) else None)

    def back(self, session: str, before: Controls | None, now: Controls) -> Page:
        """What was there before; what is there now can be brought back in turn."""
        return unchanged() if before is None else self._shown(session, before, "", now)

    def mended(self, controls: Controls, before: Controls) -> Page:
        """The same prompt with one thing put right; the answer stays and is outdated."""
        prompt, wrong, advised = self.actions.preview(controls)
        return unchanged(
            controls=controls,
            prompt=prompt,
            problem=wrong,
            advice=advised,
            before=before,
            undo=gr.update(visible=True),
        )

    def refused(self, line: str) -> Page:
        """One line, and nothing else changes."""
        return unchanged(notice=problem(line))

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

    def _shown(self, session: str, controls: Controls, note: str, before: Controls | None) -> Page:
        self.actions.runs.drop(session)
        prompt, wrong, advised = self.actions.preview(controls)
        return Page(
            controls,
            picker=gr.update(**self.choices(controls.base)),
            about=self.lines(controls.base),
            prompt=prompt,
            problem=wrong,
            advice=advised,
            answer=idle(self.actions.engine.name),
            shares="",
            outcome=None,
            before=before,
            undo=gr.update(visible=before is not None),
            notice=f'<p class="note" role="status">{escape(note)}</p>' if note else "",
        )

    def _edited(self, held: Controls) -> bool:
        """Whether the page holds anything that its template does not."""
        try:
            return self.actions.whole(held) != self.actions.whole(self.actions.controls(held.base))
        except PlaygroundError:
            return True
