"""A JSON array: the same cells as JSON Lines has, types kept, whatever the spacing, read piece by piece."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptjt_demo.errors import TableError
from gptjt_demo.tables import jsonarray, rowfile
from gptjt_demo.tables.table import read

OBJECTS: list[dict[str, Any]] = [
    {"id": 7, "text": "héllo, \"you\"", "meta": {"a": [1, 2.50]}, "ok": True},
    {"id": 1e5, "text": "two\nlines", "none": None},
]  # fmt: skip


def save(folder: Path, text: str, name: str = "a.json", encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


@pytest.mark.parametrize("indent", [None, 0, 2, 12])
@pytest.mark.parametrize("name", ["a.json", "a.txt", "A.JSON"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_is_read_as_json_lines_are(tmp_path: Path, indent: int | None, name: str, encoding: str) -> None:
    array = read(save(tmp_path, json.dumps(OBJECTS, indent=indent, ensure_ascii=False), name, encoding))
    lines = read(save(tmp_path, "\n".join(json.dumps(row, ensure_ascii=False) for row in OBJECTS), "a.jsonl"))
    assert array.columns == lines.columns == ("id", "text", "meta", "ok", "none")
    assert [row[1] for row in array] == [row[1] for row in lines]
    assert (len(array), len(list(array))) == (2, 2)
    assert "a JSON array" in array.notes


def test_types_come_out_in_json_lines(tmp_path: Path) -> None:
    table = read(save(tmp_path, json.dumps(OBJECTS)))
    rowfile.write(tmp_path / "out.jsonl", table.columns, table)
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == OBJECTS


@settings(max_examples=20, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=300), min_size=1), min_size=1, max_size=20))
def test_objects_may_be_cut_anywhere_by_what_is_read_at_a_time(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]
) -> None:
    path = save(tmp_path_factory.mktemp("array"), json.dumps(rows, indent=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonarray, "CHUNK", 7)
        found = read(path)
        assert [dict(zip(found.columns, row, strict=True)) for row in found] == [
            {name: row.get(name, "").replace("\0", "\ufffd") for name in found.columns} for row in rows
        ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "the file is empty"),
        ("[1, 2]", "object 1: not a JSON object"),
        ('[{"a": 1}', "after object 1: the file ends within the list"),
        ('[{"a": 1}, 2]', "object 2: not a JSON object"),
        ('[{"a": 1},]', "object 2: not a JSON object"),
        ('[{"a": 1} {"a": 2}]', "after object 1: '{' where a comma or ] should be"),
        ('[{"a": 1}] x', "'x' after the end of the list"),
        ('[{"a": 1}, {"a": }]', r"object 2: not JSON \(Expecting value\)"),
        ('[{"a": 1, "a": 2}]', "object 1: the key 'a' is given twice"),
        ("[" + '{"a": ' * 100_000, "nested too deeply|not JSON"),
    ],
)
def test_what_is_no_list_of_objects_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TableError, match=words):
        read(save(tmp_path, text))


def test_a_long_array_takes_no_more_memory_than_a_piece_of_it(tmp_path: Path) -> None:
    path = save(tmp_path, json.dumps([{"id": n, "text": "word " * 4_000} for n in range(600)]))
    tracemalloc.start()
    assert sum(1 for _ in read(path)) == 600
    assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 2
    tracemalloc.stop()
