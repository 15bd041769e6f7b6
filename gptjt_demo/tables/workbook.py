"""XLSX in and out, every cell as text.

In: a path. Out: a `Sheet` of the first visible worksheet, or a file. Reading shows numbers as a spreadsheet does (7.0
is "7", at most 15 digits), dates as ISO 8601, TRUE and FALSE, and formulas as their last result. Writing makes every
cell a text cell, which no program runs, so that nothing need be neutralised; what XML cannot hold is written `_x0007_`,
the format's own escape. Does not know column names.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

from gptjt_demo.errors import TableError
from gptjt_demo.tables.sheet import CELL_LIMIT, COLUMN_LIMIT, Row, Sheet

UNPACKED_LIMIT = 400 << 20  # bytes of all parts together
BOMB_SIZE, BOMB_RATIO = 20 << 20, 150  # past this size, packed tighter than any real sheet
BLANK_LIMIT = 10_000  # blank rows in a row
ROW_LIMIT = 1_048_576
TEXT_LIMIT = 32_767  # characters that a spreadsheet program keeps of a cell

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_FORMULA_LENGTH = 20_000  # bytes; spreadsheet programs hold 8,192 characters
_NO_RESULT = re.compile(  # but for a result that is the empty string, which is written as type "str"
    rb'<c r="([A-Z]{1,3}[0-9]{1,7})"(?![^<>]* t="str")[^<>]{0,200}>'
    rb"<f[^<>]{0,2000}(?:/>|>[^<]{0,%d}</f>)(?:<v */>|<v></v>)?</c>" % _FORMULA_LENGTH
)
_UNHOLDABLE = "\x00-\x08\x0b-\x1f\ufffe\uffff"
_TO_ESCAPE = re.compile(f"[{_UNHOLDABLE}]|_(?=x[0-9A-Fa-f]{{4}}[_{_UNHOLDABLE}])")


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is an XLSX file.

    Raises:
        TableError: the archive is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise TableError(f"a damaged zip or XLSX file ({error})", where=path.name, mend="save it again") from None


def scan(path: Path) -> Sheet:
    """Read the first visible worksheet through once.

    Raises:
        TableError: the file is damaged, has no worksheet, or unpacks to too much.
    """
    _refuse_bomb(path)
    width = count = 0
    notes: list[str] = []
    header: list[str | None] = []
    for row in _rows(path, notes, check=True):
        header = header or row
        used = (place for place, cell in enumerate(row, 1) if cell is not None)
        width, count = max(width, *used, 0), count + 1
        if width > COLUMN_LIMIT:
            raise TableError(f"more than {COLUMN_LIMIT:,} columns", where=path.name)

    def again() -> Iterator[Row]:
        return (_padded(row, width) for row in islice(_rows(path, []), 1, None))

    return Sheet(_padded(header, width), max(count - 1, 0), tuple(notes), again)


def write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a workbook of one sheet.

    Raises:
        TableError: a cell or the number of rows exceeds what the format holds.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, text in _PARTS.items():
            archive.writestr(part, _XML + text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            letters = [_letters(place) for place in range(len(columns))]
            for number, row in enumerate(chain([columns], rows), 1):
                sheet.write(_row_xml(path, number, row, letters))
            sheet.write(b"</sheetData></worksheet>")


def _padded(row: Sequence[str | None], width: int) -> Row:
    cells = [cell or "" for cell in row[:width]]
    return (*cells, *[""] * (width - len(cells)))


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        sizes = [(info.file_size, info.compress_size) for info in archive.infolist()]
    unpacked, packed = (sum(column) for column in zip(*sizes, strict=True))
    if unpacked > UNPACKED_LIMIT or (unpacked > BOMB_SIZE and unpacked > BOMB_RATIO * packed):
        raise TableError(
            f"unpacks to {unpacked / 2**20:,.0f} MiB, too much for a workbook", where=path.name, mend="save it as CSV"
        )


def _refuse_unknown_results(path: Path, sheet: IO[bytes]) -> None:
    """A formula that no program has worked out yet would be read as a blank."""
    end = b""
    while block := sheet.read(1 << 20):
        text = end + block
        if match := _NO_RESULT.search(text):
            raise TableError(
                f"cell {match[1].decode()}: a formula without a result",
                where=path.name,
                mend="open the file in a spreadsheet program and save it again",
            )
        end = text[-2 * _FORMULA_LENGTH :]


@contextlib.contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """openpyxl and zipfile have no error for a damaged part: it shows as whatever they ran into."""
    try:
        yield
    except (TableError, MemoryError):
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"a damaged XLSX file ({reason})", where=path.name, mend="save it again, or as CSV") from None


def _rows(path: Path, notes: list[str], *, check: bool = False) -> Iterator[list[str | None]]:
    """Rows of cells, blank rows only between others; `notes` receives which sheet it is; `check` for formulas."""
    with _damage_told(path), path.open("rb") as file, _opened(file) as book:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
        if not sheets:
            raise TableError("no worksheet in it", where=path.name)
        sheets[0].reset_dimensions()  # what the file says of its size may be wrong
        others = len(book.worksheets) - 1
        notes.append(f'the sheet "{sheets[0].title}"' + (f", not the other {others}" if others else ""))
        if check:
            with sheets[0]._get_source() as part:
                _refuse_unknown_results(path, part)
        blank: list[list[str | None]] = []
        began = False
        for number, values in enumerate(sheets[0].iter_rows(values_only=True), 1):
            row = [_text(value, path, number) for value in values]
            blank.append(row)
            if all(cell is None for cell in row):
                continue
            if len(blank) > BLANK_LIMIT:
                raise TableError(
                    f"row {number:,} follows {len(blank) - 1:,} blank rows",
                    where=path.name,
                    mend="delete it or them",
                )
            yield from blank if began else [row]
            blank, began = [], True


@contextlib.contextmanager
def _opened(file: IO[bytes]) -> Iterator[Any]:
    import openpyxl  # 0.2 s, and only this format needs it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and validations that nobody here looks at
        # A file and not its path: openpyxl refuses names that do not end in .xlsx.
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    try:
        yield book
    finally:
        book.close()


def _text(value: Any, path: Path, number: int) -> str | None:
    if value is None or isinstance(value, str):
        if value is not None and len(value) > CELL_LIMIT:
            raise TableError(f"row {number}: a cell of more than {CELL_LIMIT:,} characters", where=path.name)
        return value and _ESCAPED.sub(_unescaped, value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if code == 0 or 0xD800 <= code <= 0xDFFF else chr(code)


def _row_xml(path: Path, number: int, row: Sequence[str], letters: Sequence[str]) -> bytes:
    if number > ROW_LIMIT:
        raise TableError(f"an XLSX sheet holds {ROW_LIMIT:,} rows", where=path.name, mend="write CSV")
    cells = []
    for letter, cell in zip(letters, row, strict=True):
        if len(cell) > TEXT_LIMIT:
            raise TableError(
                f"row {number}, column {letter}: {len(cell):,} characters, and an XLSX cell holds {TEXT_LIMIT:,}",
                where=path.name,
                mend="write CSV",
            )
        text = escape(_TO_ESCAPE.sub(lambda match: f"_x{ord(match[0]):04X}_", cell))
        cells.append(f'<c r="{letter}{number}" s="1" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _letters(place: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    place, last = divmod(place, 26)
    return (_letters(place - 1) if place else "") + chr(ord("A") + last)


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEETML = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETML}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETML}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_SHEETML}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        '<sheets><sheet name="rows" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    # Style 1 is number format 49, "@": a cell that stays text when somebody edits it.
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}
