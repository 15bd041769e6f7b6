"""YAML by hand: scalars are strings, what would be lost is refused with its line, and hostile files cost nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.yaml_text import MAX_CHARACTERS, read, read_file, write

texts = st.text(alphabet=st.characters(codec="utf-8")) | st.text(
    alphabet="a \n\t:#-'\"|>{}[]&*!%@`\\,?~0.\x85\u2028\ufeff"
)
keys = st.sampled_from(["input", "no", "007", "y", "null", "a-b"])
values = st.recursive(
    texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)


def test_every_scalar_is_the_string_that_was_typed() -> None:
    data, _ = read("labels: [NO, yes, 007, 1e5, null, ~, 2024-01-01, 0x1F, .nan]")
    assert data["labels"] == ["NO", "yes", "007", "1e5", "null", "~", "2024-01-01", "0x1F", ".nan"]


@given(st.dictionaries(keys, values))
def test_what_is_written_is_read_back_by_this_reader_and_by_others(document: dict[str, Any]) -> None:
    text = write(document)
    if document:
        assert read(text)[0] == document
        assert yaml.safe_load(text) == document


@pytest.mark.parametrize(
    "word", ["NO", "off", "Y", "007", "1e5", "null", "~", "TRUE", "2024-01-01", "=", "<<", "a: b", "a #b", "-"]
)
def test_a_word_that_some_reader_takes_for_something_else_is_quoted(word: str) -> None:
    assert write({"a": word}) == f'a: "{word}"\n'


def test_text_of_several_lines_is_a_block_that_people_can_edit() -> None:
    assert write({"a": "one: 1\n\n  two", "b": ["x", "y\nz\n"]}) == (
        "a: |-\n  one: 1\n\n    two\nb:\n  - x\n  - |\n    y\n    z\n"
    )


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_byte_order_mark_and_line_ends_do_not_matter(start: str, end: str) -> None:
    data, lines = read(start + end.join(["a: |-", "  one", "  two", "b: c"]))
    assert (data, lines["b"]) == ({"a": "one\ntwo", "b": "c"}, 4)


WRONG = {
    "a value with a colon": ("a: b\ncue: fear: high\n", 2, 'in quotes, as in cue: "fear: high"'),
    "a field given twice": ("a: b\nc: d\na: e\n", 3, "keep one"),
    "a field given twice below": ("a:\n  b: c\n  b: d\n", 3, "keep one"),
    "an alias": ("a: &x b\nc: *x\n", 1, "write the value out"),
    "a bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 1, "write the value out"),
    "a tag": ("a: !!python/object/apply:os.system [ls]\n", 1, "remove the tag"),
    "deep nesting": ("a: " + "[" * 200_000, 1, "at most"),
    "deep nesting of keys": ("".join(f"{'  ' * i}a:\n" for i in range(50)), 9, "at most"),
    "a value left out": ("a: b\nlabels:\nc: d\n", 2, '""'),
    "a text that is a comment": ("a: #love\n", 1, "quote"),
    "a hashtag that is a comment": ("a:\n  b: so happy #love\n", 2, "quote"),
    "a tab": ("a:\n\tb: c\n", 2, "spaces"),
    "a mention": ("a: b\nc: @user hi\n", 2, "quotes"),
    "an open quote": ('a: b\nc: "d\ne: f\n', 2, "quotes"),
    "a text after a quote": ('a: "b" c\n', 1, "quotes"),
    "a line too far left": ("a: |\n  b\n c\n", 3, "indentation"),
    "a control character": ("a: b\nc: d\x07\n", 2, "escaped"),
    "a second document": ("a: b\n---\nc: d\n", 2, "one template a file"),
    "a list": ("- a\n", 1, "fields"),
    "one text": ("\nhello\n", 2, "fields"),
    "a list for a name": ("? [a]\n: b\n", 1, "name: value"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_refused_at_once_with_line_and_mend(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, line, mend = WRONG[case]
    steps = 0
    fetch = yaml.SafeLoader.fetch_more_tokens

    def counted(loader: yaml.SafeLoader) -> Any:
        nonlocal steps
        steps += 1
        return fetch(loader)

    monkeypatch.setattr(yaml.SafeLoader, "fetch_more_tokens", counted)
    with pytest.raises(TemplateError) as caught:
        read(text, where="my.yaml")
    assert steps < 2_000  # however long the text is
    assert caught.value.where == f"my.yaml line {line}"
    assert mend in caught.value.mend


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "\ufeff"])
def test_an_empty_file_is_said_to_be_empty(text: str) -> None:
    with pytest.raises(TemplateError, match="the file is empty"):
        read(text)


def test_a_comment_is_a_comment() -> None:
    assert read("# first\na: b # why\n#c\nd: e#f\n")[0] == {"a": "b", "d": "e#f"}


def test_a_file_over_the_limit_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(TemplateError, match="262,144"):
        read("a: [" + "b, " * MAX_CHARACTERS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: ü".encode("latin-1"), "UTF-8"),
        ("a: b".encode("utf-16"), "UTF-8"),
        (b"a" * 5_000_000, "bytes"),
        (None, "no such"),
    ],
)
def test_a_file_that_is_no_text_is_one_plain_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "my.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TemplateError, match=said) as caught:
        read_file(str(path))
    assert caught.value.where == str(path)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read"):
        read_file(str(tmp_path))
