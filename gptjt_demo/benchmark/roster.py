"""Sets the contenders of a run up, and keeps account in its report of those that cannot take part.

In: what they are set up with. Out: contenders that are ended with a given stack. Does not know what they are asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from gptjt_demo.benchmark.contender import PATIENT, Contender, Failed, Patience
from gptjt_demo.benchmark.report import Report
from gptjt_demo.errors import ModelError


@dataclass(frozen=True)
class Roster:
    """Those who take part.

    Attributes:
        report: hears who does not, and why.
        threads: of every contender.
        environment: of every contender.
        told: hears of each step.
    """

    report: Report
    threads: int
    environment: Mapping[str, str]
    told: Callable[[str], None]

    def ours(self, stack: ExitStack, settings: Mapping[str, Any]) -> tuple[Contender, float]:
        """Ours, loaded; and the seconds from the process's start to its first token.

        Raises:
            ModelError: it could not be set up, without which there is no run.
        """
        started = time.time()
        try:
            made = Contender("ours", "ours", settings, threads=self.threads, environment=self.environment)
        except Failed as error:
            raise ModelError(str(error)) from None
        ours = stack.enter_context(made)
        return ours, ours.facts["first_token_at"] - started

    def other(
        self,
        stack: ExitStack,
        name: str,
        kind: str,
        settings: Mapping[str, Any],
        *,
        environment: Mapping[str, str] = {},
        patience: Patience = PATIENT,
    ) -> list[Contender]:
        """Any other contender; none, and a line, where it cannot be set up."""
        try:
            made = Contender(
                name,
                kind,
                settings,
                threads=self.threads,
                environment={**self.environment, **environment},
                patience=patience,
            )
        except Failed as error:
            self.leave_out(name, str(error))
            return []
        if "build" in made.facts:
            self.report.peers[name] = made.facts["build"]
        return [stack.enter_context(made)]

    @contextmanager
    def builder(
        self, settings: Mapping[str, Any], patience: Patience = PATIENT
    ) -> Iterator[Callable[[str, str], str | None]]:
        """A function from what to build, and for whom, to its path; None, and a line, where it cannot be built."""
        with ExitStack() as stack:
            builders = self.other(stack, "builder", "builder", settings, patience=patience)

            def build(what: str, whose: str) -> str | None:
                try:
                    if not builders:
                        raise Failed(self.report.failures["builder"])
                    return str(builders[0].ask(what))
                except Failed as error:
                    self.leave_out(whose, str(error))
                    return None

            yield build

    def asked(self, contender: Contender, what: str) -> Any:
        """A contender's answer; None, and a line, where it has none."""
        try:
            return contender.ask(what)
        except Failed as error:
            self.leave_out(f"{contender.name}, {what}", str(error))
            return None

    def leave_out(self, name: str, why: str) -> None:
        """Say that something is not measured."""
        self.report.failures[name] = why
        self.told(f"{name}: {why}")
