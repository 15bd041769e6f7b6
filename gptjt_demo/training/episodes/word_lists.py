"""The text files of `data/` that hold lists of phrases.

A line `= NAME` begins a section; every other line holds one phrase, or several between vertical bars; `##` begins a
comment.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@cache
def sections(file: str) -> Mapping[str, tuple[str, ...]]:
    """A file's sections by name.

    Raises:
        ValueError: a section is there twice or empty, or a phrase stands outside of one.
    """
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in files(__package__).joinpath("data", f"{file}.txt").read_text("utf-8").splitlines():
        if line.startswith("= "):
            if line[2:] in found:
                raise ValueError(f"{file}.txt: section {line[2:]} is there twice")
            current = found[line[2:]] = []
        elif line.strip() and not line.startswith("##"):
            if current is None:
                raise ValueError(f"{file}.txt: a phrase before the first section: {line}")
            current += [phrase.strip() for phrase in line.split("|")]
    if empty := [name for name, phrases in found.items() if not phrases]:
        raise ValueError(f"{file}.txt: sections without a phrase: {', '.join(empty)}")
    return MappingProxyType({name: tuple(phrases) for name, phrases in found.items()})


def phrases(file: str, section: str) -> tuple[str, ...]:
    """The phrases of one section."""
    return sections(file)[section]
