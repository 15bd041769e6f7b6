"""Workbooks written by hand, part by part, as other programs might write them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from gptjt_demo.tables import table

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


def made(
    path: Path,
    cells: str,
    *,
    calc: str = "",
    shared: str = "",
    styles: str = "",
    main: str = MAIN,
    book: str = "xl/workbook.xml",
    slash: str = "/",
    prefix: str = "",
    settings: str = "",
) -> Path:
    """A workbook written by hand, of a header "h" and one row of `cells`."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    if main == STRICT:
        office = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    p, bound = (f"{prefix}:", f"xmlns:{prefix}") if prefix else ("", "xmlns")
    folder, name = book.rsplit("/", 1)
    head = f'<{p}row r="1"><{p}c r="A1" t="inlineStr"><{p}is><{p}t>h</{p}t></{p}is></{p}c></{p}row>'
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" '
        f'Target="{book.replace("/", slash)}" Type="{office}/officeDocument"/></Relationships>',
        book: f'<{p}workbook {bound}="{main}" xmlns:rel="{office}">{settings}<{p}sheets>'
        f'<{p}sheet rel:id="x" sheetId="1" name="one"/></{p}sheets>{calc}</{p}workbook>',
        f"{folder}/_rels/{name}.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Target="/{folder}/worksheets/sheet1.xml" Id="x" Type="{office}/worksheet"/>'
        f'<Relationship Id="y" Target="sharedStrings.xml" Type="{office}/sharedStrings"/>'
        f'<Relationship Id="z" Target="styles.xml" Type="{office}/styles"/></Relationships>',
        f"{folder}/worksheets/sheet1.xml": f'<{p}worksheet {bound}="{main}"><{p}sheetData>{head}'
        f'<{p}row r="2">{cells}</{p}row></{p}sheetData></{p}worksheet>',
        f"{folder}/sharedStrings.xml": f'<sst xmlns="{main}">{shared}</sst>',
        f"{folder}/styles.xml": f'<styleSheet xmlns="{main}">{styles}</styleSheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for part, text in parts.items():
            archive.writestr(part.replace("/", slash), text.encode(errors="surrogateescape"))
    return path


def row_of(path: Path) -> tuple[str, ...]:
    (row,) = table.read(path)
    return row


def styled(code: str) -> str:
    return (
        f'<numFmts><numFmt formatCode="{code}" numFmtId="164"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs><dxfs><dxf><numFmt numFmtId="0" formatCode="000"/>'
        "</dxf></dxfs>"
    )
