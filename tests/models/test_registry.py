from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gptjt_demo.errors import DoesNotFit, ModelError
from gptjt_demo.models import memory
from gptjt_demo.models.registry import MODELS, largest_that_fits, resolve


def test_a_known_name_is_its_spec() -> None:
    assert resolve("mini") is MODELS["mini"]
    assert MODELS["mini"].local
    assert not MODELS["gpt-jt-6b-8bit"].local


def test_a_folder_is_a_local_model(tmp_path: Path) -> None:
    assert resolve(tmp_path).source == tmp_path
    assert resolve(str(tmp_path)).name == tmp_path.name


def test_a_hub_id_is_a_hub_model() -> None:
    spec = resolve("someone/some-model")
    assert (spec.source, spec.local, spec.gib) == ("someone/some-model", False, None)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "minii", "a b/c", "", Path("nowhere/else")])
def test_what_is_no_model_is_refused(name: Any) -> None:
    with pytest.raises(ModelError):
        resolve(name)


def test_a_mistyped_name_is_answered_with_the_near_one() -> None:
    with pytest.raises(ModelError, match="did you mean mini"):
        resolve("minii")


def test_the_largest_model_that_fits_is_offered() -> None:
    assert largest_that_fits(100, 1.25) in ("gpt-jt-6b-8bit", "gpt-j-6b-8bit")
    assert largest_that_fits(1, 1.25) == "mini"
    assert largest_that_fits(0.01, 1.25) is None


def test_a_refusal_for_memory_gives_both_figures() -> None:
    memory.require(1.0, 1.25, name="m", where="memory")
    with pytest.raises(DoesNotFit, match=r"m: needs 1\.25 GiB of memory and 1\.24 GiB are available; mini would fit"):
        memory.require(1.0, 1.24, name="m", where="memory")


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text(str(3 * 2**20))
    (tmp_path / "memory.current").write_text(str(2**20))
    assert memory.available_gib() == pytest.approx(2 / 1024)
    (tmp_path / "memory.max").write_text("max")
    assert memory.available_gib() > 0.1
