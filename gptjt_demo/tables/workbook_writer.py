"""XLSX out, every cell as text.

In: column names and rows of text. Out: a file of one worksheet. Every cell is a text cell, which no program runs, so
that nothing need be neutralised; a cell that looks as if it were gets the mark of `formulas` once more, as reading
takes one away. What XML cannot hold is written `_x0007_`, the format's own escape. Also which cells the format cannot
hold, for those who want to know before they begin. Does not know what rows mean.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from xml.sax.saxutils import escape

from gptjt_demo.errors import TableError
from gptjt_demo.tables.formulas import MARK
from gptjt_demo.tables.sheet import Row

ROW_LIMIT = 1_048_576
TEXT_LIMIT = 32_767  # characters that a spreadsheet program keeps of a cell

_UNHOLDABLE = "\x00-\x08\x0b-\x1f\ufffe\uffff"
_TO_ESCAPE = re.compile(f"[{_UNHOLDABLE}]|_(?=x[0-9A-Fa-f]{{4}}[_{_UNHOLDABLE}])")


def write(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a workbook of one sheet.

    Raises:
        TableError: a cell or the number of rows exceeds what the format holds.
    """
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, text in _PARTS.items():
            archive.writestr(part, _XML + text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            letters = [_letters(index) for index in range(len(columns))]
            for number, row in enumerate(chain([columns], rows), 1):
                sheet.write(_row_xml(path, number, row, letters))
            sheet.write(b"</sheetData></worksheet>")


def unholdable(cell: str) -> str:
    """Why a cell of the format cannot hold the text, in a line; empty if it can."""
    return f"{len(cell):,} characters, and an XLSX cell holds {TEXT_LIMIT:,}" if _length(cell) > TEXT_LIMIT else ""


def _length(cell: str) -> int:
    """As spreadsheet programs count: a character beyond U+FFFF is two."""
    return len(cell) if len(cell) <= TEXT_LIMIT // 2 else len(cell) + sum(map("\uffff".__lt__, cell))


def _row_xml(path: Path, number: int, row: Sequence[str], letters: Sequence[str]) -> bytes:
    if number > ROW_LIMIT:
        raise TableError(f"an XLSX sheet holds {ROW_LIMIT:,} rows", where=path.name, mend="write CSV")
    cells = []
    for letter, cell in zip(letters, row, strict=True):
        if reason := unholdable(cell):
            raise TableError(f"row {number}, column {letter}: {reason}", where=path.name, mend="write CSV")
        cell = MARK + cell if cell.startswith(MARK) else cell  # reading takes one away
        text = escape(_TO_ESCAPE.sub(lambda match: f"_x{ord(match[0]):04X}_", cell))
        cells.append(f'<c r="{letter}{number}" s="1" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>')
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _letters(index: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    index, last = divmod(index, 26)
    return (_letters(index - 1) if index else "") + chr(ord("A") + last)


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
