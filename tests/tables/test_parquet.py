"""Parquet: every value with its type, a row group at a time, and a line where it cannot be read."""

from __future__ import annotations

import datetime
import decimal
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from gptjt_demo.errors import TableError
from gptjt_demo.tables import rowfile
from gptjt_demo.tables.table import read


def save(folder: Path, columns: dict[str, Any], name: str = "a.parquet", **more: Any) -> Path:
    parquet.write_table(pyarrow.table(columns), folder / name, **more)
    return folder / name


def test_values_are_text_that_keeps_its_type(tmp_path: Path) -> None:
    columns = {
        "text": ["007", "NA", None],
        "id": [7, 2**60, None],
        "share": pyarrow.array([0.1, 1e20, None], pyarrow.float32()),
        "ok": [True, False, None],
        "tags": [["a", "é"], [], None],
        "meta": [{"a": 1}, {"a": None}, None],
        "price": [decimal.Decimal("1.10"), decimal.Decimal("2.00"), None],
        "day": [datetime.date(2024, 2, 29), datetime.date(1999, 12, 31), None],
        "category": pyarrow.array(["x", "y", "x"]).dictionary_encode(),
    }
    table = read(save(tmp_path, columns))
    assert table.columns == tuple(columns)
    first_row, _, last_row = table
    assert first_row == ("007", "7", "0.1", "true", '["a", "é"]', '{"a": 1}', "1.10", "2024-02-29", "x")
    assert last_row[:8] == ("",) * 8
    rowfile.write(tmp_path / "out.jsonl", table.columns, table)
    first, second, third = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first["text"], first["id"], first["share"], first["ok"]) == ("007", 7, 0.1, True)
    assert (first["tags"], first["meta"], first["price"]) == (["a", "é"], {"a": 1}, 1.1)
    assert (second["text"], second["id"], second["share"]) == ("NA", 2**60, 1e20)
    assert set(third.values()) == {None, "x"}


def test_what_json_lacks_is_text(tmp_path: Path) -> None:
    table = read(save(tmp_path, {"x": [float("nan"), float("-inf")], "b": [b"\xff\x00", b""]}))
    assert list(table) == [("nan", "/wA="), ("-inf", "")]


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_it_is_known_by_what_it_holds_and_read_by_row_group(tmp_path: Path, name: str) -> None:
    rows = [f"row {n}" for n in range(2_500)]
    table = read(save(tmp_path, {"text": rows}, name, row_group_size=700))
    assert table.notes == ("Parquet, 4 row groups",)
    assert len(table) == 2_500
    assert [row[0] for row in table] == rows
    assert [row[0] for row in table.preview(3)] == rows[:3]


def test_a_large_file_costs_the_memory_of_a_part_of_it(tmp_path: Path) -> None:
    path = save(tmp_path, {"text": [f"{n} {'word ' * 40}" for n in range(30_000)]}, row_group_size=3_000)
    before = pyarrow.total_allocated_bytes()
    tracemalloc.start()
    count = 0
    for _ in read(path):
        count += 1
        assert pyarrow.total_allocated_bytes() - before < 3_000_000
    assert count == 30_000
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_damaged_file_and_one_without_rows_are_a_line(tmp_path: Path) -> None:
    whole = save(tmp_path, {"text": ["a" * 100]}).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TableError, match=r"^cut\.parquet: a damaged Parquet file"):
        read(tmp_path / "cut.parquet")
    with pytest.raises(TableError, match="a header and no rows"):
        read(save(tmp_path, {"text": pyarrow.array([], pyarrow.string())}))
    bad = pyarrow.Array.from_buffers(
        pyarrow.string(), 1, [None, pyarrow.py_buffer(b"\0\0\0\0\x02\0\0\0"), pyarrow.py_buffer(b"\xff\xfe")]
    )
    with pytest.raises(TableError, match=r"^bad\.parquet: a damaged Parquet file"):
        read(save(tmp_path, {"text": bad}, "bad.parquet"))


def test_a_cell_that_is_too_long_is_refused_before_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="column 'text': a cell of more than 1,000,000 characters"):
        read(save(tmp_path, {"text": ["a", "x" * 1_000_001]}))


def test_without_pyarrow_the_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, {"text": ["a"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TableError, match=r"pyarrow is not installed; pip install 'gptjt-demo\[parquet\]'"):
        read(path)
