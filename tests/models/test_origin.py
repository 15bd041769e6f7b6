"""A converted copy is loaded as what it is a copy of, whatever its folder is called."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from command_line import run

from gptjt_demo.errors import ModelError
from gptjt_demo.models.convert import convert
from gptjt_demo.models.loading import load
from gptjt_demo.models.origin import FILE, with_origin
from gptjt_demo.models.registry import MODELS, ModelSpec, resolve

GPTJT = replace(MODELS["gpt-jt-6b"], context=64)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tiny.save(tiny.model("gptj"), tmp_path / "from")


def test_a_gpt_jt_in_a_folder_of_any_name_is_no_stand_in_and_answers_under_its_own_name(
    tmp_path: Path, source: Path
) -> None:
    copy = convert(source, tmp_path / "MY-MODEL", spec=GPTJT).folder
    engine = load(copy, progress=False)
    assert (engine.name, engine.stand_in) == ("gpt-jt-6b", False)
    assert (engine.context, engine.attention) == (64, "prefix")


def test_a_copy_of_a_causal_model_is_run_causally_without_being_told(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = convert(source, tmp_path / "copy", spec=MODELS["gpt-j-6b-8bit"]).folder
    engine = load(copy, progress=False)
    assert (engine.attention, engine.stand_in, engine.supports_prefix) == ("causal", True, True)
    assert load(copy, attention="prefix", progress=False).attention == "prefix"


def test_a_copy_of_a_copy_and_one_made_without_a_word_keep_what_the_first_said(tmp_path: Path, source: Path) -> None:
    first = convert(source, tmp_path / "first", spec=GPTJT).folder
    second = convert(first, tmp_path / "second", "hivemind").folder
    assert json.loads((second / FILE).read_text()) == json.loads((first / FILE).read_text())


def test_the_command_writes_down_what_the_copy_is_of(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gptjt_demo.models.hub.fetch", lambda *_, **__: source)
    assert run(capsys, "convert", "gpt-j-6b-8bit", tmp_path / "MY-MODEL")[0] == 0
    assert run(capsys, "convert", tmp_path / "MY-MODEL", tmp_path / "again")[0] == 0
    for name in ("MY-MODEL", "again"):
        told = json.loads((tmp_path / name / FILE).read_text())
        assert told == {"name": "gpt-j-6b-8bit", "attention": "causal", "context": 2048, "stand_in": True}


def test_a_copy_of_a_folder_that_says_nothing_is_called_by_its_own_folders_name(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "convert", source, tmp_path / "MY-MODEL")[0] == 0
    assert not (tmp_path / "MY-MODEL" / FILE).exists()
    assert load(tmp_path / "MY-MODEL", progress=False).name == "MY-MODEL"


def test_a_folder_that_says_nothing_is_called_by_its_name_and_is_no_stand_in(source: Path) -> None:
    engine = load(source, progress=False)
    assert (engine.name, engine.stand_in) == ("from", False)


def test_the_embedded_default_is_a_stand_in_by_its_name_and_by_its_path() -> None:
    assert MODELS["mini"].stand_in
    folder = resolve(MODELS["mini"].source)
    told = with_origin(folder, Path(folder.source))
    assert told == replace(MODELS["mini"], source=told.source, gib=None, about="")


def test_a_known_name_is_what_the_registry_says_and_a_hub_id_keeps_its_name(tmp_path: Path, source: Path) -> None:
    copy = convert(source, tmp_path / "copy", spec=MODELS["gpt-j-6b-8bit"]).folder
    assert with_origin(MODELS["gpt-jt-6b"], copy) is MODELS["gpt-jt-6b"]
    told = with_origin(ModelSpec("someone/model", "someone/model"), copy)
    assert (told.name, told.attention, told.stand_in) == ("someone/model", "causal", True)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"name": "a", "attention": "sideways", "context": 2, "stand_in": false}',
        '{"name": "a", "attention": "prefix", "context": 0, "stand_in": false}',
        '{"name": "a\\nb", "attention": "prefix", "context": 2, "stand_in": false}',
        '{"name": "a", "attention": "prefix", "context": 2, "stand_in": false, "code": "x"}',
    ],
)
def test_a_file_that_says_something_else_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ModelError, match=r"the gptjt-model\.json cannot be read") as error:
        with_origin(resolve(tmp_path), tmp_path)
    assert "\n" not in str(error.value)
