"""Library: the templates of one or more directories, by name; the user's own before the shipped ones.

In: directories of YAML files. Out: templates in the order in which a picker shows them, and what is wrong with
files that could not be read. Needs no model; reads no environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gptjt_demo.errors import TemplateError, nearest
from gptjt_demo.templates import shipped
from gptjt_demo.templates.template import Template, is_name
from gptjt_demo.templates.versions.history import History, history_file


@dataclass(frozen=True)
class Library:
    """Templates by name.

    Attributes:
        templates: in the order to show them.
        problems: one error for each file that is not among them.
        broken: by name, the errors of files that would have given the template of that name.
        folders: the user's own, in order.
    """

    templates: tuple[Template, ...]
    problems: tuple[TemplateError, ...]
    broken: Mapping[str, TemplateError]
    folders: tuple[Path, ...] = ()

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
        for directory in (*map(Path, directories), shipped.folder()):
            for path in _files(directory):
                try:
                    template = _load(path)
                except TemplateError as error:
                    problems.append(error)
                    if path.stem not in found:
                        broken.setdefault(path.stem, error)
                else:
                    found.setdefault(template.name, template)
        return cls(tuple(sorted(found.values(), key=_rank)), tuple(problems), broken, tuple(map(Path, directories)))

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

    def load(self, name_or_path: str | os.PathLike[str]) -> Template:
        """A template by its name in this library, or from a file, as `Template.load` tells them apart; or, with @3
        behind either, the third version that was kept of it.

        Raises:
            TemplateError: there is no such template, file or version, or it is not valid.
        """
        base, number = parted(name_or_path) if isinstance(name_or_path, str) else (name_or_path, None)
        if number is not None:
            return History.of(self.file(base)).version(number).template()
        return self[str(name_or_path)] if is_name(name_or_path) else Template.load(name_or_path)

    def file(self, name_or_path: str | os.PathLike[str]) -> Path:
        """The file of one of the user's own templates, or where it stood if its history is still there.

        Raises:
            TemplateError: no folder of the user's has it; a shipped template has no history.
        """
        if not is_name(name_or_path):
            return Path(name_or_path)
        name = str(name_or_path)
        files = [folder / f"{name}{ending}" for folder in self.folders for ending in (".yaml", ".yml")]
        for file in files:
            if file.is_file():
                return file
        for file in files:
            if history_file(file).is_file():
                return file
        if name in self.names:
            mend = "export it into a folder of your own, and name that with --prompts or GPTJT_PROMPTS"
            raise TemplateError("a shipped template has no history", where=name, mend=mend)
        raise TemplateError(f"there is no template {name!r}", mend=nearest(name, self.names))


def parted(text: str) -> tuple[str, int | None]:
    """A name or path, and the version behind an @; None where none is named, or a file really ends so."""
    found = re.fullmatch(r"(.+)@(\d{1,9})", text, re.DOTALL)
    return (found[1], int(found[2])) if found and not (Path(text).exists() and not is_name(text)) else (text, None)


def _files(directory: Path) -> list[Path]:
    """The template files of a directory; raises TemplateError where it is none, or may not be read."""
    try:
        if directory.is_dir():
            return shipped.files(directory)
        what = "not a directory" if directory.exists() else "there is no such directory"
    except OSError as error:  # of a name that is too long, or behind a door that is closed
        what = f"cannot be read ({error.strerror})"
    raise TemplateError(what, where=str(directory), mend="give a directory of template files")


def _load(path: Path) -> Template:
    template = Template.load(path)
    if template.name != path.stem:
        what = f"the file is named {path.stem!r} and the template {template.name!r}"
        raise TemplateError(what, where=str(path), mend="give both one name")
    return template


def _rank(template: Template) -> tuple[int, str, str]:
    """The model card's own come first and in its order; the rest follows by title."""
    rank = shipped.CARD.index(template.name) if template.name in shipped.CARD else len(shipped.CARD)
    return rank, template.title.casefold(), template.name
