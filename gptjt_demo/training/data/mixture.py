"""Named sources mixed by weight, in phases: an endless stream of samples that can be stopped and continued.

In: sources, and for each phase how many tokens it has and which share of them every source gives. Out: samples. The
same state gives the same samples. Does not know what a source reads, or what the samples are for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gptjt_demo.errors import SettingError
from gptjt_demo.training.data.sample import Sample


class Source(Protocol):
    """An endless stream of samples of one kind."""

    def next(self) -> Sample:
        """The next sample."""
        ...

    def state(self) -> dict[str, Any]:
        """Where it is, as JSON can hold it."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from there."""
        ...


@dataclass(frozen=True)
class Phase:
    """A part of the training.

    Attributes:
        tokens: how many it has; the last phase lasts for as long as it is asked.
        shares: by source, its share of the phase's tokens. They need not add up to 1.
    """

    tokens: int
    shares: Mapping[str, float]


class Mixture:
    """Sources mixed by shares of tokens.

    Whichever source is furthest behind its share gives the next sample, so that the shares hold over any stretch
    of it, to within a sample, and not only on average.

    Args:
        sources: by name.
        phases: at least one, in order; their names are among the sources'.
    """

    def __init__(self, sources: Mapping[str, Source], phases: Sequence[Phase]) -> None:
        self._sources, self._phases = dict(sources), tuple(phases)
        self._enter(0)

    def _enter(self, phase: int) -> None:
        self._phase = phase
        self._given = dict.fromkeys(self._phases[phase].shares, 0)  # tokens of this phase, by source

    def next(self) -> Sample:
        """The next sample."""
        shares = self._phases[self._phase].shares
        name = min(shares, key=lambda each: self._given[each] / shares[each])
        sample = self._sources[name].next()
        self._given[name] += len(sample)
        last = self._phase == len(self._phases) - 1
        if not last and sum(self._given.values()) >= self._phases[self._phase].tokens:
            self._enter(self._phase + 1)
        return sample

    def state(self) -> dict[str, Any]:
        """Where it is, as JSON can hold it."""
        sources = {name: source.state() for name, source in self._sources.items()}
        return {"phase": self._phase, "given": dict(self._given), "sources": sources}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from there.

        Raises:
            SettingError: the state is that of another mixture.
        """
        given, sources, phase = state["given"], state["sources"], state["phase"]
        if (
            sources.keys() != self._sources.keys()
            or not 0 <= phase < len(self._phases)
            or given.keys() != self._phases[phase].shares.keys()
        ):
            raise SettingError(
                "the checkpoint is of another mixture", where="--resume", mend="give the recipe that it was begun with"
            )
        self._phase, self._given = phase, dict(given)
        for name, source in self._sources.items():
            source.restore(sources[name])
