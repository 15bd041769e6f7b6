"""What every part of the program agrees on: a generation's settings with their ranges,
the two ways of attention, and where a model may run.

Defaults and bounds stand here alone: sliders, flags and templates read them. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gptjt_demo.errors import SettingError

Attention = Literal["prefix", "causal"]
Device = Literal["auto", "cpu", "cuda"]

# Below this a temperature leaves the likeliest token no rival, and in float32 it would soon divide by nothing.
COLDEST = 1e-5

LONGEST_STOP = 1000  # characters


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed")
    return value


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else _no_bool(value)


class Sampling(BaseModel):
    """Settings of one generation. 16.0 counts as 16; 16.5 is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_new_tokens: Annotated[int, BeforeValidator(_no_bool)] = Field(
        32, ge=1, le=1024, description="The longest answer, in tokens."
    )
    temperature: Annotated[float, BeforeValidator(_no_bool)] = Field(
        0.0, ge=0, le=5, description="0 always takes the likeliest token; larger is more random."
    )
    top_k: Annotated[int, BeforeValidator(_no_bool)] = Field(
        0, ge=0, le=1000, description="Keep the k likeliest tokens; 0 is off."
    )
    top_p: Annotated[float, BeforeValidator(_no_bool)] = Field(
        1.0, ge=0, le=1, description="Keep the likeliest tokens up to this probability; 1 is off, 0 is top-1."
    )
    seed: Annotated[int | None, BeforeValidator(_blank_is_none)] = Field(
        None, ge=0, lt=2**32, description="The same seed gives the same text; blank draws a new one."
    )
    stop: tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_STOP)], ...] = Field(
        (), description="The answer ends before any of these texts."
    )

    def __init__(self, **values: Any) -> None:
        """Settings from a program.

        Raises:
            SettingError: one is out of its range or unknown; the message names it and its range.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _refusal(error, values) from None

    # As a field of another model it is validated past `__init__`, so that the model's error names the whole path.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Sampling:
        """Settings from what a person typed.

        Raises:
            SettingError: one is out of its range or unknown; the message names it and its range.
        """
        if not isinstance(values, Mapping):
            raise SettingError(f"it is {type(values).__name__}", where="settings", mend="give names and their values")
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise _refusal(error, values) from None

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always the one chosen."""
        return self.temperature < COLDEST or self.top_k == 1 or self.top_p == 0


def _refusal(error: ValidationError, values: Mapping[str, Any]) -> SettingError:
    """What is wrong with the first setting that is."""
    name = str(error.errors()[0]["loc"][0])
    if name not in Sampling.model_fields:
        return SettingError("there is no such setting", where=name)
    if name == "stop":
        return SettingError(
            "it does not fit", where=name, mend=f"give a list of texts of 1 to {LONGEST_STOP} characters"
        )
    given = values.get(name)
    what = "it is blank" if given is None or given == "" else f"{given} does not fit"
    kind = "a number" if Sampling.model_fields[name].annotation is float else "a whole number"
    return SettingError(what, where=name, mend=f"give {kind} from {bounds(name)}")


def bounds(name: str) -> str:
    """A number's range in words: `1 to 1024`."""
    low = high = None
    for rule in Sampling.model_fields[name].metadata:
        low = getattr(rule, "ge", low)
        high = getattr(rule, "le", high)
        if (below := getattr(rule, "lt", None)) is not None:
            high = below - 1
    return f"{low} to {high}"
