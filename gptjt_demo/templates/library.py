"""Library: the templates of one or more directories, by name; the user's own before the shipped ones.

In: directories of YAML files. Out: templates in the order in which a picker shows them, and what is wrong with
files that could not be read. Needs no model; reads no environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.field_errors import nearest
from gptjt_demo.templates.template import Template

# The model card's own widget examples come first and in its order; the rest follows by title.
CARD = ("emotion", "currency", "hate", "entities", "cleaning")


@dataclass(frozen=True)
class Library:
    """Templates by name.

    Attributes:
        templates: in the order to show them.
        problems: one error for each file that is not among them.
        broken: by name, the errors of files that would have given the template of that name.
    """

    templates: tuple[Template, ...]
    problems: tuple[TemplateError, ...]
    broken: Mapping[str, TemplateError]

    @classmethod
    def open(cls, directories: Sequence[str | os.PathLike[str]] = ()) -> Library:
        """Read the user's directories and the shipped templates.

        Args:
            directories: each with *.yaml files; of two templates with one name the first directory's counts.

        Raises:
            TemplateError: a directory does not exist. A file that is not valid becomes one of `problems`.
        """
        found: dict[str, Template] = {}
        problems: list[TemplateError] = []
        broken: dict[str, TemplateError] = {}
        for directory in (*map(Path, directories), shipped()):
            if not directory.is_dir():
                what = "not a directory" if directory.exists() else "there is no such directory"
                raise TemplateError(what, where=str(directory), mend="give a directory of template files")
            for path in sorted(directory.iterdir()):
                if path.suffix in (".yaml", ".yml") and not path.name.startswith("."):
                    try:
                        template = _load(path)
                    except TemplateError as error:
                        problems.append(error)
                        if path.stem not in found:
                            broken.setdefault(path.stem, error)
                    else:
                        found.setdefault(template.name, template)
        return cls(tuple(sorted(found.values(), key=_rank)), tuple(problems), broken)

    @property
    def names(self) -> tuple[str, ...]:
        """The templates' names, in order."""
        return tuple(template.name for template in self.templates)

    def __iter__(self) -> Iterator[Template]:
        return iter(self.templates)

    def __len__(self) -> int:
        return len(self.templates)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Template:
        """The template of that name.

        Raises:
            TemplateError: there is none, or its file is broken: what stands behind it is not taken for it.
        """
        if name in self.broken:
            raise self.broken[name]
        for template in self.templates:
            if template.name == name:
                return template
        raise TemplateError(f"there is no template {name!r}", mend=nearest(name, self.names))


def shipped() -> Path:
    """The directory of the templates that come with the package: inside it when installed, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "prompts"
    return inside if inside.is_dir() else package.parent / "prompts"


def _load(path: Path) -> Template:
    template = Template.load(path)
    if template.name != path.stem:
        what = f"the file is named {path.stem!r} and the template {template.name!r}"
        raise TemplateError(what, where=str(path), mend="give both one name")
    return template


def _rank(template: Template) -> tuple[int, str, str]:
    place = CARD.index(template.name) if template.name in CARD else len(CARD)
    return place, template.title.casefold(), template.name
