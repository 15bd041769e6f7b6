"""Characters that XML does not have, in a workbook: each costs its row and not the file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from made_workbooks import made, row_of

from gptjt_demo.errors import TableError
from gptjt_demo.tables import table
from gptjt_demo.tables.sheet import fault_of
from gptjt_demo.tables.xml_damage import marked, unmarked

BAD = ("&#x1;", "&#1;", "\x01", "&#xD83D;", "&#xFFFF;", "\ufffe", "&#x110000;", "\udcff", "\udced\udca0\udcbd")


@pytest.mark.parametrize("bad", BAD, ids=ascii)
@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A2" t="inlineStr"><is><t>a{}b</t></is></c>',
        '<c r="A2" t="s"><v>0</v></c>',
        '<c r="A2"><v>1{}2</v></c>',
        '<c r="A2" t="str"><f>A1</f><v>{}</v></c>',
        '<c r="A2" t="inlineStr"><is><r><t>a{}</t></r><r><t>b</t></r></is></c>',
    ],
    ids=["inline", "shared", "number", "formula", "rich"],
)
def test_a_character_that_xml_has_not_costs_its_row_and_not_the_file(tmp_path: Path, bad: str, cell: str) -> None:
    rest = '</row><row r="3"><c r="A3" t="inlineStr"><is><t>good &#x20AC;</t></is></c>'
    path = made(tmp_path / "a.xlsx", cell.replace("{}", bad) + rest, shared=f"<si><t>a{bad}b</t></si>")
    found = table.read(path)
    (damaged,), (good,) = found
    assert (good, fault_of(good)) == ("good €", "")
    assert fault_of(damaged)
    assert "\ufffd" in damaged
    said = "rows with a damaged character, not answered where an input has it: 1, the first is row 2: "
    assert any(note.startswith(said) for note in found.notes)


def test_what_only_looks_like_damage_in_xml_is_text(tmp_path: Path) -> None:
    cell = (
        '<c r="A2" t="inlineStr"><is><t>\ufdd0&#xFDD0;\t&#9;\U0001f600&#x1F600;<![CDATA[&#x1; & \ufdd0]]></t></is></c>'
    )
    assert row_of(made(tmp_path / "a.xlsx", cell)) == ("\ufdd0\ufdd0\t\t😀😀&#x1; & \ufdd0",)


@pytest.mark.parametrize("place", [*range(65_500, 65_540)])
def test_a_reference_over_the_end_of_a_block_is_one(place: int) -> None:
    start = b"<a>" + b"x" * (place - 3)
    text = start + b"&#x1F600;&#x1;</a>"
    blocks = [text[:65_536], text[65_536:]]
    read = "".join(str(block) for block in marked(blocks))
    assert unmarked(read) == start.decode() + "&#x1F600;\udc01</a>"


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_part_in_another_encoding_is_read(tmp_path: Path, codec: str) -> None:
    made(tmp_path / "a.xlsx", '<c r="A2" t="s"><v>0</v></c>', shared="<si><t>é</t></si>")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as source, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as target:
        for name in source.namelist():
            head = f'<?xml version="1.0" encoding="{codec.removesuffix("-sig")}"?>'
            text = head + source.read(name).decode()
            target.writestr(name, text.encode(codec) if "shared" in name else source.read(name))
    assert row_of(tmp_path / "b.xlsx") == ("é",)


def test_a_column_s_name_with_such_a_character_is_said(tmp_path: Path) -> None:
    cell = '<c r="A2"><v>1</v></c><c r="B2"><v>1</v></c>'
    made(tmp_path / "a.xlsx", cell)
    with zipfile.ZipFile(tmp_path / "a.xlsx") as source, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).decode().replace("<t>h</t>", "<t>h&#2;</t>"))
    with pytest.raises(TableError, match=r"control character \(U\+0002\).* in the column name 'h.'; name it again"):
        table.read(tmp_path / "b.xlsx")
