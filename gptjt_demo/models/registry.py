"""The models known by name, and what a name, a folder or a hub id means. Reads no weights and loads no torch."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from gptjt_demo.errors import ModelError
from gptjt_demo.settings import Attention

GIB = 2**30


@dataclass(frozen=True)
class ModelSpec:
    """Where a model comes from and how it is to be run.

    Attributes:
        name: what users call it, and what every answer is signed with.
        source: a local folder, or a hub repository.
        tokenizer: the tokenizer's folder or repository, where `source` has none.
        attention: the mode it was trained for.
        context: most tokens of prompt and answer; None takes the configuration's.
        stand_in: it is known to be another model than GPT-JT-6B, and says so wherever it is shown.
        gib: size of its 8-bit weights, GiB; None where it must be read off the files.
        about: one line for people.
    """

    name: str
    source: Path | str
    tokenizer: str | None = None
    attention: Attention = "prefix"
    context: int | None = None
    stand_in: bool = False
    gib: float | None = None
    about: str = ""

    @property
    def local(self) -> bool:
        """Whether its files are on this machine's disk."""
        return isinstance(self.source, Path)


def _embedded(name: str) -> Path:
    return Path(str(files("gptjt_demo"))) / "models" / name


# Sizes: 6.05e9 parameters a byte each, plus one float32 scale a 4096 of them.
MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            "mini",
            _embedded("mini"),
            context=2048,
            stand_in=True,
            gib=0.13,
            about="SmolLM2-135M trained on as a prefix LM, embedded in this package. It is not GPT-JT-6B.",
        ),
        ModelSpec(
            "gpt-jt-6b-8bit",
            "iliemihai/GPT-JT-6B-v1-8bit",
            tokenizer="togethercomputer/GPT-JT-6B-v1",
            context=2048,
            gib=5.9,
            about="GPT-JT-6B in the hivemind 8-bit layout.",
        ),
        ModelSpec(
            "gpt-jt-6b",
            "togethercomputer/GPT-JT-6B-v1",
            context=2048,
            gib=5.7,
            about="GPT-JT-6B as published in fp16, made 8-bit at load.",
        ),
        ModelSpec(
            "gpt-j-6b-8bit",
            "hivemind/gpt-j-6B-8bit",
            tokenizer="EleutherAI/gpt-j-6b",
            attention="causal",
            context=2048,
            stand_in=True,
            gib=5.9,
            about="GPT-J-6B, the model before GPT-JT, in the hivemind 8-bit layout; trained causally.",
        ),
    )
}

DEFAULT_MODEL = "mini"

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(model: str | Path) -> ModelSpec:
    """The spec of a known name, a local folder or a hub id.

    Raises:
        ModelError: it is none of them.
    """
    if isinstance(model, str) and model in MODELS:
        return MODELS[model]
    if not isinstance(model, str | Path):
        raise ModelError(f"it is {type(model).__name__}", where="model", mend="give a name, a folder or a hub id")
    path = Path(os.path.expanduser(model or " "))  # a blank is not the current folder
    try:
        folder, file = path.is_dir(), path.is_file()
    except OSError as error:  # a name that is too long, or behind a door that is closed
        raise ModelError(f"cannot be read ({error.strerror})", where=str(model), mend="check the path") from None
    if folder:
        return ModelSpec(path.resolve().name, path)
    if file:
        raise ModelError("this is a file", where=str(model), mend="name the folder that holds it and its config.json")
    text = str(model)
    if isinstance(model, Path) or text.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(text):
        near = difflib.get_close_matches(text.lower(), MODELS, n=1)
        hint = (
            f"did you mean {near[0]}?" if near else f"known: {', '.join(MODELS)}; or a folder, or a hub id OWNER/NAME"
        )
        raise ModelError("no such model or folder", where=text, mend=hint)
    return ModelSpec(text, text)


def largest_that_fits(gib: float, overhead: float) -> str | None:
    """Name of the largest known model that runs in `gib` GiB when it takes `overhead` times its weights."""
    fitting = [spec for spec in MODELS.values() if spec.gib is not None and spec.gib * overhead <= gib]
    return max(fitting, key=lambda spec: spec.gib or 0).name if fitting else None
