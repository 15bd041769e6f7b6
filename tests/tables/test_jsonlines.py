"""JSON Lines in, JSON Lines out: every value keeps its type and its text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gptjt_demo.tables import rowfile, table
from gptjt_demo.tables.sheet import fault_of

VALUES = [
    "1.10", "1e5", "1E+5", "-0", "-0.0", "123456789012345678901234567890", "0.1000000000000000055511151231257827",
    "true", "false", "null", '"1.10"', '""', '"null"', "[]", "{}", '{"k": [1.10, "é", null]}', "[1e5,  true]", "NaN",
    r'{"k": "\u00e9 \u0041 \" \\u00e9"}', r'"\ud83d\ude00"', r'["\ud83d\ude00"]', '{"a": {"a": 1.0}}',
]  # fmt: skip


def through(folder: Path, lines: list[str]) -> list[str]:
    (folder / "in.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    found = table.read(folder / "in.jsonl")
    rowfile.write(folder / "out.jsonl", found.columns, found)
    return (folder / "out.jsonl").read_text("utf-8").removesuffix("\n").split("\n")


@pytest.mark.parametrize("value", VALUES)
def test_a_value_keeps_its_type_and_its_text(tmp_path: Path, value: str) -> None:
    (line,) = through(tmp_path, [f'{{"a": {value} , "b":"x"}}'])
    if value.startswith('"'):
        assert json.loads(line) == {"a": json.loads(value), "b": "x"}
    else:
        assert line == f'{{"a": {value}, "b": "x"}}'


def test_a_key_that_an_object_lacks_stays_away_and_null_stays_null(tmp_path: Path) -> None:
    lines = ['{"a": null}', '{"b": 2, "a": ""}', '{"c": []}']
    assert [json.loads(line) for line in through(tmp_path, lines)] == [json.loads(line) for line in lines]


kept = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=5)  # others cost their row


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=4),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | kept,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(kept, inner, max_size=3),
            max_leaves=4,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_object_comes_back(tmp_path: Path, row: dict[str, object]) -> None:
    (line,) = through(tmp_path, [json.dumps(row)])
    assert json.loads(line) == row


def test_a_cell_is_the_text_that_a_prompt_should_hold(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(r'{"a": 1.10, "b": "\u00e9", "c": ["\u00e9", "\""], "d": null, "e": false}')
    assert list(table.read(tmp_path / "a.jsonl")) == [("1.10", "é", r'["é", "\""]', "", "false")]


def test_a_control_character_that_is_not_escaped_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"a": "x\ty\x01"}\n{"a": "b\0d"}\n')
    one, other = (row[0] for row in table.read(tmp_path / "a.jsonl"))
    assert (one, fault_of(one)) == ("x\ty\x01", "")
    assert "a NUL character" in fault_of(other)


def test_damage_that_json_can_write_is_written_as_it_was(tmp_path: Path) -> None:
    lines = [r'{"a": "x\ud800"}', '{"a": "fine"}']
    assert through(tmp_path, lines) == lines


def test_other_formats_get_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": 1.10, "b": null, "c": {"k": 1}}\n')
    found = table.read(tmp_path / "a.jsonl")
    for ending in ("csv", "tsv", "xlsx"):
        rowfile.write(tmp_path / f"b.{ending}", found.columns, found)
        assert list(table.read(tmp_path / f"b.{ending}")) == [("1.10", "", '{"k": 1}')]


@pytest.mark.parametrize("key", ["te\\ud83dxt", "te\\u0000xt"])
def test_a_damaged_key_costs_its_row_and_not_the_file(tmp_path: Path, key: str) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"text": "good"}}\n{{"{key}": 1.10}}\n', encoding="utf-8")
    found = table.read(tmp_path / "a.jsonl")
    assert found.columns == ("text", "te\ufffdxt")
    assert [bool(fault_of(row[1])) for row in found] == [False, True]
    rowfile.write(tmp_path / "b.jsonl", found.columns, found)
    assert (tmp_path / "b.jsonl").read_text(encoding="utf-8") == '{"text": "good"}\n{"te\ufffdxt": 1.10}\n'
