"""Standard output in any encoding, closed early or full: what it cannot hold is escaped, and nothing is lost unsaid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import process, program

from gptjt_demo.templates.template import Template

ANSWER = "naïve 😀 日本 Ω"
ENCODINGS = ("ascii", "cp1252", "latin-1", "shift_jis")
NAME = "süß"
TEMPLATE = """\
name: words
title: Wörter
instruction: |-
  Überschrift {x}

  zwei Zeilen — 😀
examples:
  - {input: naïve, output: süß}
  - {input: 日本, output: Ω}
query: {input: größer}
labels: [süß, säuerlich, 苦い]
"""


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.yaml"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def holds(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_answer_that_the_output_cannot_hold_is_escaped_and_that_is_said(encoding: str) -> None:
    done = process("complete", "-t", "currency", answers={"default": ANSWER}, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    printed = done.stdout.decode(encoding)
    expected = "".join(
        c if holds(encoding, c) else f"\\u{ord(c):04x}" if ord(c) < 65536 else f"\\U{ord(c):08x}" for c in ANSWER
    )
    assert printed == f"{expected}\n"
    assert done.stderr.count(b"note: ") == 1
    assert b"PYTHONIOENCODING=utf-8" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_stays_json_with_the_same_text(encoding: str) -> None:
    done = process("complete", "-t", "currency", "--json", answers={"default": ANSWER}, PYTHONIOENCODING=encoding)
    assert json.loads(done.stdout.decode(encoding))["text"] == ANSWER
    assert b"note" not in done.stderr


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_labels_are_all_there_in_any_encoding(words: Path, encoding: str) -> None:
    done = process("score", "-t", words, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    lines = done.stdout.decode(encoding).splitlines()
    assert len(lines) == 3
    assert all("%" in line and "\\u2588" not in line for line in lines)
    found = process("score", "-t", words, "--json", PYTHONIOENCODING=encoding)
    assert [row["label"] for row in json.loads(found.stdout.decode(encoding))["labels"]] == ["süß", "säuerlich", "苦い"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "command",
    [["show", "{}"], ["export", "{}", "--to", "yaml"], ["import", "{}"]],
    ids=lambda command: command[0],
)
def test_a_template_s_file_is_the_template_again_in_any_encoding(
    words: Path, tmp_path: Path, command: list[str], encoding: str
) -> None:
    done = process("templates", *(part.format(words) for part in command), PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / "again.yaml").write_bytes(done.stdout)
    assert Template.load(tmp_path / "again.yaml") == Template.load(words)


@pytest.mark.parametrize("to", ["hf-widget", "lm-eval", "python", "curl", "gradio-client"])
def test_an_export_holds_the_same_text_in_ascii(words: Path, to: str) -> None:
    done = process("templates", "export", words, "--to", to, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    text = done.stdout.decode("ascii")
    assert "\\u00fc" in text or "\\xfc" in text
    if to in ("hf-widget", "lm-eval"):
        import yaml

        assert yaml.safe_load(text) == yaml.safe_load(process("templates", "export", words, "--to", to).stdout.decode())
    elif to != "curl":
        compile(text, to, "exec")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", [["templates", "list"], ["templates", "show", "words", "--prompt"]], ids=" ".join)
def test_whatever_is_listed_or_shown_is_never_cut(words: Path, command: list[str], encoding: str) -> None:
    done = process(*command, GPTJT_PROMPTS=str(words.parent), PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    plain = process(*command, GPTJT_PROMPTS=str(words.parent), PYTHONIOENCODING="utf-8")
    assert len(done.stdout.decode(encoding).splitlines()) == len(plain.stdout.decode().splitlines())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_a_pipe_gives_is_read_as_utf_8_whatever_the_output_is(encoding: str) -> None:
    given = "Wort: süß\nGegenteil: sauer\n\nWort: naïve\nGegenteil:".encode()
    done = process("templates", "import", "-", given=given, PYTHONIOENCODING=encoding)
    assert done.returncode == 0
    assert Template.from_yaml(done.stdout.decode(encoding)).query == {"wort": "naïve"}


def test_a_pipe_that_is_not_utf_8_is_one_line() -> None:
    done = process("templates", "import", "-", given="Wort: süß\nGegenteil:".encode("latin-1"))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert b"UTF-8" in done.stderr


def test_a_mistake_s_line_is_escaped_too() -> None:
    done = process("complete", "-t", "gibtsnicht-日本", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_an_answer_written_as_somebody_asked_is_left_alone() -> None:
    done = process("complete", "-t", "currency", answers={"default": ANSWER}, PYTHONIOENCODING="ascii:replace")
    assert done.stdout == ANSWER.encode("ascii", "replace") + b"\n"
    assert b"note" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = [sys.executable, "-c", program({"default": "so " * 30_000}), "complete", "-t", "currency"]
    command += ["--max-new-tokens", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.read(1)
        started.stdout.close()
        said = started.stderr.read()
    assert b"Traceback" not in said
    assert b"BrokenPipe" not in said


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("command", [["templates", "list"], ["complete", "-t", "currency"], ["--help"]], ids=" ".join)
def test_a_full_disk_is_one_line_and_no_success(command: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = process(*command, stdout=full)
    assert done.returncode
    errors = [line for line in done.stderr.splitlines() if line.startswith(b"error: ")]
    assert len(errors) == 1
    assert b"No space left" in errors[0]
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
