"""The history of a template's file, in plain lines of JSON beside it: NAME.history.jsonl.

In: a template's file. Out: its versions, each with the file's text as it was, and the figures that were measured.
Lines are added at the end; where there are too many, the oldest versions go. A line that cannot be read is passed over
and counted. Does not know who measures.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.measured import Measured, now, prompt_key

ENDING = ".history.jsonl"
MOST = 100  # versions
MOST_MEASURED = 500
MOST_BYTES = 4 * 1024 * 1024  # of the whole file
MAX_NOTE = 200  # characters
_READ = 4 * MOST_BYTES  # a file above it was not written here


@dataclass(frozen=True)
class Version:
    """A template's file as it was.

    Attributes:
        number: from 1; those of versions that have gone are not used again.
        time: when it was kept, UTC, ISO 8601.
        text: the file's, with its comments and line ends.
        note: why it was kept, in the words of whoever did.
    """

    number: int
    time: str
    text: str
    note: str = ""

    def template(self) -> Template:
        """It, read.

        Raises:
            TemplateError: the file was not valid then.
        """
        return Template.from_yaml(self.text, where=f"version {self.number}")


@dataclass(frozen=True)
class History:
    """What is kept beside a template's file.

    Attributes:
        path: of the history.
        versions: the oldest first.
        measured: the oldest first.
        damaged: lines that could not be read.
    """

    path: Path
    versions: tuple[Version, ...] = ()
    measured: tuple[Measured, ...] = ()
    damaged: int = 0

    @classmethod
    def of(cls, file: Path) -> History:
        """The history of a template's file; an empty one where nothing was kept yet.

        Raises:
            TemplateError: it is there and cannot be read.
        """
        path = history_file(file)
        try:
            with path.open("rb") as lines:
                content = lines.read(_READ + 1)
        except FileNotFoundError:
            return cls(path)
        except OSError as error:
            raise TemplateError(f"cannot be read ({error.strerror})", where=str(path)) from None
        if len(content) > _READ:
            raise TemplateError(f"more than {_READ:,} bytes", where=str(path), mend="move it away")
        versions: list[Version] = []
        measured: list[Measured] = []
        damaged = 0
        for line in content.splitlines():
            try:
                entry = _read(line)
            except (ValueError, RecursionError, TemplateError):
                damaged += 1
                continue
            if isinstance(entry, Measured):
                measured.append(entry)
            else:  # two processes may have given one number
                least = versions[-1].number + 1 if versions else 1
                versions.append(entry if entry.number >= least else Version(least, entry.time, entry.text, entry.note))
        return cls(path, tuple(versions), tuple(measured), damaged)

    @property
    def newest(self) -> Version | None:
        """The last version that was kept."""
        return self.versions[-1] if self.versions else None

    def version(self, number: int) -> Version:
        """The version of that number.

        Raises:
            TemplateError: there is none.
        """
        for version in self.versions:
            if version.number == number:
                return version
        known = ", ".join(str(version.number) for version in self.versions[-10:])
        mend = f"known: {'…, ' if len(self.versions) > 10 else ''}{known}" if known else "no version has been kept yet"
        raise TemplateError(f"there is no version {number}", where=str(self.path), mend=mend)

    def figures(self, template: Template) -> list[Measured]:
        """What was measured with a prompt, the newest first."""
        key = prompt_key(template)
        return [each for each in reversed(self.measured) if each.key == key]


def history_file(file: Path) -> Path:
    """Where the history of a template's file stands."""
    return file.with_name(file.stem + ENDING)


def keep(file: Path, note: str = "") -> tuple[Version, bool]:
    """Keep the file as it is.

    Args:
        file: a template's, valid or not.
        note: why, in a line.

    Returns:
        The newest version, and whether it is a new one: the text may be what was kept last.

    Raises:
        TemplateError: the file cannot be read, or nothing can be written beside it.
    """
    text, history = yaml_text.read_file(str(file)), History.of(file)
    newest = history.newest
    if newest is not None and newest.text == text:
        return newest, False
    note = " ".join(note.split())[:MAX_NOTE]
    version = Version(newest.number + 1 if newest else 1, now(), text, note)
    _add(history, [_entry_of(version)])
    return version, True


def record(file: Path, figures: Sequence[Measured]) -> None:
    """Keep figures of a template's file, or of any version of it.

    Raises:
        TemplateError: nothing can be written beside it.
    """
    _add(History.of(file), [{"kind": "measured", **each.model_dump(mode="json")} for each in figures])


def begin(file: Path, versions: Sequence[Version], figures: Sequence[Measured]) -> None:
    """Begin a file's history with versions and figures from elsewhere.

    Raises:
        TemplateError: it has one already, or it cannot be written.
    """
    path = history_file(file)
    if path.exists():
        raise TemplateError("the file is there already", where=str(path), mend="move it, or choose another folder")
    measured = [{"kind": "measured", **each.model_dump(mode="json")} for each in figures]
    _add(History(path), [*map(_entry_of, versions), *measured])


def restore(file: Path, number: int) -> Version:
    """Put a version's text back into the file. What is there now is kept first.

    Args:
        file: a template's; it need not be there any more.
        number: of the version.

    Returns:
        The version that is the newest now.

    Raises:
        TemplateError: there is no such version, or the file cannot be written.
    """
    version = History.of(file).version(number)
    if file.exists():
        keep(file, f"as it was before version {number} came back")
    _replace(file, lambda new: new.write(version.text.encode()))
    return keep(file, f"version {number} again")[0]


def _read(line: bytes) -> Version | Measured:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError
    if data.get("kind") == "measured":
        return Measured.read(data)
    number, time, text, note = (data.get(name) for name in ("number", "time", "text", "note"))
    if (
        data.get("kind") != "version"
        or type(number) is not int
        or not 1 <= number <= 10**9
        or not isinstance(time, str)
        or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time)
        or not isinstance(text, str)
        or not isinstance(note, str)
    ):
        raise ValueError
    text.encode()  # half a character cannot have come from a file
    return Version(number, time, text, note)


def _entry_of(version: Version) -> dict[str, Any]:
    return {
        "kind": "version",
        "number": version.number,
        "time": version.time,
        "note": version.note,
        "text": version.text,
    }


def _add(history: History, entries: Sequence[dict[str, Any]]) -> None:
    """Lines at the file's end; or, where that would be too many, a new file of the newest ones."""
    lines = b"".join(_line(entry) for entry in entries)
    path = history.path
    try:
        size = path.stat().st_size if path.exists() else 0
        figures = sum(entry["kind"] == "measured" for entry in entries)
        versions, measured = len(history.versions) + len(entries) - figures, len(history.measured) + figures
        if versions > MOST or measured > MOST_MEASURED or size + len(lines) > MOST_BYTES:
            _replace(path, lambda new: new.write(_pruned(history, entries)))
            return
        with path.open("ab+") as file:  # one write: of two processes neither stands within the other's line
            if size and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                lines = b"\n" + lines  # a line that was cut off stays one, and takes no other with it
            file.write(lines)
    except OSError as error:
        raise TemplateError(f"cannot be written ({error.strerror})", where=str(path)) from None


def _pruned(history: History, entries: Sequence[dict[str, Any]]) -> bytes:
    """The newest of all: the last version always, half of what may be, so that this is seldom done."""
    versions = [_entry_of(each) for each in history.versions]
    measured = [{"kind": "measured", **each.model_dump(mode="json")} for each in history.measured]
    versions += [each for each in entries if each["kind"] == "version"]
    measured += [each for each in entries if each["kind"] == "measured"]
    measured = measured[-(MOST_MEASURED // 2) :]
    room = MOST_BYTES // 2 - sum(len(_line(each)) for each in measured)
    kept: list[dict[str, Any]] = []
    for each in reversed(versions[-(MOST // 2) :]):
        room -= len(_line(each))
        if kept and room < 0:
            break
        kept.insert(0, each)
    return b"".join(map(_line, [*kept, *measured]))


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"


def _replace(path: Path, write: Callable[[Any], object]) -> None:
    """Write a file anew, so that it is the old one or the new one, whenever one is interrupted."""
    place = path.resolve()  # a link stays one
    try:
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if place.exists():
                shutil.copymode(place, name)
            else:
                os.chmod(name, 0o644)
            os.replace(name, place)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise TemplateError(f"cannot be written ({error.strerror})", where=str(path)) from None
