"""The parts of a workbook's zip archive, and their XML as events.

In: a path. Out: parts by the names that other parts know them by, whatever slashes and case the archive has them under,
and elements by their local names, whatever prefix or namespace (transitional or Strict) they have. XML is parsed by
expat; a document type, through which entities come, is refused. A character that XML does not have is handed on in its
text as half of a surrogate pair. Does not know what the parts mean.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple
from xml.parsers import expat

from gptjt_demo.errors import TableError
from gptjt_demo.tables.xml_damage import marked, unmarked

UNPACKED_LIMIT = 400 << 20  # bytes of all parts together
BOMB_SIZE, BOMB_RATIO = 20 << 20, 150  # past this size, packed tighter than any real sheet
_BLOCK = 1 << 16

Attributes = dict[str, str]
_NONE: Attributes = {}


class Event(NamedTuple):
    """A start (with its attributes), an end, or text (with no name)."""

    kind: str
    name: str = ""
    attributes: Attributes = _NONE
    text: str = ""


class Relation(NamedTuple):
    """What a part says of another: the last word of its kind, and its name in the archive."""

    kind: str
    target: str


class Package:
    """An open archive.

    Raises:
        zipfile.BadZipFile: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive = zipfile.ZipFile(path)
        self._names = {_plain(info.filename): info for info in self._archive.infolist()}

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._archive.close()

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._names

    def open(self, name: str) -> IO[bytes]:
        """A part's bytes.

        Raises:
            KeyError: there is none of that name.
        """
        return self._archive.open(self._names[_plain(name)])

    def refuse_bomb(self) -> None:
        """Refuse an archive that unpacks to too much.

        Raises:
            TableError: it does.
        """
        sizes = [(info.file_size, info.compress_size) for info in self._archive.infolist()]
        unpacked, packed = (sum(column) for column in zip(*sizes, strict=True))
        if unpacked > UNPACKED_LIMIT or (unpacked > BOMB_SIZE and unpacked > BOMB_RATIO * packed):
            what = f"unpacks to {unpacked / 2**20:,.0f} MiB, too much for a workbook"
            raise TableError(what, where=self._path.name, mend="save it as CSV")

    def relations(self, name: str) -> dict[str, Relation]:
        """The parts that a part refers to, by the ids that it uses; "" is the package itself."""
        folder, file = posixpath.split(name)
        beside = posixpath.join(folder, "_rels", f"{file}.rels")
        found = {}
        for event in self.events(beside) if beside in self else ():
            if event.kind == "start" and event.name == "Relationship":
                target = event.attributes.get("Target", "").replace("\\", "/")
                where = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                kind = event.attributes.get("Type", "").rpartition("/")[2]
                found[event.attributes.get("Id", "")] = Relation(kind, where)
        return found

    def events(self, name: str) -> Iterator[Event]:
        """A part's elements and texts.

        Raises:
            KeyError: there is no such part.
            TableError, expat.ExpatError: it is not XML that is read here.
        """
        waiting: list[Event] = []
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True

        def start(name: str, attributes: Attributes) -> None:
            if attributes:
                attributes = {_local(key): value for key, value in attributes.items()}
            waiting.append(Event("start", _local(name), attributes))

        inside = False  # a CDATA section, in which a reference is text

        def cdata(begins: bool) -> None:
            nonlocal inside
            inside = begins

        def text(text: str) -> None:
            waiting.append(Event("text", text=unmarked(text, literal=inside)))

        def refuse(*_: object) -> None:
            raise TableError("a damaged XLSX file (a document type in it)", where=self._path.name, mend="save it again")

        parser.StartElementHandler = start
        parser.EndElementHandler = lambda name: waiting.append(Event("end", _local(name)))
        parser.CharacterDataHandler = text
        parser.StartCdataSectionHandler = lambda: cdata(True)
        parser.EndCdataSectionHandler = lambda: cdata(False)
        parser.StartDoctypeDeclHandler = refuse
        with self.open(name) as file:
            for block in marked(iter(lambda: file.read(_BLOCK), b"")):
                parser.Parse(block, False)
                yield from waiting
                waiting.clear()
            parser.Parse(b"", True)
            yield from waiting


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()


@lru_cache(1000)  # a sheet has a dozen names, and each of them a million times
def _local(name: str) -> str:
    return name.rpartition(" ")[2]
