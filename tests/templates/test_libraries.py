"""The library: the card's templates first, the user's own in front, and one broken file hides no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from gptjt_demo.errors import TemplateError
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.shipped import CARD, folder
from gptjt_demo.templates.template import Template


def put(directory: Path, name: str, title: str, file: str = "") -> None:
    directory.mkdir(exist_ok=True)
    text = Template(name=name, title=title).to_yaml()
    (directory / (file or f"{name}.yaml")).write_text(text, encoding="utf-8")


def test_the_shipped_templates_are_whole_and_the_cards_come_first() -> None:
    library = Library.open()
    assert library.problems == ()
    assert library.names[:5] == CARD
    assert [template.name for template in library] == list(library.names)
    assert len(library) == len(list(folder().glob("*.yaml")))


def test_the_first_directory_counts_and_the_rest_is_ordered_by_title(tmp_path: Path) -> None:
    put(tmp_path / "a", "emotion", "Mine")
    put(tmp_path / "a", "zoo", "aardvark")
    put(tmp_path / "b", "emotion", "Theirs")
    put(tmp_path / "b", "bar", "000 Zebra", "bar.yml")
    library = Library.open([tmp_path / "a", tmp_path / "b"])
    assert library["emotion"].title == "Mine"
    assert library.names[:5] == CARD
    assert library.names.index("bar") < library.names.index("zoo")


def test_a_broken_file_is_reported_and_hides_no_other(tmp_path: Path) -> None:
    put(tmp_path, "good", "Good")
    put(tmp_path, "one", "One", "two.yaml")
    (tmp_path / "bad.yaml").write_text("name: bad\n", encoding="utf-8")
    library = Library.open([tmp_path])
    assert library["good"].title == "Good"
    assert [problem.where for problem in library.problems] == [
        f"{tmp_path / 'bad.yaml'}, title",
        str(tmp_path / "two.yaml"),
    ]
    with pytest.raises(TemplateError, match="missing"):
        library["bad"]


def test_a_broken_file_of_ones_own_is_not_silently_replaced_by_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "emotion.yaml").write_text("title: [\n", encoding="utf-8")
    library = Library.open([tmp_path])
    assert "emotion" in library
    with pytest.raises(TemplateError, match=r"emotion\.yaml"):
        library["emotion"]


def test_files_of_other_kinds_are_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", ".hidden.yaml", "template.schema.json"):
        (tmp_path / name).write_text("{", encoding="utf-8")
    assert Library.open([tmp_path]).problems == ()


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    library = Library.open()
    with pytest.raises(TemplateError, match="did you mean 'entities'"):
        library["entitys"]
    assert library.load("hate") == library["hate"]


def test_a_directory_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no such directory"):
        Library.open([tmp_path / "none"])
    put(tmp_path, "a", "A")
    with pytest.raises(TemplateError, match="not a directory"):
        Library.open([tmp_path / "a.yaml"])
