"""Prose is found in documentation, and nothing but prose; the same files give the same documents."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gptjt_demo.errors import SettingError
from gptjt_demo.training.data.text_corpus import HELD_OUT, documents, paragraphs

PROSE = "The lamp is lit in the evening, when the boats come home and the harbour is full of them."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{PROSE}\n\n    code(here)\n\n{PROSE}", [PROSE, PROSE]),
        (PROSE.replace(", ", ",\n"), [PROSE]),
        (
            "Use :class:`~lamp.Light` or ``Lamp`` when *all* of the boats are in the [harbour](http://x.org) at night.",
            ["Use Light or Lamp when all of the boats are in the harbour at night."],
        ),
        (
            "Call C<light> before B<any> of the boats has come into the harbour for the night.",
            ["Call light before any of the boats has come into the harbour for the night."],
        ),
    ],
)
def test_paragraphs_lose_their_markup_and_line_breaks(text: str, found: list[str]) -> None:
    assert list(paragraphs(text)) == found


@pytest.mark.parametrize(
    "text",
    [
        ">>> import lamp  # and this is the way in which it is done by all of us.",
        "x : int\n    The number of the boats that are in the harbour at this time of the day.",
        "| The | lamp | is | lit | in | the | evening |\n| --- | --- | --- | --- |.",
        "- The lamp is lit in the evening.\n- The boats come home to the harbour then.",
        "Returns the x_max, y_max, z_max of df.iloc[3:5] with f(x) == g(y) for all a_i in b_j.",
        "Die Lampe wird am Abend angezündet, wenn die Boote nach Hause kommen und der Hafen voll ist.",
        "The lamp is lit.",
        "The lamp is lit in the evening when the boats come home and then",
        "Parameters\n----------\nA section of which there are many in the docstrings that we have.",
        "$ lamp --light the harbour in the evening when the boats are at home.",
    ],
)
def test_what_is_no_english_prose_is_left_out(text: str) -> None:
    assert list(paragraphs(text)) == []


def prose(number: int) -> str:
    ones = ["lamp", "boat", "wall", "gull", "rope", "sail", "tide"]
    a, b, c = ones[number % 7], ones[number // 7 % 7], ones[number // 49 % 7]
    return (
        f"The {a} that we saw in the harbour was the one which they had put by the {b} in the old days. "
        f"It is not known what became of the {c} after that, and nobody in the town has asked about it so far. "
        "There are some who say that it was sold with the rest."
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(343):
        (tmp_path / f"{i:03}.txt").write_text(prose(i), "utf-8")
    return tmp_path


def test_documents_are_the_same_for_the_same_files_and_a_part_is_held_out(folder: Path) -> None:
    train, held_out = documents([], [str(folder)])
    assert documents([], [str(folder)]) == (train, held_out)
    assert sorted(train + held_out) == sorted(prose(i) for i in range(343))
    assert 1 <= len(held_out) <= 3 * 343 // HELD_OUT
    assert not set(train) & set(held_out)


def test_where_a_document_belongs_does_not_depend_on_the_others(folder: Path) -> None:
    _, held_out = documents([], [str(folder)])
    for path in sorted(folder.iterdir())[::2]:
        path.unlink()
    train, still = documents([], [str(folder)])
    assert set(still) <= set(held_out)
    assert not set(train) & set(held_out)


def test_a_paragraph_that_stands_in_many_files_comes_once(folder: Path) -> None:
    for i in range(5):
        (folder / f"again{i}.txt").write_text(prose(7).upper().capitalize() + f"\n\n{prose(7)}", "utf-8")
    train, held_out = documents([], [str(folder)])
    assert len(train) + len(held_out) == 343


def test_docstrings_packed_files_and_pods_are_read_and_licences_data_and_tests_are_not(
    tmp_path: Path, folder: Path
) -> None:
    more = tmp_path / "more"
    (more / "tests").mkdir(parents=True)
    words = ["alder", "birch", "cedar", "elder", "fir", "hazel", "larch", "maple"]
    texts = [prose(0).replace("harbour", word) for word in words]
    (more / "module.py").write_text(
        f'def f():\n    """{texts[0]}\n\n    Examples\n    """\n    x = """{texts[1]}"""\n', "utf-8"
    )
    (more / "README.gz").write_bytes(gzip.compress(texts[2].encode()))
    (more / "some.pod").write_text(f"=head1 NAME\n\n{texts[3]}\n\n  code", "utf-8")
    (more / "copyright").write_text(texts[4], "utf-8")
    (more / "table.csv").write_text(texts[5], "utf-8")
    (more / "tests" / "README.md").write_text(texts[6], "utf-8")
    (more / "odd.txt").write_bytes(b"\xff\xfe" + texts[7].encode())
    train, held_out = documents([], [str(folder)])
    assert {word for word in words if any(word in text for text in train + held_out)} == {"alder", "cedar", "elder"}


def test_the_standard_library_alone_gives_english() -> None:
    train, held_out = documents(["python"])
    assert sum(len(text.split()) for text in train) > 50_000
    assert len(held_out) > 10


def test_a_package_that_is_not_there_and_a_folder_without_text_are_each_a_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no-such-package: this package is not installed"):
        documents(["no-such-package"])
    with pytest.raises(SettingError, match="too little English text"):
        documents([], [str(tmp_path), "/no/such/folder"])
