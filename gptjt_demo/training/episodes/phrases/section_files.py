"""The text files of `data/`: lines in named sections.

A line `= NAME` begins a section, `##` begins a comment. In: files' names without their ending. Out: their text, or
the lines of each section. Does not know what a line means.
"""

from __future__ import annotations

from importlib.resources import files


def text(file: str) -> str:
    """A file as it is."""
    return files(__package__).joinpath("data", f"{file}.txt").read_text("utf-8")


def sections(*names: str) -> dict[str, list[str]]:
    """The sections of these files together, each with its lines.

    Raises:
        ValueError: a section is there twice or empty, or a phrase stands outside of one.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        current: list[str] | None = None
        for line in text(name).splitlines():
            if line.startswith("= "):
                if line[2:] in found:
                    raise ValueError(f"{name}.txt: section {line[2:]} is there twice")
                current = found[line[2:]] = []
            elif line.strip() and not line.startswith("##"):
                if current is None:
                    raise ValueError(f"{name}.txt: a phrase before the first section: {line}")
                current.append(line)
    if empty := [name for name, lines in found.items() if not lines]:
        raise ValueError(f"{', '.join(names)}: sections without a phrase: {', '.join(empty)}")
    return found
