"""A recipe's sources opened: the mixture to train on, and what is held out of it.

In: a recipe, a tokenizer, where the user's data lies. Out: a mixture and held-out samples. English text is gathered
once and kept in the run's folder, so that a run continues with the same text whatever is installed later. Does not
train.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptjt_demo.engine.vocabulary import Vocabulary
from gptjt_demo.errors import SettingError, nearest
from gptjt_demo.training.data.mixture import Mixture, Phase, Source
from gptjt_demo.training.data.sample import Sample
from gptjt_demo.training.data.sources import Cut, Documents, Episodes, HubDataset, JsonLines, json_lines_files
from gptjt_demo.training.data.withheld import measured
from gptjt_demo.training.recipes.recipe import ENGLISH, EPISODES, English, Recipe

HELD_OUT_SAMPLES = 32  # of each held-out set: some 12,000 tokens of three, or ten seconds of two cores
HELD_OUT_SEED = 2**32  # no run can have it
HUB = "datasets:"


@dataclass(frozen=True)
class Materials:
    """What a run trains on.

    Attributes:
        mixture: gives the samples.
        held_out: samples by the name of their set, none of them in the mixture.
    """

    mixture: Mixture
    held_out: Mapping[str, list[Sample]]


def assemble(recipe: Recipe, tokenizer: Any, out: Path, *, data: Mapping[str, str], seed: int) -> Materials:
    """Open a recipe's sources.

    Args:
        recipe: names them.
        tokenizer: the model's.
        out: the run's folder, in which English text is kept.
        data: by source, where the user has it; see `recipe.Data.where`.
        seed: decides everything that is drawn.

    Raises:
        SettingError: a source, family or package is not there; says what to give.
    """
    cut = cut_of(recipe, tokenizer, seed)
    apart = dataclasses.replace(cut, seed=HELD_OUT_SEED)
    needed = {name for phase in recipe.phases for name in phase.shares}
    sources: dict[str, Source] = {name: _open(name, cut, where) for name, where in places(recipe, data).items()}
    held_out: dict[str, Source] = {}
    if recipe.english is not None and ENGLISH in needed:
        train, kept = english_text(recipe.english, out / ENGLISH)
        sources[ENGLISH] = Documents(ENGLISH, cut, train)
        held_out["english"] = Documents("held-out english", apart, kept)
    if recipe.episodes is not None and EPISODES in needed:
        sources[EPISODES] = few_shot(recipe, cut)
        held_out["new episodes"] = few_shot(recipe, apart)
        if recipe.episodes.left_out:
            held_out["families left out"] = few_shot(recipe, apart, left_out=True)
    phases = [Phase(phase.tokens, phase.shares) for phase in recipe.phases]
    sets = {name: [source.next() for _ in range(HELD_OUT_SAMPLES)] for name, source in held_out.items()}
    return Materials(Mixture(sources, phases), sets)


def cut_of(recipe: Recipe, tokenizer: Any, seed: int = HELD_OUT_SEED) -> Cut:
    """How a recipe's samples are cut; with the seed left out, as its held-out ones are."""
    encode = Vocabulary(tokenizer, len(tokenizer)).encode
    return Cut(encode, tokenizer.eos_token_id, recipe.training.length, seed, measured())


def few_shot(recipe: Recipe, cut: Cut, *, left_out: bool = False) -> Episodes:
    """A recipe's few-shot families, or those that it leaves out, each then as often as any other.

    Raises:
        SettingError: it names a family that there is not.
    """
    from gptjt_demo.training.episodes import FAMILIES, render

    chosen = recipe.episodes
    assert chosen is not None  # the callers have asked
    for name in (*chosen.weights, *chosen.left_out):
        if name not in FAMILIES:
            raise SettingError("there is no such family", where=f"episodes: {name}", mend=nearest(name, FAMILIES))
    if left_out:
        weights = dict.fromkeys(chosen.left_out, 1.0)
    else:
        weights = {name: chosen.weights.get(name, 1.0) for name in sorted(FAMILIES) if name not in chosen.left_out}
    return Episodes(EPISODES, cut, FAMILIES, weights, render)


def english_text(english: English, folder: Path) -> tuple[list[str], list[str]]:
    """English documents to train on and held out, from the run's folder where they are there already."""
    from gptjt_demo.training.data.text_corpus import documents

    paths = (folder / "train.jsonl", folder / "held-out.jsonl")
    if not all(path.is_file() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        for path, texts in zip(paths, documents(english.packages, english.folders), strict=True):
            part = path.with_suffix(".part")
            part.write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts), "utf-8")
            part.replace(path)  # whole or not at all
    train, held_out = ([json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()] for path in paths)
    return train, held_out


def places(recipe: Recipe, data: Mapping[str, str]) -> dict[str, str]:
    """Where the data lie that a recipe takes, by source.

    Args:
        recipe: names its sources.
        data: where the user has them.

    Raises:
        SettingError: the recipe has no such source, one that it takes was not given, or its file is not there.
    """
    for name in data:
        if name not in recipe.data:
            raise SettingError(
                f"the recipe {recipe.name} has no source {name!r}", where="--data", mend=nearest(name, recipe.data)
            )
    needed = {name for phase in recipe.phases for name in phase.shares}
    where = {name: data.get(name) or source.where for name, source in recipe.data.items() if name in needed}
    if missing := [name for name, path in where.items() if not path]:
        wanted = "; ".join(f"--data {name}=PATH ({recipe.data[name].about})" for name in missing)
        raise SettingError(
            f"the recipe {recipe.name} needs data that you have to give",
            where="--data",
            mend=f"add {wanted}, each a .jsonl file, a folder of them, or {HUB}OWNER/NAME",
        )
    found = {name: path for name, path in where.items() if path}
    for name, path in found.items():
        if not path.startswith(HUB):
            json_lines_files(name, Path(path))
    return found


def _open(name: str, cut: Cut, where: str) -> Source:
    if where.startswith(HUB):
        path, _, config = where.removeprefix(HUB).partition(":")
        return HubDataset(name, cut, path, config or None)
    return JsonLines(name, cut, Path(where))
