"""What a visitor's page held before its last changes, and after those that were undone; while their page is open.

In: a session and what its controls hold. Out: what they held before, or after. Does not know what that is.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple

from gptjt_demo.ui.playground.controls import Controls

MOST = 20
"""Steps that are kept of each session."""


class Ways(NamedTuple):
    """Whether there is something to undo, and something to do again."""

    back: bool
    forward: bool


@dataclass
class _Steps:
    before: list[Controls] = field(default_factory=list)
    after: list[Controls] = field(default_factory=list)


class Past:
    """The steps of all sessions; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, _Steps] = {}

    def keep(self, session: str, held: Controls) -> None:
        """A step: the page held this, and now holds something else. What was undone before cannot be done again."""
        with self._lock:
            steps = self._sessions.setdefault(session, _Steps())
            steps.before = [*steps.before, held][-MOST:]
            steps.after = []

    def back(self, session: str, now: Controls) -> Controls | None:
        """What the page held before the last step; None where there is none. What it holds now can be done again."""
        with self._lock:
            steps = self._sessions.get(session)
            if steps is None or not steps.before:
                return None
            steps.after.append(now)
            return steps.before.pop()

    def forward(self, session: str, now: Controls) -> Controls | None:
        """What the page held before the last undoing; None where there is none."""
        with self._lock:
            steps = self._sessions.get(session)
            if steps is None or not steps.after:
                return None
            steps.before.append(now)
            return steps.after.pop()

    def ways(self, session: str) -> Ways:
        """Which of the two there is."""
        with self._lock:
            steps = self._sessions.get(session)
            return Ways(bool(steps and steps.before), bool(steps and steps.after))

    def drop(self, session: str) -> None:
        """Forget the session's."""
        with self._lock:
            self._sessions.pop(session, None)
