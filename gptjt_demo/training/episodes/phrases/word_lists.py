"""The files of `data/` that hold lists of phrases: one a line, or several between vertical bars."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from gptjt_demo.training.episodes.phrases import section_files


@cache
def sections(file: str) -> Mapping[str, tuple[str, ...]]:
    """A file's sections by name.

    Raises:
        ValueError: a section is there twice or empty, or a phrase stands outside of one.
    """
    found = section_files.sections(file)
    return MappingProxyType(
        {name: tuple(phrase.strip() for line in lines for phrase in line.split("|")) for name, lines in found.items()}
    )


def phrases(file: str, section: str) -> tuple[str, ...]:
    """The phrases of one section."""
    return sections(file)[section]
