"""Showing another prompt on the page: picked, reset to, from a link, imported, kept, a draft, or the one before.

In: the template, or what stands for it, and what the page held. Out: a `Page` of values. Whatever is opened, what was
there before can be brought back; what cannot be opened changes nothing but one line.
"""

from __future__ import annotations

import secrets
from html import escape
from typing import Any

import gradio as gr

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.templates.template import Template
from gptjt_demo.ui.html import problem
from gptjt_demo.ui.playground.actions import Actions
from gptjt_demo.ui.playground.controls import Controls, Page, unchanged
from gptjt_demo.ui.playground.identity import BLANK

OPENED = ""
"""The picker's value while the page shows a template that is not the library's."""
NEW = "+"
"""The picker's value for a new prompt; no template has such a name."""


class Opening:
    """Opens templates for one page."""

    def __init__(self, actions: Actions) -> None:
        self.actions = actions

    def picked(self, session: str, name: str, before: Controls) -> Page:
        """A template of the library by its name, a new one for `NEW`, the one that is there, unedited, for `OPENED`."""
        template = BLANK if name == NEW else self.actions.templates[name] if name else before.base
        return self.opened(session, template, "", before)

    def opened(self, session: str, template: Template, note: str, before: Controls) -> Page:
        """Any template. The session's run, if there is one, ends unseen: it was about another."""
        return self.restored(session, self.actions.controls(template), note, before)

    def restored(self, session: str, controls: Controls, note: str, before: Controls) -> Page:
        """What the controls held at another time. What was there can be brought back, unless it is in the library."""
        past = self.actions.past
        if self._edited(before) or past.ways(session).back:
            past.keep(session, before)
        return self._shown(session, controls, note)

    def back(self, session: str, now: Controls) -> Page:
        """What was there before the last change."""
        return self._stepped(session, self.actions.past.back(session, now))

    def forward(self, session: str, now: Controls) -> Page:
        """What was there before it was undone."""
        return self._stepped(session, self.actions.past.forward(session, now))

    def mended(self, session: str, controls: Controls, before: Controls) -> Page:
        """The same prompt with one thing put right; the answer stays and is outdated."""
        self.actions.past.keep(session, before)
        undo, redo = self.steps(session)
        return unchanged(previews=self.actions.preview(controls), held=self.held(controls), undo=undo, redo=redo)

    def steps(self, session: str) -> tuple[Any, Any]:
        """The buttons for a step back and a step forward, each where there is one."""
        back, forward = self.actions.past.ways(session)
        return gr.update(visible=back or forward, interactive=back), gr.update(visible=forward)

    def refused(self, line: str) -> Page:
        """One line, and nothing else changes."""
        return unchanged(notice=problem(line))

    def held(self, controls: Controls) -> dict[str, Any]:
        """The controls' values for the browser: it puts them in their places, and keeps them as they are edited.

        `nonce` is new each time, `edited` says whether they hold anything that the template does not.
        """
        values = controls._asdict()
        base = values.pop("base").model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        return {
            "nonce": secrets.token_hex(8),
            "template": base,
            "controls": values,
            "edited": self._edited(controls),
        }

    def choices(self, template: Template) -> dict[str, Any]:
        """The picker's choices and value."""
        library = self.actions.templates
        known = template.name in library.names and library[template.name] == template
        new = template == BLANK
        own = [] if known or new else [(f"{template.title} (not in the library)", OPENED)]
        return {
            "choices": [("New prompt", NEW), *own, *((item.title, item.name) for item in library)],
            "value": NEW if new else template.name if known else OPENED,
        }

    def _stepped(self, session: str, controls: Controls | None) -> Page:
        """What a step leads to. The answer stays: page.js says whether it is one to this prompt."""
        if controls is None:
            return unchanged()
        undo, redo = self.steps(session)
        return unchanged(
            base=controls.base,
            previews=self.actions.preview(controls),
            picker=gr.update(**self.choices(controls.base)),
            held=self.held(controls),
            undo=undo,
            redo=redo,
            notice="",
        )

    def _shown(self, session: str, controls: Controls, note: str) -> Page:
        self.actions.runs.drop(session)
        undo, redo = self.steps(session)
        return Page(
            controls.base,
            self.actions.preview(controls),
            picker=gr.update(**self.choices(controls.base)),
            held=self.held(controls),
            answer=self.actions.idle(),
            shares="",
            details="",
            outcome=None,
            undo=undo,
            redo=redo,
            notice=f'<p class="note" role="status">{escape(note)}</p>' if note else "",
        )

    def _edited(self, held: Controls) -> bool:
        """Whether the page holds anything that its template does not."""
        try:
            return self.actions.whole(held) != self.actions.whole(self.actions.controls(held.base))
        except PlaygroundError:
            return True
