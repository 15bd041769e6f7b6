"""Where template files lie: the shipped folder and a folder's files. In: a name or a folder. Out: paths.

Reads no file's text and no environment, and knows no `Template`; both `Template` and `Library` ask here.
"""

from __future__ import annotations

import os
from pathlib import Path

from gptjt_demo.errors import TemplateError, nearest

# The widget prompts of GPT-JT's model card, in its order: the five tasks that have a labelled sample, too.
CARD = ("emotion", "currency", "hate", "entities", "cleaning")


def folder() -> Path:
    """The templates that come with the package: inside it when installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "prompts"
    return inside if inside.is_dir() else package.parent / "prompts"


def own_folders(value: str) -> list[Path]:
    """The folders that GPTJT_PROMPTS names: separated as the system separates paths (`:`, on Windows `;`), in order.

    Args:
        value: the variable's; blank ones and blanks between two colons are no folders.
    """
    return [Path(os.path.expanduser(part.strip())) for part in value.split(os.pathsep) if part.strip()]


def files(directory: Path) -> list[Path]:
    """The template files of a folder, by name; hidden ones and those of other kinds are left out."""
    return [
        path
        for path in sorted(directory.iterdir())
        if path.suffix in (".yaml", ".yml") and not path.name.startswith(".")
    ]


def path(name: str) -> Path:
    """The file of a shipped template.

    Raises:
        TemplateError: none has that name.
    """
    found = {file.stem: file for file in files(folder())}
    if name not in found:
        raise TemplateError(f"there is no template {name!r}", mend=nearest(name, found))
    return found[name]
