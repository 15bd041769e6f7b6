"""Delimited text as people write it: quotes that are none, blanks before quotes, damage in one row, invisible names."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile, table
from gptjt_demo.tables.sheet import Cell, fault_of


def save(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


# --- quotes that are just characters


def test_a_tab_separated_cell_that_begins_with_a_quotation_mark_swallows_no_row(tmp_path: Path) -> None:
    text = 'title\trating\n"The Wire\t5\nOz\t4\nThe Shield\t4\nLost"\t3\nBones\t2\n'
    found = table.read(save(tmp_path / "a.tsv", text))
    assert list(found) == [('"The Wire', "5"), ("Oz", "4"), ("The Shield", "4"), ('Lost"', "3"), ("Bones", "2")]
    assert any("quotes are read as plain characters, because every line has the header's 2" in n for n in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        'a\tb\tc\nx\t"y\tz\n1\t2"\t3\n',
        '"The name\tb\n"x\t1\ny"\t2\n',
        'sep=\t\na\tb\n"x\t1\ny"\t2\n',
        'a\tb\r\n"x\t1\r\ny\t2\r\n"\t3\r\n',
    ],
)
def test_wherever_the_mark_stands_each_line_is_a_row(tmp_path: Path, text: str) -> None:
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("sep=")]
    found = table.read(save(tmp_path / "a.tsv", text))
    assert [list(found.columns), *map(list, found)] == lines


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a\tb\n"two\nlines"\t1\n', [("two\nlines", "1")]),
        ('"a"\t"b"\n"x\ty\nz"\t1\n', [("x\ty\nz", "1")]),  # the header's quotes say that the file uses quoting
        ('a\tb\n"x\ty\n\nz"\t1\n', [("x\ty\n\nz", "1")]),  # a blank line is no row
        ('a,b\n"Hello, you\nbye",1\n', [("Hello, you\nbye", "1")]),
        ('a;b\n"x;y\nz";1\n', [("x;y\nz", "1")]),
    ],
)
def test_a_quoted_cell_over_several_lines_is_one_cell_and_is_said(
    tmp_path: Path, text: str, rows: list[tuple[str, ...]]
) -> None:
    found = table.read(save(tmp_path / "a.csv", text))
    assert list(found) == rows
    assert any("cells over several lines: 1, the first in lines 2 to" in note for note in found.notes)


def test_lines_that_a_quoted_cell_may_have_swallowed_are_said(tmp_path: Path) -> None:
    found = table.read(save(tmp_path / "a.csv", 'a,b\n"The Wire,5\nOz,4\nLost",3\n'))
    assert any("the first in lines 2 to 4, though each of these lines could be a row" in note for note in found.notes)
    assert found.sheet.lines
    plain = table.read(tmp_path / "a.csv", plain_quotes=True)
    assert list(plain) == [('"The Wire', "5"), ("Oz", "4"), ('Lost"', "3")]
    assert "quotes are read as plain characters, as was asked" in plain.notes


def test_tab_separated_files_of_ours_come_back_whatever_their_cells_hold(tmp_path: Path) -> None:
    rows = [("x\ty\nz", "1"), ('"', "2")]
    rowfile.write(tmp_path / "a.tsv", ["a", "b"], rows)
    assert list(table.read(tmp_path / "a.tsv")) == rows


# --- blanks around quoted cells


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a,b\n1, "x, y"\n', [("1", "x, y")]),
        ('a, "b"\n"x" , "y, z" \n', [("x", "y, z")]),
        ('a,b\n1, "x\ny, z"\n2, w\n', [("1", "x\ny, z"), ("2", " w")]),
        ('a;b\n1;\u00a0"x; y"\n', [("1", "x; y")]),
        ('a,b\n1, "x ""y"", z"\n', [("1", 'x "y", z')]),
        ('a,b\n"x, ""y"" ,z", 2\n', [('x, "y" ,z', " 2")]),
    ],
)
def test_blanks_before_a_quoted_cell_are_no_part_of_it(tmp_path: Path, text: str, rows: list[tuple[str, ...]]) -> None:
    found = table.read(save(tmp_path / "a.csv", text))
    assert list(found) == rows
    assert found.columns == ("a", "b")


def test_blanks_that_are_left_out_are_said_and_others_stay(tmp_path: Path) -> None:
    found = table.read(save(tmp_path / "a.csv", 'a,b\n1, "x, y"\n'))
    assert any("blanks around quoted cells left out: 1" in note for note in found.notes)
    assert list(table.read(save(tmp_path / "b.csv", "a,b\n 1 , x \n"))) == [(" 1 ", " x ")]
    assert list(table.read(save(tmp_path / "c.csv", 'a,b\n1, "so" he said\n'))) == [("1", ' "so" he said')]


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(*[st.text('",; \n\ta', max_size=5)] * 2), min_size=1, max_size=4),
    ending=st.sampled_from(["csv", "tsv"]),
)
def test_cells_full_of_quotes_blanks_and_delimiters_come_back(tmp_path: Path, rows: Any, ending: str) -> None:
    rowfile.write(tmp_path / f"a.{ending}", ["a", "b"], rows)
    assert list(table.read(tmp_path / f"a.{ending}")) == rows


# --- names


@pytest.mark.parametrize("name", ["text ", "\u00a0text", "\ufefftext", "te\u00adxt", "text\u200b"])
def test_names_are_compared_by_what_is_seen_of_them(tmp_path: Path, name: str) -> None:
    found = table.read(save(tmp_path / "a.csv", f"n,{name}\n1,2\n"))
    assert found.column_index("text") == 1
    assert found.columns == ("n", name)


def test_a_second_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    marks = b"\xef\xbb\xbf\xef\xbb\xbf"
    found = table.read(save(tmp_path / "a.csv", marks + b'"text, long",b\n1,2\n'))
    assert found.columns == ("text, long", "b")
    assert table.read(save(tmp_path / "a.jsonl", marks + b'{"text": "x"}\n')).columns == ("text",)


def test_names_that_look_alike_are_told_apart_only_as_they_stand(tmp_path: Path) -> None:
    found = table.read(save(tmp_path / "a.csv", "text ,text,\ufeff\n1,2,3\n"))
    assert (found.column_index("text "), found.column_index("text")) == (0, 1)
    with pytest.raises(TableError, match="several columns look like 'text\\\\u200b'; it has 'text ', 'text', "):
        found.column_index("text\u200b")
    assert found.columns[2] == "(column 3)"


def test_a_name_in_another_case_is_found_where_it_is_the_only_one(tmp_path: Path) -> None:
    found = table.read(save(tmp_path / "a.csv", "Text ,label,Label,LABEL\n1,2,3,4\n"))
    assert (found.column_index("text"), found.column_index("label"), found.column_index("Label")) == (0, 1, 2)
    with pytest.raises(TableError, match="several columns look like 'lAbEl'"):
        found.column_index("lAbEl")
    with pytest.raises(TableError, match="no column 'tex'"):
        found.column_index("tex")


@pytest.mark.parametrize("name", ["a|b", "a | b", "<html", "[{", "sep=;", "a;b"])
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "xlsx"])
def test_a_name_that_could_pass_for_another_format_comes_back(tmp_path: Path, name: str, ending: str) -> None:
    rows = [("--- | ---",), ("1|2",)]
    rowfile.write(tmp_path / f"a.{ending}", [name], rows)
    found = table.read(tmp_path / f"a.{ending}")
    assert (found.columns, list(found)) == ((name,), rows)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "xlsx"])
def test_what_no_file_can_hold_is_replaced_in_every_format(tmp_path: Path, ending: str) -> None:
    rowfile.write(tmp_path / f"a.{ending}", ["n\0", "t\ud800"], [("x\0", "y\ud800")])
    found = table.read(tmp_path / f"a.{ending}")
    assert (found.columns, list(found)) == (("n\ufffd", "t\ufffd"), [("x\ufffd", "y\ufffd")])


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", None, 3, b"", [""]], ids=ascii)
def test_what_is_no_name_of_a_file_is_one_line(name: Any) -> None:
    with pytest.raises(TableError, match=r"no file has such a name|give its name"):
        table.read(name)


def test_names_come_back_with_their_own_invisible_characters(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "a.csv", ["\ufeffa", "b"], [("1", "2")])
    assert table.read(tmp_path / "a.csv").columns == ("\ufeffa", "b")


# --- an apostrophe of somebody's own


@pytest.mark.parametrize("cell", ["'=SUM means a sum", "'=1", "''=1", "'@home", "'-x", "'tis", "'", "'+1"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_typed_apostrophe_stays(tmp_path: Path, cell: str, ending: str) -> None:
    found = table.read(save(tmp_path / "in.csv", f'text,n\n"{cell}",1\n'))
    assert list(found) == [(cell, "1")]
    rowfile.write(tmp_path / f"out.{ending}", found.columns, found)
    assert list(table.read(tmp_path / f"out.{ending}")) == [(cell, "1")]
    assert cell.encode() in (tmp_path / f"out.{ending}").read_bytes()


def test_what_we_neutralised_comes_back_through_a_spreadsheet_program_of_any_encoding(tmp_path: Path) -> None:
    rowfile.write(tmp_path / "a.csv", ["text"], [("=1+1",), ("@home",), ("'=typed",)])
    again = (tmp_path / "a.csv").read_text("utf-8-sig").encode("cp1252")  # as "CSV" saves it
    assert list(table.read(save(tmp_path / "b.csv", again))) == [("=1+1",), ("@home",), ("'=typed",)]


def test_what_we_neutralised_comes_back_from_the_workbook_that_it_was_saved_in(tmp_path: Path) -> None:
    cells = [("=1+1",), ("'=typed",), ("'\u00ad=marked already",), ("-5",)]
    rowfile.write(tmp_path / "a.csv", ["=name"], cells)
    book = openpyxl.Workbook()
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            book.active.append(row)
    book.save(tmp_path / "saved.xlsx")
    rowfile.write(tmp_path / "ours.xlsx", ["=name"], cells)
    for name in ("saved.xlsx", "ours.xlsx"):
        found = table.read(tmp_path / name)
        assert (found.columns, list(found)) == (("=name",), cells)


# --- damage in one row


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("text,n\ncafé,1\nü\xff,2\nê,3\n".encode().replace("ÿ".encode(), b"\xff"), "a byte (0xFF)"),
        (b"text,n\ncaf,1\nb\0d,2\nfine,3\n", "a NUL character"),
        ("text,n\ncaf,1\n\ud800,2\nfine,3\n".encode("utf-16", "surrogatepass"), "half of a surrogate pair (U+D800)"),
        (b'{"text": "ok", "n": "1"}\n{"text": "\\ud83d", "n": "2"}\n{"text": "x", "n": "3"}\n', "half of a surrogate"),
        (b'{"text": "ok", "n": "1"}\n{"text": "\\u0000", "n": "2"}\n{"text": "x", "n": "3"}\n', "a NUL character"),
    ],
)
def test_a_bad_character_costs_its_row_and_not_the_file(tmp_path: Path, data: bytes, what: str) -> None:
    found = table.read(save(tmp_path / "a.csv", data))
    rows = list(found)
    assert [row[1] for row in rows] == ["1", "2", "3"]
    assert [bool(fault_of(row[0])) for row in rows] == [False, True, False]
    assert what in fault_of(rows[1][0])
    assert "\ufffd" in rows[1][0]
    note = next(note for note in found.notes if note.startswith("rows with a damaged character"))
    assert ": 1, the first is line" in note
    for ending in ("csv", "tsv", "jsonl", "xlsx"):
        rowfile.write(tmp_path / f"out.{ending}", found.columns, found)
        assert [row[1] for row in table.read(tmp_path / f"out.{ending}")] == ["1", "2", "3"]


def test_a_file_of_damaged_rows_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="line 1: half of a surrogate pair"):
        table.read(save(tmp_path / "a.jsonl", b'{"a": "\\ud800"}\n{"a": "\\udfff"}\n'))


def test_a_cell_that_is_more_than_its_text_equals_its_text() -> None:
    assert Cell("1.10", json="1.10") == "1.10"
    found: dict[str, int] = {Cell("a"): 1}
    assert found["a"] == 1


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u2009", "\u3000", " \t"], ids=ascii)
def test_blanks_of_any_kind_before_a_quoted_cell_are_left_out(tmp_path: Path, blank: str) -> None:
    (tmp_path / "a.csv").write_text(f'a,b\n1,{blank}"x, y"\n2,z\n', encoding="utf-8")
    assert list(table.read(tmp_path / "a.csv")) == [("1", "x, y"), ("2", "z")]


def test_a_blank_cell_of_a_tab_separated_file_is_a_cell(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('a\tb\tc\n1\t\t"x"\n2\t "y"\tz\n', encoding="utf-8")
    assert list(table.read(tmp_path / "a.tsv")) == [("1", "", "x"), ("2", "y", "z")]


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("text|mood\nso, good|joy\nbad; day|anger\n", ("text", "mood"), [("so, good", "joy"), ("bad; day", "anger")]),
        ('text|mood\n"this|that"|joy\nbad|anger\n', ("text", "mood"), [("this|that", "joy"), ("bad", "anger")]),
        ("a,b|c\n1,2|3\n", ("a", "b|c"), [("1", "2|3")]),
        ("Title | Site\nhello\nbye | now\n", ("Title | Site",), [("hello",), ("bye | now",)]),
    ],
)
def test_a_pipe_splits_a_file_where_it_splits_its_lines_alike(
    tmp_path: Path, text: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> None:
    found = table.read(save(tmp_path / "a.txt", text))
    assert (found.columns, list(found)) == (columns, rows)
    assert ("pipe-separated" in found.notes) == (len(columns) == 2 and "|" not in columns[1])


def test_one_short_row_among_many_of_a_pipe_separated_file_is_refused_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="line 12: 1 field, expected 2; put a cell that holds a pipe"):
        table.read(save(tmp_path / "a.txt", "a|b\n" + "1|2\n" * 10 + "3\n"))


@pytest.mark.parametrize("text", ["| a | b |\n|---|:-:|\n| 1 | 2 |\n", "a | b\n--- | ---\n1 | 2\n"])
def test_a_table_drawn_in_markdown_is_named_as_what_it_is(tmp_path: Path, text: str) -> None:
    with pytest.raises(TableError, match="a table in Markdown; save it as CSV"):
        table.read(save(tmp_path / "a.md", text))


@pytest.mark.parametrize("first", ["sep=|", "SEP=|", "sep=| ", "sep=|||", "\ufeffsep=|"], ids=ascii)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=ascii)
def test_a_first_line_may_name_the_delimiter_however_a_program_wrote_it_again(
    tmp_path: Path, first: str, end: str
) -> None:
    (tmp_path / "a.csv").write_bytes(end.join([first, "a|b", "1, 2|x", ""]).encode())
    found = table.read(tmp_path / "a.csv")
    assert (found.columns, list(found)) == (("a", "b"), [("1, 2", "x")])


@pytest.mark.parametrize("name", ["sep=", "sep=x", "sepal"])
def test_a_column_may_have_a_name_that_looks_so(tmp_path: Path, name: str) -> None:
    assert table.read(save(tmp_path / "a.csv", f"{name},b\n1,2\n")).columns == (name, "b")


@pytest.mark.parametrize(
    "bad",
    [b"\xed\xa0\xbd", b"\xed\xa0\xbd\xed\xb8\x80", b"\x81", b"caf\xe9 \x9d"],
    ids=["half a pair", "a pair in halves", "no Windows-1252", "Windows-1252 with a byte of none"],
)
def test_damage_in_a_file_that_is_otherwise_ascii_costs_its_row_and_not_the_file(tmp_path: Path, bad: bytes) -> None:
    found = table.read(save(tmp_path / "a.csv", b"a,b\r\n1," + bad + b"\r\n2,good\r\n"))
    (_, damaged), (_, good) = found
    assert fault_of(damaged)
    assert (good, fault_of(good)) == ("good", "")
    assert any(
        note.startswith("rows with a damaged character, not answered where an input has it: 1") for note in found.notes
    )


def test_another_encoding_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    data = "text,n\n今日は、いい天気,1\nそうですね。,2\n".encode("shift-jis")
    with pytest.raises(TableError, match=r"line 2: a byte \(0x8D\) that is not Windows-1252; save the file as UTF-8"):
        table.read(save(tmp_path / "a.csv", data))


def test_one_stray_byte_beside_one_good_character_does_not_change_the_encoding(tmp_path: Path) -> None:
    found = table.read(save(tmp_path / "a.csv", "a,b\n1,é\n".encode() + b"2,caf\xe9\n"))
    (_, good), (_, damaged) = found
    assert (good, bool(fault_of(damaged))) == ("é", True)


OTHERS = {
    "cp1251": "привет мир как дела",
    "koi8-r": "привет мир как дела",
    "cp1253": "γεια σου κόσμε σήμερα",
    "cp1255": "שלום עולם היום",
    "gbk": "这是中文的句子",
    "big5": "這是中文的句子",
    "euc_kr": "이것은 한국어 문장입니다",
    "euc_jp": "これは日本語の文章です",
}


@pytest.mark.parametrize("codec", OTHERS)
def test_text_of_another_script_is_not_taken_for_western_text(tmp_path: Path, codec: str) -> None:
    text = "text,label\n" + f"{OTHERS[codec]},joy and a remark in English\n" * 8
    (tmp_path / "a.csv").write_bytes(text.encode(codec))
    with pytest.raises(TableError, match="neither UTF-8 nor Windows-1252, but text in another encoding; save it as"):
        table.read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "text", ["jäääär öö, õhtu", "Größe ÄÖÜ äöüß", "créée ça «où»", "þú ættir að það", "é", "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏ"]
)
def test_western_text_full_of_accents_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(("text,label\n" + f'"{text}",joy\n' * 4).encode("cp1252"))
    assert [row[0] for row in table.read(tmp_path / "a.csv")] == [text] * 4


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "a git-lfs pointer in place of the"),
        (b"\xfd7zXZ\0\0\x04", "an xz archive"),
        (b"\x28\xb5\x2f\xfd\0\0\0", "a Zstandard archive"),
    ],
)
def test_what_stands_in_place_of_a_table_is_called_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(TableError, match=what):
        table.read(tmp_path / "a.csv")
