"""Whatever a stranger hands in is read, or refused with an error of ours in one line: never another error, never two.

Bounded in CI; `pytest tests/fuzz --hypothesis-profile long` runs for minutes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import JSON, damaged, damaged_bytes, joined
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.settings import Sampling
from gptjt_demo.tables import rowfile, table
from gptjt_demo.templates.formats import FORMATS, export, kept, reading
from gptjt_demo.templates.libraries import Library
from gptjt_demo.templates.link import from_fragment, to_fragment
from gptjt_demo.templates.template import Template
from gptjt_demo.templates.versions.history import History, history_file
from gptjt_demo.ui.playground.draft_box import read_draft
from gptjt_demo.ui.playground.kept import read_record, read_repeat

LIBRARY = list(Library.open())
YAML = LIBRARY[0].to_yaml()
PROMPT = LIBRARY[0].render(LIBRARY[0].query)
LINK = to_fragment(LIBRARY[0])
HISTORY = b"".join(
    json.dumps({"kind": "version", "number": n, "time": "2026-11-28T10:00:00Z", "note": "", "text": YAML}).encode()
    + b"\n"
    for n in (1, 2)
)
in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def holds(read: Callable[[], Any]) -> Any:
    """What was read; None where it was refused as it should be."""
    try:
        return read()
    except PlaygroundError as error:
        line = str(error)
        assert line.strip()
        assert len(line.splitlines()) == 1
        line.encode()  # any screen can show it
        return None


# --- templates

YAML_PIECES = [
    "name: a\n", "title: x\n", "inputs:\n", "- name: input\n", "  cue: 'Input:'\n", "output_cue: 'Output:'\n",
    "examples:\n", "  - input: x\n", "    output: y\n", "labels: [a, b]\n", "generation: {temperature: 1e-40}\n",
    "generation:\n  seed: .nan\n", "check: {columns: 3}\n", "{", "}", "[", "]", ": ", "- ", "|\n", ">-\n", "&a ", "*a",
    "!!python/object ", "---\n", "...\n", "? ", "%YAML 1.1\n", "'", '"', "\t", "\n", "#", "query: {input: x}\n",
]  # fmt: skip


@given(damaged(YAML, YAML_PIECES) | joined(YAML_PIECES))
def test_a_template_s_yaml(text: str) -> None:
    template = holds(lambda: Template.from_yaml(text))
    if template is not None:
        assert Template.from_yaml(template.to_yaml()) == template
        template.render(template.query)


PROMPT_PIECES = [
    "Text:",
    " a",
    "\n",
    "\n\n",
    "=>",
    " -> ",
    "Mood:",
    "###",
    "---",
    "Q: x\nA: y\n\n",
    "Input: ",
    "Output:",
    "1. ",
]


@given(damaged(PROMPT, PROMPT_PIECES) | joined(PROMPT_PIECES))
def test_a_raw_prompt(text: str) -> None:
    found = holds(lambda: Template.parse(text))
    if found is not None:
        template, query = found
        lines = text.replace("\r\n", "\n").replace("\r", "\n")
        assert template.render(query).rstrip() == lines.rstrip()  # blanks behind the last cue are not asked


@given(
    damaged(YAML, YAML_PIECES)
    | joined([*YAML_PIECES, *PROMPT_PIECES, LINK, "widget:\n- text: x\n", "prompt: $input\n"])
)
def test_anything_that_is_pasted(text: str) -> None:
    for template in holds(lambda: reading.read(text)) or ():
        template.render(template.query)


EXPORTS = [export(LIBRARY[1], item.name) for item in FORMATS if item.name != "yaml"]
KEPT = json.dumps([{"id": "2026-11-28T10:00:00", "kind": "template", "template": LIBRARY[1].model_dump(mode="json")}])
EXPORT_PIECES = [
    "{{ ",
    " }}",
    '"',
    "'",
    "(",
    ")",
    "[",
    "{",
    "}",
    ", ",
    ": ",
    "None",
    "-1",
    "1e9",
    "# {",
    "~ ",
    "\n",
    "\\",
]


@given(st.sampled_from([*EXPORTS, KEPT]).flatmap(lambda text: damaged(text, EXPORT_PIECES)))
def test_what_the_page_has_written(text: str) -> None:
    for template in holds(lambda: reading.read(text)) or ():
        template.render(template.query)
    for versions, _ in holds(lambda: kept.pasts(text, LIBRARY[:2])) or ():
        assert [each.number for each in versions] == [*range(1, len(versions) + 1)]


@given(st.binary(max_size=200) | damaged_bytes(HISTORY))
@in_a_folder
def test_a_template_s_history(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    history_file(file).write_bytes(content)
    history = holds(lambda: History.of(file))
    assert [each.number for each in history.versions] == sorted({each.number for each in history.versions})
    for version in history.versions:
        holds(version.template)


def sealed(plain: bytes, version: int = 1) -> str:
    """A link with a right checksum, whatever is in it."""
    data = base64.urlsafe_b64encode(zlib.compress(plain, wbits=-15)).rstrip(b"=").decode()
    checksum = base64.urlsafe_b64encode(hashlib.sha256(f"{version}.{data}".encode()).digest()).rstrip(b"=").decode()
    return f"#t={version}.{data}.{checksum[:8]}"


FIELDS = st.dictionaries(st.sampled_from([*Template.model_fields, "x"]), JSON, max_size=6)
SHARED = st.fixed_dictionaries({}, optional={"template": FIELDS | JSON, "query": JSON}) | JSON


@given(
    damaged(LINK, ["#t=", "1.", "%", "%23t=1.", "&", "<", ">"])
    | SHARED.map(lambda value: sealed(json.dumps(value).encode()))
)
def test_a_link(text: str) -> None:
    holds(lambda: from_fragment(text))


@given(st.binary(max_size=200), st.integers(0, 10**9))
def test_a_link_of_any_bytes(plain: bytes, version: int) -> None:
    holds(lambda: from_fragment(sealed(plain, version)))


@given(FIELDS, st.dictionaries(st.sampled_from(["template", "seed", "again", "answers", "controls"]), JSON))
def test_what_a_browser_has_kept(fields: dict[str, Any], kept: dict[str, Any]) -> None:
    good = LIBRARY[0].model_dump(mode="json")
    for template in (fields, {**good, **fields}):
        data = {"template": template, **kept}
        holds(lambda data=data: read_record(data))  # type: ignore[misc]
        holds(lambda data=data: read_repeat(data, "mini"))  # type: ignore[misc]
        holds(lambda data=data: read_draft(data))  # type: ignore[misc]


@given(
    st.dictionaries(
        st.sampled_from([*Sampling.model_fields, "x", ""]), JSON | st.sampled_from([1e-40, float("nan"), "1e-40"])
    )
)
def test_settings(values: dict[str, Any]) -> None:
    sampling = holds(lambda: Sampling.read(values))
    if sampling is not None:
        assert isinstance(sampling.greedy, bool)


# --- tables

CSV_PIECES = [
    "a,b\n",
    "1;2\n",
    "x\ty\n",
    '"',
    '""',
    ",",
    ";",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "=1+1",
    "'",
    "é",
    "NA",
    "0",
    '"a\nb",c\n',
]
JSON_PIECES = [
    '{"a": 1}\n',
    '{"a": "x", "b": [1, 2]}\n',
    "{",
    "}",
    '"a"',
    ":",
    ",",
    "[",
    "]",
    "NaN",
    "1e999",
    "-0",
    "null",
    "\n",
]


def tabled(folder: Path, content: bytes, name: str) -> None:
    """Read a file; a table that is read has whole rows, and the same ones each time."""
    path = folder / name
    path.write_bytes(content)
    found = holds(lambda: table.read(path))
    if found is None:
        return
    rows = holds(lambda: list(found))
    if rows is not None:
        assert {len(row) for row in rows} <= {len(found.columns)}
        assert len(rows) == len(found)
        assert list(found) == rows
        found.preview()
        for format in ("csv", "jsonl"):
            holds(lambda format=format: rowfile.write(folder / f"out.{format}", found.columns, rows))  # type: ignore[misc]


ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-8"])


@in_a_folder
@given(
    joined(CSV_PIECES) | damaged("text,mood\n" + "so good,joy\n" * 3, CSV_PIECES),
    ENCODINGS,
    st.sampled_from(["csv", "tsv", "txt"]),
)
def test_a_delimited_file(tmp_path: Path, text: str, encoding: str, ending: str) -> None:
    tabled(tmp_path, text.encode(encoding, "replace"), f"a.{ending}")


@in_a_folder
@given(joined(JSON_PIECES) | damaged('{"text": "so good", "n": 1.50}\n' * 3, JSON_PIECES), ENCODINGS)
def test_a_file_of_json_lines(tmp_path: Path, text: str, encoding: str) -> None:
    tabled(tmp_path, text.encode(encoding, "replace"), "a.jsonl")


@in_a_folder
@given(st.lists(JSON, max_size=3))
def test_a_file_of_any_json(tmp_path: Path, values: list[Any]) -> None:
    tabled(tmp_path, "\n".join(map(json.dumps, values)).encode("utf-8", "replace"), "a.jsonl")


@in_a_folder
@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl", "xlsx", "DATA.CSV", "x"]))
def test_a_file_of_any_bytes(tmp_path: Path, content: bytes, ending: str) -> None:
    tabled(tmp_path, content, f"a.{ending}")


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts of a good workbook."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["text", "n", "day"], ["so good", 1.5, "x"], [None, True, "=1+1"]):
        sheet.append(row)
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    book.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return packed.getvalue()


XML_PIECES = [
    '<c r="A1" t="s"><v>99</v></c>', '<c r="ZZZZ9"/>', '<c r="A0" t="n"><v>1e999</v></c>', "<f>1+1</f>", "NaN", "-1",
    '<c t="b"><v>x</v></c>', '<row r="99999999">', "</row>", "<v>", "</v>", 's="99"', "&amp;", "&x;", "_x0000_", "\x00",
    "<!DOCTYPE a [<!ENTITY x 'y'>]>", "<is><t>a</t></is>", 't="inlineStr"', 't="d"', 'r="-1"', "xmlns:x='y'",
    "<mergeCell ref='A1:B9'/>",
]  # fmt: skip


@in_a_folder
@given(st.data())
def test_a_workbook_with_damaged_parts(tmp_path: Path, workbook: dict[str, bytes], data: st.DataObject) -> None:
    parts = dict(workbook)
    for name in data.draw(st.lists(st.sampled_from(sorted(parts)), min_size=1, max_size=2, unique=True)):
        text = data.draw(damaged(parts.pop(name).decode(), XML_PIECES))
        parts[data.draw(st.sampled_from([name, name, name, name.upper(), f"/{name}", name.replace("/", "\\")]))] = (
            text.encode("utf-8", "replace")
        )
    tabled(tmp_path, zipped(parts), "a.xlsx")


@in_a_folder
@given(st.data())
def test_a_workbook_of_damaged_bytes(tmp_path: Path, workbook: dict[str, bytes], data: st.DataObject) -> None:
    tabled(tmp_path, data.draw(damaged_bytes(zipped(workbook))), "a.xlsx")
