"""`train` and `figures`: a recipe to weights, a killed run continued, a table of what has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
import torch
from command_line import run

from gptjt_demo.cli import main, train
from gptjt_demo.training.base import load_base

RECIPE = """\
name: tiny
about: a model of two layers
english:
  packages: [python]
episodes:
  left_out: [letters]
data:
  rows:
    about: anything
phases:
  - tokens: 6000
    shares:
      english: 0.4
      episodes: 0.4
      rows: 0.2
training:
  length: 250
  sequences: 2
  learning_rate: 1e-3
  precision: fp32
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe, a base model, and data, as a user has them."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "tiny.yaml").write_text(RECIPE, "utf-8")
    rows = [json.dumps({"prompt": f"{i} and one is", "completion": str(i + 1)}) for i in range(40)]
    (folder / "rows.jsonl").write_text("\n".join(rows), "utf-8")
    tiny.save(tiny.model("llama"), folder / "base", hivemind=False)
    return folder


def asked(given: Path, out: Path, *more: str) -> list[str]:
    return [
        *("train", "--recipe", str(given / "tiny.yaml"), "--base", str(given / "base")),
        *("--data", f"rows={given / 'rows.jsonl'}", "--out", str(out), *more),
    ]


@pytest.fixture(scope="module")
def trained(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    with pytest.raises(SystemExit) as ended:
        main(asked(given, out))
    assert not ended.value.code
    return out


def weights(out: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_base(str(out / "model"), out).model.state_dict()
    return found


def test_a_recipe_becomes_weights_that_are_not_the_base_models(given: Path, trained: Path) -> None:
    found, before = weights(trained), load_base(str(given / "base"), given).model.state_dict()
    assert found.keys() == before.keys()
    assert any(not torch.equal(found[name], before[name]) for name in found)
    assert {"log.jsonl", "run.json", "english", "model"} <= {path.name for path in trained.iterdir()}


def test_a_run_whose_minutes_are_over_goes_on_to_the_unbroken_runs_weights(
    given: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *asked(given, tmp_path, "--minutes", "0"))
    assert (code, out.strip()) == (0, str(tmp_path / "model"))
    assert "--resume continues" in err
    code, _, err = run(capsys, "train", "--out", str(tmp_path), "--resume")
    assert code == 0
    assert "--resume continues" not in err
    unbroken = weights(trained)
    assert all(torch.equal(value, unbroken[name]) for name, value in weights(tmp_path).items())


def test_a_folder_with_a_run_is_not_begun_again_and_a_resumed_run_is_not_made_another(
    given: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, *asked(given, trained))[2].startswith(f"error: {trained}: it holds a run already")
    for option, value, said in (
        ("--recipe", "mini", "begun with another recipe"),
        ("--seed", "7", "begun with 0"),
        ("--base", "mini", "begun with"),
    ):
        code, _, err = run(capsys, "train", "--out", str(trained), "--resume", option, value)
        assert (code, err.count("\n")) == (2, 1)
        assert said in err


def test_where_there_is_nothing_to_resume_no_run_is_begun_by_a_slip(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "train", "--out", str(tmp_path / "typo"), "--resume")
    assert (code, err.count("\n")) == (2, 1)
    assert "there is no run in it" in err


def test_a_missing_source_and_a_pair_without_a_name_are_each_a_line(
    given: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = asked(given, tmp_path)
    index = arguments.index("--data")
    code, _, err = run(capsys, *arguments[:index], *arguments[index + 2 :])
    assert code == 2
    assert "add --data rows=PATH (anything)" in err
    code, _, err = run(capsys, *arguments, "--data", "rows")
    assert (code, err) == (2, "error: --data: 'rows' is not NAME=PATH; name a source of the recipe\n")
    code, _, err = run(capsys, *arguments, "--data", f"rows={tmp_path}")
    assert (code, err) == (2, "error: --data: 'rows' is given twice; give each source once\n")
    for given_data, said in ((f"rows={tmp_path}/no.jsonl", "no.jsonl: there is no such file"), ("zork=x", "'zork'")):
        arguments = asked(given, tmp_path / "new")
        arguments[index + 1] = given_data
        code, _, err = run(capsys, *arguments)
        assert (code, err.count("\n")) == (2, 1)
        assert said in err
        assert not (tmp_path / "new").exists()  # nothing was loaded or made for it


def test_without_the_extra_one_line_tells_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "find_spec", lambda name: None)
    for arguments in (["train", "--out", str(tmp_path / "new")], ["figures", str(tmp_path)]):
        code, _, err = run(capsys, *arguments)
        assert (code, err.count("\n")) == (2, 1)
        assert err.endswith("pip install -e '.[train]'\n")
    assert not (tmp_path / "new").exists()


def test_figures_of_a_folder_without_a_run_are_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there are no weights of a run in it" in run(capsys, "figures", str(tmp_path))[2]
