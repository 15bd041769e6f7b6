"""A git-lfs pointer, and shards without their index: named as what they are, in one line, wherever they turn up."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
from command_line import run

from gptjt_demo.errors import CheckpointError
from gptjt_demo.models.convert import convert
from gptjt_demo.models.lfs import is_pointer
from gptjt_demo.models.loading import load
from gptjt_demo.models.verify import verify

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4cac1962' * 8}\nsize 84977953\n"
FILES = (
    *("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"),
    *("merges.txt", "special_tokens_map.json"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny.save(tiny.model("gptj"), tmp_path / "from", hivemind=False)


def names_the_pointer(line: str, name: str) -> bool:
    return "\n" not in line and f"from/{name}: this is a git-lfs pointer" in line and "git lfs pull" in line


@pytest.mark.parametrize("name", FILES)
def test_a_pointer_in_place_of_a_file_is_named_by_load_convert_and_verify(
    tmp_path: Path, folder: Path, name: str
) -> None:
    (folder / name).write_text(POINTER)
    for use in (lambda: load(folder, progress=False), lambda: convert(folder, tmp_path / "to")):
        with pytest.raises(CheckpointError) as error:
            use()
        assert names_the_pointer(str(error.value), name)
    assert not (tmp_path / "to").exists()
    (line,) = [str(problem) for problem in verify(folder).problems]
    assert names_the_pointer(line, name)


def test_a_pointer_in_place_of_an_index_or_a_shard_is_named(tmp_path: Path, folder: Path) -> None:
    sharded = convert(folder, tmp_path / "sharded", shard_bytes=20_000).folder
    shard, *_ = sorted(sharded.glob("*.safetensors"))
    shard.write_text(POINTER)
    (line,) = [str(problem) for problem in verify(sharded).problems]
    assert f"{shard.name}: this is a git-lfs pointer" in line
    (sharded / "model.safetensors.index.json").write_text(POINTER)
    (line,) = [str(problem) for problem in verify(sharded).problems]
    assert "model.safetensors.index.json: this is a git-lfs pointer" in line


@pytest.mark.parametrize("left", ["all", "one"])
def test_shards_without_their_index_are_named_by_load_convert_and_verify(
    tmp_path: Path, folder: Path, left: str
) -> None:
    sharded = convert(folder, tmp_path / "sharded", shard_bytes=20_000).folder
    (sharded / "model.safetensors.index.json").unlink()
    shards = sorted(sharded.glob("*.safetensors"))
    if left == "one":
        for path in shards[1:]:
            path.unlink()
    held = len(shards) if left == "all" else 1
    said = f"sharded: it holds {held} of {len(shards)} shards and not their index, model.safetensors.index.json"
    for use in (lambda: load(sharded, progress=False), lambda: convert(sharded, tmp_path / "to")):
        with pytest.raises(CheckpointError) as error:
            use()
        assert said in str(error.value)
    (line,) = [str(problem) for problem in verify(sharded).problems]
    assert said in line
    assert "\n" not in line


def test_several_files_that_are_no_shards_are_counted(tmp_path: Path, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    (folder / "b.safetensors").write_bytes((folder / "a.safetensors").read_bytes())
    (line,) = [str(problem) for problem in verify(folder).problems]
    assert "it holds 2 files of weights and not their index" in line


def test_one_file_of_another_name_is_still_a_model(tmp_path: Path, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "weights.safetensors")
    assert verify(folder).whole


def test_the_commands_say_it_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path, folder: Path) -> None:
    (folder / "model.safetensors").write_text(POINTER)
    status, out, err = run(capsys, "convert", folder, tmp_path / "to")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "this is a git-lfs pointer" in err
    status, out, _ = run(capsys, "verify", folder)
    assert status == 2
    assert sum("this is a git-lfs pointer" in line for line in out.splitlines()) == 1
    status, out, _ = run(capsys, "doctor", "--model", folder)
    assert status == 2
    (problem,) = [line for line in out.splitlines() if "PROBLEM" in line]
    assert "this is a git-lfs pointer" in problem


def test_only_a_pointer_is_taken_for_one(tmp_path: Path, folder: Path) -> None:
    assert not any(is_pointer(path) for path in folder.iterdir())
    assert not is_pointer(folder)
    assert not is_pointer(folder / "nowhere")
