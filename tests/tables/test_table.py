"""Files of rows, in and out: every cell comes back as it stood, and every bad file is one line."""

from __future__ import annotations

import codecs
import csv
import datetime
import io
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile, table
from gptjt_demo.tables.formulas import neutralise, restore
from gptjt_demo.tables.sheet import unique_names
from gptjt_demo.tables.written import compared

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
MARKS = st.sampled_from(["'", "''", "=", "@", "+", "-", " ", "\t", "\r", "\n", '"', ",", ";", "_x0041_", "_x00", "5"])
CELLS = st.lists(MARKS | st.text(CHARACTERS, max_size=6), max_size=5).map("".join)
FORMATS = ["csv", "tsv", "jsonl", "xlsx"]
ODD = ["NA", "None", "nan", "null", "1e5", "007", "TRUE", "+4915550199", "+1 (212) 555-0142", "-5", "-5.2", "", " a "]


def rows_of(path: Path) -> list[tuple[str, ...]]:
    return list(table.read(path))


def save(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@st.composite
def grids(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, ...]]]:
    width = draw(st.integers(1, 4))
    names = draw(st.lists(CELLS.filter(str.strip), min_size=width, max_size=width, unique=True))
    return names, draw(st.lists(st.tuples(*[CELLS] * width), min_size=1, max_size=6))


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=grids())
def test_any_text_comes_back_from_every_format(tmp_path: Path, format: str, grid: Any) -> None:
    columns, rows = grid
    path = tmp_path / f"rows.{format}"
    rowfile.write(path, columns, rows)
    again = table.read(path)
    assert list(again.columns) == columns
    assert list(again) == rows
    assert len(again) == len(rows)


@settings(max_examples=500)
@given(cell=CELLS)
def test_neutralising_is_undone_exactly_and_leaves_nothing_that_runs(cell: str) -> None:
    written = neutralise(cell)
    assert restore(written) == cell
    assert neutralise(restore(cell)) == cell or neutralise(cell) != cell  # a foreign cell goes out as it came in
    assert not written.lstrip(" ").startswith(("=", "@", "\t", "\r"))


@pytest.mark.parametrize(
    "cell", ['=HYPERLINK("http://x","y")', "@sum(A1)", "+cmd|' /C calc'!A0", "-2+3+A1", "\t=1", " =1"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "x.csv"
    rowfile.write(path, ["a", "b"], [(cell, "")])
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], ["'\u00ad" + cell, ""]]
    assert rows_of(path) == [(cell, "")]


@pytest.mark.parametrize("cell", [*ODD, "'", "'tis", "''", "- 5", "-"])
def test_numbers_phones_and_lone_apostrophes_are_not_touched(cell: str) -> None:
    assert neutralise(cell) == cell == restore(cell)


def test_a_workbook_holds_text_and_no_formula(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "x.xlsx", ["a"], [("=1+1",), ("007",)])
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    assert [(cell.value, cell.data_type, cell.number_format) for (cell,) in sheet["A2:A3"]] == [
        ("=1+1", "s", "@"),
        ("007", "s", "@"),
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_odd_cells_come_out_as_they_went_in(tmp_path: Path, format: str) -> None:
    rows = [(cell, str(index)) for index, cell in enumerate(ODD)]
    rowfile.write(tmp_path / f"a.{format}", ["text", "n"], rows)
    assert rows_of(tmp_path / f"a.{format}") == rows


def test_odd_cells_of_a_foreign_file_stand_as_they_are(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", "text,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(ODD)))
    assert [row[0] for row in table.read(path)] == ODD


@pytest.mark.parametrize(
    ("mark", "codec", "words"),
    [
        (b"", "utf-8", "UTF-8"),
        (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte-order mark"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 (little-endian)"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 (big-endian)"),
        (b"", "utf-16-le", "UTF-16 (little-endian, without a byte-order mark)"),
        (b"", "utf-16-be", "UTF-16 (big-endian, without a byte-order mark)"),
        (b"", "cp1252", "Windows-1252, because it is not UTF-8"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encoding_and_delimiter_are_found_and_said(
    tmp_path: Path, mark: bytes, codec: str, words: str, delimiter: str, end: str
) -> None:
    lines = [f"text{delimiter}label", f'"café, so; la"{delimiter}joy', f'"two\nlines"{delimiter}fear', ""]
    found = table.read(save(tmp_path / "a.csv", mark + end.join(lines).encode(codec)))
    assert found.columns == ("text", "label")
    assert list(found) == [("café, so; la", "joy"), ("two\nlines", "fear")]
    assert words in found.notes
    assert {",": "comma", ";": "semicolon", "\t": "tab"}[delimiter] + "-separated" in found.notes


def test_a_file_of_one_column_may_hold_any_delimiter(tmp_path: Path) -> None:
    found = table.read(save(tmp_path / "a.csv", 'text\nHello, you; there\n\n"a, ""b"""\n""\nlast\t1\n\n\n'))
    assert list(found) == [("Hello, you; there",), ("",), ('a, "b"',), ("",), ("last\t1",)]
    assert "one column" in found.notes


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", [("1,5", "2,5"), ("3,5", "4,5")]),
        ("name;note\nx;hello, world\ny;hi\n", [("x", "hello, world"), ("y", "hi")]),
        ('"first, last";n\n"a, b";1\n', [("a, b", "1")]),
        ("a\tb\nx, y; z\t1\n", [("x, y; z", "1")]),
        ('a\tb\n"Well," he said\tjoy\n5" pipe\tfear\n', [('"Well," he said', "joy"), ('5" pipe', "fear")]),
        ('text\n"Well," he said\nyes\n', [('"Well," he said',), ("yes",)]),
        ("a,b\n1,2\n\n3,4\n\n", [("1", "2"), ("3", "4")]),
        ("\n\na,b\n1,2", [("1", "2")]),
    ],
)
def test_the_delimiter_is_the_one_that_fits_the_header(tmp_path: Path, text: str, rows: list[tuple[str, ...]]) -> None:
    assert rows_of(save(tmp_path / "a.csv", text)) == rows


def test_skipped_blank_lines_are_said(tmp_path: Path) -> None:
    assert (
        "blank lines skipped: 1, the first is line 3" in table.read(save(tmp_path / "a.csv", "a,b\n1,2\n\n3,4\n")).notes
    )


def test_repeated_and_empty_headers_lose_no_data(tmp_path: Path) -> None:
    found = table.read(save(tmp_path / "a.csv", "name,name,,name (2)\n1,2,3,4\n"))
    assert found.columns == ("name", "name (3)", "(column 3)", "name (2)")
    assert list(found) == [("1", "2", "3", "4")]
    assert any("'name (3)', '(column 3)'" in note for note in found.notes)


@given(st.lists(st.sampled_from(["a", "a (2)", "", " ", "(column 1)", "(column 2)", "b"]), max_size=7))
def test_column_names_are_all_different_and_none_is_empty(header: list[str]) -> None:
    names = unique_names(header)
    assert len(set(names)) == len(header)
    assert all(name.strip() for name in names)
    assert unique_names(names) == names


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def sheet(cell: str, head: str = "") -> bytes:
    """A workbook of a header "h" and one more cell, written by hand."""
    buffer, whole = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(whole)
    xml = (
        f'<?xml version="1.0"?>{head}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>h</t></is></c></row>'
        f'<row r="2">{cell}<c r="B2"><v>7</v></c></row></sheetData></worksheet>'
    )
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            part = source.read(name).replace(b' fullCalcOnLoad="1"', b"")  # its formulas are worked out
            target.writestr(name, xml if name.endswith("sheet1.xml") else part)
    return buffer.getvalue()


BAD = {
    "empty.csv": (b"", "empty.csv: the file is empty"),
    "blank.csv": (b"\n\n \r\n"[:2], "blank.csv: the file is empty"),
    "mark.csv": (codecs.BOM_UTF8, "mark.csv: the file is empty"),
    "header.csv": (b"a,b\n", "header.csv: a header and no rows"),
    "png.csv": (b"\x89PNG\r\n\x1a\n\0\0", "png.csv: a PNG picture, not a table"),
    "pdf.csv": (b"%PDF-1.7\n", "pdf.csv: a PDF document"),
    "xls.csv": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls.csv: an old or password-protected Office file"),
    "zip.csv": (zipped("a.txt", b"hello"), "zip.csv: a zip archive"),
    "cut.xlsx": (zipped("xl/workbook.xml", b"<x/>")[:60], "cut.xlsx: a damaged zip or XLSX file"),
    "hollow.xlsx": (zipped("xl/workbook.xml", b"<x/>"), "hollow.xlsx: a damaged XLSX file"),
    "page.csv": (b"<!DOCTYPE html><html>", "page.csv: a web page"),
    "nul.csv": (b"a,b\n1,\x002\n", "nul.csv: line 2: a NUL character"),
    "long.csv": (b"a,b,c\n1,2,3\n1,2,3,4\n", "long.csv: line 3: 4 fields, expected 3"),
    "short.csv": (b'a,b\n"1\n1",2\n1\n', "short.csv: line 4: 1 field, expected 2"),
    "open.csv": (b'a,b\n1,2\n"x\ny",z\n3,"four\n5,6\n', "open.csv: line 5: the quote that opens here is not closed"),
    "behind.csv": (b'a,b\n1,"x" y\n', "behind.csv: line 2: text after a closing quote"),
    "huge.csv": (b"a,b\n1,2\n1," + b"x" * 1_000_001 + b"\n", "huge.csv: line 3: a cell of more than 1,000,000"),
    "damaged.csv": ("é,ü\n".encode() + b"\xff,2\n", "damaged.csv: line 2: a byte (0xFF) that is not of the file"),
    "name.csv": ("é,ü\xe9".encode() + b"\xff\n1,2\n", "name.csv: a byte (0xFF) that is not of the file"),
    "binary.csv": (b"a,b\n\x01\xff,2\n", "binary.csv: not a text file"),
    "list.jsonl": (b"[1, 2]\n", "list.jsonl: line 1: not a JSON object"),
    "line.jsonl": (b'{"a": 1}\n{"a": \n', "line.jsonl: line 2: not JSON"),
    "twice.jsonl": (b'{"a": 1, "a": 2}\n', "twice.jsonl: line 1: the key 'a' is given twice"),
    "deep.jsonl": (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "deep.jsonl: line 1: nested too deeply"),
    "half.jsonl": (b'{"a": "\\ud800"}\n', "half.jsonl: line 1: half of a surrogate pair"),
    "csv.jsonl": (b"a,b\n1,2\n", "csv.jsonl: line 1: not JSON"),
    "empty.jsonl": (b"{}\n", "empty.jsonl: the file is empty"),
    "array.json": (b"[[1]]\n", "array.json: object 1: not a JSON object; write objects such as"),
    "comma.jsonl": (b'{"a": 1},\n', "comma.jsonl: line 1: not JSON (Extra data, column 9)"),
    "page.xls": (b"<table><tr><td>a</td></tr></table>", "page.xls: a web page or XML, not a table"),
    "text.docx": (zipped("word/document.xml", b"<x/>"), "text.docx: a zip archive or another office document"),
    "zipped.csv.gz": (b"\x1f\x8b\x08\0", "zipped.csv.gz: a gzip archive, not a table"),
    "odd.csv": (codecs.BOM_UTF16_LE + b"a\0\n\0b", "odd.csv: line 2: a byte (0x62) that is not UTF-16"),
    "wide.csv": (b"a," * 20_000 + b"a\n", "wide.csv: line 1: more than 16,384 columns"),
    "single.csv": (b"a,b\n'x, y',2\n", "single.csv: line 2: 3 fields, expected 2"),
    "slash.csv": (b'a,b\n1,"x \\" y"\n', "slash.csv: line 2: text after a closing quote"),
    "ends.csv": (b"a,b\n1,2,\n", "ends.csv: line 2: 3 fields, expected 2"),
    "todo.xlsx": (sheet('<c r="A2"><f>1+1</f></c>'), "todo.xlsx: cell A2: a formula without a result; open"),
    "todo2.xlsx": (sheet('<c r="A2"><f t="shared" ref="A2"/><v/></c>'), "todo2.xlsx: cell A2: a formula without a"),
    "laughs.xlsx": (
        sheet("<c r='A2'><v>&b;</v></c>", '<!DOCTYPE x [<!ENTITY a "aaa"><!ENTITY b "&a;&a;&a;">]>'),
        "laughs.xlsx: a damaged XLSX file",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_that_names_it_and_the_place(tmp_path: Path, name: str) -> None:
    data, message = BAD[name]
    with pytest.raises(TableError) as caught:
        table.read(save(tmp_path / name, data))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="A2"><f>1+1</f><v>2</v></c>', "2"),
        ('<c r="A2" t="str"><f>IF(1,"","x")</f><v></v></c>', ""),
        ('<c r="A2" t="str"><f>"a"&amp;"b"</f><v>ab</v></c>', "ab"),
        ('<c r="A2"/>', ""),
        ('<c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
    ],
)
def test_a_formula_is_its_last_result(tmp_path: Path, cell: str, text: str) -> None:
    assert rows_of(save(tmp_path / "a.xlsx", sheet(cell))) == [(text, "7")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_first_line_that_names_the_delimiter_is_believed_and_is_no_row(tmp_path: Path, delimiter: str) -> None:
    text = f"sep={delimiter}\r\na{delimiter}b\r\n1{delimiter}2\r\n"
    found = table.read(save(tmp_path / "a.csv", text))
    assert (found.columns, list(found), len(found)) == (("a", "b"), [("1", "2")], 1)
    found = table.read(save(tmp_path / "b.csv", f"sep={delimiter}\na\n1\n"))
    assert (found.columns, list(found)) == (("a",), [("1",)])


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "no.csv", tmp_path):
        with pytest.raises(TableError, match="cannot be read"):
            table.read(path)


def test_the_name_does_not_decide_what_a_file_is(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "a.xlsx", ["a"], [("1",)])
    found = table.read((tmp_path / "a.xlsx").rename(tmp_path / "DATA.CSV"))
    assert list(found) == [("1",)]
    assert "XLSX, whatever its name says" in found.notes
    assert rows_of(save(tmp_path / "B.CSV", "a,b\n1,2\n")) == [("1", "2")]
    assert rows_of(save(tmp_path / "c.csv", '{"a": "x, y"}\n{"a": "z"}\n')) == [("x, y",), ("z",)]


def test_json_lines_keep_the_file_s_own_text_and_every_key(tmp_path: Path) -> None:
    lines = ['{"a": 1e5, "b": 1.0, "c": true}', "", '{"a": "007", "d": {"k": [1, "é"]}, "b": null}', '{"e": NaN}']
    found = table.read(save(tmp_path / "a.jsonl", "\ufeff" + "\r\n".join(lines)))
    assert found.columns == ("a", "b", "c", "d", "e")
    assert list(found) == [
        ("1e5", "1.0", "true", "", ""),
        ("007", "", "", '{"k": [1, "é"]}', ""),
        ("", "", "", "", "NaN"),
    ]


def test_a_workbook_reads_as_it_shows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([])
    sheet.append(["n", "when", "flag", "text", None])
    sheet.append([7.0, datetime.date(2024, 1, 31), True, "007", None])
    sheet.append([0.1 + 0.2, datetime.datetime(2024, 1, 31, 10, 5), False, None, "beyond"])
    sheet.append([])
    sheet.append([123456789012, datetime.time(9, 30), None, "a_x000D_\nb", None])
    sheet.append([])
    book.create_sheet("second")
    book.save(tmp_path / "a.xlsx")
    found = table.read(tmp_path / "a.xlsx")
    assert found.columns == ("n", "when", "flag", "text", "(column 5)")
    assert list(found) == [
        ("7", "2024-01-31", "TRUE", "007", ""),
        ("0.3", "2024-01-31T10:05:00", "FALSE", "", "beyond"),
        ("", "", "", "", ""),
        ("123456789012", "09:30:00", "", "a\r\nb", ""),
    ]
    assert any("not the other 1" in note for note in found.notes)


def test_a_workbook_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            for _ in range(30):
                part.write(b" " * (1 << 20))
    with pytest.raises(TableError, match="unpacks to 30 MiB"):
        table.read(tmp_path / "a.xlsx")


def test_a_cell_that_a_workbook_would_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="row 2, column B: 40,000 characters"):
        rowfile.write(tmp_path / "a.xlsx", ["a", "b"], [("", "x" * 40_000)])
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_known_ending_is_refused_for_writing(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"end it with \.csv"):
        rowfile.write(tmp_path / "out.txt", ["a"], [("1",)])


def test_a_large_file_is_read_in_little_memory_with_its_preview(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w") as file:
        file.write("text,n\n")
        file.writelines(f"a row of some text that is not short,{n}\n" for n in range(100_000))
    tracemalloc.start()
    found = table.read(path)
    assert sum(1 for _ in found) == len(found) == 100_000
    assert len(found.preview()) == 100
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl"])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(grid=grids(), data=st.data())
def test_a_file_cut_anywhere_keeps_its_whole_rows(tmp_path: Path, format: str, grid: Any, data: st.DataObject) -> None:
    columns, rows = grid
    path = tmp_path / f"cut.{format}"
    rowfile.write(path, columns, rows)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    codec = rowfile.Codec(format, columns)
    found = compared(path, codec, ((row, ()) for row in rows))
    if found.end is None:
        assert cut < len(codec.header())
        return
    pieces = [codec.header(), *map(codec.row, rows)]
    assert found.end == len(b"".join(pieces[: found.rows + 1])) <= cut
    assert len(b"".join(pieces[: found.rows + 2])) > cut or found.rows == len(rows)
    assert found.difference == ""


def test_another_header_is_not_continued(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "a.csv", ["a"], [("1",)])
    found = compared(tmp_path / "a.csv", rowfile.Codec("csv", ["b", "c"]), iter(()))
    assert (found.rows, found.end) == (0, None)
    assert found.difference == "line 1: it is not the line of names that this run wrote"


def test_unknown_columns_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no column 'x'; it has 'a', 'b'"):
        table.read(save(tmp_path / "a.csv", "a,b\n1,2\n")).column_index("x")


def test_json_written_is_one_object_of_text_a_line(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "a.jsonl", ["a", "b"], [("=1", "é")])
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {"a": "=1", "b": "é"}
