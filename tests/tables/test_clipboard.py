"""Cells from a clipboard: what a spreadsheet program puts there comes out as the cells that it shows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.clipboard import cells_of
from gptjt_demo.tables.table import read


def test_a_rectangle_of_cells_has_its_names_and_rows() -> None:
    assert cells_of("text\tlabel\r\n007\tNA\r\n=SUM(A1)\t \r\n") == (
        ["text", "label"],
        [["007", "NA"], ["=SUM(A1)", " "]],
    )


def test_without_a_header_every_row_is_one() -> None:
    assert cells_of("I came, I saw\nfine", named=False) == (["text"], [["I came, I saw"], ["fine"]])
    assert cells_of("a\tb\nc\td", named=False) == (["column 1", "column 2"], [["a", "b"], ["c", "d"]])


def test_a_cell_with_line_ends_tabs_or_quotes_is_one_cell() -> None:
    assert cells_of('text\tn\n"two\nlines"\t1\n"a\ttab"\t2\n"she said ""no"""\t3')[1] == [
        ["two\nlines", "1"],
        ["a\ttab", "2"],
        ['she said "no"', "3"],
    ]
    assert cells_of('text\n"two\nlines"')[1] == [["two\nlines"]]


def test_a_quotation_mark_that_somebody_wrote_swallows_no_row() -> None:
    text = 'title\tstars\n"The Wire\t5\nLost\t4\nthe "end"\t3'
    assert cells_of(text)[1] == [['"The Wire', "5"], ["Lost", "4"], ['the "end"', "3"]]
    assert cells_of('title\n"The Wire\nLost')[1] == [['"The Wire'], ["Lost"]]


@given(st.lists(st.lists(st.text(st.sampled_from('ab"\n ,'), max_size=5), min_size=2, max_size=2), min_size=2))
def test_what_a_spreadsheet_quotes_comes_back(rows: list[list[str]]) -> None:
    rows = [[cell.strip("\n") or "x" for cell in row] for row in rows]
    text = io.StringIO()
    # As spreadsheet programs do where a cell has a line end.
    csv.writer(text, delimiter="\t", lineterminator="\n").writerows(rows)
    if not any("\n" in cell for row in rows for cell in row) and '"' in text.getvalue():
        return  # quotes without need of them: those are what somebody wrote
    assert cells_of(text.getvalue()) == (rows[0], rows[1:])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing in them"),
        (" \n\t\n", "nothing in them"),
        ("text\tlabel", "taken for the column names"),
        ("a\tb\nc", "row 2 has 1 cells, and the first one 2"),
        ("x" * 5_000_001, "more than 5,000,000 characters"),
    ],
)
def test_what_is_no_table_is_said_in_a_line(text: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        cells_of(text)


def test_pasted_cells_are_read_from_their_file_as_they_were_pasted(tmp_path: Path) -> None:
    names, rows = cells_of('text\tn\n"two\nlines"\t007\n=1+1\tNA\nplain, text\t')
    rowfile.write(tmp_path / "pasted.tsv", names, map(tuple, rows))
    assert [list(row) for row in read(tmp_path / "pasted.tsv")] == rows
