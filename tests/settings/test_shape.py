"""Shapes: which texts have one, what is refused as one, and that plain data gives the same shape again."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptjt_demo.errors import SettingError
from gptjt_demo.settings.shape import CsvRecord, ItemsOf, OneOf, Pattern, Shape, described, read_shape, shape_data
from gptjt_demo.settings.shape_grammar import check, fits

TEXT = (
    "Pacific Northwest cities include Seattle and Portland, which I saw with Vikash O'Malley.\nCafé, 日本語です, 7 km"
)


@pytest.mark.parametrize(
    "list_",
    [
        "",
        "Seattle",
        "Seattle, Portland",
        "Pacific Northwest",
        "Vikash O'Malley.",
        "Café, 7 km",
        "日本, 語, Seattle ",
        "7",
    ],
)
def test_items_are_words_of_the_text_as_they_stand_there(list_: str) -> None:
    assert fits(ItemsOf((TEXT,)), list_)


@pytest.mark.parametrize(
    "list_",
    [
        "Seat",
        "seattle",
        "Seattle,Portland",
        "Seattle, ",
        " Seattle",
        "Portland, which, I,",
        "O'Malley.\nCafé",
        "Caf",
        " ",
        "Rio",
    ],
)
def test_what_is_no_list_of_words_of_the_text_does_not_fit(list_: str) -> None:
    assert not fits(ItemsOf((TEXT,)), list_)


def test_items_come_from_any_of_several_texts_and_never_span_two() -> None:
    shape = ItemsOf(("Ana ran", "", "Bob sat"), separator=" and ")
    assert fits(shape, "Bob and Ana ran")
    assert not fits(shape, "ran Bob")
    assert not fits(ItemsOf(("Ana and Bob",), separator=" and "), "Ana and Bo")
    assert fits(ItemsOf(("Portland or Andes",), separator=" and "), "Portland and Andes")
    assert fits(ItemsOf(("",)), "")


@given(st.lists(st.text(st.sampled_from('ab, "é;\t'), max_size=4), min_size=2, max_size=4))
def test_what_pythons_csv_writes_is_a_record_of_so_many_columns(cells: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="").writerow(cells)
    assert fits(CsvRecord(len(cells)), file.getvalue())
    assert not fits(CsvRecord(len(cells) + 1), file.getvalue())


@given(st.text(st.sampled_from('a, "\n'), max_size=8))
def test_a_record_is_what_pythons_csv_reads_as_one_line_of_so_many(text: str) -> None:
    if fits(CsvRecord(2), text):
        assert [len(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)] == [2]


@given(st.text(st.sampled_from("ab1 -é\n"), max_size=5))
def test_a_pattern_matches_all_of_a_text_as_pythons_does(text: str) -> None:
    for regex in (r"\w+-?\d*", "(a|b1)*", "[^a]{2,3}", ".", "^a.*$", "(?i)A?é"):
        assert fits(Pattern(regex), text) == (re.fullmatch(regex.removesuffix("$"), text) is not None)


def test_one_of_some_texts_is_so_to_the_character() -> None:
    shape = OneOf(("né", 'say "x"\\n/', "😀\n"))
    assert [fits(shape, text) for text in (*shape.texts, "né ", "n", "Né", "")] == [True] * 3 + [False] * 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CsvRecord(1), "2 to 100"),
        (lambda: CsvRecord(True), "2 to 100"),
        (lambda: OneOf(()), "1 to 200"),
        (lambda: OneOf(("a", " ")), "blank"),
        (lambda: OneOf(("a", "a")), "twice"),
        (lambda: OneOf("ab"), "no texts"),  # type: ignore[arg-type]
        (lambda: ItemsOf(("a",), ""), "separator"),
        (lambda: Pattern(""), "no pattern"),
        (lambda: Pattern("a\nb"), r"write \n"),
        (lambda: check(Pattern("[a")), "unclosed character class"),
        (lambda: check(Pattern(r"\bno\b")), "looks ahead or back"),
        (lambda: check(Pattern(r"(a)\1")), "backreferences are not supported"),
        (lambda: check(Pattern(r"[^\x00-\x{10ffff}]")), "no text has it"),
        (lambda: check(CsvRecord(2), (",",)), "none of the stops ','"),
        (lambda: fits(ItemsOf(("word " * 30_000,)), "word"), "too big"),
    ],
)
def test_what_is_no_shape_is_refused_in_a_line(make: Any, words: str) -> None:
    with pytest.raises(SettingError, match=re.escape(words)) as error:
        make()
    assert str(error.value).startswith("shape: ")


@pytest.mark.parametrize(
    "shape", [CsvRecord(3), ItemsOf(("a b", ""), "; "), Pattern(r"\d+"), OneOf(("a", "b"))], ids=described
)
def test_plain_data_gives_the_same_shape_again(shape: Shape) -> None:
    assert read_shape(shape_data(shape)) == shape


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"csv": 3},
        {"columns": 3, "pattern": "a"},
        {"columns": "3"},
        {"pattern": "a", "separator": ","},
        {"one_of": 3},
    ],
)
def test_data_that_is_no_shape_is_refused(data: Any) -> None:
    with pytest.raises(SettingError, match="shape"):
        read_shape(data)
    assert read_shape(None) is None


@pytest.mark.parametrize(
    ("regex", "text", "fitting"),
    [
        ("(a*)*b", "a" * 200, False),
        ("(a|aa)+c", "a" * 200, False),
        ("(a?){90}a{90}", "a" * 90, True),
        (".*a.{90}", "a" * 200, True),
    ],
)
def test_a_pattern_that_would_keep_a_backtracking_reader_busy_for_years_is_answered(
    regex: str, text: str, fitting: bool
) -> None:
    assert fits(Pattern(regex), text) is fitting
