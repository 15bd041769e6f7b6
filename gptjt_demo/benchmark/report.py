"""What a run found, as a table for people and one JSON line for programs. Does not know how it was measured.

The JSON object has each figure by its key (`figures` tells them all), null where it could not be measured, and:

    model      what was measured
    processor  {"features": its instruction sets, "kind": the class whose targets count, "" where it has none}
    way        how 8-bit weights were multiplied, in the words of the load report
    forced     the way that --way asked for, or null
    peers      by name, each other library's version, what it was built for or dispatched to, and its type
    machine    the lines above the table
    medians    by group and contender, the seconds that the figures come from
    failures   by name, why something was not measured
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Target:
    """What a figure must reach and what it aims at; smaller is better where the aim is the smaller."""

    must: float
    aim: float

    def verdict(self, value: float) -> str:
        """A mark and the two bounds."""
        sign, reached = ("≥", value >= self.must) if self.aim > self.must else ("≤", value <= self.must)
        aimed = value >= self.aim if self.aim > self.must else value <= self.aim
        return f"{'✓✓' if aimed else '✓' if reached else '✗'}  must {sign} {self.must:g}, aim {self.aim:g}"


@dataclass(frozen=True)
class Figure:
    """One line; `key` is its name in the JSON, `value` None where it could not be measured."""

    key: str
    value: float | None
    unit: str
    what: str
    target: Target | None = None


@dataclass(frozen=True)
class Panel:
    """Contenders beside each other: a column each, a row a thing measured."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[float | None]]]  # (what, unit, a value a column)


@dataclass
class Report:
    """A run's panels, figures and raw medians; what is not said here is told with the JSON's keys."""

    model: str
    forced: str | None = None
    kind: str = ""
    features: list[str] = field(default_factory=list)
    way: str = ""
    peers: dict[str, str] = field(default_factory=dict)
    machine: list[str] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    medians: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        yield from self.machine
        for name, build in self.peers.items():
            yield f"{name}: {build}"
        for panel in self.panels:
            yield ""
            yield from _panel(panel)
        yield ""
        width = max((len(figure.what) for figure in self.figures), default=0)
        for figure in self.figures:
            value = "      none" if figure.value is None else f"{figure.value:10.3f}"
            mark = figure.target.verdict(figure.value) if figure.target and figure.value is not None else ""
            yield f"{figure.what:{width}}  {value} {figure.unit:9} {mark}".rstrip()
        for name, why in self.failures.items():
            yield f"not measured: {name}: {why}"

    def json(self) -> dict[str, Any]:
        """For programs: each figure by its key, then what they were made from."""
        return (
            {"model": self.model}
            | {figure.key: _rounded(figure.value) for figure in self.figures}
            | {
                "processor": {"features": self.features, "kind": self.kind},
                "way": self.way,
                "forced": self.forced,
                "peers": self.peers,
            }
            | {"machine": self.machine, "medians": self.medians, "failures": self.failures}
        )


def _panel(panel: Panel) -> Iterator[str]:
    width = max(len(panel.title), *(len(f"{what}, {unit}") for what, unit, _ in panel.rows))
    wide = [max(9, len(column)) for column in panel.columns]
    yield "  ".join([f"{panel.title:{width}}", *(f"{c:>{w}}" for c, w in zip(panel.columns, wide, strict=True))])
    for what, unit, values in panel.rows:
        cells = ["–" if value is None else f"{value:.3f}" for value in values]
        label = f"{what}, {unit}"
        yield "  ".join([f"{label:{width}}", *(f"{c:>{w}}" for c, w in zip(cells, wide, strict=True))])


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
