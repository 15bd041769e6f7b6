"""The commands over templates: what is shown is what is sent, and every problem of a file is one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_line import run


def test_show_prints_the_exact_prompt_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "templates", "show", "currency", "--prompt", "--input", "Chad")
    expected = (
        "Return the currency of the given country.\n\nInput: Switzerland\nOutput: Swiss Franc\n\nInput: Chad\nOutput:"
    )
    assert (status, out, err) == (0, expected, "")


def test_shown_yaml_is_the_template_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, out, _ = run(capsys, "templates", "show", "hate")
    (tmp_path / "hate.yaml").write_text(out, encoding="utf-8")
    status, out, _ = run(capsys, "templates", "check", tmp_path / "hate.yaml")
    assert status == 0
    assert "valid" in out


def test_list_names_every_template(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "templates", "list")
    assert [line.split()[0] for line in out.splitlines()][:5] == ["emotion", "currency", "hate", "entities", "cleaning"]


def test_a_users_folder_stands_before_the_shipped_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, text, _ = run(capsys, "templates", "show", "currency")
    (tmp_path / "currency.yaml").write_text(text.replace("Return the", "Say the"), encoding="utf-8")
    _, out, _ = run(capsys, "templates", "show", "currency", "--prompts", tmp_path)
    assert "Say the" in out
    monkeypatch.setenv("GPTJT_PROMPTS", str(tmp_path))
    _, out, _ = run(capsys, "templates", "show", "currency")
    assert "Say the" in out


def test_several_inputs_are_given_by_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(
        "name: pair\ntitle: Pair\ninputs:\n  - {name: first, cue: A}\n  - {name: second, cue: B}\n", encoding="utf-8"
    )
    _, out, _ = run(capsys, "templates", "show", path, "--prompt", "-i", "first=x=y", "-i", "second=z")
    assert out == "A: x=y\nB: z\nOutput:"
    status, _, err = run(capsys, "templates", "show", path, "--prompt", "-i", "x")
    assert status == 2
    assert "NAME=TEXT" in err


def test_check_names_file_line_and_mend_and_goes_on_with_the_next_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bad, good = tmp_path / "bad.yaml", tmp_path / "good.yaml"
    bad.write_text("name: bad\ntitle: Bad\noutput_cue: fear: high\n", encoding="utf-8")
    good.write_text("name: good\ntitle: Good\n", encoding="utf-8")
    status, out, err = run(capsys, "templates", "check", bad, good)
    assert status == 2
    assert "bad.yaml" in err
    assert "line 3" in err
    assert "good.yaml" in out


@pytest.mark.parametrize("shape", ["{0}:{1}", "{0}:{1}:", ":{0}::{1}", " {0} : {1} "])
def test_the_environment_may_name_several_folders_and_the_first_has_the_word(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    for folder, word in (("one", "first"), ("two", "second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "both.yaml").write_text(f"name: both\ntitle: {word}\n", encoding="utf-8")
        (tmp_path / folder / f"{word}.yaml").write_text(f"name: {word}\ntitle: {word}\n", encoding="utf-8")
    value = shape.replace(":", os.pathsep).format(tmp_path / "one", tmp_path / "two")
    monkeypatch.setenv("GPTJT_PROMPTS", value)
    monkeypatch.chdir(tmp_path)  # a blank part is no folder, and not the one that a command is started in
    (tmp_path / "stray.yaml").write_text("name: stray\ntitle: Stray\n", encoding="utf-8")
    status, out, _ = run(capsys, "templates", "list")
    names = {line.split()[0] for line in out.splitlines()}
    assert status == 0
    assert {"first", "second", "both", "emotion"} <= names
    assert "stray" not in names
    assert "title: first" in run(capsys, "templates", "show", "both")[1]
    _, out, _ = run(capsys, "templates", "list", "--prompts", tmp_path / "two")
    assert "second" in out
    assert "first" not in out


def test_a_folder_of_the_environment_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTJT_PROMPTS", f"{tmp_path}{os.pathsep}{tmp_path}/gone")
    status, _, err = run(capsys, "templates", "list")
    assert (status, err.count("\n")) == (2, 1)
    assert f"{tmp_path}/gone: there is no such directory" in err


def test_an_input_that_is_given_twice_is_refused_by_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text(
        "name: pair\ntitle: Pair\ninputs:\n  - {name: a, cue: A}\n  - {name: b, cue: B}\n", encoding="utf-8"
    )
    status, out, err = run(capsys, "templates", "show", path, "--prompt", "-i", "a=1", "-i", "b=2", "-i", "a=3")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "'a' is given twice" in err
