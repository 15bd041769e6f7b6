"""A recipe: what a model is trained on, from what, and how, as a YAML file.

In: a shipped recipe's name or a file. Out: a `Recipe`; what is not known in it is refused with its line. Knows nothing
of how sources are read.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gptjt_demo.errors import SettingError, TemplateError, nearest
from gptjt_demo.templates import yaml_text
from gptjt_demo.templates.field_errors import first_error
from gptjt_demo.training.settings import TrainSettings

Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]
ENGLISH, EPISODES = "english", "episodes"  # names of the two sources that are made on the machine


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class English(_Part):
    """Plain English from documentation that is installed."""

    packages: tuple[str, ...] = Field((), description="Installed Python packages; python is the standard library.")
    folders: tuple[str, ...] = Field((), description="Folders of text. One that is not there counts as empty.")


class Families(_Part):
    """Few-shot prompts made on the machine."""

    weights: dict[str, Share] = Field({}, description="How often a family is drawn; 1 where it is not named.")
    left_out: tuple[str, ...] = Field((), description="Families that are not trained on, to measure the model on.")


class Data(_Part):
    """Records that the user gives."""

    about: str = Field(description="What it should be, for those who have not given it.")
    where: str | None = Field(None, description="A .jsonl file, a folder of them, or datasets:OWNER/NAME[:CONFIG].")


class Phase(_Part):
    """A part of the training."""

    tokens: int = Field(gt=0, description="How many it has.")
    shares: dict[str, Share] = Field(min_length=1, description="By source, its share of the tokens.")


class Training(TrainSettings):
    """Settings whose steps follow from the phases' tokens where they are not named."""

    steps: int | None = Field(None, ge=1, description="Steps of the whole run.")  # type: ignore[assignment]


class Recipe(_Part):
    """What a model is trained on, from what, and how."""

    name: str
    about: str = ""
    base: str | None = Field(None, description="pypi:NAME==VERSION, a .gguf file, a folder, a known name or a hub id.")
    english: English | None = None
    episodes: Families | None = None
    data: dict[str, Data] = {}
    phases: tuple[Phase, ...] = Field(min_length=1, description="In order; the last lasts until the steps are done.")
    training: Training

    @classmethod
    def load(cls, name_or_path: str) -> Recipe:
        """A shipped recipe by its name, or one from a file (a path has a slash or ends in .yaml or .yml).

        Raises:
            SettingError: there is none, or it is not valid; with file, line and field.
        """
        if re.search(r"[/\\]|\.ya?ml$", name_or_path):
            path = Path(name_or_path)
        elif name_or_path in names():
            path = Path(str(resources.files("gptjt_demo.training.recipes") / f"{name_or_path}.yaml"))
        else:
            raise SettingError("there is no such recipe", where=name_or_path, mend=nearest(name_or_path, names()))
        try:
            return cls.from_yaml(yaml_text.read_file(str(path)), where=str(path))
        except TemplateError as error:  # the reader's, who knows nothing of what the file is for
            raise SettingError(error.what, where=error.where, mend=error.mend) from None

    @classmethod
    def from_yaml(cls, text: str, where: str = "") -> Recipe:
        """Read a file's text.

        Raises:
            TemplateError: it is not such YAML.
            SettingError: it is not valid.
        """
        data, lines = yaml_text.read(text, where=where)
        try:
            recipe = cls.model_validate(data)
            recipe._check()
            return recipe
        except ValidationError as error:
            found = first_error(error, cls)
            what, field, mend = found.what, found.where, found.mend
        except SettingError as error:
            what, field, mend = error.what, error.where, error.mend
        holders = [path for path in lines if f"{field}.".startswith((f"{path}.", f"{path}["))]
        line = f"line {lines[max(holders, key=len)]}" if holders else ""
        at = " ".join(part for part in (where, line) if part)
        raise SettingError(what, where=", ".join(part for part in (at, field) if part), mend=mend)

    def _check(self) -> None:
        for name in (ENGLISH, EPISODES):
            if name in self.data:
                raise SettingError("this name is taken", where=f"data.{name}", mend="choose another")
        known = [*self.data, *(name for name in (ENGLISH, EPISODES) if getattr(self, name) is not None)]
        for position, phase in enumerate(self.phases):
            for name in phase.shares:
                if name not in known:
                    where = f"phases[{position}].shares.{name}"
                    raise SettingError("there is no such source", where=where, mend=nearest(name, known))

    @property
    def tokens(self) -> int:
        """Of all phases."""
        return sum(phase.tokens for phase in self.phases)

    def settings(self, *, seed: int | None = None) -> TrainSettings:
        """How the model is trained; the steps are as many as the phases' tokens fill."""
        given = self.training.model_dump()
        if given["steps"] is None:
            given["steps"] = -(-self.tokens // (self.training.length * self.training.sequences))
        return TrainSettings.model_validate(given | ({} if seed is None else {"seed": seed}))


def names() -> tuple[str, ...]:
    """The shipped recipes."""
    folder = resources.files("gptjt_demo.training.recipes")
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))
