"""A data set of the hub as rows: the name is read strictly, the rows keep their types; no network, a local folder."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

import datasets
import pytest

from gptjt_demo.errors import TableError
from gptjt_demo.tables.hub_dataset import HubDataset, copied, fetched, is_hub_dataset, parsed
from gptjt_demo.tables.table import read

ROWS = [{"id": 7, "text": "so happy", "tags": ["a", "b"]}, {"id": 8, "text": "a fright", "tags": []}]
ASKED = HubDataset("own/moods", "main")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    found = tmp_path / "moods"
    found.mkdir()
    (found / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("hf://datasets/own/name@main", HubDataset("own/name", "main")),
        ("hf://datasets/own/name@v1.0/test", HubDataset("own/name", "v1.0", None, "test")),
        ("hf://datasets/own/name@0a1b/en/test", HubDataset("own/name", "0a1b", "en", "test")),
        ("hf://datasets/squad@main", HubDataset("squad", "main")),
    ],
)
def test_a_name_is_read_as_typed_and_as_a_path(name: str, found: HubDataset) -> None:
    for each in (name, Path(name)):
        assert is_hub_dataset(each)
        assert parsed(each) == found


@pytest.mark.parametrize(
    "name",
    [
        "hf://datasets/own/name",
        "hf://datasets/own/name@",
        "hf://models/own/name@main",
        "hf://datasets/../..@main",
        "hf://datasets/own/name@main/a/b/c",
        "hf://datasets//name@main",
    ],
)
def test_a_name_without_its_revision_or_of_another_form_is_refused_with_the_form(name: str) -> None:
    with pytest.raises(TableError, match="hf://datasets/OWNER/NAME@REVISION"):
        parsed(name)


def test_a_file_is_no_data_set() -> None:
    assert not is_hub_dataset(Path("hf.csv"))
    assert not is_hub_dataset("folder/hf:/x")


def test_rows_keep_their_types_and_the_copy_goes_with_whoever_keeps_it(folder: Path) -> None:
    path = copied(str(folder), ASKED)
    table = read(path)
    assert (path.name, table.columns, len(table)) == ("moods.jsonl", ("id", "text", "tags"), 2)
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS
    where = str(path)
    with open(where, encoding="utf-8"):
        pass
    del path, table
    gc.collect()
    assert not Path(where).exists()


def test_the_same_rows_make_the_same_file(folder: Path) -> None:
    assert len({read(copied(str(folder), ASKED)).digest() for _ in range(2)}) == 1


def test_of_several_splits_one_is_asked_for(folder: Path) -> None:
    (folder / "test.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    with pytest.raises(TableError, match="several splits; put /SPLIT behind the revision, one of"):
        copied(str(folder), ASKED)
    assert len(read(copied(str(folder), HubDataset("own/moods", "main", None, "test")))) == 1
    with pytest.raises(TableError, match=r"own/moods: cannot be read \(.*other"):
        copied(str(folder), HubDataset("own/moods", "main", None, "other"))


def test_a_folder_of_the_same_name_is_not_read_in_its_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    with pytest.raises(TableError, match="a folder of that name is here"):
        fetched("hf://datasets/moods@main")


def test_without_datasets_the_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(TableError, match=r"datasets is not installed; pip install 'gptjt-demo\[datasets\]'"):
        copied("own/moods", ASKED)
