"""The page's scripts and style sheets, as text."""

from __future__ import annotations

from importlib.resources import files


def read(name: str) -> str:
    """One of the files beside this one."""
    return files(__package__).joinpath(name).read_text("utf-8")
