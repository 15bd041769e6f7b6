"""XLSX in, every cell as text.

In: a path. Out: a `Sheet` of the first visible worksheet. Numbers are shown as `number_format` does, TRUE and FALSE so,
and formulas as their last result; a formula without one, or a workbook that says that its results are out of
date, is refused: it would be read as blanks, or as a 0 that nobody meant. Does not know column names.
"""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from gptjt_demo.errors import TableError
from gptjt_demo.tables.formulas import restore
from gptjt_demo.tables.number_format import BUILT_IN, Format
from gptjt_demo.tables.package import Event, Package
from gptjt_demo.tables.sheet import CELL_LIMIT, COLUMN_LIMIT, Cell, Faults, Row, Sheet, whole
from gptjt_demo.tables.worksheet import TRUE, Found, cells_of

BLANK_LIMIT = 10_000  # blank rows in a row
_USUAL = "xl/workbook.xml"
_OTHERS = {
    "xl/workbook.bin": ("an XLSB workbook", "save it as XLSX"),
    "content.xml": ("an OpenDocument file", "save it as XLSX or CSV"),
    "index/document.iwa": ("an Apple Numbers file", "export it as XLSX or CSV"),
}
_OPEN_AND_SAVE = "open the file in a spreadsheet program and save it again"
_ERRORS = "error values in place of a result, read as they are shown"


@dataclass(frozen=True)
class _Book:
    """What a workbook says of all its sheets.

    Attributes:
        part, title, others: the sheet that is read, and how many more there are.
        to_work_out: the results of its formulas are to be worked out again.
        manual: they may be old.
        from_1904: days are counted from 1904.
        texts: the shared ones.
        formats: number formats by style.
    """

    part: str
    title: str
    others: int
    to_work_out: bool
    manual: bool
    from_1904: bool
    texts: Sequence[str]
    formats: Sequence[Format]


class _Listed(NamedTuple):
    title: str
    part: str
    hidden: bool


@dataclass
class _Seen:
    """Notes about a sheet, gathered while it is read through."""

    notes: list[str] = field(default_factory=list)
    lost: dict[str, tuple[int, str]] = field(default_factory=dict)
    formulas: bool = False
    faults: Faults = field(default_factory=Faults)

    def lose(self, what: str, cell: Found) -> None:
        """Count a cell that comes as another thing than it is shown."""
        count, first = self.lost.get(what, (0, cell.name))
        self.lost[what] = count + 1, first


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is an XLSX file.

    Raises:
        TableError: the archive is damaged, or a workbook of another format.
    """
    try:
        with Package(path) as package:
            if _workbook_part(package):
                return True
            for name, (what, mend) in _OTHERS.items():
                if name in package:
                    raise TableError(f"{what}, not a table that is read here", where=path.name, mend=mend)
            return False
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, expat.ExpatError, zlib.error) as error:
        raise TableError(f"a damaged zip or XLSX file ({error})", where=path.name, mend="save it again") from None


def scan(path: Path) -> Sheet:
    """Read the first visible worksheet through once.

    Raises:
        TableError: the file is damaged, has no worksheet or a formula without a result, or unpacks to too much.
    """
    with _damage_told(path), Package(path) as package:
        package.refuse_bomb()
    width = count = 0
    seen = _Seen()
    header: list[str | None] = []
    for row in _rows(path, seen):
        header = header or row
        used = (column for column, cell in enumerate(row, 1) if cell is not None)
        width, count = max(width, *used, 0), count + 1
        if width > COLUMN_LIMIT:
            raise TableError(f"more than {COLUMN_LIMIT:,} columns", where=path.name)
    notes = [*seen.notes, *(f"{what}: {n:,}, the first is cell {cell}" for what, (n, cell) in seen.lost.items())]
    notes += seen.faults.notes(max(count - 1, 0), path, mend=_OPEN_AND_SAVE)

    def again() -> Iterator[Row]:
        return (_padded(row, width) for row in islice(_rows(path, _Seen()), 1, None))

    return Sheet(_padded(header, width), max(count - 1, 0), tuple(notes), again)


def _padded(row: Sequence[str | None], width: int) -> Row:
    cells = [cell or "" for cell in row[:width]]
    return (*cells, *[""] * (width - len(cells)))


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """What a damaged part runs into, as one line."""
    try:
        yield
    except (
        zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, LookupError, ValueError, ArithmeticError,
        NotImplementedError, RuntimeError,
    ) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"a damaged XLSX file ({reason})", where=path.name, mend="save it again, or as CSV") from None


def _rows(path: Path, seen: _Seen) -> Iterator[list[str | None]]:
    """Rows of cells, blank rows only between others; `seen` receives the notes about them."""
    with _damage_told(path), Package(path) as package:
        book = _book(package, path)
        seen.notes.append(f'the sheet "{book.title}"' + (f", not the other {book.others}" if book.others else ""))
        before = 0  # the last row that is not blank
        merged: list[str] = []
        hidden, unseen = set[int](), list[int]()
        for number, row in cells_of(package.events(book.part), merged, hidden):
            texts = _texts(row, number, book, seen, path)
            if all(text is None for text in texts):
                continue
            if before and number - before - 1 >= BLANK_LIMIT:
                raise TableError(
                    f"row {number:,} follows {number - before - 1:,} blank rows",
                    where=path.name,
                    mend="delete it or them",
                )
            yield from ([] for _ in range(before + 1, number if before else 0))
            if before:
                seen.faults.look(f"row {number:,}", filter(None, texts))
            unseen += [number] if number in hidden else []
            yield texts
            before = number
        if not before and book.others:
            mend = "delete it, or move the table's sheet before it"
            raise TableError(f'the first sheet, "{book.title}", is empty', where=path.name, mend=mend)
        if merged:
            seen.notes.append(
                f"merged cells, of which the first has the text: {len(merged):,}, the first is {merged[0]}"
            )
        if unseen:
            seen.notes.append(f"hidden rows, which are read too: {len(unseen):,}, the first is row {unseen[0]:,}")
        if seen.formulas and book.manual:
            seen.notes.append("calculated only by hand, so results of formulas may be old")


def _texts(row: list[Found], number: int, book: _Book, seen: _Seen, path: Path) -> list[str | None]:
    texts: list[str | None] = []
    for found in row:
        if found.formula:
            seen.formulas = True
            _refuse_unknown_result(found, book, path)
        texts += [None] * (found.column - len(texts))
        text = _text(found, book, seen)
        if text is not None:
            if len(text) > CELL_LIMIT:
                raise TableError(f"row {number}: a cell of more than {CELL_LIMIT:,} characters", where=path.name)
            text = whole(restore(text))
        texts.append(text)
    return texts


def _refuse_unknown_result(found: Found, book: _Book, path: Path) -> None:
    """A formula that no program has worked out yet would be read as a blank, or as the 0 that stands in for it."""
    if found.value is None or (not found.value and found.type != "str"):
        raise TableError(f"cell {found.name}: a formula without a result", where=path.name, mend=_OPEN_AND_SAVE)
    if book.to_work_out:
        what = f"cell {found.name}: a formula whose result is not worked out yet, as the workbook says"
        raise TableError(what, where=path.name, mend=_OPEN_AND_SAVE)


def _text(found: Found, book: _Book, seen: _Seen) -> str | None:
    value = found.value
    if value is None or (not value and (found.formula or found.type not in ("str", "inlineStr"))):
        return None
    if not value.isascii() and isinstance(whole(value), Cell):
        return unescaped(value)  # damaged, whatever its type
    if found.type == "s":
        return book.texts[int(value)]
    if found.type in ("str", "inlineStr"):
        return unescaped(value)
    if found.type == "b":
        return "TRUE" if value.strip() in TRUE else "FALSE"
    if found.type == "d":
        return value.removesuffix("T00:00:00").removesuffix("T00:00:00.000")
    if found.type == "e":
        seen.lose(_ERRORS, found)
        return value
    if not value.strip():
        return None
    if not _NUMBER.fullmatch(value.strip()):
        raise ValueError(f"cell {found.name}: {value.strip()[:20]!r} is no number")
    format = book.formats[found.style] if found.style < len(book.formats) else Format("plain")
    text, lost = format.shown(value.strip(), from_1904=book.from_1904)
    if lost:
        seen.lose(lost, found)
    return text


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """A text with the format's escapes undone, once."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)


# --- the parts around the sheet


def _workbook_part(package: Package) -> str | None:
    """The workbook's part, whatever its name; None where the archive is of something else."""
    named = [relation.target for relation in package.relations("").values() if relation.kind == "officeDocument"]
    for name in (*named, _USUAL):
        if name in package and (
            name.casefold() == _USUAL or (name.endswith(".xml") and _root(package, name) == "workbook")
        ):
            return name
    return None


def _root(package: Package, name: str) -> str:
    return next((event.name for event in package.events(name) if event.kind == "start"), "")


def _book(package: Package, path: Path) -> _Book:
    name = _workbook_part(package) or _USUAL
    relations = package.relations(name)
    of_kind = {relation.kind: relation.target for relation in relations.values()}
    listed: list[_Listed] = []
    settings: dict[str, str] = {}
    for event in package.events(name):
        if event.kind == "start" and event.name in ("calcPr", "workbookPr"):
            settings |= event.attributes
        if event.kind == "start" and event.name == "sheet":
            relation = relations.get(event.attributes.get("id", ""))
            if relation is None:
                raise ValueError("a sheet without its part")
            if relation.kind == "worksheet":
                hidden = event.attributes.get("state", "visible") != "visible"
                listed.append(_Listed(event.attributes.get("name", ""), relation.target, hidden))
    sheets = [sheet for sheet in listed if not sheet.hidden] or listed
    if not sheets:
        if listed or any(relation.kind == "chartsheet" for relation in relations.values()):
            raise TableError("no worksheet in it", where=path.name)
        raise ValueError("no worksheet in it")
    return _Book(
        part=sheets[0].part,
        title=sheets[0].title,
        others=len(listed) - 1,
        to_work_out=_says(settings, "fullCalcOnLoad") or settings.get("calcCompleted", "1").lower() in ("0", "false"),
        manual=settings.get("calcMode") == "manual",
        from_1904=_says(settings, "date1904"),
        texts=list(_shared_texts(package, of_kind.get("sharedStrings", ""))),
        formats=_formats(package, of_kind.get("styles", "")),
    )


def _says(settings: dict[str, str], name: str) -> bool:
    return settings.get(name, "").lower() in TRUE


def _shared_texts(package: Package, name: str) -> Iterator[str]:
    pieces: list[str] = []
    inside = aside = 0
    for event in package.events(name) if name in package else ():
        if event.kind == "text":
            if inside and not aside:
                pieces.append(event.text)
        elif event.name == "rPh":  # how it is pronounced
            aside += 1 if event.kind == "start" else -1
        elif event.name == "t":
            inside += 1 if event.kind == "start" else -1
        elif event == Event("end", "si"):
            yield unescaped("".join(pieces))
            pieces.clear()


def _formats(package: Package, name: str) -> list[Format]:
    codes: dict[int, str] = dict(BUILT_IN)
    known: dict[int, Format] = {}
    formats: list[Format] = []
    inside = ""
    for event in package.events(name) if name in package else ():
        if event.name in ("cellXfs", "numFmts"):
            inside = event.name if event.kind == "start" else ""
        elif event.kind == "start" and inside == "numFmts" and event.name == "numFmt":
            codes[int(event.attributes["numFmtId"])] = event.attributes["formatCode"]
        elif event.kind == "start" and inside == "cellXfs" and event.name == "xf":
            number = int(event.attributes.get("numFmtId", "0"))
            formats.append(known.setdefault(number, Format.of(codes.get(number, ""))))
    return formats
