"""Workbooks as other programs write them: whatever its names and namespaces, cells come as they show."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from made_workbooks import MAIN, STRICT, made, row_of, styled

from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile, table
from gptjt_demo.tables.number_format import SIGN_LOST, TIME_ALONE, ZEROS_LOST, Format

# --- formulas that nobody has worked out


@pytest.mark.parametrize(
    "cell",
    [
        "<c r='A2'><f>1+1</f></c>",
        "<c s='0' r='A2'><f>1+1</f><v/></c>",
        '<c t="n" r="A2"><f ca="1">1+1</f><v></v></c>',
        '<c r="A2"><f si="0" t="shared"/></c>',
        '<c r="A2" t="str"><f>A1</f></c>',
        "<c><f>1+1</f>\n  <v></v></c>",
        '<c r="A2"><!-- <v>1</v> --><f><![CDATA[1<2]]></f></c>',
    ],
)
def test_a_formula_without_a_result_is_refused_however_it_is_written(tmp_path: Path, cell: str) -> None:
    with pytest.raises(TableError, match="cell A2: a formula without a result; open the file in a spreadsheet program"):
        table.read(made(tmp_path / "a.xlsx", cell))


@pytest.mark.parametrize("prefix", ["x", "main"])
def test_prefixes_hide_no_formula(tmp_path: Path, prefix: str) -> None:
    p = f"{prefix}:"
    with pytest.raises(TableError, match="cell A2: a formula without a result"):
        table.read(made(tmp_path / "a.xlsx", f'<{p}c r="A2"><{p}f>1</{p}f></{p}c>', prefix=prefix))
    cell = f'<{p}c r="A2"><{p}f>1</{p}f><{p}v>7</{p}v></{p}c>'
    assert row_of(made(tmp_path / "b.xlsx", cell, prefix=prefix)) == ("7",)


@pytest.mark.parametrize(
    "calc",
    ['<calcPr fullCalcOnLoad="1"/>', "<calcPr calcId='1' fullCalcOnLoad='true' />", '<calcPr calcCompleted="0"/>'],
)
@pytest.mark.parametrize("value", ["0", "7"])
def test_results_that_the_workbook_says_are_to_be_worked_out_are_no_results(
    tmp_path: Path, calc: str, value: str
) -> None:
    with pytest.raises(TableError, match="cell A2: a formula whose result is not worked out yet"):
        table.read(made(tmp_path / "a.xlsx", f'<c r="A2"><f>1+1</f><v>{value}</v></c>', calc=calc))
    assert row_of(made(tmp_path / "b.xlsx", f'<c r="A2"><v>{value}</v></c>', calc=calc)) == (value,)


def test_results_of_a_workbook_that_is_calculated_by_hand_are_said_to_be_old(tmp_path: Path) -> None:
    cell = '<c r="A2"><f>1+1</f><v>2</v></c>'
    found = table.read(made(tmp_path / "a.xlsx", cell, calc='<calcPr calcMode="manual"/>'))
    assert any("results of formulas may be old" in note for note in found.notes)


def test_a_workbook_that_openpyxl_wrote_with_a_formula_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["n", "twice"])
    book.active.append([2, "=A2*2"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(TableError, match="cell B2: a formula without a result"):
        table.read(tmp_path / "a.xlsx")


# --- texts


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("_x005F_x000D_", "_x000D_"),
        ("_x005F_x005F_x005F_x0041_", "_x005F_x0041_"),
        ("a_x000D_b", "a\rb"),
        ("_x0041_", "A"),
        ("x005F_", "x005F_"),
        ("_x005f_x0041_", "_x0041_"),
        ("_xZZZZ_", "_xZZZZ_"),
        ("_x0000_", "_x0000_"),
    ],
)
def test_escapes_are_undone_once(tmp_path: Path, written: str, text: str) -> None:
    shared = f"<si><t>{written}</t></si>"
    cells = (
        '<c r="A2" t="s"><v>0</v></c>'
        f'<c r="B2" t="inlineStr"><is><t>{written}</t></is></c><c r="C2" t="str"><f>A1</f><v>{written}</v></c>'
    )
    assert row_of(made(tmp_path / "a.xlsx", cells, shared=shared)) == (text, text, text)


def test_rich_text_is_its_text_without_its_pronunciation(tmp_path: Path) -> None:
    shared = "<si><r><rPr><b/></rPr><t>東</t></r><r><t> 京</t></r><rPh sb='0' eb='1'><t>x</t></rPh></si>"
    cells = '<c r="A2" t="s"><v>0</v></c><c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>'
    assert row_of(made(tmp_path / "a.xlsx", cells, shared=shared)) == ("東 京", "ab")


# --- the archive


@pytest.mark.parametrize("slash", ["/", "\\"])
@pytest.mark.parametrize("book", ["xl/workbook.xml", "xl/workbook22.xml", "content/Book.xml"])
@pytest.mark.parametrize("main", [MAIN, STRICT])
def test_names_slashes_and_namespaces_do_not_matter(tmp_path: Path, slash: str, book: str, main: str) -> None:
    cells = '<c r="A2" t="s"><v>0</v></c><c r="B2"><v>1.5</v></c>'
    path = made(tmp_path / "a.xlsx", cells, shared="<si><t>x</t></si>", slash=slash, book=book, main=main)
    assert row_of(path) == ("x", "1.5")


def test_names_of_parts_are_compared_without_case(tmp_path: Path) -> None:
    made(tmp_path / "a.xlsx", '<c r="A2"><v>1</v></c>')
    with zipfile.ZipFile(tmp_path / "a.xlsx") as source, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as target:
        for name in source.namelist():
            target.writestr(name.upper(), source.read(name))
    assert row_of(tmp_path / "b.xlsx") == ("1",)


@pytest.mark.parametrize(
    ("part", "message"),
    [("xl/workbook.bin", "an XLSB workbook"), ("content.xml", "an OpenDocument"), ("Index/Document.iwa", "an Apple")],
)
def test_other_workbooks_are_named_with_their_mend(tmp_path: Path, part: str, message: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr(part, "x")
    with pytest.raises(TableError, match=rf"{message}.*; .* as XLSX"):
        table.read(tmp_path / "a.xlsx")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml", "_rels/.rels"])
def test_no_part_may_declare_entities(tmp_path: Path, part: str) -> None:
    made(tmp_path / "a.xlsx", '<c r="A2" t="s"><v>0</v></c>', shared="<si><t>x</t></si>")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as source, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as target:
        for name in source.namelist():
            text = source.read(name).decode()
            target.writestr(name, '<!DOCTYPE x [<!ENTITY a "b">]>' + text if name == part else text)
    with pytest.raises(TableError, match="a damaged XLSX file"):
        table.read(tmp_path / "b.xlsx")


@pytest.mark.parametrize(
    "cells",
    [
        '<c r="A2" t="s"><v>9</v></c>',
        '<c r="A2"><v>x</v></c>',
        '<c r="B2"/><c r="A2"/>',
        '<c r="A3"><v>1</v></c>',
        "<c",
    ],
)
def test_a_damaged_part_is_one_line(tmp_path: Path, cells: str) -> None:
    with pytest.raises(TableError, match=r"a\.xlsx: a damaged XLSX file"):
        table.read(made(tmp_path / "a.xlsx", cells))


def test_cells_and_rows_without_names_follow_each_other(tmp_path: Path) -> None:
    assert row_of(made(tmp_path / "a.xlsx", '<c><v>1</v></c><c r="C2"><v>2</v></c><c><v>3</v></c>')) == (
        "1",
        "",
        "2",
        "3",
    )


# --- numbers as they show


@pytest.mark.parametrize(
    ("code", "number", "text"),
    [
        ("00000", "123", "00123"),
        ("00000", "1234567", "1234567"),
        ("000-00-0000", "12345678", "012-34-5678"),
        ("&quot;DE&quot;000", "7", "DE007"),
        (r"00\ 000", "1234", "01 234"),
        ("0000;-0000", "-12", "-0012"),
        ("00.00", "1.5", "01.50"),
        ("[Red]000", "-5", "-005"),
        ("[h]:mm:ss", "1.5", "36:00:00"),
        ("[h]:mm:ss", "0.5", "12:00:00"),
        ("[hh]:mm", "1.0416666666666667", "25:00"),
        ("[m]:ss", "0.0868055555555556", "125:00"),
        ("[ss].00", "0.00001736111", "01.50"),
        ("[h]&quot; h &quot;mm", "-1.25", "-30 h 00"),
        ("yyyy-mm-dd", "45322", "2024-01-31"),
        ("d/m/yy h:mm", "45322.5", "2024-01-31T12:00:00"),
        ("h:mm", "0.5", "12:00:00"),
        ("[$-409]mmm d", "45322", "2024-01-31"),
        ("0.00", "1.5", "1.5"),
        ("#,##0", "1234567", "1234567"),
        ("General", "7.0", "7"),
        ("#,##0.00_);[Red](#,##0.00)", "2", "2"),
        ("[$-409]0.00", "2", "2"),
        ("0.00E+00", "2", "2"),
        ("@", "7", "7"),
    ],
)
def test_a_number_comes_as_it_is_or_as_it_shows(tmp_path: Path, code: str, number: str, text: str) -> None:
    path = made(tmp_path / "a.xlsx", f'<c r="A2" s="1"><v>{number}</v></c>', styles=styled(code))
    found = table.read(path)
    assert list(found) == [(text,)]
    assert not any("first is cell" in note for note in found.notes)


@pytest.mark.parametrize(
    ("code", "number", "text", "said"),
    [
        ("0,000", "5", "5", ZEROS_LOST),
        ("#00", "5", "5", ZEROS_LOST),
        ("h:mm:ss", "1.5", "12:00:00", TIME_ALONE),
        ("0%", "0.05", "0.05", SIGN_LOST),
        ("#,##0.00 [$€-407]", "1234.5", "1234.5", SIGN_LOST),
        ("_($* #,##0.00_)", "2", "2", SIGN_LOST),
        ("0.00 &quot;days&quot;", "2", "2", SIGN_LOST),
        ("&quot;yes&quot;;;&quot;no&quot;", "1", "1", SIGN_LOST),
    ],
)
def test_what_of_a_number_s_look_is_lost_is_said(tmp_path: Path, code: str, number: str, text: str, said: str) -> None:
    cells = f'<c r="A2" s="1"><v>{number}</v></c><c r="B2" s="1"><v>{number}</v></c>'
    found = table.read(made(tmp_path / "a.xlsx", cells, styles=styled(code)))
    assert list(found) == [(text, text)]
    assert f"{said}: 2, the first is cell A2" in found.notes


def test_dates_are_counted_from_where_the_workbook_says(tmp_path: Path) -> None:
    cells = '<c r="A2" s="1"><v>1</v></c><c r="B2" t="d"><v>2024-01-31T00:00:00</v></c>'
    path = made(tmp_path / "a.xlsx", cells, styles=styled("yyyy"), settings='<workbookPr date1904="1"/>', main=STRICT)
    assert row_of(path) == ("1904-01-02", "2024-01-31")
    assert Format.of("yyyy").shown("59")[0] == "1900-02-28"
    assert Format.of("yyyy").shown("61")[0] == "1900-03-01"


@pytest.mark.parametrize("code", ["", ";", "[", '"', "\\", "[h", "0" * 300, "[h]", "_", "*", "#;0;@;"])
@pytest.mark.parametrize("number", ["0", "-1.5", "1e300", "123456789012345678901234567890", "1E-9"])
def test_no_format_and_no_number_stops_a_file(code: str, number: str) -> None:
    text, _ = Format.of(code).shown(number)
    assert isinstance(text, str)


def test_the_message_of_a_cell_that_is_too_long_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"^out\.xlsx: row 2, column A: 40,000 characters") as caught:
        rowfile.write(tmp_path / "out.xlsx", ["a"], [("x" * 40_000,)])
    assert ".tmp" not in str(caught.value)


def test_digits_beyond_those_of_the_format_stand_where_a_spreadsheet_program_has_them(tmp_path: Path) -> None:
    cells = '<c r="A2" s="1"><v>4915550199</v></c>'
    assert row_of(made(tmp_path / "a.xlsx", cells, styles=styled("+00 000 000"))) == ("+4915 550 199",)


@pytest.mark.parametrize(
    ("number", "text"),
    [("4.111111111111111E15", "4111111111111111"), ("1.5E+16", "15000000000000000"), ("1E+21", "1e+21"),
     ("0.30000000000000004", "0.3"), ("-1.2E2", "-120")],
)  # fmt: skip
def test_a_whole_number_is_its_digits_however_it_is_written(tmp_path: Path, number: str, text: str) -> None:
    assert row_of(made(tmp_path / "a.xlsx", f'<c r="A2"><v>{number}</v></c>')) == (text,)


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A2" t="inlineStr"><v>x</v></c>',
        '<c r="A2" t="str"><is><t>x</t></is></c>',
        '<c r="A2"><is><r><t>x</t></r></is></c>',
        '<c r="A2" t="inlineStr"><v>y</v><is><t>x</t></is></c>',
        '<c r="A2" t="str"><is><t>y</t></is><v>x</v></c>',
    ],
)
def test_a_text_that_stands_where_another_kind_of_cell_has_it_is_no_blank(tmp_path: Path, cell: str) -> None:
    assert row_of(made(tmp_path / "a.xlsx", cell)) == ("x",)


def test_a_number_that_is_none_is_named_with_its_cell_and_blanks_are_none(tmp_path: Path) -> None:
    for number in ("NaN", "INF", "1,5", "x"):
        with pytest.raises(TableError, match=f"cell B2: '{number}' is no number"):
            table.read(made(tmp_path / "a.xlsx", f'<c r="A2"><v>1</v></c><c r="B2"><v>{number}</v></c>'))
    assert row_of(made(tmp_path / "a.xlsx", '<c r="A2"><v> </v></c><c r="B2"><v> 1 </v></c>')) == ("", "1")


def test_merged_cells_are_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["a", "joy"], ["b", None]):
        book.active.append(row)
    book.active.merge_cells("B2:B3")
    book.save(tmp_path / "a.xlsx")
    found = table.read(tmp_path / "a.xlsx")
    assert list(found) == [("a", "joy"), ("b", "")]
    assert "merged cells, of which the first has the text: 1, the first is B2:B3" in found.notes


@pytest.mark.parametrize("number", [9, 10, 44])
def test_a_built_in_format_with_a_sign_is_known_by_its_number(tmp_path: Path, number: int) -> None:
    styles = f'<cellXfs><xf numFmtId="0"/><xf numFmtId="{number}"/></cellXfs>'
    found = table.read(made(tmp_path / "a.xlsx", '<c r="A2" s="1"><v>0.25</v></c>', styles=styles))
    assert list(found) == [("0.25",)]
    assert f"{SIGN_LOST}: 1, the first is cell A2" in found.notes


def test_error_values_come_as_they_are_shown_and_are_said(tmp_path: Path) -> None:
    cells = (
        '<c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B2" t="e"><v>#N/A</v></c><c r="C2" t="str"><v>#N/A</v></c>'
    )
    found = table.read(made(tmp_path / "a.xlsx", cells))
    assert list(found) == [("#DIV/0!", "#N/A", "#N/A")]
    assert "error values in place of a result, read as they are shown: 2, the first is cell A2" in found.notes


def test_hidden_rows_are_read_and_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["text"], ["a"], ["b"], ["c"]):
        book.active.append(row)
    for number in (3, 4, 9):  # the last has no cell
        book.active.row_dimensions[number].hidden = True
    book.save(tmp_path / "a.xlsx")
    found = table.read(tmp_path / "a.xlsx")
    assert list(found) == [("a",), ("b",), ("c",)]
    assert "hidden rows, which are read too: 2, the first is row 3" in found.notes


def test_an_empty_first_sheet_is_named_where_there_are_others(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.create_sheet("Data").append(["text"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(TableError, match='the first sheet, "Notes", is empty; delete it'):
        table.read(tmp_path / "a.xlsx")
