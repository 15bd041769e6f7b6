"""What a run was begun with, kept in its folder, so that continuing and measuring it takes nothing else.

In: a folder. Out: the recipe as it was then, the base model, the user's data, and the seed. Does not know how far the
run is.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from gptjt_demo.errors import PlaygroundError
from gptjt_demo.training.recipes.recipe import Recipe

_NAME = "run.json"


class Begun(BaseModel):
    """A run's choices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: Recipe
    base: str
    data: dict[str, str]
    seed: int

    @classmethod
    def load(cls, folder: Path) -> Begun | None:
        """Those of the run in a folder; None where there is none.

        Raises:
            PlaygroundError: it is no folder, or the run's file in it cannot be read.
        """
        path = folder / _NAME
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            file = next(place for place in (folder, *folder.parents) if place.exists())
            what = "it is a file, not a folder" if file == folder else f"{file} is a file, not a folder"
            raise PlaygroundError(what, where=str(folder), mend="name a folder") from None
        except (OSError, ValidationError) as error:
            raise PlaygroundError("it cannot be read", where=str(path), mend="begin a new run") from error

    def save(self, folder: Path) -> None:
        """Keep them in the run's folder."""
        part = folder / f"{_NAME}.part"
        part.write_text(f"{self.model_dump_json(indent=1)}\n", "utf-8")
        part.replace(folder / _NAME)  # whole or not at all
